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
    from vision_grpc.testing.answers import Answer, Answers
    from vision_grpc.testing.backoff import without_backoff
    from vision_grpc.testing.fake import FakeVision
    from vision_grpc.testing.images import blank_image, text_image
    from vision_grpc.testing.memory import AsyncMemoryTransport, Handler, MemoryTransport, OcrHandler
    from vision_grpc.testing.requests import SeenRequest
    from vision_grpc.testing.texts import text_annotation, text_response

__all__ = [
    "Answer",
    "Answers",
    "AsyncMemoryTransport",
    "FakeVision",
    "Handler",
    "MemoryTransport",
    "OcrHandler",
    "SeenRequest",
    "blank_image",
    "text_annotation",
    "text_image",
    "text_response",
    "without_backoff",
]

_MODULES = {
    "answers": ("Answer", "Answers"),
    "backoff": ("without_backoff",),
    "fake": ("FakeVision",),
    "images": ("blank_image", "text_image"),
    "memory": ("AsyncMemoryTransport", "Handler", "MemoryTransport", "OcrHandler"),
    "requests": ("SeenRequest",),
    "texts": ("text_annotation", "text_response"),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> object:
    if (module := _MODULE_OF.get(name)) is None:
        message = f"module 'vision_grpc.testing' has no attribute {name!r}"
        raise AttributeError(message)
    return getattr(import_module(f"vision_grpc.testing.{module}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
