"""The service over REST: its server, from listening to stopped."""

import asyncio
import contextlib
import ssl
import threading

from vision_grpc.local.errors import LocalServiceError
from vision_grpc.local.faces.rest.http_server import HttpServer
from vision_grpc.local.listening import TlsFiles, listen

REST_THREAD = "vision-rest"
"""The name of the thread that a server runs in, which the records that it logs have."""


class RestFace:
    """A listening server with an event loop in its own thread; it answers from `start` on."""

    def __init__(self, server: HttpServer, *, host: str, port: int, tls: TlsFiles | None) -> None:
        self._server = server
        self._tls = tls
        self._socket = listen(host, port)
        self.port: int = self._socket.getsockname()[1]
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._starting_error: BaseException | None = None
        self._stopping = asyncio.Event()
        # A daemon thread: a service that is never closed does not keep the process alive.
        self._thread = threading.Thread(target=self._run, name=REST_THREAD, daemon=True)

    def start(self) -> None:
        """Start accepting calls.

        Raises:
            LocalServiceError: the server stopped immediately.
        """
        self._thread.start()
        self._ready.wait()
        if self._starting_error is not None:
            message = f"the REST server did not start: {self._starting_error}"
            raise LocalServiceError(message) from self._starting_error

    def stop(self) -> None:
        """Accept no more calls, and let those in flight end; `join` waits for their end."""
        self._call(self._stopping.set)

    def cut_short(self) -> None:
        """End the calls in flight with UNAVAILABLE; call `stop` first."""
        self._call(self._server.cut_short)

    def join(self, timeout_s: float | None = None) -> bool:
        """Wait at most `timeout_s` seconds for the server to stop, and return whether it has."""
        if self._thread.ident is None:
            self._socket.close()
            self._loop.close()
            return True
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            return False
        self._socket.close()
        return True

    def _call(self, action: object) -> None:
        with contextlib.suppress(RuntimeError):  # The loop is closed, so there are no calls.
            self._loop.call_soon_threadsafe(action)  # type: ignore[arg-type]

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            try:
                runner.run(self._serve())
            except BaseException as error:  # noqa: BLE001
                self._starting_error = error
            finally:
                self._ready.set()

    async def _serve(self) -> None:
        context = None
        if self._tls is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self._tls.certificate, self._tls.key)
        loop = asyncio.get_running_loop()
        listening = await loop.create_server(self._server.protocol, sock=self._socket, ssl=context)
        self._ready.set()
        await self._stopping.wait()
        listening.close()
        self._server.stop()
        await self._server.wait_closed()
