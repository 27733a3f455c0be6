"""The local service with its two faces, from start to close."""

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

# Calls of both faces that may wait for the OCR at once; further calls wait unread.
_CALLS = 32
# Programs are often killed two seconds after they are asked to end. The calls in flight get this part of it; the
# rest is for the farewell and for exiting.
_GRACE_S = 1.4
# After the grace, for answering UNAVAILABLE to the calls that are cut short.
_FAREWELL_S = 0.5


class LocalVision:
    """The Vision service on this machine, with real OCR; it answers from its construction until `close`.

        with LocalVision() as vision:
            stub = VisionServiceStub(grpc.insecure_channel(vision.grpc_endpoint))

    With `identities` each call has to authenticate as one of them, and both faces also serve the IAM, endpoint and
    metadata services. Port 0 takes any free port. With certificate and key (PEM) both faces speak only TLS.

    Raises:
        LocalServiceError: there is no language data, a port is in use, or the TLS files are unusable; the message
            says how to fix it.
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
            # Both faces run their calls on these threads, which only convert and wait.
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
        """Refuse new calls, answer those in flight, and stop.

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
    # Only those that the process may use: containers and taskset allow fewer than the machine has.
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _until(end: float) -> float:
    return max(0.0, end - time.monotonic())
