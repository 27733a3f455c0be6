"""The line of a file that the service has accepted, and whose result is still to be fetched."""

from collections.abc import Mapping
from datetime import MAXYEAR, UTC, datetime
from typing import Any, NamedTuple

import msgspec
import pybase64
from msgspec import UNSET, Struct, UnsetType

from vision_grpc.bulk.journal.heads import exact_key
from vision_grpc.bulk.units import MOST_PAGES
from vision_grpc.texts.strict import bytes_of_key, is_strict, strict_tree


class Accepted(NamedTuple):
    """A file that the service has accepted."""

    key: str
    operation_id: str
    accepted_at: float
    """When that was, as of `time.time`."""

    content_hash: str | None = None
    """What tells the content that was sent from any other, None where that is not known."""

    fitted: Mapping[str, Any] | None = None
    """What was done to the file so that it could be sent, None if it was sent as it is."""

    units: int = 1
    """What is billed for it at most: a unit a page."""


class _Line(Struct):
    key: str
    ok: None = None
    """Written, so that readers who look for results pass over the line."""
    operation: str = ""
    accepted_at: datetime | None = None
    content_hash: str | None = None
    fitted: dict[str, Any] | UnsetType = UNSET
    units: int = 1
    key_bytes: str | UnsetType = UNSET


_FIRST_YEAR = 1970
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Line).decode


def render_accepted(accepted: Accepted) -> bytes:
    """Return the line, its line end included."""
    at = datetime.fromtimestamp(accepted.accepted_at, UTC)
    line = _Line(accepted.key, None, accepted.operation_id, at, accepted.content_hash, units=accepted.units)
    if accepted.fitted is not None:
        line.fitted = strict_tree(accepted.fitted)
    if not is_strict(accepted.key):
        line.key = strict_tree(accepted.key)
        line.key_bytes = pybase64.b64encode(bytes_of_key(accepted.key)).decode()
    return _encode(line) + b"\n"


def parse_accepted(line: bytes) -> Accepted | None:
    """Return what a line says of an accepted file, None if it is of another kind."""
    try:
        parsed = _decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    # The first line of a journal has each column, with an empty value. What somebody else wrote may have any time.
    if not parsed.operation or parsed.accepted_at is None or not _FIRST_YEAR <= parsed.accepted_at.year < MAXYEAR:
        return None
    key = exact_key(parsed.key, parsed.key_bytes or None)
    at, fitted = parsed.accepted_at.timestamp(), parsed.fitted or None
    units = min(max(parsed.units, 0), MOST_PAGES)
    return Accepted(key, parsed.operation, at, parsed.content_hash, fitted, units)
