"""What the service asks of an engine that reads text, whichever it is."""

from collections.abc import Callable, Sequence
from typing import Protocol

from vision_grpc.messages import TextAnnotation


class UnreadableImageError(ValueError):
    """The file holds no picture that can be decoded here; the message says why and what to do."""


class UnsupportedTextError(ValueError):
    """The engine does not support what the request asks for; the message says what it does support."""


class UnknownLanguageError(UnsupportedTextError):
    """The language code is unknown, or no model for it is installed."""


class RecognitionError(Exception):
    """The engine failed unexpectedly."""


class GivenUpError(Exception):
    """The text is not read to its end, because nobody waits for it any more."""


class Picture(Protocol):
    """A decoded file. One thread at a time uses it."""

    @property
    def complete(self) -> bool:
        """Whether the file had all of the picture; what was missing is blank."""
        ...

    def recognize(self, *, languages: Sequence[str], model: str, give_up: Callable[[], bool]) -> TextAnnotation:
        """Return the text; `model` is empty for the usual one.

        The call blocks. `give_up` is asked now and then, from this thread.

        Raises:
            UnsupportedTextError: a language or the model is unknown, or the picture is not one for this engine.
            GivenUpError: `give_up` returned true.
            RecognitionError: the engine failed.
        """
        ...


class OcrEngine(Protocol):
    """Turns files into pictures that can be read. Thread-safe.

    An engine that knows the codes of the languages it reads has them in `languages`, for the page to offer.
    """

    def open(self, content: bytes) -> Picture:
        """Return the picture of a file; nothing of the file is decoded before.

        Raises:
            UnreadableImageError: the engine gets no picture from it.
            ServiceError: it says itself which status the image has.
        """
        ...


def damaged() -> UnreadableImageError:
    """Return the error of a file of which no picture is left."""
    return UnreadableImageError("the file is truncated or damaged and cannot be decoded: copy or export it again")
