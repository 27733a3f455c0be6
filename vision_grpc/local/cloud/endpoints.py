"""The cloud's endpoint service: the addresses of the services."""

from vision_grpc.errors import Code, ServiceError
from vision_grpc.messages import ApiEndpoint, ListApiEndpointsResponse

_IDS = ("ai-vision", "iam")


def list_endpoints(address: str) -> ListApiEndpointsResponse:
    """Return all services; one address, `host:port`, serves them all."""
    return ListApiEndpointsResponse(endpoints=[ApiEndpoint(id=name, address=address) for name in _IDS])


def get_endpoint(service_id: str, address: str) -> ApiEndpoint:
    """Return one service.

    Raises:
        ServiceError: the local service does not have it.
    """
    if service_id not in _IDS:
        message = f"there is no service {service_id!r}, only {', '.join(_IDS)}"
        raise ServiceError(Code.NOT_FOUND, message)
    return ApiEndpoint(id=service_id, address=address)
