"""The local service: real OCR behind both faces."""

import os
from pathlib import Path

from vision_grpc.config import Limits
from vision_grpc.local.analysis import Analysis
from vision_grpc.local.calls.metrics import Metrics
from vision_grpc.local.cloud.iam import Identities
from vision_grpc.local.config import ServiceConfig
from vision_grpc.local.faults.store import FaultStore
from vision_grpc.local.ocr.caching import CachingEngine
from vision_grpc.local.ocr.engine import OcrEngine
from vision_grpc.local.ocr.leaving import LeavingEngine
from vision_grpc.local.ocr.tessdata import find_tessdata
from vision_grpc.local.ocr.tesseract_engine import TesseractEngine
from vision_grpc.local.ocr_v1.operations import Operations
from vision_grpc.local.ocr_v1.recognition import OCR_V1_LIMITS, Recognition
from vision_grpc.local.service import VisionService
from vision_grpc.local.vision_server import VisionServer

_DEFAULT = ServiceConfig()


class LocalVision(VisionServer):
    """The Vision service on this machine, with real OCR; it answers from its creation until `close`.

        with LocalVision() as vision:
            stub = VisionServiceStub(grpc.insecure_channel(vision.grpc_endpoint))

    With `identities` each call must authenticate as one of them. Both faces then also serve IAM,
    endpoint and metadata services, which give tokens for the keys of the identities.
    JSON is read as the cloud's gateways read it; see `vision_grpc.codec.json.gateway`. With `strict`, it is
    read to the letter: unknown fields, line breaks in base64 and single values for lists are refused.
    `engine` reads the images, Tesseract by default. `faults` are rules that it begins with.
    Both faces are on one port, unless `grpc_port` or `rest_port` names another; each port takes both protocols.
    Port 0 takes any free port. With certificate and key (PEM) both faces accept only TLS.

    Raises:
        TypeError, ValueError: an argument is not of its type, or no port.
        LocalServiceError: language data is missing, a port is in use, or the TLS files are unusable; the message
            says what to do about it.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        grpc_port: int | None = None,
        rest_port: int | None = None,
        tls_certificate: Path | None = None,
        tls_key: Path | None = None,
        identities: Identities | None = None,
        strict: bool = False,
        engine: OcrEngine | None = None,
        faults: FaultStore | None = None,
        config: ServiceConfig = _DEFAULT,
    ) -> None:
        reading: OcrEngine
        if engine is not None:
            reading = engine
        else:
            engine = TesseractEngine(find_tessdata(os.environ))
            reading = LeavingEngine(engine)
        if config.cache_bytes:
            reading = CachingEngine(reading, most_bytes=config.cache_bytes)
        self.faults: FaultStore = FaultStore() if faults is None else faults
        """What goes wrong on command: `vision.faults.put("code=UNAVAILABLE; times=1")`; see docs/faults.md."""

        operations = Operations(
            most=config.keep_operations, most_bytes=config.keep_operation_bytes, kept_s=config.keep_results_s
        )

        def make_service(metrics: Metrics) -> VisionService:
            metrics.watch_operations(lambda: operations.usage)
            operations.on_end = metrics.operation_ended
            timed = metrics.timed(reading)
            return VisionService(
                Analysis(timed, Limits(), recognition_s=config.recognition_s),
                Recognition(Analysis(timed, OCR_V1_LIMITS, recognition_s=config.recognition_s)),
                operations,
                threads=_cores() if config.threads is None else config.threads,
                waiting_images=config.waiting_images,
            )

        super().__init__(
            make_service,
            host=host,
            port=port,
            grpc_port=grpc_port,
            rest_port=rest_port,
            tls_certificate=tls_certificate,
            tls_key=tls_key,
            identities=identities,
            strict=strict,
            faults=self.faults,
            config=config,
            languages=getattr(engine, "languages", ()),
            forget=[operations.forget],
        )


def _cores() -> int:
    # The process may have fewer cores than the machine: containers and taskset limit them.
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
