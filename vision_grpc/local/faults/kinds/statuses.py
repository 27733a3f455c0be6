"""The call is refused: by the service, or by a gateway before it."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, ClassVar

from vision_grpc.codec.retry_info import retry_info
from vision_grpc.errors import Code, ServiceError
from vision_grpc.local.calls.call import Call, CallIds
from vision_grpc.local.calls.reply import RawAnswer, Reply
from vision_grpc.local.faults.checks import Number, OneOf, Text, Whole
from vision_grpc.local.faults.fault import Fault, Match
from vision_grpc.messages import Any, Status

CODES = OneOf(code.name for code in Code if code is not Code.OK)
MESSAGES = Text(4_096)
_HEADER = Text(200, r"[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?", " of ASCII")
_WAITS = Number(0, 86_400)
_WITHOUT_BODY = {HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED}
# What Envoy says when nothing listens behind it.
_NO_UPSTREAM = (
    "upstream connect error or disconnect/reset before headers. reset reason: remote connection failure, "
    "transport failure reason: delayed connect error: Connection refused"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusCode(Fault):
    """The call ends with a code; with `retry_after` (seconds) it asks for a wait, by RetryInfo and Retry-After.

    With `pages`, a stream ends so after as many messages.
    """

    kind: ClassVar[str] = "code"
    main: ClassVar[str | None] = "code"
    code: Annotated[str, CODES]
    message: Annotated[str, MESSAGES] = "a fault on command"
    retry_after: Annotated[float, _WAITS] | None = None
    pages: Annotated[int, Whole(0, 1_000)] = 0

    async def before(self, call: Call) -> Reply | None:
        return None if self.pages else self._refusal(call)

    def after(self, call: Call, reply: Reply, match: Match) -> Reply:
        if reply.status is not None or not self.pages:
            return reply
        return self._refusal(call)._replace(stream=None if reply.stream is None else reply.stream[: self.pages])

    def _refusal(self, call: Call) -> Reply:
        return refusal(Code[self.code], self.message, call.ids, retry_after=self.retry_after)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota(Fault):
    """A quota is used up: RESOURCE_EXHAUSTED, with the seconds to wait."""

    kind: ClassVar[str] = "quota"
    main: ClassVar[str | None] = "retry_after"
    retry_after: Annotated[float, _WAITS] = 1.0

    async def before(self, call: Call) -> Reply | None:
        message = "the quota of requests is used up (a fault on command)"
        return refusal(Code.RESOURCE_EXHAUSTED, message, call.ids, retry_after=self.retry_after)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenExpiry(Fault):
    """The token of the call has expired: this call and later ones with the same token are UNAUTHENTICATED."""

    kind: ClassVar[str] = "token-expiry"
    revokes: ClassVar[bool] = True

    async def before(self, call: Call) -> Reply | None:
        return refusal(Code.UNAUTHENTICATED, "the token has expired (a fault on command)", call.ids)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway(Fault):
    """A gateway answers in place of the service: a page of HTML, or what `body` and `content_type` say.

    An answer with the status 204 or 304 has no body.
    """

    kind: ClassVar[str] = "gateway"
    main: ClassVar[str | None] = "status"
    status: Annotated[int, Whole(200, 599)] = 502
    body: Annotated[str, Text(65_536)] | None = None
    content_type: Annotated[str, _HEADER] = "text/html"
    server: Annotated[str, _HEADER] = "nginx"

    async def before(self, call: Call) -> Reply | None:
        title = f"{self.status} {_phrase(self.status)}".strip()
        page = (
            f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n"
            f"<hr><center>{self.server}</center>\r\n</body>\r\n</html>\r\n"
        )
        headers = {"content-type": self.content_type, "server": self.server}
        body = "" if self.status in _WITHOUT_BODY else page if self.body is None else self.body
        raw = RawAnswer(self.status, headers, body.encode())
        return Reply(status=Status(code=Code.from_http(self.status), message=f"a gateway's {title}"), raw=raw)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoUpstream(Fault):
    """A gateway does not reach the service, and says so in Envoy's way: in gRPC by a status in the first headers."""

    kind: ClassVar[str] = "no-upstream"

    async def before(self, call: Call) -> Reply | None:
        raw = RawAnswer(503, {"content-type": "text/plain", "server": "envoy"}, _NO_UPSTREAM.encode())
        if call.face == "grpc":
            status = {"grpc-status": str(Code.UNAVAILABLE.value), "grpc-message": _NO_UPSTREAM}
            raw = RawAnswer(200, {"content-type": "application/grpc", **status, "server": "envoy"}, b"")
        return Reply(status=Status(code=Code.UNAVAILABLE, message=_NO_UPSTREAM), raw=raw)


def refusal(code: Code, message: str, ids: CallIds, *, retry_after: float | None = None) -> Reply:
    """Return the reply of a call that ends with a code, and asks for a wait of so many seconds."""
    if retry_after is None:
        return Reply.to_error(ServiceError(code, message), ids)
    packed = Any()
    packed.Pack(retry_info(retry_after))
    return Reply.to_error(ServiceError(code, message, details=[packed]), ids)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
