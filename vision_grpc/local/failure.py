"""How a call fails, in the same words over gRPC and REST, and the ids that every answer carries."""

import uuid
from typing import NamedTuple, Self

from google.protobuf.message import Message

from vision_grpc.errors import InvalidRequestError, ServiceError
from vision_grpc.messages import Any, BadRequest, RequestInfo, Status

# Over gRPC an error travels in the trailing metadata, of which peers accept 8 KB.
_SHOWN_VIOLATIONS = 16


class CallIds(NamedTuple):
    """What support would ask for."""

    request_id: str
    trace_id: str

    @classmethod
    def make(cls) -> Self:
        """Return new ids."""
        return cls(str(uuid.uuid4()), uuid.uuid4().hex)

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        """The ids as gRPC metadata or HTTP headers."""
        return (("x-request-id", self.request_id), ("x-server-trace-id", self.trace_id))


def describe(error: InvalidRequestError | ServiceError, ids: CallIds) -> Status:
    """Return the status of a failed call, with the broken constraints and the request id as details."""
    details = [_pack(RequestInfo(request_id=ids.request_id))]
    if isinstance(error, ServiceError):
        return Status(code=error.code, message=error.message, details=[*error.details, *details])
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
