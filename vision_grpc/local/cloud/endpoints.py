"""The answers of the cloud's endpoint service: which services there are, and at which address."""

from vision_grpc.errors import Code, ServiceError
from vision_grpc.messages import ApiEndpoint, ListApiEndpointsResponse
from vision_grpc.texts.quoting import show

_IDS = ("ai-vision", "ai-vision-ocr", "iam", "operation")


def list_endpoints(address: str) -> ListApiEndpointsResponse:
    """Return all services; all are at one address, `host:port`."""
    return ListApiEndpointsResponse(endpoints=[ApiEndpoint(id=name, address=address) for name in _IDS])


def get_endpoint(service_id: str, address: str) -> ApiEndpoint:
    """Return one service.

    Raises:
        ServiceError: there is no such service.
    """
    if service_id not in _IDS:
        message = f"there is no service {show(service_id)}, only {', '.join(_IDS)}"
        raise ServiceError(Code.NOT_FOUND, message)
    return ApiEndpoint(id=service_id, address=address)
