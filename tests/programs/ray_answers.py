"""Keeps answers as the actors of Ray do, and prints what is kept of them: a JSON list a line."""

import json
from typing import Any

import pyarrow as pa
from images_in_bytes import png

from vision_grpc.arrow.analysis.digest import Digest
from vision_grpc.ray.answers import Keeper, digest


def main() -> None:
    """Try it."""
    keeper = Keeper(most_bytes=10)
    names = ["rows", "more rows", "others", "too many"]
    for name, results in (("rows", b"123456"), ("rows", b"1234"), ("more rows", b"123456"), ("others", b"1")):
        keeper.record(name, results)
        _print([keeper.find(name) is not None for name in names])
    keeper.record("too many", b"12345678901")
    _print([keeper.find(name) is not None for name in names])
    table = pa.table({"image": [png(number, size=500) for number in range(6)], "key": ["a", "b"] * 3})
    other = pa.table({"image": [png(number, size=500) for number in (2, 4)], "key": ["a", "b"]})
    rows = table.slice(2, 2)
    again = pa.ipc.open_stream(_written(table)).read_all().slice(2, 2)
    actor = Digest("actor")
    _print([digest(rows, actor) == digest(same, actor) for same in (again, table.slice(3, 2), other, table)])


def _written(table: Any) -> Any:  # noqa: ANN401 - pyarrow has no types
    """Return a table as another process gets it."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return sink.getvalue()


def _print(line: list[Any]) -> None:
    print(json.dumps(line))  # noqa: T201


main()
