"""What clients and their methods are given, checked at once and in the caller's words.

Secrets are not repeated, wherever they were put.
"""

import os
from typing import TYPE_CHECKING, cast

from google.protobuf.message import Message

from vision_grpc.cloud.discovery import ApiEndpoints
from vision_grpc.config import Limits, RetryPolicy, Timeouts
from vision_grpc.errors import InvalidRequestError, Violation
from vision_grpc.network.deadline import LONGEST_S
from vision_grpc.session.stop import Stop
from vision_grpc.texts.arguments import check_any_number, check_flag, wrong_type
from vision_grpc.texts.quoting import show
from vision_grpc.texts.secrets import kind_of_secret

if TYPE_CHECKING:
    from vision_grpc.tape import Tape

_TRANSPORTS = "'auto', 'grpc', 'rest' or an object with the methods of vision_grpc.transport.Transport"
_SETTINGS = {
    "limits": (Limits, "requests_per_s", "10"),
    "retry": (RetryPolicy, "attempts", "3"),
    "timeouts": (Timeouts, "call_s", "5"),
}


def check_connection(
    endpoint: object, transport: object, api: object, credentials: object, folder_id: object, *, insecure: object
) -> None:
    """Check the types of what says where a client connects to, and as whom.

    Raises:
        TypeError: one of them is of another type.
    """
    if not isinstance(endpoint, str | ApiEndpoints | None):
        raise _explain_endpoint(endpoint)
    if not (isinstance(transport, str | None) or _has_methods(transport, "start", "send")):
        raise wrong_type(transport, "transport", _TRANSPORTS)
    if not isinstance(api, str | None):
        raise wrong_type(api, "api", "'vision/v1' or 'ocr/v1'")
    if credentials is not None:
        check_credentials(credentials)
    if not isinstance(folder_id, str | None):
        raise wrong_type(folder_id, "folder_id", "text such as 'b1g...'")
    check_flag("insecure", insecure)


def check_behaviour(*, data_logging: object, on_event: object, quota: object, **settings: object) -> None:
    """Check the types of what says how a client calls; `settings` are `limits`, `retry` and `timeouts`.

    Raises:
        TypeError: one of them is of another type.
    """
    if data_logging is not None:
        check_flag("data_logging", data_logging)
    if not (on_event is None or callable(on_event)):
        raise wrong_type(on_event, "on_event", "a function that takes an event")
    if not (quota is None or _has_methods(quota, "reserve", "close")):
        raise _explain_quota(quota)
    for name, value in settings.items():
        kind, field, number = _SETTINGS[name]
        if not isinstance(value, kind):
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            wanted = f"{kind.__name__}, such as {kind.__name__}({field}={show(value) if is_number else number})"
            raise wrong_type(value, name, f"{wanted}; leave it out for the defaults" if value is None else wanted)


def read_cache(cache: object) -> "Tape":
    """Return the tape of a client.

    Raises:
        TypeError: it is neither a tape nor the place of one.
        ValueError: there can be no tape at that place.
    """
    from vision_grpc.tape import Tape  # Who has no tape does not pay for its modules.

    if isinstance(cache, Tape):
        return cache
    if not isinstance(cache, str | os.PathLike):
        raise wrong_type(cache, "cache", "a folder, the URL of a store, or a Tape of vision_grpc.tape")
    return Tape(cast("str | os.PathLike[str]", cache))


def check_credentials(credentials: object) -> None:
    """Check that an object proves to the service who is calling, and say which one would.

    Raises:
        TypeError: it is not such an object; the message does not repeat it.
    """
    if _has_methods(credentials, "authorization", "authorization_async"):
        return
    if isinstance(credentials, type):
        message = f"credentials is the class {credentials.__name__}, must be an object of it"
        raise TypeError(message)
    kind = type(credentials).__name__
    message = f"credentials is of type {kind}, must be an object of vision_grpc.auth: {_which(credentials)}"
    raise TypeError(message)


def check_timeout(timeout: object) -> float | None:
    """Return how many seconds a call may take, None where the caller does not say; none are left of 0 and less.

    Raises:
        TypeError: it is not a number.
        ValueError: it is NaN.
    """
    return None if timeout is None else max(-1.0, min(check_any_number("timeout", timeout, "seconds"), LONGEST_S))


def check_stream(*, ordered: object, stop: object) -> None:
    """Check how results are to come and end.

    Raises:
        TypeError: one of them is of another type.
    """
    check_flag("ordered", ordered)
    if not isinstance(stop, Stop | None):
        raise wrong_type(stop, "stop", "a Stop, whose method ask() ends the stream")


def check_deferred(deferred: object, lacking: str) -> bool:
    """Return whether a stream uses operations; `lacking` says why there are none, where there are none.

    Raises:
        TypeError: the argument is not a flag.
        InvalidRequestError: there are no operations, and it demands them.
    """
    if deferred is not None:
        check_flag("deferred", deferred)
    if deferred and lacking:
        raise InvalidRequestError([Violation("deferred", f"asks for operations: {lacking}")])
    return not lacking if deferred is None else bool(deferred)


def check_request(request: object, wanted: str) -> Message:
    """Return a request that is a message of the type with this full name.

    Raises:
        TypeError: it is something else.
    """
    if not isinstance(request, Message) or request.DESCRIPTOR.full_name != wanted:
        name = wanted.rpartition(".")[2]
        # Its value may hold images.
        message = f"the request is of type {type(request).__name__}, must be a {name} of vision_grpc.messages"
        raise TypeError(message)
    return request


def _explain_endpoint(endpoint: object) -> TypeError:
    wanted = "text such as 'vision.example:443', or ApiEndpoints()"
    match endpoint:
        case (str(host), int(port)) if not isinstance(port, bool):
            wanted = f"text: {show(f'{host}:{port}')}"
        case _ if _has_methods(endpoint, "authorization"):
            wanted += "; who is calling is said by credentials="
        case _:
            pass
    return wrong_type(endpoint, "endpoint", wanted)


def _explain_quota(quota: object) -> TypeError:
    wanted = "an object of vision_grpc.quota"
    match quota:
        case str():
            wanted += f": give quota=SharedQuota({show(quota)})"
        case int() | float() if not isinstance(quota, bool):
            wanted += f"; how fast this client alone may be is said by limits=Limits(requests_per_s={show(quota)})"
        case Limits():
            wanted += "; how fast this client alone may be is said by limits="
        case _:
            pass
    return wrong_type(quota, "quota", wanted)


def _which(credentials: object) -> str:
    """Return which credentials are made of this."""
    if isinstance(credentials, bytes | bytearray):
        credentials = credentials.decode(errors="replace")
    if isinstance(credentials, str):
        path = credentials.strip().lower()
        kind = "ServiceAccountKey" if path.endswith(".json") else kind_of_secret(credentials)
        if kind is not None:
            return f"give credentials={kind}(...)"
    elif isinstance(credentials, dict | os.PathLike):
        return "give credentials=ServiceAccountKey(...)"
    elif callable(credentials):
        return "give credentials=IamToken(...) with a function that returns a token"
    return "give credentials=ApiKey(...), IamToken(...), OAuthToken(...) or ServiceAccountKey(...)"


def _has_methods(value: object, *names: str) -> bool:
    return not isinstance(value, type) and all(callable(getattr(value, name, None)) for name in names)
