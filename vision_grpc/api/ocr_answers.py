"""What ocr/v1 answers with: a stream of pages, or an operation."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import cast

from google.protobuf.message import DecodeError

from vision_grpc.api.api import Api, HideBytes, Reply
from vision_grpc.codec.json import from_json, read_stream
from vision_grpc.codec.json.tree import Json
from vision_grpc.codec.stream_wire import split_stream
from vision_grpc.codec.wire_format import LENGTH_DELIMITED, read_field, read_varint, tag
from vision_grpc.errors import Code, ProtocolError
from vision_grpc.messages import Operation, RecognizeTextResponse, Status
from vision_grpc.results.ocr_outcome import OcrOutcome
from vision_grpc.results.operation_outcome import OperationOutcome

_ANNOTATION = tag(RecognizeTextResponse.DESCRIPTOR.fields_by_name["text_annotation"].number, LENGTH_DELIMITED)[0]
_PAGE = RecognizeTextResponse.DESCRIPTOR.fields_by_name["page"].number << 3

_MOST_NAMED = 5


class PageAnswers(Api):
    """Methods that answer with the pages of one file, as a stream."""

    def read_wire(self, wire: bytes, hide: HideBytes) -> Sequence[OcrOutcome]:
        """Return the outcome of an answer: `codec.stream_wire` has its form. See `Api`."""
        try:
            pages, error = split_stream(wire)
            return _outcome_of(pages, error, hide)
        except DecodeError as broken:
            raise self._no_pages(wire, broken) from broken

    def read_json(self, body: bytes, hide: HideBytes) -> Sequence[OcrOutcome]:
        """Return the outcome of an answer in JSON; see `Api`."""
        messages, error = read_stream(body, RecognizeTextResponse, _amend)
        return _outcome_of([message.SerializeToString() for message in messages], error, hide)

    def read_message(self, response: Reply) -> Sequence[OcrOutcome]:
        """Return the outcome of parsed pages: RecognizeTextResponse messages in a list."""
        pages = cast("Sequence[RecognizeTextResponse]", response)
        return _outcome_of([page.SerializeToString() for page in pages], None, bytes)

    def parse_wire(self, wire: bytes) -> list[RecognizeTextResponse]:
        """Return the pages of an answer as messages; see `Api`."""
        try:
            pages, _ = split_stream(wire)
            return [RecognizeTextResponse.FromString(page) for page in pages]
        except DecodeError as broken:
            raise self._no_pages(wire, broken) from broken

    def parse_json(self, body: bytes) -> list[RecognizeTextResponse]:
        """Return what `parse_wire` does, of an answer in JSON."""
        messages, _ = read_stream(body, RecognizeTextResponse, _amend)
        return messages

    def error_in(self, body: bytes) -> Status | None:
        """Return the error that ended the stream; see `Api`."""
        return read_stream(body, RecognizeTextResponse, _amend)[1]

    def _no_pages(self, wire: bytes, broken: DecodeError) -> ProtocolError:
        return ProtocolError(f"the answer's {len(wire)} bytes are not a stream of pages: {broken}")


class OperationAnswers(Api):
    """Methods that answer with an operation."""

    def read_wire(self, wire: bytes, hide: HideBytes) -> Sequence[OperationOutcome]:
        """Return the operation; see `Api`."""
        try:
            return [OperationOutcome(_hidden(Operation.FromString(wire), hide))]
        except DecodeError as broken:
            message = f"the answer's {len(wire)} bytes are not an Operation"
            raise ProtocolError(message) from broken

    def read_json(self, body: bytes, hide: HideBytes) -> Sequence[OperationOutcome]:
        """Return the operation of an answer in JSON; see `Api`. What has no id may be an error."""
        operation = from_json(body, Operation)
        return [OperationOutcome(_hidden(operation, hide))] if operation.id else []

    def read_message(self, response: Reply) -> Sequence[OperationOutcome]:
        """Return the operation; see `Api`."""
        return [OperationOutcome(response)] if isinstance(response, Operation) and response.id else []


def _hidden(operation: Operation, hide: HideBytes) -> Operation:
    return Operation.FromString(hide(operation.SerializeToString())) if operation.HasField("error") else operation


def _outcome_of(pages: Sequence[bytes], error: Status | None, hide: HideBytes) -> Sequence[OcrOutcome]:
    """Return the outcome of a file, none where there is nothing but an error.

    Raises:
        ProtocolError: there is nothing at all, or no telling which pages these are.
        DecodeError: the outermost fields of a page are broken.
    """
    by_number = _by_number(pages)
    if by_number:
        if error is None and (missing := _missing(by_number)):
            error = Status(code=Code.DATA_LOSS, message=f"the answer lacks {missing}")
        elif error is not None:
            error = Status.FromString(hide(error.SerializeToString()))
        return [OcrOutcome([page for _, page in sorted(by_number.items())], error)]
    if error is None:
        message = "the answer ended without a page"
        raise ProtocolError(message)
    return []


def _by_number(pages: Sequence[bytes]) -> dict[int, bytes]:
    """Return pages by their numbers; one that came twice counts once."""
    by_number: dict[int, bytes] = {}
    for page in pages:
        number, has_text = _read_head(page)
        if has_text and by_number.setdefault(number, page) != page:
            message = f"page {number} came twice in one answer, with different contents"
            raise ProtocolError(message)
    return by_number


def _missing(numbers: Iterable[int]) -> str:
    """Return which pages are missing among those with these numbers, whether they count from 0 or from 1."""
    there = sorted(numbers)
    gaps = [(before + 1, after - 1) for before, after in pairwise([min(there[0] - 1, 0), *there]) if after > before + 1]
    named = [str(first) if first == last else f"{first} to {last}" for first, last in gaps[:_MOST_NAMED]]
    more = ["..."] if len(gaps) > _MOST_NAMED else []
    plural = "s" if len(gaps) > 1 or any(first != last for first, last in gaps) else ""
    return f"page{plural} {', '.join(named + more)}" if gaps else ""


def _read_head(page: bytes) -> tuple[int, bool]:
    """Return the number of a page, and whether there is a page at all."""
    number, has_text, position, end = 0, False, 0, len(page)
    while position < end:
        field, start, position = read_field(page, position, end)
        if field == _PAGE:
            number, _ = read_varint(page, start, position)
        has_text |= field == _ANNOTATION
    return number, has_text


def _amend(page: dict[str, Json]) -> None:
    """Give the lines of a page their words: older answers had several readings of a line, the best first."""
    for block in _objects(page.get("textAnnotation", page.get("text_annotation")), "blocks"):
        for line in _objects(block, "lines"):
            for best in _objects(line, "alternatives")[:1]:
                line.update({**best, **line})


def _objects(tree: Json, name: str) -> list[dict[str, Json]]:
    members = tree.get(name) if isinstance(tree, dict) else None
    return [each for each in members if isinstance(each, dict)] if isinstance(members, list) else []
