"""Opening the transport that was chosen; only the library that it needs is imported."""

from vision_grpc.config import Limits
from vision_grpc.settings import Settings
from vision_grpc.transport import AsyncTransport, Transport


def connect(settings: Settings, limits: Limits) -> Transport:
    """Return a transport for threads."""
    if settings.transport == "grpc":
        from vision_grpc.transport.grpc import GrpcTransport

        return GrpcTransport(settings.endpoint, settings.roots, calls=limits.calls_in_flight)
    from vision_grpc.transport.rest import RestTransport

    return RestTransport(settings.endpoint, settings.roots, calls=limits.calls_in_flight)


def connect_async(settings: Settings, limits: Limits) -> AsyncTransport:
    """Return a transport for the running event loop."""
    if settings.transport == "grpc":
        from vision_grpc.transport.grpc_aio import AsyncGrpcTransport

        return AsyncGrpcTransport(settings.endpoint, settings.roots, calls=limits.calls_in_flight)
    from vision_grpc.transport.rest_aio import AsyncRestTransport

    return AsyncRestTransport(settings.endpoint, settings.roots, calls=limits.calls_in_flight)
