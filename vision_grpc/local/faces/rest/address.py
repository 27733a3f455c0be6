"""Requests that are in the URL: fields in the path, and fields in the query."""

from google.protobuf.message import Message
from starlette.requests import Request

from vision_grpc.errors import Code, ServiceError
from vision_grpc.texts.quoting import show


def read_address(request: Request, request_class: type[Message], *, strict: bool) -> Message:
    """Return the message whose fields, which are texts, a URL has by their names of JSON or of the proto.

    What the contract does not have is skipped, as gateways skip it; with `strict` it is refused.

    Raises:
        ServiceError: a field is there twice, or unknown.
    """
    fields = {name: field for field in request_class.DESCRIPTOR.fields for name in (field.name, field.json_name)}
    read = request_class()
    found: set[str] = set()
    for name, value in (*request.path_params.items(), *request.query_params.multi_items()):
        if (field := fields.get(name)) is None:
            if strict:
                message = f"the URL has {show(name)}, which is no field of {request_class.DESCRIPTOR.name}"
                raise ServiceError(Code.INVALID_ARGUMENT, message)
            continue
        if field.name in found:
            message = f"the URL has {field.name} twice"
            raise ServiceError(Code.INVALID_ARGUMENT, message)
        found.add(field.name)
        setattr(read, field.name, value)
    return read
