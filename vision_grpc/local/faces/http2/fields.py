"""Header fields: blocks put together and decoded, and requests checked as RFC 9113 section 8 asks."""

import logging
import re
from collections.abc import Iterable
from typing import NamedTuple, TypeAlias

from hpack.exceptions import HPACKError, OversizedHeaderListError
from hpack.hpack import Decoder, Encoder
from hyperframe.frame import ContinuationFrame, HeadersFrame

from vision_grpc.local.faces.http2.errors import ConnectionBrokenError, ErrorCode, StreamBrokenError

Fields: TypeAlias = list[tuple[str, str]]
RawFields: TypeAlias = list[tuple[bytes, bytes]]

MOST_BLOCK_BYTES = 64 * 1024
"""Bytes of a header block, compressed or not. Beyond, the connection ends: the state of HPACK would be lost."""

# Nobody needs so many: with the smallest frame size that HTTP/2 has, four hold the largest block.
_MOST_CONTINUATIONS = 16
_NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9a-z]+")
_VALUE = re.compile(rb"(?:[^\x00-\x20\x7f](?:[^\x00-\x08\x0a-\x1f\x7f]*[^\x00-\x20\x7f])?)?")
# HTTP/2 has no blanks around values, but clients of gRPC send those that are in metadata, and its protocol over HTTP/2
# lets servers strip them ("ASCII-Value").
_BLANKS = b" \t"
_MALFORMED = ErrorCode.PROTOCOL_ERROR
_PSEUDO = (":method", ":scheme", ":path", ":authority")
# They speak of an HTTP/1 connection (section 8.2.2).
_FORBIDDEN = {"connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"}


class Request(NamedTuple):
    """The head of a request. Names are in lower case; a name may come several times."""

    method: str
    scheme: str
    path: str
    authority: str
    fields: Fields

    def __repr__(self) -> str:
        # Fields hold secrets.
        return f"Request({self.method!r}, {self.path!r})"


def silence_hpack() -> None:
    """Keep the fields of requests, which hold secrets, out of the log: hpack writes them there for debugging."""
    logging.getLogger("hpack").setLevel(logging.INFO)


class HeaderBlock:
    """The header block of a request or its trailers, which comes in one HEADERS frame and any CONTINUATION frames."""

    def __init__(self, stream_id: int, *, ends: bool) -> None:
        self.stream_id = stream_id
        self.ends = ends
        """Whether the request ends with it."""
        self._pieces: list[bytes] = []
        self._bytes = 0

    def add(self, piece: bytes) -> None:
        """Take the next piece.

        Raises:
            ConnectionBrokenError: there are too many, or they are too long (CVE-2024-27316).
        """
        self._pieces.append(piece)
        self._bytes += len(piece)
        if self._bytes > MOST_BLOCK_BYTES or len(self._pieces) > 1 + _MOST_CONTINUATIONS:
            raise ConnectionBrokenError(ErrorCode.ENHANCE_YOUR_CALM, "a header block without end")

    def joined(self) -> bytes:
        """Return the whole block."""
        return b"".join(self._pieces)


class FieldDecoder:
    """Puts the header blocks of one connection together and decodes them, in their order."""

    def __init__(self) -> None:
        self._hpack = Decoder(max_header_list_size=MOST_BLOCK_BYTES)
        self.begun: HeaderBlock | None = None
        """The block that is not complete yet; only CONTINUATION may follow."""

    def take(self, frame: HeadersFrame | ContinuationFrame) -> tuple[HeaderBlock, RawFields] | None:
        """Return the block that the frame completes, with its fields; None if it goes on.

        Raises:
            ConnectionBrokenError: the frame does not belong here, or the block is not valid or too long.
        """
        block = self.begun
        if isinstance(frame, HeadersFrame):
            block = HeaderBlock(frame.stream_id, ends="END_STREAM" in frame.flags)
        if block is None or block.stream_id != frame.stream_id:
            raise ConnectionBrokenError(ErrorCode.PROTOCOL_ERROR, "CONTINUATION of nothing")
        block.add(frame.data)
        if "END_HEADERS" not in frame.flags:
            self.begun = block
            return None
        self.begun = None
        return block, self._decode(block.joined())

    def _decode(self, block: bytes) -> RawFields:
        try:
            return [(bytes(name), bytes(value)) for name, value in self._hpack.decode(block, raw=True)]
        except OversizedHeaderListError as error:
            raise ConnectionBrokenError(ErrorCode.ENHANCE_YOUR_CALM, "a header list without end") from error
        except (HPACKError, IndexError) as error:
            raise ConnectionBrokenError(ErrorCode.COMPRESSION_ERROR, str(error)) from error


