"""What ocr/v1 is sent: a file, or the id of an operation."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from google.protobuf.message import Message

from vision_grpc.api.api import Api
from vision_grpc.codec.json import RequestBody, to_json
from vision_grpc.codec.wire_format import LENGTH_DELIMITED, read_field, tag, varint
from vision_grpc.contract import jpeg, png
from vision_grpc.contract.foreign import is_pdf
from vision_grpc.contract.rules import validate
from vision_grpc.errors import InvalidRequestError, Violation
from vision_grpc.messages import RecognizeTextRequest
from vision_grpc.texts.header_value import is_header_value
from vision_grpc.texts.quoting import show

_CONTENT = tag(RecognizeTextRequest.DESCRIPTOR.fields_by_name["content"].number, LENGTH_DELIMITED)
# As the documentation of the service and its samples call the kinds of files. Programs send `image/jpeg` too.
_MIME_TYPES = ((jpeg.SIGNATURE, "JPEG"), (png.SIGNATURE, "PNG"))
_PDF = "PDF"


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
    """Return what the API calls a kind of file, by its first bytes; empty for one that it does not know."""
    for signature, mime_type in _MIME_TYPES:
        if content.startswith(signature):
            return mime_type
    return _PDF if is_pdf(content) else ""


class FileRequests(Api):
    """Methods that take one file."""

    def headers(self, folder_id: str) -> Sequence[tuple[str, str]]:
        """Return the folder: requests have no field for it."""
        return folder_header(folder_id)

    def template(self, languages: Sequence[str], model: str, folder_id: str) -> OcrTemplate:
        """Return the template of requests for text; see `Api`. The folder is among the headers."""
        del folder_id
        request = RecognizeTextRequest(language_codes=languages, model=model)
        validate(request)
        return OcrTemplate(request.SerializeToString())

    def split_request(self, wire: bytes) -> Sequence[bytes]:
        """Return the file of a request; see `Api`."""
        return first_field(wire)

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


@dataclass(frozen=True)
class IdTemplate:
    """Requests that have nothing but the id of an operation, in their first field."""

    request_class: type[Message]
    headers: Sequence[tuple[str, str]] = ()
    """What goes along with these requests alone."""

    def join(self, contents: Sequence[bytes]) -> bytes:
        """Return the request in wire format; see `RequestTemplate`."""
        return self.message(contents).SerializeToString()

    def json_body(self, contents: Sequence[bytes]) -> RequestBody:
        """Return the request as JSON; see `RequestTemplate`."""
        return RequestBody([to_json(self.message(contents))])

    def message(self, contents: Sequence[bytes]) -> Message:
        """Return the request as a message; see `RequestTemplate`."""
        [operation_id] = contents
        return self.request_class(operation_id=operation_id.decode())


class IdRequests(Api):
    """Methods that take the id of an operation; it stands where others have an image."""

    def headers(self, folder_id: str) -> Sequence[tuple[str, str]]:
        """Return the folder, as for files."""
        return folder_header(folder_id)

    def template(self, languages: Sequence[str] = (), model: str = "", folder_id: str = "") -> IdTemplate:
        """Return the template of requests; nothing is asked but for the operation."""
        del languages, model, folder_id
        return IdTemplate(self._request_class)

    def split_request(self, wire: bytes) -> Sequence[bytes]:
        """Return the id of a request; see `Api`."""
        return first_field(wire)

    def count_images(self, request: Message) -> int:
        """Return 1: a request is about one operation."""
        del request
        return self.most_images


def folder_header(folder_id: str) -> Sequence[tuple[str, str]]:
    """Return the header that says which folder pays.

    Raises:
        InvalidRequestError: the folder cannot be sent in a header.
    """
    if not is_header_value(folder_id):
        problem = f"{show(folder_id)} is not printable ASCII without blanks at its ends"
        raise InvalidRequestError([Violation("folder_id", f"{problem}: ids of folders have letters and digits")])
    return (("x-folder-id", folder_id),) if folder_id else ()


def first_field(wire: bytes) -> Sequence[bytes]:
    """Return the value of the first field of a request."""
    _, start, end = read_field(wire, 0, len(wire))
    return [wire[start:end]]


def _json_body(content: bytes, others: RecognizeTextRequest) -> RequestBody:
    rest = to_json(others).removeprefix(b"{")
    return RequestBody([b'{"content":"', memoryview(content), b'"' if rest == b"}" else b'",', rest])
