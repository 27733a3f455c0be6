r"""The bytes of an entry: two lines, a header in JSON, and the messages.

vision-grpc tape entry 1\n
<SHA-256 of all that follows, in hexadecimal>\n
{"digest": ..., "api": ..., "model": ..., "lengths": [...], ...}\n
<the messages in wire format, one after the other>
"""

import hashlib
import re
from itertools import accumulate, pairwise
from typing import Literal

from msgspec import DecodeError, Struct, json

from vision_grpc.tape.recording import Recording
from vision_grpc.texts.strict import to_strict

_VERSION = 1
_FIRST_LINE = re.compile(rb"vision-grpc tape entry (\d{1,9})\n")
_CHECKSUM_LENGTH = hashlib.sha256().digest_size * 2


class EntryError(Exception):
    """The bytes are not a whole entry of this digest; the text says why."""


class NewerEntryError(EntryError):
    """A later version of this package has written the entry."""


class _Header(Struct, frozen=True):
    digest: str
    api: str
    model: str
    languages: tuple[str, ...]
    recorded_at: float
    request_id: str | None
    message: Literal["AnalyzeResult", "RecognizeTextResponse"]
    lengths: list[int]


def pack(digest: str, recording: Recording) -> bytes:
    """Return the bytes of an entry."""
    header = _Header(
        digest,
        recording.api,
        recording.model,
        tuple(recording.languages),
        recording.recorded_at,
        None if recording.request_id is None else to_strict(recording.request_id),
        "RecognizeTextResponse" if recording.has_pages else "AnalyzeResult",
        [*map(len, recording.messages)],
    )
    rest = b"".join((json.encode(header), b"\n", *recording.messages))
    return b"vision-grpc tape entry %d\n%b\n%b" % (_VERSION, _checksum(rest), rest)


def unpack(digest: str, data: bytes) -> Recording:
    """Return what an entry holds.

    Raises:
        EntryError: it is cut, altered, of another digest, or of a later version.
    """
    first = _FIRST_LINE.match(data)
    if first is None:
        raise EntryError("it does not begin as an entry does" if data else "it is empty")
    if int(first[1]) > _VERSION:
        message = f"it is of version {int(first[1])}, and this package reads {_VERSION}"
        raise NewerEntryError(message)
    start = first.end() + _CHECKSUM_LENGTH + 1
    rest = memoryview(data)[start:]
    if data[first.end() : start] != _checksum(rest) + b"\n":
        message = "its checksum is wrong: it was cut or altered"
        raise EntryError(message)
    body = data.find(b"\n", start) + 1
    header = _read_header(data[start:body])
    if header.digest != digest:
        message = f"it is the entry {to_strict(header.digest)[:64]!r} under another name"
        raise EntryError(message)
    ends = [*accumulate(header.lengths, initial=body)]
    if not header.lengths or min(header.lengths) < 0 or ends[-1] != len(data):
        message = "its header and its length differ"
        raise EntryError(message)
    has_pages = header.message == "RecognizeTextResponse"
    messages = [data[begin:end] for begin, end in pairwise(ends)]
    return Recording(
        messages, has_pages, header.api, header.model, header.languages, header.recorded_at, header.request_id
    )


def _read_header(line: bytes) -> _Header:
    try:
        return _decoder.decode(line)
    except (DecodeError, UnicodeDecodeError) as error:
        message = f"its header is not that of an entry ({error})"
        raise EntryError(message) from error


def _checksum(rest: bytes | memoryview) -> bytes:
    return hashlib.sha256(rest).hexdigest().encode()


_decoder = json.Decoder(_Header)
