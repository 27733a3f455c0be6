"""What a resume needs of a line: its key, and whether it was read. The rest, often 20 KB, is not parsed."""

import re
from typing import NamedTuple

import msgspec
import pybase64
from msgspec import Struct

# As `line` writes them, with a key that needs no escape. All other lines are parsed.
_USUAL = re.compile(
    rb'\{"key":"([^"\\\x00-\x1f]*)","ok":(true|false),"retryable":(true|false),(?:"units":(\d{1,9}),)?"error":(?:null|\{)'
)
_BRACE = ord("}")
_BILLED = re.compile(rb'\{"journal":\{"billed_at_most":(\d+)\}')


class LineHead(NamedTuple):
    """The beginning of the line of a result."""

    key: str
    ok: bool
    retryable: bool
    units: int
    """What was billed for it."""


class _Parsed(Struct):
    key: str | None = None
    ok: bool | None = None
    retryable: bool = False
    units: int | None = None
    key_bytes: str | None = None


_decode = msgspec.json.Decoder(_Parsed).decode


class DamagedLineError(ValueError):
    """A line is not JSON: it was torn when it was written, or overwritten."""


def read_head(buffer: bytes | bytearray, start: int, end: int) -> LineHead | None:
    """Return the head of the line between two positions, without its line end; None for a line of another kind.

    The usual line is trusted if it begins and ends as one.

    Raises:
        DamagedLineError: the line is not JSON.
    """
    usual = _USUAL.match(buffer, start, end)
    if usual is None or buffer[end - 1] != _BRACE:
        return parse_head(bytes(memoryview(buffer)[start:end]))
    key, ok, retryable, units = usual.groups()
    is_ok = ok == b"true"
    try:
        return LineHead(key.decode(), is_ok, retryable == b"true", int(is_ok if units is None else units))
    except UnicodeDecodeError as error:
        raise DamagedLineError from error


def parse_head(line: bytes) -> LineHead | None:
    """Return the head of a line that is parsed, and so checked, as a whole.

    Raises:
        DamagedLineError: the line is not JSON.
    """
    if not line.strip():
        return None
    try:
        line.decode()
        parsed = _parse(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DamagedLineError from error
    if parsed is None or parsed.key is None or parsed.ok is None:
        return None
    units = int(parsed.ok) if parsed.units is None else parsed.units
    return LineHead(exact_key(parsed.key, parsed.key_bytes), parsed.ok, parsed.retryable, units)


def _parse(line: bytes) -> _Parsed | None:
    try:
        return _decode(line)
    except msgspec.ValidationError:
        msgspec.json.decode(line)  # What follows the field that is not as ours has to be JSON, too.
        return None


def parse_billed(line: bytes) -> int | None:
    """Return how many units were billed at most, where a line says so."""
    found = _BILLED.match(line)
    return None if found is None else int(found[1])


def exact_key(key: str, key_bytes: str | None) -> str:
    """Return the key as it is inside the program, where the line has it escaped and its bytes beside."""
    if key_bytes is None:
        return key
    try:
        return pybase64.b64decode(key_bytes, validate=True).decode("utf-8", "surrogateescape")
    except ValueError:
        return key
