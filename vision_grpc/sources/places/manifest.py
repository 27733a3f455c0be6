"""Manifests: JSON lines that name images, each with a key, languages and a model of its own where it needs them."""

import json
import os
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import cast

import msgspec

from vision_grpc.contract.text_detection import check_text_detection
from vision_grpc.sources.item import Entry, Fault, Item, Origin
from vision_grpc.sources.options import SourceOptions
from vision_grpc.sources.places.lines import BYTE_ORDER_MARK, LINE_END, fault_of, locate, read_records
from vision_grpc.sources.places.opening import open_path, open_path_or_url, plain_path
from vision_grpc.sources.places.stdin import STDIN
from vision_grpc.sources.places.urls import path_of_url, scheme_of
from vision_grpc.texts.quoting import show


class _Line(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    key: str | None = None
    path: str | None = None
    url: str | None = None
    languages: list[str] | str | None = None
    model: str | None = None


_EXPECTED = {
    "key": "a text",
    "path": "a path, such as scans/a.png",
    "url": "a URL, such as s3://scans/a.png",
    "languages": 'codes, such as "ru,en" or ["ru", "en"]',
    "model": "a text, such as page",
}
_FIELDS = ", ".join(_EXPECTED)
# What follows a folder, a document or a container in the keys of its images.
_AFTER_PLACE = "/#\\"
_FIELD_OF_ERROR = re.compile(r"`\$\.(\w+)")
_decode = msgspec.json.Decoder(_Line).decode


class _LineError(Exception):
    """A line of a manifest names no image."""


def open_manifest(path: str, options: SourceOptions) -> Iterator[Entry]:
    """Yield the images that a manifest names, one after another; errors say in which line.

    Each line is an object with `path` or `url`, and perhaps `key` (by default the path or URL), `languages` and
    `model`. Paths are relative to the manifest's folder. A line may name a folder or a container, too: all its images
    get the languages and the model, and in their keys `key` takes the place of the path. The manifest `-` is read
    from stdin.
    """
    folder = "" if path == STDIN else os.path.dirname(path)  # noqa: PTH120 - strings, for speed
    is_empty = True
    for number, record in enumerate(read_records(path, LINE_END), start=1):
        if isinstance(record, Fault):
            yield record
            return
        line = record.removeprefix(BYTE_ORDER_MARK) if number == 1 else record
        if not line or line.isspace():
            continue
        try:
            yield from _open_line(_read_line(line), folder, Origin(path, number), options)
        except _LineError as error:
            yield fault_of(path, str(error), number)
            if is_empty and line.strip() in {b"[", b"{"}:
                return  # It goes on like this for as many lines as there are.
        is_empty = False
    if is_empty:
        yield fault_of(path, "names nothing")


def _open_line(line: _Line, folder: str, origin: Origin, options: SourceOptions) -> Iterator[Entry]:
    if options.models and line.model is not None and line.model not in options.models:
        message = f"model is {show(line.model)}, expected {' or '.join(options.models)}"
        raise _LineError(message)
    languages = None if line.languages is None else _codes(line.languages, line.model)
    name, place = _place_of(line, folder)
    entries = open_path_or_url(place, options) if line.path is None else open_path(place, options)
    for entry in entries:
        if isinstance(entry, Item):
            entry.languages, entry.model = languages, line.model
            entry.key = _key_of(entry.key, line.key, name, place)
        yield locate(entry, origin)


def _place_of(line: _Line, folder: str) -> tuple[str, str]:
    """Return a path or URL as it is named, and as it is opened."""
    if not (line.path or line.url):
        message = "names no image, expected a path or a url"
        raise _LineError(message)
    if line.key == "":
        message = "has an empty key: leave it out, and the path is the key"
        raise _LineError(message)
    if line.url is None:
        path = cast("str", line.path)
        if scheme_of(path) is not None:
            message = "has a URL as path: name the field url"
            raise _LineError(message)
        return plain_path(path), plain_path(os.path.join(folder, path))  # noqa: PTH118 - strings, for speed
    if line.path is not None:
        message = "has a path and a url, expected one of them"
        raise _LineError(message)
    scheme = scheme_of(line.url)
    if scheme is None:
        message = "has a url without a scheme such as s3://: name the field path if it is a path"
        raise _LineError(message)
    return line.url, (path_of_url(line.url) if scheme == "file" else None) or line.url


def _key_of(key: str, given: str | None, name: str, place: str) -> str:
    """Return the key of an image with what the manifest calls its place instead of the place itself."""
    rest = key.removeprefix(place.rstrip("/"))
    if rest != key and (not rest or rest[0] in _AFTER_PLACE):
        return (name.rstrip("/") if given is None else given) + rest
    return key if given is None else f"{given}/{key}"


def _codes(languages: list[str] | str, model: str | None) -> tuple[str, ...]:
    codes, fault = _check(languages if isinstance(languages, str) else ",".join(languages), model)
    if fault is not None:
        raise _LineError(fault)
    return codes


@lru_cache(maxsize=1024)
def _check(languages: str, model: str | None) -> tuple[tuple[str, ...], str | None]:
    """Return the codes, and how they break the contract. Few kinds of lines make up a manifest."""
    codes = tuple(code for each in languages.split(",") if (code := each.strip().lower()))
    violations = check_text_detection(codes, model or "")
    return codes, "; ".join(f"languages: {violation.message}" for violation in violations) or None


def _read_line(line: bytes) -> _Line:
    try:
        return _decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        # Rare: a name of bytes that are not UTF-8, as they are or in the escapes of Python's json.
        return _read_tolerantly(line)


def _read_tolerantly(line: bytes) -> _Line:
    try:
        value: object = json.loads(line.decode("utf-8", "surrogateescape"))
    except json.JSONDecodeError as error:
        message = f"is not JSON: {error.msg} at character {error.colno}"
        raise _LineError(message) from None
    except (ValueError, RecursionError):
        message = "is not JSON that can be read: it is too deep, or a number in it is too long"
        raise _LineError(message) from None
    if not isinstance(value, dict):
        message = f'is {show(value)}, expected an object such as {{"path": "scan.png"}}'
        raise _LineError(message)
    fields = cast("dict[str, object]", value)
    for name in fields:
        if name not in _EXPECTED:
            message = f"has the unknown field {show(name)}, expected {_FIELDS}"
            raise _LineError(message)
    try:
        return msgspec.convert(fields, _Line)
    except msgspec.ValidationError as error:
        found = _FIELD_OF_ERROR.search(str(error))
        name = "" if found is None else found[1]
        message = f"{name} is {show(fields.get(name))}, expected {_EXPECTED.get(name)}"
        raise _LineError(message) from None
