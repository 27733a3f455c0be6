"""One service behind two faces, from ready to closed."""

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from vision_grpc.config import Limits
from vision_grpc.local.cloud.iam import Identities
from vision_grpc.local.errors import LocalServiceError
from vision_grpc.local.faces.grpc import GrpcFace
from vision_grpc.local.faces.rest import RestFace
from vision_grpc.local.listening import TlsFiles, join_address
from vision_grpc.local.ocr.engine import Engine
from vision_grpc.local.ocr.tessdata import find_tessdata
from vision_grpc.local.service import VisionService

# Calls that may wait for the OCR at once, over both faces; more wait unread until one of them ends.
_CALLS = 32
# Programs are often killed two seconds after they are asked to end: of these the calls in flight get what is not
# needed to tell the others, and to exit.
_GRACE_S = 1.4
# After the grace, for the calls that are cut short to be told so.
_FAREWELL_S = 0.5


class LocalVision:
    """The Vision service on this machine, with real OCR; it answers from the moment it is made until `close`.

        with LocalVision() as vision:
            stub = VisionServiceStub(grpc.insecure_channel(vision.grpc_endpoint))

    With `identities` each call has to prove one of them, and both faces give tokens for their
    keys: IAM, endpoint and metadata services are served besides.
    Port 0 takes any free port. With certificate and key (PEM) both faces speak TLS only.

    Raises:
        LocalServiceError: no language data, a port in use, unusable TLS files; says how to mend it.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        grpc_port: int = 0,
        rest_port: int = 0,
        tls_certificate: Path | None = None,
        tls_key: Path | None = None,
        identities: Identities | None = None,
    ) -> None:
        tls = _tls_files(tls_certificate, tls_key)
        engine = Engine(find_tessdata(os.environ))
        self._close_once = threading.Lock()
        self._closed = False
        with ExitStack() as undo:
            self._service = VisionService(engine, threads=_cores(), limits=Limits())
            undo.callback(self._service.close)
            # Both faces hand their calls to these threads, which do nothing but convert and wait.
            self._calls = ThreadPoolExecutor(_CALLS, thread_name_prefix="vision-call")
            undo.callback(self._calls.shutdown, wait=False)
            self._rest = RestFace(self._service, self._calls, host=host, port=rest_port, tls=tls, identities=identities)
            undo.callback(self._rest.join)
            undo.callback(self._rest.stop, _FAREWELL_S)
            self._grpc = GrpcFace(self._service, self._calls, host=host, port=grpc_port, tls=tls, identities=identities)
            undo.callback(self._grpc.stop, grace_s=0)
            self._grpc.start()
            self._rest.start()
            undo.pop_all()
        self.grpc_endpoint = join_address(host, self._grpc.port)
        """Where the gRPC face listens, as `host:port`."""
        if identities is not None:
            identities.listen_at(self.grpc_endpoint)
        self.rest_endpoint = f"{'http' if tls is None else 'https'}://{join_address(host, self._rest.port)}"
        """Where the REST face listens, as a URL without path."""

    def close(self, *, grace_s: float = _GRACE_S) -> None:
        """Take no more calls, let those in flight be answered, and stop.

        Calls that take longer than `grace_s` end with UNAVAILABLE; the method returns within a
        second of that. Closing again does nothing.
        """
        with self._close_once:
            if self._closed:
                return
            self._closed = True
            end = time.monotonic() + grace_s
            grpc_stopped = self._grpc.stop(grace_s + _FAREWELL_S)
            self._rest.stop(grace_s + _FAREWELL_S)
            answered = grpc_stopped.wait(_until(end)) and self._rest.join(_until(end))
            self._service.close()
            if not answered:
                self._rest.cut_short()
                grpc_stopped.wait()
                self._rest.join()
            self._calls.shutdown(wait=False, cancel_futures=True)

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


def _cores() -> int:
    # Those that the process may use: containers and taskset grant fewer than the machine has.
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _until(end: float) -> float:
    return max(0.0, end - time.monotonic())
