"""Where the services of a cloud are, as its endpoint service tells."""

import asyncio
import os
from collections.abc import Mapping
from typing import Literal

from vision_grpc.auth.token import clock
from vision_grpc.errors import Code, ServiceError
from vision_grpc.messages import ListApiEndpointsRequest, ListApiEndpointsResponse
from vision_grpc.transport.endpoint import Endpoint
from vision_grpc.transport.once import Peer, call_once
from vision_grpc.transport.tls import Tls, read_roots
from vision_grpc_pb.yandex.cloud.endpoint import api_endpoint_service_pb2

DEFAULT_API_ENDPOINT = "api.cloud.yandex.net:443"

_LIST = api_endpoint_service_pb2.DESCRIPTOR.services_by_name["ApiEndpointService"].methods_by_name["List"]
# Services move once in years; a process that runs for months still finds them again.
_CACHE_S = 3600.0


class ApiEndpoints:
    """The addresses of a cloud's services; asked for once an hour, usable from several threads.

        client = VisionClient(ApiEndpoints().address("ai-vision"))

    Ids that matter here are `ai-vision` and `iam`.

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
        self._addresses: Mapping[str, str] = {}
        self._good_until = 0.0

    def address(self, service_id: str, *, timeout_s: float = 10.0) -> str:
        """Return where a service answers, as `host:port`.

        Raises:
            TransportError: the endpoint service was not reached in time.
            ServiceError: it refused the call, or knows no such service (NOT_FOUND).
            ProtocolError: its answer is none.
        """
        addresses = self._addresses if clock() < self._good_until else self._ask(timeout_s)
        if (address := addresses.get(service_id)) is None:
            known = ", ".join(sorted(addresses)) or "none"
            message = f"{self._peer.endpoint.target} knows no service {service_id!r}, but {known}"
            raise ServiceError(Code.NOT_FOUND, message)
        return address

    async def address_async(self, service_id: str, *, timeout_s: float = 10.0) -> str:
        """Return what `address` does, without blocking the event loop."""
        return await asyncio.to_thread(self.address, service_id, timeout_s=timeout_s)

    def _ask(self, timeout_s: float) -> Mapping[str, str]:
        response = call_once(
            self._peer, _LIST, ListApiEndpointsRequest(), ListApiEndpointsResponse, timeout_s=timeout_s
        )
        self._addresses = {endpoint.id: endpoint.address for endpoint in response.endpoints}
        self._good_until = clock() + _CACHE_S
        return self._addresses
