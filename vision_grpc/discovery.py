"""Where the services of a cloud are, as its endpoint service tells."""

import asyncio
import copy
import os
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future, wait
from typing import Literal

from vision_grpc.errors import Code, DeadlineError, ProtocolError, ServiceError, VisionError
from vision_grpc.messages import ListApiEndpointsRequest, ListApiEndpointsResponse
from vision_grpc.transport.endpoint import Endpoint
from vision_grpc.transport.once import Peer, call_once
from vision_grpc.transport.tls import Tls, read_roots
from vision_grpc_pb.yandex.cloud.endpoint import api_endpoint_service_pb2

DEFAULT_API_ENDPOINT = "api.cloud.yandex.net:443"

_LIST = api_endpoint_service_pb2.DESCRIPTOR.services_by_name["ApiEndpointService"].methods_by_name["List"]
# Services move once in years; a process that runs for months still finds them again.
_CACHE_S = 3600.0
# One question: gRPC and REST together.
_ASK_S = 10.0

_Addresses = Mapping[str, str]


class ApiEndpoints:
    """The addresses of a cloud's services; asked for when they are needed, once an hour at most.

        client = VisionClient(ApiEndpoints())

    Usable from several threads and event loops at once: all that wait share one question, which is
    asked in a thread of its own. Ids that matter here are `ai-vision` and `iam`.

    Raises:
        ValueError: an argument is malformed.
    """

    def __init__(
        self,
        endpoint: str = DEFAULT_API_ENDPOINT,
        *,
        transport: Literal["auto", "grpc", "rest"] = "auto",
        root_certificates: bytes | str | os.PathLike[str] | None = None,
        insecure: bool = False,
    ) -> None:
        place = Endpoint.parse(endpoint, insecure=insecure)
        self._peer = Peer(place, Tls() if place.plaintext else Tls(read_roots(root_certificates)), transport)
        self._good_until = 0.0
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._answer: Future[_Addresses] = Future()

    def __repr__(self) -> str:
        return f"ApiEndpoints({self.place.target!r})"

    @property
    def place(self) -> Endpoint:
        """Where the endpoint service is."""
        return self._peer.endpoint

    def address(self, service_id: str, *, timeout_s: float = _ASK_S) -> str:
        """Return where a service answers, as `host:port`.

        Raises:
            TransportError: the endpoint service was not reached in time.
            ServiceError: it refused the call, or knows no such service (NOT_FOUND).
            ProtocolError: its answer is none.
        """
        answer = self._asked()
        wait([answer], timeout_s)
        return self._read(answer, service_id, timeout_s)

    async def address_async(self, service_id: str, *, timeout_s: float = _ASK_S) -> str:
        """Return what `address` does, without blocking the event loop."""
        answer = self._asked()
        arrival = asyncio.wrap_future(answer)
        try:
            await asyncio.wait([arrival], timeout=timeout_s)
        finally:
            # Else it would be told of an answer on an event loop that may be closed by then.
            if not arrival.cancel():
                arrival.exception()  # Read below; here it only counts as seen.
        return self._read(answer, service_id, timeout_s)

    def _asked(self) -> Future[_Addresses]:
        """Return the answer that is there or under way, else ask."""
        if self._pid != os.getpid():
            # The thread that asked, and whoever held the lock, stayed in the parent process.
            self._pid, self._lock, self._good_until = os.getpid(), threading.Lock(), 0.0
            self._answer = Future()
        with self._lock:
            if not self._answer.running() and time.monotonic() >= self._good_until:
                self._answer = Future()
                # Nobody can cancel it: an impatient caller leaves the others their answer.
                self._answer.set_running_or_notify_cancel()
                threading.Thread(
                    target=self._ask, args=(self._answer,), name="vision-grpc-endpoints", daemon=True
                ).start()
            return self._answer

    def _ask(self, answer: Future[_Addresses]) -> None:
        try:
            response = call_once(
                self._peer, _LIST, ListApiEndpointsRequest(), ListApiEndpointsResponse, timeout_s=_ASK_S
            )
        except BaseException as error:  # noqa: BLE001 - a bug is for those who wait, too
            answer.set_exception(error)
        else:
            self._good_until = time.monotonic() + _CACHE_S
            answer.set_result({endpoint.id: endpoint.address for endpoint in response.endpoints})

    def _read(self, answer: Future[_Addresses], service_id: str, timeout_s: float) -> str:
        target = self.place.target
        if not answer.done():
            message = f"no answer from {target} within {round(timeout_s, 3):g} s"
            raise DeadlineError(message)
        error = answer.exception()
        if isinstance(error, VisionError):
            # A copy: each caller's traceback is its own.
            raise copy.copy(error) from error.__cause__
        addresses = answer.result()
        if (address := addresses.get(service_id)) is None:
            known = ", ".join(sorted(addresses)) or "none"
            message = f"{target} knows no service {service_id!r}, but {known}"
            raise ServiceError(Code.NOT_FOUND, message)
        try:
            Endpoint.parse(address, insecure=False)
        except ValueError as error:
            message = f"{target} says that {service_id} is where nothing can be: {error}"
            raise ProtocolError(message) from error
        return address
