"""The first line of a journal: its format, and the settings that all its results share."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import msgspec
from msgspec import Struct

from vision_grpc.bulk.journal.errors import (
    BEGIN_ANEW,
    NAME_ANOTHER,
    Difference,
    JournalError,
    OtherSettingsError,
    name_of,
)
from vision_grpc.errors import Advice
from vision_grpc.texts.quoting import shorten
from vision_grpc.texts.strict import strict_tree
from vision_grpc.version import __version__

FORMAT = 1
"""The version of the format. It changes when a reader of this one would misread the file."""

BEGINNING = b'{"journal":{"format":'
"""How every journal begins, whatever its version."""

Settings = Mapping[str, object]
"""The settings of a run by the names that its user knows; plain values as of JSON, None for one that is not set."""

# Readers that infer the types of columns from the first lines, such as duckdb and pandas, see all of them here.
_COLUMNS = (
    b'"key":"","ok":null,"retryable":null,"units":0,"error":{"code":"OK","message":""},"text":"","attempts":0,'
    b'"request_id":"","transport":"","operation":"","content_hash":"","key_bytes":"","fitted":{"format":"","width":0,'
    b'"height":0,"orientation":1,"frames":1,"dpi":0.0,"points":[0.0],"sent":{"format":"","width":0,"height":0,"scale":1.0,'
    b'"quality":0}},"languages":[""],"model":""'
)


class Head(Struct):
    """What the first line says."""

    format: int | None = None
    program: str = ""
    created_at: datetime | None = None
    settings: dict[str, Any] = {}


class _HeadLine(Struct):
    journal: Head


_decoder = msgspec.json.Decoder(_HeadLine)


def render_header(settings: Settings) -> bytes:
    """Return the first line of a new journal."""
    now = datetime.now(UTC)
    head = msgspec.json.encode(
        {
            "format": FORMAT,
            "program": f"vision-grpc {__version__}",
            "created_at": now,
            "settings": strict_tree(settings),
            "finished_at": None,
            "counts": None,
            "billed_at_most": None,
        }
    )
    time = msgspec.json.encode(now)
    times = b",".join(b'"%b":%b' % (name, time) for name in (b"started_at", b"finished_at", b"accepted_at"))
    return b'{"journal":%b,%b,%b}\n' % (head, _COLUMNS, times)


def render_end(counts: Mapping[str, object]) -> bytes:
    """Return the line of a run that has come to its end."""
    end = msgspec.json.encode({"finished_at": datetime.now(UTC), "counts": strict_tree(counts)})
    return b'{"journal":%b}\n' % end


def render_billed(at_most: int) -> bytes:
    """Return the line that says how many units are billed by now at most, lost answers included."""
    return b'{"journal":{"billed_at_most":%d}}\n' % at_most


def parse_first_line(line: bytes) -> Head | None:
    """Return what a first line says, None if it is not that of a journal."""
    try:
        head = _decoder.decode(line).journal
    except msgspec.DecodeError:
        return None
    return None if head.format is None else head


def check_head(head: Head, settings: Settings, path: Path) -> None:
    """Pass the first line of a journal that a run with these settings may continue.

    Raises:
        JournalError: it is of another version of the format.
        OtherSettingsError: it was begun with other settings.
    """
    name = name_of(path)
    check_format(head, name, [Advice("use that program"), NAME_ANOTHER, BEGIN_ANEW])
    if differences := list(_differences(head.settings, strict_tree(settings))):
        problem = f"{name}: was begun with other settings ({'; '.join(map(str, differences))})"
        advice = [Advice("give the same settings"), NAME_ANOTHER, BEGIN_ANEW]
        raise OtherSettingsError(problem, differences, advice=advice)


def check_format(head: Head, name: str, advice: Iterable[Advice]) -> None:
    """Pass the first line of a journal in this version of the format; `name` is ready to be shown.

    Raises:
        JournalError: it is in another version.
    """
    if head.format != FORMAT:
        problem = (
            f"{name}: is a journal in format {head.format} of {shorten(head.program) or 'another program'}, "
            f"this program has format {FORMAT}"
        )
        raise JournalError(problem, advice=advice)


def _differences(before: Settings, now: Settings) -> "list[Difference]":
    names = [*before, *(name for name in now if name not in before)]
    return [
        Difference(name, _show(before.get(name)), _show(now.get(name)))
        for name in names
        if before.get(name) != now.get(name)
    ]


def _show(value: object) -> str:
    """Return a setting as its user would write it."""
    match value:
        case None | [] | {} | "":
            return "none"
        case bool():
            return "yes" if value else "no"
        case str():
            return shorten(value)
        case list():
            return shorten(
                ",".join(each if isinstance(each, str) else _show(each) for each in cast("Iterable[object]", value))
            )
        case _:
            return shorten(msgspec.json.encode(value).decode())
