"""A method of the service, as both faces serve it."""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from google.protobuf.message import Message

from vision_grpc.local.calls.call import Call


class Method(NamedTuple):
    """A unary method and what answers it."""

    path: str
    """The path in gRPC: `/package.Service/Method`."""
    http_path: str
    """The path in REST, which takes POST."""
    request_class: type[Message]
    handle: Callable[[Any, Call], Awaitable[Message]]
    """Returns the response to a request that satisfies the constraints of its proto; raises ServiceError."""
    needs_credentials: bool = True
    """Whether callers must say who they are where the service has identities."""
    count_images: Callable[[Any], int] | None = None
    """Returns how many images a request has; None for a method that no quota is for."""
