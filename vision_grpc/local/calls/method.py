"""A method of the service, as both faces serve it."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

from google.protobuf.message import Message

from vision_grpc.local.calls.call import Call


class Method(NamedTuple):
    """A method with one request, and what answers it: one message, or a stream of them."""

    path: str
    """The path in gRPC: `/package.Service/Method`."""
    http_path: str
    """The path in REST, which takes POST."""
    request_class: type[Message]
    handle: Callable[[Any, Call], Awaitable[Message | Sequence[Message]]]
    """Returns the response to a request that satisfies the constraints of its proto; raises ServiceError.

    With `is_stream`, these are the messages of the stream: all that there is to say is known before the first is sent.
    """
    needs_credentials: bool = True
    """Whether callers must say who they are where the service has identities."""
    count_images: Callable[[Any], int] | None = None
    """Returns how many images a request has; None for a method that no quota is for."""
    is_stream: bool = False
    """Whether the answer is a stream: over REST a line of JSON for each message."""
