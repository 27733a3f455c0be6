"""A method of the service, as both faces serve it."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Literal, NamedTuple, Self, TypeAlias

from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from vision_grpc.contract.method import (
    CANCEL_OPERATION,
    GET_OPERATION,
    RECOGNIZE_DEFERRED,
    grpc_path_of,
    http_rule_of,
    is_server_stream,
)
from vision_grpc.local.calls.call import Call
from vision_grpc.local.calls.quota import Kind

Handle: TypeAlias = Callable[[Any, Call], Awaitable[Message | Sequence[Message]]]
"""Returns the response to a request that satisfies the constraints of its proto; raises ServiceError.

Where the answer is a stream, these are its messages: all that there is to say is known before the first is sent.
"""


class Method(NamedTuple):
    """A method with one request, and what answers it: one message, or a stream of them."""

    path: str
    """The path in gRPC: `/package.Service/Method`."""
    http_path: str
    """The path in REST; `{name}` in it stands for a field of the request. Empty for a method that has none."""
    request_class: type[Message]
    handle: Handle
    needs_credentials: bool = True
    """Whether callers must say who they are where the service has identities."""
    count_images: Callable[[Any], int] | None = None
    """Returns how many images a request has; None for a method that no quota of images is for."""
    kind: Kind | None = None
    """Which of the documented quotas of calls it counts for."""
    http_verb: Literal["GET", "POST"] = "POST"
    """The verb in REST. With GET the fields of the request are in the URL."""
    is_stream: bool = False
    """Whether the answer is a stream: over REST a line of JSON for each message."""

    @classmethod
    def of(
        cls,
        declared: MethodDescriptor,
        handle: Handle,
        *,
        count_images: Callable[[Any], int] | None = None,
        kind: Kind | None = None,
    ) -> Self:
        """Return a method of the contract."""
        rule = http_rule_of(declared)
        return cls(
            path=grpc_path_of(declared),
            http_path=rule.get or rule.post,
            request_class=GetMessageClass(declared.input_type),
            handle=handle,
            count_images=count_images,
            kind=kind,
            http_verb="GET" if rule.get else "POST",
            is_stream=is_server_stream(declared),
        )


_SHARED_NAMES = {grpc_path_of(method) for method in (RECOGNIZE_DEFERRED, GET_OPERATION, CANCEL_OPERATION)}


def short_name(path: str) -> str:
    """Return the name of a method, with that of its service where other methods are called the same."""
    service, _, method = path.removeprefix("/").rpartition("/")
    return f"{service.rpartition('.')[2]}/{method}" if path in _SHARED_NAMES else method


def is_named(path: str, name: str) -> bool:
    """Return whether a name is that of a method: its whole path, `Service/Method`, or `Method` alone."""
    service, _, method = path.removeprefix("/").rpartition("/")
    return name in {path, method, f"{service.rpartition('.')[2]}/{method}"}
