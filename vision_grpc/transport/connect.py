"""Opening the transport that was chosen; only the library that it needs is imported."""

from vision_grpc.config import Limits
from vision_grpc.settings import Settings
from vision_grpc.transport import AsyncTransport, Transport
from vision_grpc.transport.fallback import AsyncFallbackTransport, FallbackTransport


def connect(settings: Settings, limits: Limits) -> Transport:
    """Return a transport for threads."""

    def open_grpc() -> Transport:
        from vision_grpc.transport.grpc import GrpcTransport

        return GrpcTransport(settings.endpoint, settings.roots, calls=limits.calls_in_flight)

    def open_rest() -> Transport:
        from vision_grpc.transport.rest import RestTransport

        return RestTransport(settings.endpoint, settings.roots, calls=limits.calls_in_flight)

    if settings.transport == "auto":
        return FallbackTransport(open_grpc(), open_rest)
    return open_grpc() if settings.transport == "grpc" else open_rest()


def connect_async(settings: Settings, limits: Limits) -> AsyncTransport:
    """Return a transport for the running event loop."""

    def open_grpc() -> AsyncTransport:
        from vision_grpc.transport.grpc_aio import AsyncGrpcTransport

        return AsyncGrpcTransport(settings.endpoint, settings.roots, calls=limits.calls_in_flight)

    def open_rest() -> AsyncTransport:
        from vision_grpc.transport.rest_aio import AsyncRestTransport

        return AsyncRestTransport(settings.endpoint, settings.roots, calls=limits.calls_in_flight)

    if settings.transport == "auto":
        return AsyncFallbackTransport(open_grpc(), open_rest)
    return open_grpc() if settings.transport == "grpc" else open_rest()
