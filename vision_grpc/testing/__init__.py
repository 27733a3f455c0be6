"""What tests of code that uses the clients need: a service that reads what the test says, and its failures.

    from vision_grpc.testing import FakeVision

    with FakeVision("Hello world") as vision, vision.client() as client:
        assert client.analyze(blank_image()).text == "Hello world"
        assert vision.request.languages == ("*",)

With pytest, the same is the fixture `vision_service`; docs/testing.md has all. Names are imported when they are first
used: pytest loads this package wherever it is installed.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vision_grpc.local.faults.store import FaultStore
    from vision_grpc.testing.answers import Answer, Answers
    from vision_grpc.testing.backoff import without_backoff
    from vision_grpc.testing.fake import FakeVision
    from vision_grpc.testing.images import blank_image, text_image
    from vision_grpc.testing.memory import AsyncMemoryTransport, Handler, MemoryTransport, OcrHandler
    from vision_grpc.testing.requests import SeenRequest
    from vision_grpc.testing.tapes import recorded
    from vision_grpc.testing.texts import text_annotation, text_response

__all__ = [
    "Answer",
    "Answers",
    "AsyncMemoryTransport",
    "FakeVision",
    "FaultStore",
    "Handler",
    "MemoryTransport",
    "OcrHandler",
    "SeenRequest",
    "blank_image",
    "recorded",
    "text_annotation",
    "text_image",
    "text_response",
    "without_backoff",
]

_MODULES = {
    "vision_grpc.local.faults.store": ("FaultStore",),
    "vision_grpc.testing.answers": ("Answer", "Answers"),
    "vision_grpc.testing.backoff": ("without_backoff",),
    "vision_grpc.testing.fake": ("FakeVision",),
    "vision_grpc.testing.images": ("blank_image", "text_image"),
    "vision_grpc.testing.memory": ("AsyncMemoryTransport", "Handler", "MemoryTransport", "OcrHandler"),
    "vision_grpc.testing.tapes": ("recorded",),
    "vision_grpc.testing.requests": ("SeenRequest",),
    "vision_grpc.testing.texts": ("text_annotation", "text_response"),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> object:
    if (module := _MODULE_OF.get(name)) is None:
        message = f"module 'vision_grpc.testing' has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(import_module(module), name)


def __dir__() -> list[str]:
    return sorted(__all__)
