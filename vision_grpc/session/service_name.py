"""What a tape calls the service whose answers it keeps."""

from vision_grpc.cloud.discovery import DEFAULT_API_ENDPOINT
from vision_grpc.network.endpoint import Endpoint
from vision_grpc.tape.errors import LOCAL_SERVICE

_CLOUD = Endpoint.parse(DEFAULT_API_ENDPOINT, insecure=False).host


def name_service(endpoint: Endpoint) -> str:
    """Return the host; one name for all services on this machine, and one for both APIs of the public cloud."""
    if endpoint.is_loopback:
        return LOCAL_SERVICE
    return _CLOUD if endpoint.host.endswith(f".{_CLOUD}") else endpoint.host
