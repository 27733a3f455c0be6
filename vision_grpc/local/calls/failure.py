"""The status of a failed call, the same over gRPC and REST."""

import logging

from google.protobuf.message import Message

from vision_grpc.codec.retry_info import retry_info
from vision_grpc.errors import Code, InvalidRequestError, ServiceError
from vision_grpc.local.calls.call import CallIds
from vision_grpc.messages import Any, BadRequest, RequestInfo, Status

# gRPC sends an error in the trailing metadata, and many clients accept at most 8 KB of it.
_SHOWN_VIOLATIONS = 16

BUG = "the service failed; its log has the details"
"""The message of the status that stands for an unexpected exception."""

_log = logging.getLogger(__name__)


def describe_bug(error: Exception) -> Status:
    """Return the status that stands for an unexpected exception; only the log shows the exception itself."""
    _log.error("the service has a bug", exc_info=error)
    return Status(code=Code.INTERNAL, message=BUG)


def status_of(error: ServiceError) -> Status:
    """Return the status of an error, of a call or of one image in it; its details are the error's, and the wait."""
    waits = [] if error.retry_after_s is None else [_pack(retry_info(error.retry_after_s))]
    return Status(code=error.code, message=error.message, details=[*error.details, *waits])


def describe(error: Exception, ids: CallIds) -> Status:
    """Return the status of a failed call; its details are the violated constraints, the wait and the request id.

    An error that is neither a ServiceError nor an InvalidRequestError is a bug, and is logged.
    """
    details = [_pack(RequestInfo(request_id=ids.request_id))]
    if isinstance(error, ServiceError):
        status = status_of(error)
        status.details.extend(details)
        return status
    if not isinstance(error, InvalidRequestError):
        status = describe_bug(error)
        status.details.extend(details)
        return status
    shown = error.violations[:_SHOWN_VIOLATIONS]
    message = str(InvalidRequestError(shown))
    if hidden := len(error.violations) - len(shown):
        message += f"; and {hidden} more"
    fields = [BadRequest.FieldViolation(field=path, description=text) for path, text in shown]
    return Status(code=error.code, message=message, details=[_pack(BadRequest(field_violations=fields)), *details])


def _pack(message: Message) -> Any:
    packed = Any()
    packed.Pack(message)
    return packed