class FieldEncoder:
    """Encodes header blocks. It puts nothing into the peer's table: what is worth a place there is short anyway."""

    def __init__(self) -> None:
        self._hpack = Encoder()

    def set_table_bytes(self, size: int) -> None:
        """Use a table of the size that the peer allows."""
        self._hpack.header_table_size = min(size, 4096)

    def encode(self, fields: Iterable[tuple[str, str]]) -> bytes:
        """Return the block of the fields."""
        return self._hpack.encode([(name, value, True) for name, value in fields], huffman=False)


def as_request(raw: RawFields, most_bytes: int) -> Request:
    """Return the request of a header block.

    Raises:
        StreamBrokenError: it is malformed, or its list is longer than `most_bytes`.
    """
    pseudo: dict[str, str] = {}
    fields: Fields = []
    size = 0
    for name_bytes, value_bytes in raw:
        # Each field counts 32 bytes more (section 6.5.2).
        size += len(name_bytes) + len(value_bytes) + 32
        if size > most_bytes:
            reason = f"the header list is longer than {most_bytes:,} bytes"
            raise StreamBrokenError(ErrorCode.ENHANCE_YOUR_CALM, reason)
        name = name_bytes.decode("latin-1")
        stripped = value_bytes if name.startswith(":") else value_bytes.strip(_BLANKS)
        value = stripped.decode("latin-1")
        if not _VALUE.fullmatch(stripped):
            raise StreamBrokenError(_MALFORMED, f"the value of {name!r} has characters that are not allowed")
        if not name.startswith(":"):
            _check_field(name_bytes, name, value)
            fields.append((name, value))
        elif fields or name in pseudo or name not in _PSEUDO:
            raise StreamBrokenError(_MALFORMED, f"the pseudo-header {name!r} is unknown, late or there twice")
        else:
            pseudo[name] = value
    method, scheme, path, authority = (pseudo.get(name, "") for name in _PSEUDO)
    if not (method and scheme and path):
        raise StreamBrokenError(_MALFORMED, "a request needs :method, :scheme and :path")
    return Request(method, scheme, path, authority, fields)


def check_trailers(raw: RawFields, *, ends: bool) -> None:
    """Check the fields after a body.

    Raises:
        StreamBrokenError: they are malformed, or do not end the request.
    """
    if not ends:
        raise StreamBrokenError(_MALFORMED, "trailers that do not end the request")
    for name, value in raw:
        if not _VALUE.fullmatch(value.strip(_BLANKS)):
            raise StreamBrokenError(_MALFORMED, "the value of a trailer has characters that are not allowed")
        _check_field(name, name.decode("latin-1"), value.decode("latin-1"))


def content_length(fields: Fields) -> int | None:
    """Return the length that the request states for its body, None if it states none.

    Raises:
        StreamBrokenError: it is no number, or there are different ones.
    """
    stated = {value for name, value in fields if name == "content-length"}
    if not stated:
        return None
    [value, *others] = stated
    if others or not re.fullmatch("[0-9]{1,18}", value):
        raise StreamBrokenError(_MALFORMED, "content-length is not one number")
    return int(value)


def _check_field(name_bytes: bytes, name: str, value: str) -> None:
    if not _NAME.fullmatch(name_bytes):
        raise StreamBrokenError(_MALFORMED, f"{name!r} is not a name in lower case")
    if name in _FORBIDDEN or (name == "te" and value != "trailers"):
        raise StreamBrokenError(_MALFORMED, f"the field {name!r} speaks of an HTTP/1 connection")
