"""What stands before all routes: requests by other names than the service's own, and of web pages, are refused.

Browsers send some requests for any page without asking (GET, and POST of plain text), and say in headers which page it
was. Programs send no such headers.
"""

from collections.abc import Iterable
from http import HTTPStatus

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vision_grpc.errors import Code
from vision_grpc.local.calls.call import CallIds
from vision_grpc.local.faces.rest.body import RefusedBodyError
from vision_grpc.local.faces.rest.hosts import OwnHosts
from vision_grpc.local.faces.rest.reply import failure
from vision_grpc.texts.quoting import show

_EXPOSED = "retry-after, x-request-id, x-server-trace-id"
_METHODS = "DELETE, GET, HEAD, POST, PUT"
# Browsers ask again after two hours at most, whatever they are told.
_MAX_AGE_S = 7200
_OWN_SITES = {"none", "same-origin"}


class Guard:
    """An ASGI application that lets what is allowed pass to `application`.

    `cors_origins` are the origins, such as `https://app.example`, whose pages may ask for everything; `*` is any.
    """

    def __init__(self, application: ASGIApp, *, hosts: OwnHosts, cors_origins: Iterable[str] = ()) -> None:
        self._application = application
        self._hosts = hosts
        self._origins = frozenset(origin.lower().rstrip("/") for origin in cors_origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a request, or let it pass."""
        headers = Headers(scope=scope)
        refusal = self._refusal(scope, headers)
        if refusal is not None:
            await failure(refusal, CallIds.make())(scope, receive, send)
            return
        origin = headers.get("origin")
        if origin is None or not self._is_allowed(origin):
            await self._application(scope, receive, send)
        elif scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
            await _permission(origin, headers)(scope, receive, send)
        else:
            await self._application(scope, receive, _with_permission(send, origin))

    def _refusal(self, scope: Scope, headers: Headers) -> RefusedBodyError | None:
        host = headers.get("host")
        # HTTP/1.0 need not say the host; browsers always do.
        if host is not None and not self._hosts.has(host, (scope["server"] or ("",))[0]):
            message = (
                f"the Host header {show(host)} is not the name of this service; if it should be, "
                "allow it with --allowed-host or ServiceConfig(hosts=...)"
            )
            return RefusedBodyError(HTTPStatus.MISDIRECTED_REQUEST, Code.PERMISSION_DENIED, message)
        origin = headers.get("origin")
        if origin is not None:
            if _is_same_origin(origin, host) or self._is_allowed(origin):
                return None
            return _foreign(f"a page of {show(origin)} may not use this service")
        site = headers.get("sec-fetch-site")
        if site is None or site.lower() in _OWN_SITES or _is_visit(scope, headers):
            return None
        return _foreign("pages of other origins may not use this service")

    def _is_allowed(self, origin: str) -> bool:
        return "*" in self._origins or origin.lower() in self._origins


def _is_same_origin(origin: str, host: str | None) -> bool:
    # Before a proxy that speaks TLS, the scheme of the page is not that of the connection.
    scheme, _, authority = origin.lower().partition("://")
    return host is not None and scheme in {"http", "https"} and authority == host.lower()


def _is_visit(scope: Scope, headers: Headers) -> bool:
    """Return whether somebody follows a link to the service's own page."""
    mode, destination = headers.get("sec-fetch-mode"), headers.get("sec-fetch-dest")
    return scope["method"] in {"GET", "HEAD"} and (mode, destination) == ("navigate", "document")


def _foreign(problem: str) -> RefusedBodyError:
    message = f"{problem}; if it should, allow it with --cors-origin or ServiceConfig(cors_origins=...)"
    return RefusedBodyError(HTTPStatus.FORBIDDEN, Code.PERMISSION_DENIED, message)


def _permission(origin: str, headers: Headers) -> Response:
    """Return the answer to a preflight of an allowed origin."""
    answer = Response(status_code=HTTPStatus.NO_CONTENT)
    _permit(answer.headers, origin)
    answer.headers["access-control-allow-methods"] = _METHODS
    answer.headers["access-control-allow-headers"] = headers.get("access-control-request-headers", "*")
    answer.headers["access-control-max-age"] = str(_MAX_AGE_S)
    if "access-control-request-private-network" in headers:
        answer.headers["access-control-allow-private-network"] = "true"
    return answer


def _with_permission(send: Send, origin: str) -> Send:
    async def permit_and_send(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(raw=message["headers"])
            _permit(headers, origin)
            headers["access-control-expose-headers"] = _EXPOSED
        await send(message)

    return permit_and_send


def _permit(headers: MutableHeaders, origin: str) -> None:
    headers["access-control-allow-origin"] = origin
    headers.add_vary_header("Origin")
