"""Tables of images that engines are given, good ones and odd ones, and what is printed of the results."""

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
from images_in_bytes import png

from vision_grpc.auth import ApiKey

_WRONG: tuple[dict[str, Any], ...] = (
    {"image": "number"},
    {"image": "list"},
    {"image": "missing"},
    {"key": "number"},
    {"key": "list"},
    {"keep": ["missing"]},
    {"keep": ["text"]},
    {"keep": "number"},
    {"detail": "lines"},
    {"languages": "ru"},
    {"rps": 5},
    {"credentials": ApiKey("AQVNkeykeykeykeykeykeykeykey")},
)


def tables_of(asked: Mapping[str, Any]) -> list[Any]:
    """Return pyarrow tables, as many as `parts` where they are plain."""
    match asked["table"]:
        case "plain":
            rows = asked["images"] // asked["parts"]
            return [_plain(range(first, first + rows), asked["size"]) for first in range(0, asked["images"], rows)]
        case "odd":
            return [_odd()]
        case "structs":
            return [_structs(Path(asked["folder"]))]
        case "places":
            return [_places(Path(asked["folder"]))]
        case _:
            return [_unfit()]


def print_rows(rows: Iterable[Mapping[str, Any]]) -> None:
    """Print each row as JSON: key, text, error and transport."""
    for row in rows:
        key = bytes(row["key"]).decode() if isinstance(row["key"], bytes | bytearray) else row["key"]
        print(json.dumps([key, row["text"], row["error_message"], row["transport"]]), flush=True)  # noqa: T201


def print_refusals(analyze: Callable[..., object], settings: Mapping[str, Any]) -> None:
    """Print what is said of arguments which are wrong, each of them as JSON."""
    for wrong in _WRONG:
        try:
            analyze(**settings, **wrong)
            print(json.dumps(["accepted", str(wrong)]))  # noqa: T201
        except (TypeError, ValueError) as error:
            print(json.dumps([type(error).__name__, str(error)]))  # noqa: T201


def _plain(numbers: range, size: int) -> Any:  # noqa: ANN401 - pyarrow has no types
    return pa.table({"image": [png(number, size=size) for number in numbers], "key": [*map(str, numbers)]})


def _odd() -> Any:  # noqa: ANN401
    """Return a null, an empty file, one of 2 MB, and keys that are there twice or null."""
    images = [png(1), None, b"", png(2, size=2_000_000), png(4), png(5)]
    keys = ["good", "null", "empty", "2 MB", "good", None]
    return pa.table({"image": pa.array(images, pa.binary()), "key": pa.array(keys, pa.string())})


def _structs(folder: Path) -> Any:  # noqa: ANN401
    """Return structs such as those of Hugging Face."""
    path = folder / "7.png"
    path.write_bytes(png(7))
    images = [
        {"bytes": png(6), "path": "6.png"},
        {"bytes": None, "path": str(path)},
        {"bytes": None, "path": None},
        None,
    ]
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    return pa.table({"image": pa.array(images, kind), "key": pa.array([6, 7, 8, 9], pa.int64())})


def _places(folder: Path) -> Any:  # noqa: ANN401
    """Return a path, a URL, a path where there is nothing, and a null."""
    path = folder / "10.png"
    path.write_bytes(png(10))
    images = [str(path), path.as_uri(), str(folder / "missing.png"), None]
    return pa.table({"image": images, "key": [b"a", b"b", b"c", b"d"]})


def _unfit() -> Any:  # noqa: ANN401
    """Return columns that hold no image, or no key."""
    return pa.table({"image": [png(1)], "key": ["a"], "number": [1.5], "list": [[1, 2]], "text": ["taken"]})
