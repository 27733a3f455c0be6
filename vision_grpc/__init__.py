"""Client for Yandex Vision OCR: the text of images, and of PDFs by ocr/v1, over gRPC or REST.

    from vision_grpc import VisionClient

    with VisionClient() as client:
        result = client.analyze("scan.png", languages=["ru", "en"])
        print(result.raise_for_error().text)

Names are imported when they are first used, so that importing the package costs next to nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from vision_grpc.version import __version__

if TYPE_CHECKING:
    from vision_grpc import auth, messages
    from vision_grpc.aio import AsyncVisionClient
    from vision_grpc.client import VisionClient
    from vision_grpc.cloud.discovery import ApiEndpoints
    from vision_grpc.codec.json import from_json
    from vision_grpc.config import Limits, RetryPolicy, Timeouts
    from vision_grpc.errors import (
        AuthError,
        Code,
        DeadlineError,
        ImageFailedError,
        InvalidRequestError,
        MachineError,
        PathError,
        ProtocolError,
        RequestTooLargeError,
        ServiceError,
        TransportError,
        Violation,
        VisionError,
    )
    from vision_grpc.events import Event
    from vision_grpc.results import ImageError, ImageResult
    from vision_grpc.results.encoding import to_json
    from vision_grpc.session.memory import MemoryTuning, tune_memory
    from vision_grpc.session.monitor import LATENCY_BOUNDS_S, Stats
    from vision_grpc.session.stop import Stop
    from vision_grpc.sources.image import Image, PendingOperation

__all__ = [
    "LATENCY_BOUNDS_S",
    "ApiEndpoints",
    "AsyncVisionClient",
    "AuthError",
    "Code",
    "DeadlineError",
    "Event",
    "Image",
    "ImageError",
    "ImageFailedError",
    "ImageResult",
    "InvalidRequestError",
    "Limits",
    "MachineError",
    "MemoryTuning",
    "PathError",
    "PendingOperation",
    "ProtocolError",
    "RequestTooLargeError",
    "RetryPolicy",
    "ServiceError",
    "Stats",
    "Stop",
    "Timeouts",
    "TransportError",
    "Violation",
    "VisionClient",
    "VisionError",
    "__version__",
    "auth",
    "from_json",
    "messages",
    "to_json",
    "tune_memory",
]

_MODULES = {
    "aio": ("AsyncVisionClient",),
    "client": ("VisionClient",),
    "config": ("Limits", "RetryPolicy", "Timeouts"),
    "cloud.discovery": ("ApiEndpoints",),
    "errors": (
        "AuthError",
        "Code",
        "DeadlineError",
        "ImageFailedError",
        "InvalidRequestError",
        "MachineError",
        "PathError",
        "ProtocolError",
        "RequestTooLargeError",
        "ServiceError",
        "TransportError",
        "Violation",
        "VisionError",
    ),
    "codec.json": ("from_json",),
    "events": ("Event",),
    "results": ("ImageError", "ImageResult"),
    "results.encoding": ("to_json",),
    "session.memory": ("MemoryTuning", "tune_memory"),
    "session.monitor": ("LATENCY_BOUNDS_S", "Stats"),
    "session.stop": ("Stop",),
    "sources.image": ("Image", "PendingOperation"),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> object:
    if name in {"auth", "messages"}:
        return import_module(f"vision_grpc.{name}")
    if (module := _MODULE_OF.get(name)) is None:
        message = f"module 'vision_grpc' has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(import_module(f"vision_grpc.{module}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
