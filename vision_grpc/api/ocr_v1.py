"""ocr/v1: `Recognize`, one file a request, answered by a stream of pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from google.protobuf.message import DecodeError, Message

from vision_grpc.api.api import Api, HideBytes
from vision_grpc.codec.json import RequestBody, read_stream, to_json
from vision_grpc.codec.json.tree import Json
from vision_grpc.codec.stream_wire import split_stream
from vision_grpc.codec.wire_format import LENGTH_DELIMITED, read_field, read_varint, tag, varint
from vision_grpc.contract import jpeg, png
from vision_grpc.contract.foreign import PDF_SIGNATURE
from vision_grpc.contract.method import RECOGNIZE
from vision_grpc.contract.rules import validate
from vision_grpc.errors import ProtocolError
from vision_grpc.messages import RecognizeTextRequest, RecognizeTextResponse, Status
from vision_grpc.results.ocr_outcome import OcrOutcome

_CONTENT = tag(RecognizeTextRequest.DESCRIPTOR.fields_by_name["content"].number, LENGTH_DELIMITED)
_ANNOTATION = tag(RecognizeTextResponse.DESCRIPTOR.fields_by_name["text_annotation"].number, LENGTH_DELIMITED)[0]
_PAGE = RecognizeTextResponse.DESCRIPTOR.fields_by_name["page"].number << 3

_MIME_TYPES = ((jpeg.SIGNATURE, "image/jpeg"), (png.SIGNATURE, "image/png"), (PDF_SIGNATURE, "application/pdf"))


@dataclass(frozen=True)
class OcrTemplate:
    """What is wanted of each file, in wire format: a RecognizeTextRequest without its content."""

    wishes: bytes
    headers: Sequence[tuple[str, str]] = ()
    """What goes along with these requests alone."""

    def join(self, contents: Sequence[bytes]) -> bytes:
        """Return the request in wire format; see `RequestTemplate`."""
        [content] = contents
        return b"".join((_CONTENT, varint(len(content)), content, self._others(content).SerializeToString()))

    def json_body(self, contents: Sequence[bytes]) -> RequestBody:
        """Return the request as JSON; see `RequestTemplate`."""
        [content] = contents
        return _json_body(content, self._others(content))

    def message(self, contents: Sequence[bytes]) -> RecognizeTextRequest:
        """Return the request as a message; see `RequestTemplate`."""
        [content] = contents
        request = self._others(content)
        request.content = content
        return request

    def _others(self, content: bytes) -> RecognizeTextRequest:
        request = RecognizeTextRequest.FromString(self.wishes)
        request.mime_type = mime_type_of(content)
        return request


def mime_type_of(content: bytes) -> str:
    """Return the media type of a file by its first bytes, empty for one that the API does not know."""
    return next((mime_type for signature, mime_type in _MIME_TYPES if content.startswith(signature)), "")


class OcrV1(Api):
    """The API of `yandex.cloud.ai.ocr.v1`."""

    def __init__(self) -> None:
        super().__init__(
            "ocr/v1",
            RECOGNIZE,
            most_images=1,
            endpoint="ocr.api.cloud.yandex.net:443",
            service_id="ai-vision-ocr",
            content_bytes=10 * 1024 * 1024,
            reads_pdf=True,
        )

    def headers(self, folder_id: str) -> Sequence[tuple[str, str]]:
        """Return the folder: requests have no field for it."""
        return (("x-folder-id", folder_id),) if folder_id else ()

    def template(self, languages: Sequence[str], model: str, folder_id: str) -> OcrTemplate:
        """Return the template of requests for text; see `Api`. The folder is among the headers."""
        del folder_id
        request = RecognizeTextRequest(language_codes=languages, model=model)
        validate(request)
        return OcrTemplate(request.SerializeToString())

    def split_request(self, wire: bytes) -> Sequence[bytes]:
        """Return the file of a request; see `Api`."""
        _, start, end = read_field(wire, 0, len(wire))
        return [wire[start:end]]

    def count_images(self, request: Message) -> int:
        """Return 1: a request has one file."""
        del request
        return self.most_images

    def json_body(self, request: Message) -> RequestBody:
        """Return a request as JSON, without a copy of the file's base64."""
        others = RecognizeTextRequest()
        others.CopyFrom(cast("RecognizeTextRequest", request))
        others.ClearField("content")
        return _json_body(cast("RecognizeTextRequest", request).content, others)

    def read_wire(self, wire: bytes, hide: HideBytes) -> Sequence[OcrOutcome]:
        """Return the outcome of an answer: `codec.stream_wire` has its form. See `Api`."""
        try:
            pages, error = split_stream(wire)
            return _outcome_of(pages, error, hide)
        except DecodeError as broken:
            message = f"the answer's {len(wire)} bytes are not a stream of pages: {broken}"
            raise ProtocolError(message) from broken

    def read_json(self, body: bytes, hide: HideBytes) -> Sequence[OcrOutcome]:
        """Return the outcome of an answer in JSON; see `Api`."""
        messages, error = read_stream(body, RecognizeTextResponse, _amend)
        return _outcome_of([message.SerializeToString() for message in messages], error, hide)

    def read_message(self, response: Any) -> Sequence[OcrOutcome]:  # noqa: ANN401
        """Return the outcome of parsed pages: RecognizeTextResponse messages in a list."""
        return _outcome_of([page.SerializeToString() for page in response], None, bytes)


def _json_body(content: bytes, others: RecognizeTextRequest) -> RequestBody:
    rest = to_json(others).removeprefix(b"{")
    return RequestBody([b'{"content":"', memoryview(content), b'"' if rest == b"}" else b'",', rest])


def _outcome_of(pages: Sequence[bytes], error: Status | None, hide: HideBytes) -> Sequence[OcrOutcome]:
    """Return the outcome of a file, none where there is nothing but an error.

    Raises:
        ProtocolError: there is nothing at all, or no telling which pages these are.
        DecodeError: the outermost fields of a page are broken.
    """
    ordered = _in_order(pages)
    if ordered:
        return [OcrOutcome(ordered, None if error is None else Status.FromString(hide(error.SerializeToString())))]
    if error is None:
        message = "the answer ended without a page"
        raise ProtocolError(message)
    return []


def _in_order(pages: Sequence[bytes]) -> list[bytes]:
    """Return pages by their numbers; one that came twice counts once."""
    by_number: dict[int, bytes] = {}
    for page in pages:
        number, has_text = _read_head(page)
        if has_text and by_number.setdefault(number, page) != page:
            message = f"page {number} came twice in one answer, with different contents"
            raise ProtocolError(message)
    return [page for _, page in sorted(by_number.items())]


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


OCR_V1 = OcrV1()
"""The one value of its kind."""
