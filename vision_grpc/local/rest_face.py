"""The service over REST: proto3 JSON at the path that the method's http option names."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import cast

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from uvicorn import Config, Server

from vision_grpc.errors import Code, ProtocolError, ServiceError
from vision_grpc.json import from_json, to_json
from vision_grpc.local.cloud_rest import cloud_routes
from vision_grpc.local.contract import REST_PATH
from vision_grpc.local.errors import LocalServiceError
from vision_grpc.local.failure import CallIds
from vision_grpc.local.iam import Identities
from vision_grpc.local.listening import TlsFiles, listen
from vision_grpc.local.rest_body import RefusedBodyError, decode_body, read_body
from vision_grpc.local.rest_reply import failure, reply
from vision_grpc.local.service import ServiceStoppingError, VisionService
from vision_grpc.messages import BatchAnalyzeRequest

# Longer than clients keep idle connections, so that it is not the server that closes one under a new request.
_KEEP_ALIVE_S = 75


class RestFace:
    """A bound server with an event loop in a thread of its own; it answers from `start` on."""

    def __init__(
        self,
        service: VisionService,
        calls: ThreadPoolExecutor,
        *,
        host: str,
        port: int,
        tls: TlsFiles | None,
        identities: Identities | None,
    ) -> None:
        config = Config(
            _application(service, calls, identities),
            # One known stack, whatever else is installed; the process's logging is left as it is.
            http="h11",
            loop="asyncio",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            timeout_keep_alive=_KEEP_ALIVE_S,
            ssl_certfile=None if tls is None else str(tls.certificate),
            ssl_keyfile=None if tls is None else str(tls.key),
        )
        self._server = _EmbeddedServer(config)
        self._socket = listen(host, port)
        self.port: int = self._socket.getsockname()[1]
        # A daemon, so that a service that nobody closes does not keep the process alive.
        self._thread = threading.Thread(target=self._run, name="vision-rest", daemon=True)

    def start(self) -> None:
        """Take calls.

        Raises:
            LocalServiceError: the server ended at once.
        """
        self._thread.start()
        self._server.ready.wait()
        if not self._server.started:
            message = "the REST server did not start: the traceback above tells why"
            raise LocalServiceError(message)

    def stop(self, grace_s: float) -> None:
        """Take no more calls, give those in flight `grace_s` seconds at most; `join` waits until all have ended."""
        self._server.config.timeout_graceful_shutdown = grace_s  # type: ignore[assignment] # a float will do
        self._server.should_exit = True

    def cut_short(self) -> None:
        """End the calls in flight with UNAVAILABLE, wherever they are; for a stopped server."""
        self._server.cut_short()

    def join(self, timeout_s: float | None = None) -> bool:
        """Return whether the server has ended after at most that long."""
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
        if self._thread.is_alive():
            return False
        self._socket.close()
        return True

    def _run(self) -> None:
        try:
            self._server.run(sockets=[self._socket])
        finally:
            self._server.ready.set()


class _EmbeddedServer(Server):
    """A server that tells when it listens, and can be told to give up its calls."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._loop = asyncio.get_running_loop()
        self.ready.set()

    def cut_short(self) -> None:
        """Cancel the calls in flight."""
        with contextlib.suppress(RuntimeError):  # The loop is closed: there are none.
            self._loop.call_soon_threadsafe(self._cancel_calls)

    def _cancel_calls(self) -> None:
        for task in self.server_state.tasks:
            task.cancel()


def _application(service: VisionService, calls: ThreadPoolExecutor, identities: Identities | None) -> Starlette:
    def answer(sent: bytes, headers: Headers, ids: CallIds, abandoned: Callable[[], bool]) -> Response:
        try:
            service.check_open()
            if identities is not None:
                identities.check(headers.get("authorization"))
            body = decode_body(sent, headers.get("content-encoding", ""))
            request = from_json(body, BatchAnalyzeRequest)
            return reply(HTTPStatus.OK, to_json(service.batch_analyze(request, abandoned=abandoned)), ids)
        except ProtocolError as error:
            message = f"the body is no BatchAnalyzeRequest: {error}"
            return failure(ServiceError(Code.INVALID_ARGUMENT, message), ids)
        except RefusedBodyError as error:
            return _refuse_body(error, ids)
        except Exception as error:  # noqa: BLE001 - Starlette would answer bugs too, and end the connection unannounced
            return failure(error, ids)

    async def batch_analyze(request: Request) -> Response:
        ids = CallIds.make()
        left = threading.Event()
        try:
            # Also for a call that is refused: some clients lose an answer that comes while they send.
            body = await read_body(request)
            watch = asyncio.create_task(_watch(request, left))
            try:
                # Parsing megabytes of JSON, waiting for the OCR, writing the answer: nothing for an event loop.
                loop = asyncio.get_running_loop()
                return await loop.run_in_executor(calls, answer, body, request.headers, ids, left.is_set)
            finally:
                watch.cancel()
        except RefusedBodyError as error:
            return _refuse_body(error, ids)
        except asyncio.CancelledError:
            # By the server alone, as the last thing that it wants of this task.
            return failure(ServiceStoppingError(), ids)

    application = Starlette(
        routes=[
            Route(REST_PATH, batch_analyze, methods=["POST"]),
            *([] if identities is None else cloud_routes(identities)),
        ],
        exception_handlers={HTTPException: _no_such_route, ClientDisconnect: _nobody_there, Exception: _bug},
    )
    application.router.redirect_slashes = False
    return application


async def _watch(request: Request, left: threading.Event) -> None:
    """Set the event when the client closes the connection; for a request whose body is read."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
    left.set()


def _refuse_body(error: RefusedBodyError, ids: CallIds) -> Response:
    response = failure(error, ids, error.http_status)
    response.headers.update(error.headers)
    return response


async def _no_such_route(_: Request, error: Exception) -> Response:
    refusal = cast("HTTPException", error)
    message = f"{refusal.detail}: this service takes POST {REST_PATH}"
    error_of_route = ServiceError(Code.from_http(refusal.status_code), message)
    response = failure(error_of_route, CallIds.make(), refusal.status_code)
    response.headers.update(refusal.headers or {})
    return response


async def _nobody_there(_: Request, __: Exception) -> Response:
    return Response(status_code=Code.CANCELLED.http_status)


async def _bug(_: Request, error: Exception) -> Response:
    # Of a route that does not answer for its own. Starlette raises it again once this is sent, and the connection ends.
    response = failure(error, CallIds.make())
    response.headers["connection"] = "close"
    return response
