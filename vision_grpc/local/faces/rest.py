"""The service over REST: its server, from listening to stopped."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from starlette.routing import Route
from uvicorn import Config, Server

from vision_grpc.local.calls.desk import Desk
from vision_grpc.local.calls.method import Method
from vision_grpc.local.cloud.iam import Identities
from vision_grpc.local.errors import LocalServiceError
from vision_grpc.local.faces.rest_application import application
from vision_grpc.local.listening import TlsFiles, listen

# Longer than clients keep idle connections. A server that closes one first may lose a request that was just sent.
_KEEP_ALIVE_S = 75

REST_THREAD = "vision-rest"
"""The name of the thread that a server runs in, which the records that it logs have."""


class RestFace:
    """A listening server with an event loop in its own thread; it answers from `start` on."""

    def __init__(
        self,
        desk: Desk,
        method: Method,
        calls: ThreadPoolExecutor,
        *,
        host: str,
        port: int,
        tls: TlsFiles | None,
        identities: Identities | None,
        strict: bool,
        more_routes: Sequence[Route] = (),
    ) -> None:
        config = Config(
            application(desk, method, calls, identities, strict=strict, more_routes=more_routes),
            # The same stack whatever else is installed, and no change to the process's logging.
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
        # A daemon thread: a service that is never closed does not keep the process alive.
        self._thread = threading.Thread(target=self._run, name=REST_THREAD, daemon=True)

    def start(self) -> None:
        """Start accepting calls.

        Raises:
            LocalServiceError: the server stopped immediately.
        """
        self._thread.start()
        self._server.ready.wait()
        if not self._server.started:
            message = "the REST server did not start: the traceback above says why"
            raise LocalServiceError(message)

    def stop(self, grace_s: float) -> None:
        """Accept no more calls and give those in flight at most `grace_s` seconds; `join` waits for their end."""
        self._server.config.timeout_graceful_shutdown = grace_s  # type: ignore[assignment] # a float works too
        self._server.should_exit = True

    def cut_short(self) -> None:
        """End the calls in flight with UNAVAILABLE; call `stop` first."""
        self._server.cut_short()

    def join(self, timeout_s: float | None = None) -> bool:
        """Wait at most `timeout_s` seconds for the server to stop, and return whether it has."""
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
    """A server with an event that is set when it listens, and a method that cancels its calls."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._loop = asyncio.get_running_loop()
        self.ready.set()

    def cut_short(self) -> None:
        """Cancel the calls in flight."""
        with contextlib.suppress(RuntimeError):  # The loop is closed, so there are no calls.
            self._loop.call_soon_threadsafe(self._cancel_calls)

    def _cancel_calls(self) -> None:
        for task in self.server_state.tasks:
            task.cancel()
