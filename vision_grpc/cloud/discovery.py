"""Where the services of a cloud are, as its endpoint service says."""

import copy
import os
import time
from typing import Literal

from vision_grpc.cloud.once import UnaryService, call_once
from vision_grpc.cloud.single_flight import Flight, SingleFlight
from vision_grpc.errors import Advice, Code, DeadlineError, MachineError, ProtocolError, ServiceError, VisionError
from vision_grpc.messages import ListApiEndpointsRequest, ListApiEndpointsResponse
from vision_grpc.network.deadline import Deadline
from vision_grpc.network.endpoint import Endpoint
from vision_grpc.network.tls import Tls, read_trust
from vision_grpc.texts.arguments import check_choice
from vision_grpc.texts.quoting import show
from vision_grpc_pb.yandex.cloud.endpoint import api_endpoint_service_pb2

DEFAULT_API_ENDPOINT = "api.cloud.yandex.net:443"

_LIST = api_endpoint_service_pb2.DESCRIPTOR.services_by_name["ApiEndpointService"].methods_by_name["List"]
# Services move once in years; a process that runs for months still finds them again.
_CACHE_S = 3600.0
# What is known stands while it is asked for anew, and when that fails.
_RETRY_S = 60.0
# One question: gRPC and REST together.
_ASK_S = 10.0

_Question = Flight[VisionError | None]


class ApiEndpoints:
    """The addresses of a cloud's services; asked for when they are needed, and anew once an hour.

        client = VisionClient(ApiEndpoints())

    Usable from several threads and event loops at once: all that wait share one question, which is
    asked in a thread of its own. What is known stands meanwhile, and when that fails. Ids that
    matter here are `ai-vision` and `iam`.

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
        check_choice("transport", transport, ("auto", "grpc", "rest"))
        parsed = Endpoint.parse(endpoint, insecure=insecure)
        tls = Tls() if parsed.plaintext else Tls(read_trust(root_certificates))
        self._service = UnaryService(parsed, tls, transport)
        self._flights: SingleFlight[VisionError | None] = SingleFlight("vision-grpc-endpoints")
        self._addresses: dict[str, str] | None = None
        self._ask_at = 0.0

    def __repr__(self) -> str:
        return f"ApiEndpoints({self.endpoint.target!r})"

    @property
    def endpoint(self) -> Endpoint:
        """The endpoint of the endpoint service itself."""
        return self._service.endpoint

    def address(self, service_id: str, *, timeout_s: float = _ASK_S) -> str:
        """Return where a service answers, as `host:port`.

        Raises:
            TransportError: the endpoint service was not reached in time.
            MachineError: this machine lacks what the question needs, such as a thread, and nothing is known yet.
            ServiceError: it refused the call, or knows no such service (NOT_FOUND).
            ProtocolError: its answer cannot be read.
        """
        question = self._asked()
        if question is not None:
            question.wait(timeout_s)
        return self._read(question, service_id, timeout_s)

    async def address_async(self, service_id: str, *, timeout_s: float = _ASK_S) -> str:
        """Return what `address` does, without blocking the event loop."""
        question = self._asked()
        if question is not None:
            await question.wait_async(timeout_s)
        return self._read(question, service_id, timeout_s)

    def _asked(self) -> _Question | None:
        """Return the question to wait for, None where something is known; ask if that is old."""
        with self._flights.lock:
            question = self._flights.under_way
            if question is None and time.monotonic() >= self._ask_at:
                try:
                    question = self._flights.start(self._ask)
                except MachineError:
                    if self._addresses is None:
                        raise
            return question if self._addresses is None else None

    def _ask(self) -> VisionError | None:
        try:
            response = call_once(
                self._service, _LIST, ListApiEndpointsRequest(), ListApiEndpointsResponse, Deadline.after(_ASK_S)
            )
        except VisionError as error:
            if self._addresses is not None:
                self._ask_at = time.monotonic() + _RETRY_S
            return error
        self._ask_at = time.monotonic() + _CACHE_S
        self._addresses = {endpoint.id: endpoint.address for endpoint in response.endpoints}
        return None

    def _read(self, question: _Question | None, service_id: str, timeout_s: float) -> str:
        target = self.endpoint.target
        if question is not None and question.done and (error := question.result()) is not None:
            # A copy: each caller's traceback is its own.
            raise copy.copy(error) from error.__cause__
        if (addresses := self._addresses) is None:
            message = f"no answer from {target} within {round(timeout_s, 2):g} s"
            advice = [Advice("check the network, the proxy and the firewall"), Advice("allow the call more time")]
            raise DeadlineError(message, advice=advice)
        if (address := addresses.get(service_id)) is None:
            known = ", ".join(sorted(addresses)) or "none"
            message = f"{target} knows no service {show(service_id)}, but {known}"
            raise ServiceError(Code.NOT_FOUND, message)
        try:
            Endpoint.parse(address, insecure=False)
        except ValueError as error:
            message = f"{target} says that {service_id} is where nothing can be: {error}"
            raise ProtocolError(message) from error
        return address
