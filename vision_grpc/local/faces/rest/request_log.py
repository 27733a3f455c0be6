"""The lines of the access log for requests that are no calls: tokens, health, the page, and what was refused."""

import logging
import time
from http import HTTPStatus

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vision_grpc.local.calls.log import bounded, log_fields
from vision_grpc.local.faces.rest.exchange import exchange_of

# Asked for again and again by machines and by the page.
_FREQUENT = frozenset({"/", "/healthz", "/livez", "/readyz", "/metrics"})
_FREQUENT_FOLDER = "/_vision/"


class RequestLog:
    """An ASGI application that logs the requests to another one, but not the calls, which the desk logs."""

    def __init__(self, application: ASGIApp) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the application answer, and log what it answered."""
        status = 0
        began_at = time.monotonic()

        async def note_and_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._application(scope, receive, note_and_send)
        finally:
            if not exchange_of(scope).is_call:
                _log(scope, status, time.monotonic() - began_at)


def _log(scope: Scope, status: int, seconds: float) -> None:
    path: str = scope["path"]
    is_frequent = path in _FREQUENT or path.startswith(_FREQUENT_FOLDER)
    is_refused = status >= HTTPStatus.BAD_REQUEST
    host, port = scope["client"] or ("", 0)
    log_fields(
        logging.DEBUG if is_frequent and not is_refused else logging.INFO,
        "request",
        {
            "peer": f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
            "transport": "rest",
            "method": bounded(scope["method"]),
            "path": bounded(path),
            "status": status,
            "ms": round(1000 * seconds, 1),
        },
    )
