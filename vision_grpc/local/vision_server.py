"""A service with both its faces, from start to close, whoever reads the images."""

import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self, cast

from vision_grpc.local.calls.budget import BodyBudget
from vision_grpc.local.calls.desk import Desk
from vision_grpc.local.calls.log import AccessLog
from vision_grpc.local.calls.method import Method
from vision_grpc.local.calls.metrics import Metrics
from vision_grpc.local.calls.queue import Load
from vision_grpc.local.calls.quota import DOCUMENTED, Quota
from vision_grpc.local.cloud.grpc import cloud_methods
from vision_grpc.local.cloud.iam import Identities
from vision_grpc.local.config import ServiceConfig
from vision_grpc.local.errors import LocalServiceError
from vision_grpc.local.faces.front import Listener
from vision_grpc.local.faces.grpc.face import GrpcFace
from vision_grpc.local.faces.rest import HttpServer, HttpTimes, application
from vision_grpc.local.faces.rest.metrics import metrics_route
from vision_grpc.local.faces.serving import Faces
from vision_grpc.local.faults.routes import Forget, fault_routes
from vision_grpc.local.faults.store import FaultStore
from vision_grpc.local.listening import TlsFiles, join_address, listen
from vision_grpc.local.page.history import History
from vision_grpc.local.page.replay import Replays
from vision_grpc.local.page.routes import PageRoutes
from vision_grpc.local.page.state import State
from vision_grpc.texts.arguments import check_flag, check_port, wrong_type

# How many calls of both faces together may be converted from JSON and back at once.
_CALLS = 32


class Service(Protocol):
    """What answers the calls that the faces take."""

    @property
    def methods(self) -> list[Method]:
        """The methods as faces serve them. The page shows calls of the first."""
        ...

    @property
    def load(self) -> Load:
        """What there is to do."""
        ...

    def trouble(self) -> str | None:
        """Return why calls would fail now although the service runs, None if they would not. Asked on the loop."""
        ...

    def check_open(self) -> None:
        """Raise if calls are no longer answered.

        Raises:
            ServiceError: the service is closed.
        """
        ...

    def close(self) -> None:
        """End all calls with UNAVAILABLE. Closing again does nothing."""
        ...

    async def aclose(self) -> None:
        """Let go of what it has on the loop, when all calls have ended."""


class VisionServer:
    """Both faces of a service: they answer from its creation until `close`.

    `make_service` returns what answers their calls. `faults` is None where nothing is to go wrong on command, and
    `forget` is called at a reset of tests. The other arguments are those of `LocalVision`.

    Raises:
        TypeError, ValueError: an argument is not of its type, or no port.
        LocalServiceError: a port is in use, or the TLS files are unusable; the message says what to do about it.
    """

    def __init__(
        self,
        make_service: Callable[[Metrics], Service],
        *,
        host: str,
        port: int,
        grpc_port: int | None,
        rest_port: int | None,
        tls_certificate: Path | None,
        tls_key: Path | None,
        identities: Identities | None,
        strict: bool,
        faults: FaultStore | None,
        config: ServiceConfig,
        languages: Sequence[str] = (),
        forget: Sequence[Forget] = (),
    ) -> None:
        if not isinstance(cast("object", host), str):
            raise wrong_type(host, "host", "text such as '127.0.0.1'")
        are_apart = (grpc_port, rest_port) != (None, None)
        grpc_port = port if grpc_port is None else grpc_port
        rest_port = port if rest_port is None else rest_port
        for name, number in (("port", port), ("grpc_port", grpc_port), ("rest_port", rest_port)):
            check_port(name, number)
        check_flag("strict", strict)
        tls = _tls_files(tls_certificate, tls_key)
        self._config = config
        self._process = os.getpid()
        self._close_once = threading.Lock()
        self._closed = False
        with ExitStack() as undo:
            sockets = [undo.enter_context(listen(host, grpc_port))]
            if are_apart and (grpc_port != rest_port or grpc_port == 0):
                sockets.append(undo.enter_context(listen(host, rest_port)))
            self.grpc_endpoint: str = join_address(host, sockets[0].getsockname()[1])
            """The endpoint of the gRPC face, `host:port`."""
            rest_address = join_address(host, sockets[-1].getsockname()[1])
            self.rest_endpoint: str = f"{'http' if tls is None else 'https'}://{rest_address}"
            """The endpoint of the REST face, a URL without a path."""
            metrics = Metrics()
            self._service = make_service(metrics)
            undo.callback(self._service.close)
            # Both faces run their calls on these threads, which only convert messages.
            self._calls = ThreadPoolExecutor(_CALLS, thread_name_prefix="vision-call")
            undo.callback(self._calls.shutdown, wait=False)
            self._history = History(most_calls=config.keep_calls, most_bytes=config.keep_bytes)
            methods = self._service.methods
            quota = Quota(
                requests_per_s=config.requests_per_s,
                images_per_s=config.images_per_s,
                calls_per_s=None if config.quota is None else DOCUMENTED,
            )
            metrics.watch(lambda: self._service.load, quota.state)
            desk = Desk(
                check_open=self._service.check_open,
                identities=identities,
                bodies=BodyBudget(config.body_bytes),
                faults=faults,
                quota=quota,
                observers=(AccessLog(), metrics, *([self._history] if config.keep_calls else [])),
            )
            page = PageRoutes(
                self._history,
                Replays(desk, methods),
                State(methods[0], self._history, faults, quota, languages=languages, endpoints=self._endpoints),
                threads=self._calls,
                identities=identities,
            )
            forgotten = [self._history.clear, quota.reset, *forget]
            by_faults = [] if faults is None else fault_routes(faults, identities, forgotten)
            served = application(
                desk,
                methods,
                self._calls,
                identities,
                host=host,
                config=config,
                strict=strict,
                trouble=self._service.trouble,
                more_routes=[*page.routes(), *by_faults, metrics_route(metrics)],
            )
            http = HttpServer(served, budget=desk.bodies, times=HttpTimes.of(config))
            if identities is not None:
                methods += cloud_methods(identities, lambda: self.grpc_endpoint)
                identities.listen_at(self.grpc_endpoint)
            # A port of its own for gRPC speaks it with clients that offer HTTP/1.1 too. REST is not spoken over HTTP/2.
            listeners = [
                Listener(each, None if tls is None else tls.context(prefer_http2=each is not sockets[-1]))
                for each in sockets
            ]
            self._faces = Faces(listeners, GrpcFace(desk, methods), http)
            undo.pop_all()

    def close(self, *, grace_s: float | None = None) -> None:
        """Accept no more calls, finish those in flight, and stop.

        Calls that take longer than `grace_s` seconds (None: as configured) end with UNAVAILABLE; the method returns
        within a second after that. Closing again does nothing, nor does closing in a forked child: the service is that
        of its parent.
        """
        if self._process != os.getpid():
            return
        with self._close_once:
            if self._closed:
                return
            self._closed = True
            if grace_s is None:
                grace_s = self._config.grace_s
            self._faces.close(
                grace_s=grace_s, began=self._history.close, give_up=self._service.close, last=self._service.aclose
            )
            self._calls.shutdown(wait=False, cancel_futures=True)

    def _endpoints(self) -> dict[str, str]:
        return {"grpc_endpoint": self.grpc_endpoint, "rest_endpoint": self.rest_endpoint}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def _tls_files(certificate: Path | None, key: Path | None) -> TlsFiles | None:
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        message = "TLS needs both tls_certificate and tls_key"
        raise LocalServiceError(message)
    files = TlsFiles(certificate, key)
    files.check()
    return files
