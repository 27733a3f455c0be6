"""What comes back for an image."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, Self

from vision_grpc.errors import (
    Advice,
    Code,
    ImageFailedError,
    NameOf,
    PathError,
    ProtocolError,
    RequestTooLargeError,
    TransportName,
    VisionError,
    advice_text,
)
from vision_grpc.results.layout import Block, Line, Page, Word
from vision_grpc.texts.quoting import shorten, show

if TYPE_CHECKING:
    from pydantic_core import CoreSchema

    from vision_grpc.messages import AnalyzeResult, RecognizeTextResponse, TextAnnotation
    from vision_grpc.messages import Any as AnyMessage
    from vision_grpc.results.documents import Picture, Recognized, Table
    from vision_grpc.results.plain import Detail


@dataclass(frozen=True, slots=True)
class ImageError:
    """Why an image has no result, or not all of it."""

    code: Code
    message: str
    details: Sequence["AnyMessage"] = ()
    """google.protobuf.Any messages of the service."""

    cause: VisionError | None = field(default=None, repr=False, compare=False)
    """What ended the call, when the call failed as a whole."""

    advice: Sequence[Advice] = field(default=(), repr=False, compare=False)
    """What to do about it, where that depends on how the program is used; the message ends with it, put for Python."""

    is_lasting: bool = field(default=False, repr=False, compare=False)
    """Whether it is not `retryable`, whatever its code: known of an error whose cause is not kept, as in a journal."""

    is_open: bool = field(default=False, repr=False, compare=False)
    """Whether the operation of the image may still end well: a `PendingOperation` asks for its result later."""

    @classmethod
    def advised(cls, code: Code, problem: str, advice: Sequence[Advice]) -> Self:
        """Return an error whose message is the problem and then the advice."""
        return cls(code, _join(problem, advice_text(advice)), advice=advice)

    @property
    def retryable(self) -> bool:
        """Whether the same image may succeed a little later."""
        is_lasting = self.is_lasting or (isinstance(self.cause, PathError) and self.cause.lasting)
        return self.code.retryable and not is_lasting and not isinstance(self.cause, RequestTooLargeError)

    def at(self, place: str) -> Self:
        """Return the error with the place where its image was named, such as the line of a list."""
        return replace(self, message=_join(f"{self._problem} ({place})", advice_text(self.advice)))

    def text(self, name_of: NameOf) -> str:
        """Return the message, with the advice in other words than those for Python."""
        return _join(self._problem, advice_text(self.advice, name_of))

    @property
    def _problem(self) -> str:
        return self.message.removesuffix(_join("", advice_text(self.advice)))

    def __str__(self) -> str:
        return f"{self.code.name}: {self.message}"


def _join(problem: str, advice: str) -> str:
    return f"{problem}; {advice}" if advice else problem


class Outcome(Protocol):
    """What the service answered for one image, parsed when it is read."""

    def error(self) -> ImageError | None:
        """Return the file's error, else that of its first failed feature."""
        ...

    def message(self) -> "AnalyzeResult":
        """Return the whole answer for the image.

        Raises:
            ProtocolError: the answer is not an AnalyzeResult.
        """
        ...

    def text(self) -> str:
        """Return only the text, which may cost less than the whole; raises as `message` does."""
        ...

    def wire(self) -> bytes:
        """Return the whole answer in protobuf's wire format, as it came where that is what came; raises likewise."""
        ...


_SHOWN = 80
"""How many characters of the text a repr shows."""


