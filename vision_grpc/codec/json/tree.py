"""JSON text to plain values, without what lenient readers accept."""

import codecs
import json
import math
from collections import Counter
from collections.abc import Callable
from typing import NoReturn, TypeAlias

from vision_grpc.codec.json.position import bare_constant, deep_bracket, lone_surrogate, second_key
from vision_grpc.errors import ProtocolError

# The longest whole number that a double can hold has 309 digits. Reading a longer one takes
# time that grows with the square of its length.
_MOST_DIGITS = 310
_EXCERPT_CHARACTERS = 40

DEEPEST = 100
"""How deep messages, or objects and lists, may be nested: as in json_format and protobuf's parser of wire bytes."""
TOO_DEEP = "nested too deeply"


class HugeNumber:
    """A number beyond the range of a double: no field can hold it, but an unknown one may have it."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


Json: TypeAlias = "dict[str, Json] | list[Json] | str | bool | int | float | HugeNumber | None"
"""A plain JSON value."""


class _KeyTwiceError(Exception):
    """An object has the key, which is the argument, twice."""


class _ConstantError(Exception):
    """A number that JSON does not have, by the name that is the argument."""


def read_value(data: bytes | str) -> Json:
    """Return the value of a JSON text.

    Raises:
        ProtocolError: the data is not JSON in UTF-8, has two equal keys in one object or a lone surrogate, or is
            nested too deeply.
    """
    return _read(data, _object)


def read_lenient_value(data: bytes) -> Json:
    """Return the value of a JSON text that may begin with a byte order mark and have line ends inside strings.

    Raises:
        ProtocolError: as `read_value`.
    """
    return _read(data.removeprefix(codecs.BOM_UTF8), _object, takes_control_characters=True)


def read_object(data: bytes | str) -> dict[str, Json]:
    """Return the object of a JSON text.

    Raises:
        ProtocolError: as `read_value`, or the value is not an object.
    """
    tree = read_value(data)
    if not isinstance(tree, dict):
        message = f"an object was expected, not {excerpt(tree)}"
        raise ProtocolError(message)
    return tree


def read_keys(data: bytes) -> set[str]:
    """Return all keys of a JSON text, at any depth.

    Raises:
        ProtocolError: as `read_value`.
    """
    keys: set[str] = set()

    def collect(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
        tree = _object(pairs)
        keys.update(tree)
        return tree

    _read(data, collect)
    return keys


def excerpt(value: Json) -> str:
    """Return the beginning of a value, for an error message."""
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    if isinstance(value, str):
        return repr(value) if len(value) <= _EXCERPT_CHARACTERS else f"{value[:_EXCERPT_CHARACTERS]!r}..."
    return dump(value)[:_EXCERPT_CHARACTERS]


def spell_key(key: str) -> str:
    """Return a key as it is in a path: quoted and cut if it is not like the name of a field."""
    return key if len(key) <= _EXCERPT_CHARACTERS and key.isidentifier() else excerpt(key)


def dump(tree: Json, *, depth: int = 1) -> str:
    """Return plain values as compact JSON text, the same text for equal trees.

    Raises:
        ProtocolError: they are nested too deeply, counted from `depth`.
    """
    if not isinstance(tree, dict | list):
        return tree.text if isinstance(tree, HugeNumber) else json.dumps(tree, ensure_ascii=False)
    if depth > DEEPEST:
        raise ProtocolError(TOO_DEEP)
    if isinstance(tree, dict):
        return "{" + ",".join([f"{quote(key)}:{dump(value, depth=depth + 1)}" for key, value in tree.items()]) + "}"
    return "[" + ",".join([dump(item, depth=depth + 1) for item in tree]) + "]"


quote: Callable[[str], str] = json.encoder.encode_basestring
"""Return a string as JSON text, quotes and escapes included."""


def _read(
    data: bytes | str,
    make_object: Callable[[list[tuple[str, Json]]], dict[str, Json]],
    *,
    takes_control_characters: bool = False,
) -> Json:
    try:
        text = data if isinstance(data, str) else data.decode()
    except UnicodeDecodeError as error:
        message = f"not UTF-8 at byte {error.start}"
        raise ProtocolError(message) from error
    try:
        tree: Json = json.loads(
            text,
            object_pairs_hook=make_object,
            parse_int=_integer,
            parse_float=_decimal,
            parse_constant=_refuse_constant,
            strict=not takes_control_characters,
        )
        if "\\u" in text or isinstance(data, str):
            _refuse_lone_surrogates(tree)
    except (json.JSONDecodeError, _KeyTwiceError, _ConstantError, UnicodeEncodeError, RecursionError) as error:
        raise ProtocolError(_describe(error, text)) from error
    return tree


def _describe(error: Exception, text: str) -> str:
    """Return what is wrong with a text, and where."""
    match error:
        case json.JSONDecodeError():
            return f"not JSON: {error.msg} at character {error.pos}"
        case _KeyTwiceError(args=(key,)):
            return f"the key {excerpt(key)} is given twice in one object, again at character {second_key(text, key)}"
        case _ConstantError(args=(name,)):
            return f"not JSON: {name} without quotes at character {bare_constant(text, name)}"
        case UnicodeEncodeError():
            surrogate = error.object[error.start]
            return f"a lone surrogate, {surrogate!a}, is not a character, at character {lone_surrogate(text)}"
        case _:
            return f"{TOO_DEEP} at character {deep_bracket(text, DEEPEST)}"


def _object(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    tree = dict(pairs)
    if len(tree) != len(pairs):
        counts = Counter(key for key, _ in pairs)
        raise _KeyTwiceError(next(key for key, count in counts.items() if count > 1))
    return tree


def _integer(text: str) -> int | HugeNumber:
    return int(text) if len(text) <= _MOST_DIGITS else HugeNumber(text)


def _decimal(text: str) -> float | HugeNumber:
    number = float(text)
    return HugeNumber(text) if math.isinf(number) else number


def _refuse_constant(name: str) -> NoReturn:
    raise _ConstantError(name)


def _refuse_lone_surrogates(tree: Json) -> None:
    json.dumps(tree, ensure_ascii=False, default=repr).encode()
