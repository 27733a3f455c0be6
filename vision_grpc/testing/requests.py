"""What a fake service was asked, for tests to look at."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from google.protobuf.message import Message

from vision_grpc.local.calls.call import Call
from vision_grpc.local.calls.images import images_of
from vision_grpc.local.page.masking import mask
from vision_grpc.messages import BatchAnalyzeRequest, FeatureTextDetectionConfig, RecognizeTextRequest


@dataclass(frozen=True, slots=True)
class SeenRequest:
    """A request that came with images, whether it was answered or not.

    The keys of the images are not in it: they stay with the client.
    """

    images: tuple[bytes, ...] = field(repr=False)
    languages: tuple[str, ...]
    """Those of the first image; the images of a request of our clients share them."""
    model: str
    """The model of the first image; empty where the request has none."""
    folder_id: str
    method: str
    """The path of the method in gRPC, over REST too."""
    transport: Literal["grpc", "rest"]
    metadata: Mapping[str, str] = field(repr=False)
    """Metadata or headers: names in lower case, and dots in place of what may be a secret."""
    message: Message = field(repr=False)
    """The request itself."""

    @classmethod
    def of(cls, call: Call) -> "SeenRequest | None":
        """Return the request of a call, None if it is not about images."""
        request = call.request
        images = tuple(images_of(request))
        if request is None or not images:
            return None
        metadata = mask(call.metadata)
        if isinstance(request, BatchAnalyzeRequest):
            configs = [feature.text_detection_config for feature in request.analyze_specs[0].features]
            config = configs[0] if configs else FeatureTextDetectionConfig()
            languages, model, folder_id = config.language_codes, config.model, request.folder_id
        elif isinstance(request, RecognizeTextRequest):
            languages, model, folder_id = request.language_codes, request.model, metadata.get("x-folder-id", "")
        else:
            return None
        return cls(images, tuple(languages), model, folder_id, call.method, call.face, metadata, request)


class RequestLog:
    """The requests that came. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: list[SeenRequest] = []

    def note(self, call: Call) -> None:
        """Take note of a call whose request is there."""
        if (request := SeenRequest.of(call)) is not None:
            with self._lock:
                self._requests.append(request)

    def all(self) -> list[SeenRequest]:
        """Return all of them, in the order in which they came."""
        with self._lock:
            return [*self._requests]

    def clear(self) -> None:
        """Forget all of them."""
        with self._lock:
            self._requests.clear()
