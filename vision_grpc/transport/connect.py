"""Opening the transport that was chosen."""

from vision_grpc.auth import Credentials
from vision_grpc.results import TransportName
from vision_grpc.transport import Transport
from vision_grpc.transport.endpoint import Endpoint


def connect(name: TransportName, endpoint: Endpoint, credentials: Credentials, roots: bytes | None) -> Transport:
    """Return a transport to the endpoint; only the library that it needs is imported."""
    if name == "grpc":
        from vision_grpc.transport.grpc import GrpcTransport

        return GrpcTransport(endpoint, credentials, roots)
    from vision_grpc.transport.rest import RestTransport

    return RestTransport(endpoint, credentials, roots)