# Not frozen: that would cost 0.6 us, a tenth of all that the client itself costs an image.
@dataclass(slots=True)
class ImageResult:
    """The outcome for one image: text, or an error, or both when only some features failed.

    It is true when it is `ok`, and so for an empty page, too.
    """

    key: str
    """The path, or the key of the `Image`, or `#position` for bare bytes."""

    outcome: Outcome | None = field(default=None, repr=False, compare=False)
    """The service's answer for this image as it came; None when it did not answer."""

    error: ImageError | None = None
    """The image's own error, else that of its first failed feature."""

    attempts: int = 0
    """How often the image was sent; 0 when it was refused here, or sent before, as a `PendingOperation`."""

    transport: TransportName | None = None
    """The transport that brought the answer."""

    request_id: str | None = None
    """The service's id of the call: what its support asks for."""

    fallback_reason: str | None = None
    """Why `transport="auto"` took REST for this image; None when it did not."""

    operation_id: str | None = None
    """The operation whose result this is; None where the image was sent by a call that answers at once."""

    fitted: Mapping[str, object] | None = None
    """What was done to the image so that it could be sent, as in a journal; None when it was sent as it is.

    The boxes are then in the pixels of the picture as its file stores it, else as it is to be seen.
    """

    known_text: str | None = field(default=None, repr=False, compare=False)
    """The text where it is kept beside the answer, or without one, as in a journal; else it is read from the answer."""

    def __repr__(self) -> str:
        parts = [show(self.key)]
        if self.error is not None:
            parts.append(f"error={shorten(str(self.error))!r}")
        try:
            text = self.text
        except ProtocolError:
            parts.append("answer=damaged")
        else:
            if text or self.error is None:
                more = f"... ({len(text):,} characters)" if len(text) > _SHOWN else ""
                parts.append(f"text={text[:_SHOWN]!r}{more}")
        return f"ImageResult({', '.join(parts)})"

    def _repr_html_(self) -> str:
        """Return the result as notebooks show it: its picture with boxes, where that is at hand, and its text."""
        from vision_grpc.results.notebook import to_html

        return to_html(self)

    def __bool__(self) -> bool:
        """Whether it is `ok`: true for an empty page, false for whatever failed, even if some text was read."""
        return self.ok

    @property
    def result(self) -> "AnalyzeResult | None":
        """The service's answer for this image, parsed when first read; None when it did not answer.

        Raises:
            ProtocolError: its bytes are not an AnalyzeResult.
        """
        return None if self.outcome is None else self.outcome.message()

    @property
    def raw(self) -> "Sequence[AnalyzeResult] | Sequence[RecognizeTextResponse]":
        """The service's own messages: one AnalyzeResult of vision/v1, or a RecognizeTextResponse of ocr/v1 a page.

        Raises:
            ProtocolError: the answer is damaged, as for all that is read from it.
        """
        if (result := self.result) is None:
            return []
        return self._ocr_pages() or [result]

    @property
    def has_confidence(self) -> bool:
        """Whether the API that answered says how sure it is of what it read: vision/v1 does, ocr/v1 does not."""
        return self.outcome is not None and not self._ocr_pages()

    @property
    def markdown(self) -> str | None:
        """The text as Markdown; None where the model does not make it, and of vision/v1."""
        return self._recognized().markdown

    @property
    def full_text(self) -> str | None:
        """The text as ocr/v1 itself joins it; None of vision/v1, and where the model does not."""
        return self._recognized().full_text

    @property
    def tables(self) -> "Sequence[Table]":
        """The tables of all pages; none of vision/v1, or of a model that does not look for them."""
        return self._recognized().tables

    @property
    def pictures(self) -> "Sequence[Picture]":
        """The pictures on all pages; none of vision/v1."""
        return self._recognized().pictures

    @property
    def rotation(self) -> int | None:
        """By how many degrees the text of the first page is turned: 0, 90, 180 or 270; None where that is not known."""
        return self._recognized().rotation

    def _recognized(self) -> "Recognized":
        from vision_grpc.results.documents import Recognized

        return Recognized.of(self.outcome)

    def _ocr_pages(self) -> "list[RecognizeTextResponse]":
        from vision_grpc.results.ocr_pages import read_pages

        return [] if self.outcome is None else read_pages(self.outcome.wire())

    @property
    def ok(self) -> bool:
        """Whether the image and all its features succeeded, as far as the answer was read; see `check`."""
        return self.error is None

    def check(self) -> Self:
        """Return the result itself, its answer read: one that is damaged becomes the error of the image.

        Without this it is read with the text, which then raises ProtocolError. It costs what reading the text costs,
        also where that is known already, as in a journal.
        """
        if self.outcome is not None:
            try:
                self.outcome.text()
            except ProtocolError as error:
                if self.error is None:
                    self.error = ImageError(error.code, str(error), cause=error)
                self.outcome = None
        return self

    def raise_for_error(self) -> Self:
        """Return the result itself, so that what is read from it is not an empty text in place of an error.

            print(client.analyze("scan.png").raise_for_error().text)

        Raises:
            ImageFailedError: the image has an error, or its answer is damaged.
        """
        if (error := self.check().error) is None:
            return self
        raise ImageFailedError(
            self.key, error.code, error.message, details=error.details, retryable=error.retryable
        ) from error.cause

    @property
    def annotation(self) -> "TextAnnotation | None":
        """The recognised text with its geometry, None when there is none; of the first text feature if several."""
        return None if self.outcome is None else annotation_of(self.outcome.message())

    @property
    def text(self) -> str:
        """The recognised text: words joined by spaces, a line each, blocks apart by an empty line.

        Empty when nothing was recognised; `ok` distinguishes an empty page from a failure.
        """
        if self.known_text is not None:
            return self.known_text
        return "" if self.outcome is None else self.outcome.text()

    @property
    def pages(self) -> Sequence[Page]:
        """The pages of the text: one for an image, none when there is no answer."""
        return [] if (annotation := self.annotation) is None else [Page(page) for page in annotation.pages]

    def blocks(self) -> Iterator[Block]:
        """Yield every block in reading order."""
        return chain.from_iterable(page.blocks for page in self.pages)

    def lines(self) -> Iterator[Line]:
        """Yield every line in reading order."""
        return chain.from_iterable(page.lines() for page in self.pages)

    def words(self) -> Iterator[Word]:
        """Yield every word in reading order, with box, confidence and languages."""
        return chain.from_iterable(page.words() for page in self.pages)

    def to_dict(self, *, detail: "Detail" = "words") -> dict[str, Any]:
        """Return the result as plain values, which JSON, queues, pydantic and pandas take.

        All fields are there, whatever they hold: boxes as `[left, top, right, bottom]`, polygons as `[[x, y], ...]`,
        texts in UTF-8, no NaN; docs/results.md has the whole form. With `detail="text"` the pages are left out. An
        answer that is damaged becomes the error of the result, as by `check`.
        """
        from vision_grpc.results.plain import to_dict

        return to_dict(self, detail)

    def __json__(self) -> dict[str, Any]:
        """Return what the JSON serializer of Celery makes of a result: `to_dict()`."""
        return self.to_dict()

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: object) -> "CoreSchema":
        """Return how a model of pydantic has a result: as it is, and dumped as `to_dict()`."""
        from pydantic_core import core_schema

        del source, handler
        plain = core_schema.plain_serializer_function_ser_schema(cls.to_dict, return_schema=core_schema.dict_schema())
        return core_schema.is_instance_schema(cls, serialization=plain)


class Answer(NamedTuple):
    """What the service answered for each image of a batch, in the batch's order."""

    outcomes: Sequence[Outcome]
    request_id: str | None
    transport: TransportName
    fallback_reason: str | None = None

    def errors(self, images: int) -> list[ImageError | None]:
        """Return the error of each image, None for an image without one.

        Raises:
            ProtocolError: the answer does not have one result for each image, or a result is not valid.
        """
        if len(self.outcomes) != images:
            count = len(self.outcomes)
            message = f"the answer has {count} results for {images} images, so none can be assigned to its image"
            raise ProtocolError(message)
        return [outcome.error() for outcome in self.outcomes]


def annotation_of(result: "AnalyzeResult") -> "TextAnnotation | None":
    """Return what the first text feature read, None when there is none."""
    texts = (feature.text_detection for feature in result.results if feature.HasField("text_detection"))
    return next(texts, None)
