"""What a fake service reads, image by image."""

import re
import threading
from collections.abc import Callable
from hashlib import sha256
from os import PathLike
from pathlib import Path
from typing import TypeAlias, cast, overload

from vision_grpc.errors import Code, ServiceError
from vision_grpc.messages import (
    AnalyzeResult,
    BatchAnalyzeRequest,
    BatchAnalyzeResponse,
    FeatureResult,
    RecognizeTextRequest,
    RecognizeTextResponse,
    Status,
    TextAnnotation,
)
from vision_grpc.results import ImageError, ImageResult, annotation_of
from vision_grpc.results.outcomes import error_of
from vision_grpc.testing.texts import pages_response, text_annotation

Answer: TypeAlias = str | TextAnnotation | AnalyzeResult | ImageResult | ImageError | ServiceError
"""What an image shows: a text, a page as a message, a result that the service gave, or why it cannot be read."""

ImageKey: TypeAlias = bytes | str | PathLike[str] | Callable[[bytes], bool]
"""An image: its bytes, its file, the first 8 or more digits of its SHA-256, or a function that knows it."""

_DIGEST = re.compile(r"[0-9a-f]{8,64}", re.IGNORECASE)
_HOW = "say so by reads(text), by reads(text, of=image), or by fails(code, of=image)"


class Answers:
    """From the bytes of an image to what is read there. Thread-safe.

        answers = Answers("Hello world")
        answers.reads("Total: 42", of=Path("invoice.png"))
        answers.fails(Code.INVALID_ARGUMENT, "no picture in it", of=lambda content: len(content) < 100)
        VisionClient(transport=MemoryTransport(answers))

    What was said last of an image holds. An image of which nothing was said is a result with an error that tells how.
    As a handler of `MemoryTransport`, it answers requests of both APIs.
    """

    def __init__(self, everywhere: Answer | Callable[[bytes], Answer] | None = None) -> None:
        self._lock = threading.Lock()
        self._everywhere: Answer | Callable[[bytes], Answer] | None = None
        self._known: list[tuple[Callable[[bytes], bool], Answer | Callable[[bytes], Answer]]] = []
        if everywhere is not None:
            self.reads(everywhere)

    def reads(self, answer: Answer | Callable[[bytes], Answer], *, of: ImageKey | None = None) -> None:
        """Let an image show something, or all of which nothing else is said; a function is asked for each image.

        Raises:
            TypeError: it is not an answer, or `of` is not an image.
            ValueError: `of` is a text, and not a digest.
        """
        if not callable(answer):
            _read(answer)
        is_it = None if of is None else _matcher(of)
        with self._lock:
            if is_it is None:
                self._everywhere = answer
            else:
                self._known.insert(0, (is_it, answer))

    def fails(self, code: Code, message: str = "as the test says", *, of: ImageKey | None = None) -> None:
        """Let an image have an error in place of a text, or all of which nothing else is said."""
        self.reads(ServiceError(code, message), of=of)

    def find(self, content: bytes) -> TextAnnotation | ServiceError:
        """Return what an image shows, or its error."""
        with self._lock:
            known, answer = [*self._known], self._everywhere
        # The functions of the test are asked without the lock: they may say more.
        answer = next((answer for is_it, answer in known if is_it(content)), answer)
        if answer is None:
            digest = sha256(content).hexdigest()
            problem = f"the test does not say what the image of {len(content)} bytes, SHA-256 {digest[:8]}..., shows"
            return ServiceError(Code.FAILED_PRECONDITION, f"{problem}: {_HOW}")
        return _read(answer(content) if callable(answer) else answer)

    @overload
    def __call__(self, request: BatchAnalyzeRequest) -> BatchAnalyzeResponse: ...
    @overload
    def __call__(self, request: RecognizeTextRequest) -> list[RecognizeTextResponse]: ...
    def __call__(
        self, request: BatchAnalyzeRequest | RecognizeTextRequest
    ) -> BatchAnalyzeResponse | list[RecognizeTextResponse]:
        """Answer a request.

        Raises:
            ServiceError: in ocr/v1, the image has an error, which is that of the call.
        """
        if isinstance(request, BatchAnalyzeRequest):
            return BatchAnalyzeResponse(results=[_result(self.find(spec.content)) for spec in request.analyze_specs])
        found = self.find(request.content)
        if isinstance(found, ServiceError):
            raise found
        return pages_response(found.pages)


def _result(found: TextAnnotation | ServiceError) -> AnalyzeResult:
    if isinstance(found, ServiceError):
        return AnalyzeResult(error=Status(code=found.code, message=found.message))
    return AnalyzeResult(results=[FeatureResult(text_detection=found)])


def _read(answer: object) -> TextAnnotation | ServiceError:
    if isinstance(answer, TextAnnotation | ServiceError):
        return answer
    if isinstance(answer, str):
        return text_annotation(answer)
    if isinstance(answer, ImageError):
        return ServiceError(answer.code, answer.message)
    if isinstance(answer, AnalyzeResult):
        error = error_of(answer)
        return (annotation_of(answer) or TextAnnotation()) if error is None else _read(error)
    if isinstance(answer, ImageResult):
        return (answer.annotation or TextAnnotation()) if answer.error is None else _read(answer.error)
    message = f"an image shows a text, a message or an error, and not {type(answer).__name__}"
    raise TypeError(message)


def _matcher(image: object) -> Callable[[bytes], bool]:
    if isinstance(image, str):
        if not _DIGEST.fullmatch(image):
            message = f"{image!r} is not the first 8 or more digits of an image's SHA-256; a file is a Path"
            raise ValueError(message)
        prefix = image.lower()
        return lambda content: sha256(content).hexdigest().startswith(prefix)
    if isinstance(image, PathLike):
        image = Path(cast("PathLike[str]", image)).read_bytes()
    if isinstance(image, bytes | bytearray):
        digest = sha256(image).digest()
        return lambda content: sha256(content).digest() == digest
    if callable(image):
        return cast("Callable[[bytes], bool]", image)
    message = f"an image is bytes, a Path, a digest or a function, and not {type(image).__name__}"
    raise TypeError(message)
