r"""The bytes of an entry: two lines, a header in JSON, and the messages.

    vision-grpc tape entry 1\n
    <SHA-256 of all that follows, in hexadecimal>\n
    {"digest": ..., "api": ..., "model": ..., "lengths": [...], ...}\n
    <the messages in wire format, one after the other, compressed by zlib>

Compressed, a page takes 30 % of the room. Measured on one of 450 words, 39 KB: 0.15 ms when it is recorded, which is
once, and 0.05 ms when it is found. Higher levels save 2 % more and take three times as long.
"""

import hashlib
import re
import zlib
from itertools import accumulate, pairwise
from typing import Literal, NamedTuple

from msgspec import DecodeError, Struct, json

from vision_grpc.tape.recording import Recording
from vision_grpc.texts.strict import to_strict

VERSION = 1
"""The version of the form. A reader takes entries of later ones for absent."""

HEAD_BYTES = 4_096
"""What is enough to read nearly all headers; one of a file of hundreds of pages is longer."""

_FIRST_LINES = re.compile(rb"vision-grpc tape entry (\d{1,9})\n([0-9a-f]{64})\n")
_MOST_BYTES = 1 << 30
_LEVEL = 1


class EntryError(Exception):
    """The bytes are not a whole entry of this digest; the text says why."""


class NewerEntryError(EntryError):
    """A later version of this package has written the entry."""


class ForbiddenEntryError(EntryError):
    """The entry may be whole, and this process may not read it."""


class Header(Struct, frozen=True):
    """What an entry says of its answer."""

    digest: str
    api: str
    model: str
    languages: tuple[str, ...]
    recorded_at: float
    request_id: str | None
    message: Literal["AnalyzeResult", "RecognizeTextResponse"]
    lengths: tuple[int, ...]


class _Cut(NamedTuple):
    checksum: bytes
    start: int
    """Where the header begins, and with it what the checksum is of."""
    end: int
    """Where the header ends; -1 where that is not in the bytes."""


def pack(digest: str, recording: Recording) -> bytes:
    """Return the bytes of an entry."""
    header = Header(
        digest,
        recording.api,
        recording.model,
        tuple(recording.languages),
        recording.recorded_at,
        None if recording.request_id is None else to_strict(recording.request_id),
        "RecognizeTextResponse" if recording.has_pages else "AnalyzeResult",
        tuple(map(len, recording.messages)),
    )
    rest = b"%b\n%b" % (json.encode(header), zlib.compress(b"".join(recording.messages), _LEVEL))
    return b"vision-grpc tape entry %d\n%b\n%b" % (VERSION, _checksum(rest), rest)


def unpack(digest: str, data: bytes) -> Recording:
    """Return what an entry holds.

    Raises:
        EntryError: it is cut, altered, of another digest, or of a later version.
    """
    cut = _cut(data)
    if cut.checksum != _checksum(memoryview(data)[cut.start :]):
        message = "its checksum is wrong: it was cut or altered"
        raise EntryError(message)
    header = _read_header(data, cut)
    if header.digest != digest:
        message = f"it is the entry {to_strict(header.digest[:64])!r} under another name"
        raise EntryError(message)
    body = _decompress(memoryview(data)[cut.end + 1 :], sum(header.lengths))
    ends = accumulate(header.lengths, initial=0)
    return Recording(
        [body[start:end] for start, end in pairwise(ends)],
        header.message == "RecognizeTextResponse",
        header.api,
        header.model,
        header.languages,
        header.recorded_at,
        header.request_id,
    )


def read_header(data: bytes) -> Header | None:
    """Return the header in the first bytes of an entry, unchecked; None if it is longer.

    Raises:
        EntryError: they do not begin as an entry does, or are of a later version.
    """
    cut = _cut(data)
    return None if cut.end < 0 else _read_header(data, cut)


def _cut(data: bytes) -> _Cut:
    first = _FIRST_LINES.match(data)
    if first is None:
        raise EntryError("it does not begin as an entry does" if data else "it is empty")
    if (version := int(first[1])) != VERSION:
        message = f"it is of version {version}, and this package reads {VERSION}"
        raise NewerEntryError(message) if version > VERSION else EntryError(message)
    return _Cut(first[2], first.end(), data.find(b"\n", first.end()))


def _read_header(data: bytes, cut: _Cut) -> Header:
    try:
        header = _decoder.decode(data[cut.start : cut.end])
    except (DecodeError, UnicodeDecodeError) as error:
        message = f"its header is not that of an entry ({error})"
        raise EntryError(message) from error
    if not header.lengths or min(header.lengths) < 0 or sum(header.lengths) > _MOST_BYTES:
        message = "the lengths in its header cannot be true"
        raise EntryError(message)
    return header


def _decompress(body: memoryview, length: int) -> bytes:
    decompressor = zlib.decompressobj()
    try:
        # No more than it is to be: a few bytes may stand for gigabytes.
        read = decompressor.decompress(body, length + 1)
    except zlib.error as error:
        message = f"its messages cannot be decompressed ({error})"
        raise EntryError(message) from error
    if len(read) != length or not decompressor.eof or decompressor.unused_data:
        message = "its messages are not as long as its header says"
        raise EntryError(message)
    return read


def _checksum(rest: bytes | memoryview) -> bytes:
    return hashlib.sha256(rest).hexdigest().encode()


_decoder = json.Decoder(Header)
