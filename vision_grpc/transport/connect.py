"""Opening the transport that was chosen; only the library that it needs is imported."""

from asyncio import AbstractEventLoop
from typing import Literal

from vision_grpc.api.api import Api
from vision_grpc.network.endpoint import Endpoint
from vision_grpc.network.tls import Tls
from vision_grpc.transport import Transport
from vision_grpc.transport.discovered import DiscoveringTransport, Lookup
from vision_grpc.transport.fallback import FallbackTransport
from vision_grpc.transport.headers import Headers

TransportChoice = Literal["auto", "grpc", "rest"]


def connect(
    api: Api,
    choice: TransportChoice,
    endpoint: Endpoint | Lookup,
    tls: Tls,
    *,
    calls: int,
    headers: Headers,
    loop: AbstractEventLoop | None = None,
) -> Transport:
    """Return a transport that speaks an API, has so many calls under way at once, and sends each with these headers.

    With a `loop` it is for this event loop alone.
    """
    if isinstance(endpoint, Lookup):

        def open_at(found: Endpoint) -> Transport:
            return connect(api, choice, found, tls, calls=calls, headers=headers, loop=loop)

        return DiscoveringTransport(endpoint, open_at, loop=loop)

    def open_grpc() -> Transport:
        from vision_grpc.transport.grpc.transport import GrpcTransport

        return GrpcTransport(api, endpoint, tls, headers=headers, loop=loop)

    def open_rest() -> Transport:
        from vision_grpc.transport.rest.transport import RestTransport

        return RestTransport(api, endpoint, tls, calls=calls, headers=headers)

    if choice == "auto":
        return FallbackTransport(open_grpc(), open_rest)
    return open_grpc() if choice == "grpc" else open_rest()
