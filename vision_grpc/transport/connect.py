"""Opening the transport that was chosen; only the library that it needs is imported."""

from typing import Literal

from vision_grpc.contract.method import Headers
from vision_grpc.network.endpoint import Endpoint
from vision_grpc.network.tls import Tls
from vision_grpc.transport import AsyncTransport, Transport
from vision_grpc.transport.discovered import AsyncDiscoveringTransport, DiscoveringTransport, Lookup
from vision_grpc.transport.fallback import AsyncFallbackTransport, FallbackTransport

TransportChoice = Literal["auto", "grpc", "rest"]


def connect(
    choice: TransportChoice, endpoint: Endpoint | Lookup, tls: Tls, *, calls: int, headers: Headers
) -> Transport:
    """Return a transport for threads that has so many calls under way at once, each with these headers."""
    if isinstance(endpoint, Lookup):
        return DiscoveringTransport(endpoint, lambda found: connect(choice, found, tls, calls=calls, headers=headers))

    def open_grpc() -> Transport:
        from vision_grpc.transport.grpc.threads import GrpcTransport

        return GrpcTransport(endpoint, tls, headers=headers)

    def open_rest() -> Transport:
        from vision_grpc.transport.rest.threads import RestTransport

        return RestTransport(endpoint, tls, calls=calls, headers=headers)

    if choice == "auto":
        return FallbackTransport(open_grpc(), open_rest)
    return open_grpc() if choice == "grpc" else open_rest()


def connect_async(
    choice: TransportChoice, endpoint: Endpoint | Lookup, tls: Tls, *, calls: int, headers: Headers
) -> AsyncTransport:
    """Return a transport for the running event loop; see `connect`."""
    if isinstance(endpoint, Lookup):
        return AsyncDiscoveringTransport(
            endpoint, lambda found: connect_async(choice, found, tls, calls=calls, headers=headers)
        )

    def open_grpc() -> AsyncTransport:
        from vision_grpc.transport.grpc.aio import AsyncGrpcTransport

        return AsyncGrpcTransport(endpoint, tls, headers=headers)

    def open_rest() -> AsyncTransport:
        from vision_grpc.transport.rest.aio import AsyncRestTransport

        return AsyncRestTransport(endpoint, tls, calls=calls, headers=headers)

    if choice == "auto":
        return AsyncFallbackTransport(open_grpc(), open_rest)
    return open_grpc() if choice == "grpc" else open_rest()
