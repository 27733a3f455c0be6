"""The errors that the service answers with, over either protocol."""

from vision_grpc.codec.retry_info import asked_wait_s
from vision_grpc.errors import Code, RequestTooLargeError, ServiceError, TransportName
from vision_grpc.messages import Any, Status
from vision_grpc.network.attempt import Attempt


def service_error(
    status: Status, attempt: Attempt, transport: TransportName, *, request_id: str | None, too_large: bool = False
) -> ServiceError:
    """Return our exception for the error that a service answered with, without the secret that it may quote."""
    return (RequestTooLargeError if too_large else ServiceError)(
        Code.from_number(status.code),
        attempt.hide(status.message),
        details=tuple(
            Any(type_url=attempt.hide(detail.type_url), value=attempt.hide_bytes(detail.value))
            for detail in status.details
        ),
        request_id=None if request_id is None else attempt.hide(request_id),
        retry_after_s=asked_wait_s(status.details),
        transport=transport,
    )
