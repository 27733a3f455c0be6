"""The places that a list names: a file with a name on each line, as `find -type f` or `ls` print them."""

import os
from collections.abc import Iterator

from vision_grpc.sources.item import Entry, Fault, Origin
from vision_grpc.sources.options import SourceOptions
from vision_grpc.sources.places.lines import (
    BYTE_ORDER_MARK,
    LINE_END,
    LINE_SEPARATED,
    NUL,
    fault_of,
    locate,
    read_records,
)
from vision_grpc.sources.places.opening import open_path_or_url


def open_list(path: str, options: SourceOptions, *, nul_separated: bool = False) -> Iterator[Entry]:
    """Yield what is in the places that a list names, one after another; errors say on which line.

    A list has a path or URL on each line, relative to the current folder, or with `nul_separated` a NUL after each.
    Lines are taken as they are: there are no comments and no quotation marks. Empty ones are left out, and the line
    ends of Windows do not belong to the names. The list `-` is read from stdin. What follows the folder in which it
    lies, as in what `find` prints, is left out: the folder has been read.
    """
    is_empty = True
    last, last_number, told = "", 0, 0
    for number, record in enumerate(read_records(path, NUL if nul_separated else LINE_END), start=1):
        if isinstance(record, Fault):
            yield record
            return
        name = record if nul_separated else _without_traces_of_windows(record, is_first=number == 1)
        if not name:
            continue
        is_empty = False
        origin = Origin(path, number)
        if nul_separated and number == 1 and LINE_END in name and not os.path.lexists(name):
            yield fault_of(path, "has line ends in its first name, expected NUL", advice=[LINE_SEPARATED])
            return
        place = os.fsdecode(name)
        if last and place.startswith(f"{last.rstrip('/')}/") and os.pardir not in place.split("/"):
            if told != last_number:
                told = last_number
                fault = f"lies in what line {told} names, which is read whole: list files alone (find -type f)"
                yield fault_of(path, fault, number)
            continue
        last, last_number = place, number
        for entry in open_path_or_url(place, options):
            yield locate(entry, origin)
    if is_empty:
        yield fault_of(path, "names nothing")


def _without_traces_of_windows(line: bytes, *, is_first: bool) -> bytes:
    """Return a line without CR at its end and the byte order mark at its beginning, unless a file is called so."""
    if not line.endswith(b"\r") and not (is_first and line.startswith(BYTE_ORDER_MARK)):
        return line
    if os.path.lexists(line):
        return line
    return (line.removeprefix(BYTE_ORDER_MARK) if is_first else line).removesuffix(b"\r")
