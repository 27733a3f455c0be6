"""Small messages to wire bytes by one `struct.pack` each, compiled for the shapes that documents have.

A word with its four vertices and one language is seven messages. Writing them one by one costs several times as
much as decoding their JSON. But most words of a document have one shape: as many vertices, as many languages, codes
of two letters. For a given shape every nested length is a constant, so the whole word is packed at once. For
"4 vertices, 1 language of a 2-letter code" the compiled function is

    def pack_all(messages, parts):
        for m in messages:
            [v0, v1, v2, v3] = m.bounding_box.vertices
            s0 = m.text.encode()
            [v4] = m.languages
            parts += (
                pack(
                    t0[len(s0)],
                    t1[v0.x], t2[v0.y], t1[v1.x], t2[v1.y], t1[v2.x], t2[v2.y], t1[v3.x], t3[v3.y],
                    m.confidence,
                    t4[v4.language_code],
                    v4.confidence,
                    t5[m.entity_index],
                    t6[len(s0)],
                ),
                s0,
            )

where each `t` is a table from JSON values to wire bytes, with the tags that follow. A message that does not fit the
shape raises one of `MISFITS`; the messages before it are in `parts`.
"""

import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from vision_grpc.codec.json.fields import Field, fields_of
from vision_grpc.codec.json.scalars import reader_of
from vision_grpc.codec.json.structs import is_raw
from vision_grpc.codec.json.tables import NARROW, VARINTS, OddValueError, string_table, varint_table, width_of
from vision_grpc.codec.wire_format import FIXED64, LENGTH_DELIMITED, VARINT, padded_varint, tag, varint

MISFITS = (OddValueError, AttributeError, IndexError, ValueError, TypeError, struct.error)
"""What packing raises for a message of another shape, or for a value that the tables do not accept."""

# Lengths of free strings that fit one byte.
_LENGTHS = range(128)
_HEAD_LENGTH_BYTES = 2
_MOST_VALUES = 64


class Shape(NamedTuple):
    """What messages that one function can pack have in common."""

    fields: tuple[Any, ...]
    """For each field None if it is absent, else: the fields of a message, those of a list's items, the length of a
    nested string in bytes, the width of a number, and True for all other values."""
    nested_width: int
    """Width of the numbers in nested messages."""
    has_text_doubles: bool
    """Whether doubles come as strings."""

    @property
    def is_usual(self) -> bool:
        """Whether nothing in the shape makes packing slower."""
        return self.nested_width == NARROW and not self.has_text_doubles


class Packer(NamedTuple):
    """A compiled shape."""

    pack_all: Callable[[Sequence[Any], list[bytes]], None]
    """Appends `parts_each` parts for each message: the message as a field of its parent, with tag and length."""
    parts_each: int
    has_strings: bool
    """Whether every other part is a free string."""
    keys: int
    """JSON keys in a message."""
    shape: Shape


def can_unroll(descriptor: Descriptor, *, lists_allowed: int = 1) -> bool:
    """Whether a type is small: only numbers, strings and messages of these, with no list inside another."""
    return all(_can_unroll_field(field, lists_allowed) for field in fields_of(descriptor))


def _can_unroll_field(field: Field, lists_allowed: int) -> bool:
    if is_raw(field) or field.oneof is not None:
        return False
    if field.message is None:
        return not field.repeated and field.type != FieldDescriptor.TYPE_BYTES
    lists_below = lists_allowed - field.repeated
    return lists_below >= 0 and can_unroll(field.message, lists_allowed=lists_below)


def compile_item_counter(descriptor: Descriptor) -> Callable[[Any], tuple[int, ...]]:
    """Return the function that counts the items of each list in a message, the quickest clue to its shape.

    The function raises AttributeError if the message around a list is absent.
    """
    counts = "".join(f"len(m.{path}), " for path in _list_paths(descriptor))
    names: dict[str, Any] = {}
    exec(f"def count_items(m): return ({counts})", names)  # noqa: S102 - made of descriptors alone
    count_items: Callable[[Any], tuple[int, ...]] = names["count_items"]
    return count_items


def _list_paths(descriptor: Descriptor) -> Iterator[str]:
    for field in fields_of(descriptor):
        if field.repeated:
            yield field.name
        elif field.message is not None:
            yield from (f"{field.name}.{path}" for path in _list_paths(field.message))


def shape_of(message: Any, descriptor: Descriptor) -> Shape:  # noqa: ANN401 - a struct
    """Return the shape of a message.

    Raises:
        ValueError: a number is not valid, or a list is too long for any packer.
    """
    shaping = _Shaping()
    fields = shaping.fields(message, descriptor, nested=False)
    return Shape(fields, shaping.nested_width, shaping.has_text_doubles)


class _Shaping:
    """A walk through one message."""

    def __init__(self) -> None:
        self.nested_width = NARROW
        self.has_text_doubles = False

    def fields(self, message: Any, descriptor: Descriptor, *, nested: bool) -> tuple[Any, ...]:  # noqa: ANN401
        return tuple(self._field(getattr(message, field.name), field, nested=nested) for field in fields_of(descriptor))

    def _field(self, value: Any, field: Field, *, nested: bool) -> Any:  # noqa: ANN401
        if value is None:
            return None
        if field.message is not None:
            inner = field.message
            if field.repeated:
                if len(value) > _MOST_VALUES:
                    raise ValueError(field.name)
                return tuple(self.fields(item, inner, nested=True) for item in value)
            return self.fields(value, inner, nested=True)
        if field.type in VARINTS:
            width = width_of(value, field.type, field.enum)
            if not nested:
                return width
            self.nested_width = max(self.nested_width, width)
        elif field.type == FieldDescriptor.TYPE_DOUBLE:
            self.has_text_doubles |= isinstance(value, str)
        elif nested:
            return len(value.encode())
        return True


def compile_packer(field: Field, descriptor: Descriptor, shape: Shape) -> Packer | None:
    """Return the packer of messages of a shape in a field, None if the shape is too large."""
    parts = _Parts(shape)
    parts.message("m", descriptor, shape.fields, nested=False)
    return parts.compile(tag(field.number, LENGTH_DELIMITED)) if len(parts.values) <= _MOST_VALUES else None


class _Value(NamedTuple):
    """A value to be packed: of so many bytes, from a table unless it is a double."""

    expression: str
    size: int
    make_table: Callable[[bytes, bytes], Any] | None
    """Returns the table for the constants before and after the value."""


class _Parts:
    """The constants and values of a packing function in the making, in the order of the wire."""

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        self.values: list[bytes | _Value] = []
        self._keys = 0
        self._unpacking: list[str] = []
        self._absent: list[str] = []
        self._variables = 0
        self._string_tags: list[bytes] = []

    def message(self, expression: str, descriptor: Descriptor, shapes: tuple[Any, ...], *, nested: bool) -> None:
        """Add the fields of the message that an expression gives."""
        for field, shape in zip(fields_of(descriptor), shapes, strict=True):
            self._field(f"{expression}.{field.name}", field, shape, nested=nested)

    def _field(self, expression: str, field: Field, shape: Any, *, nested: bool) -> None:  # noqa: ANN401
        if shape is None:
            self._absent.append(f"{expression} is None")
            return
        self._keys += not field.repeated or bool(shape)
        if field.message is not None:
            self._messages(expression, field, field.message, shape)
        elif field.type == FieldDescriptor.TYPE_STRING:
            self._string(expression, field, shape, nested=nested)
        elif field.type == FieldDescriptor.TYPE_DOUBLE:
            number = f"read_double({expression})" if self._shape.has_text_doubles else expression
            self.values += [tag(field.number, FIXED64), _Value(number, 8, None)]
        else:
            width = self._shape.nested_width if nested else shape
            make_table = partial(varint_table, field.type, field.enum, width)
            self.values += [tag(field.number, VARINT), _Value(expression, width, make_table)]

    def _messages(self, expression: str, field: Field, descriptor: Descriptor, shape: Any) -> None:  # noqa: ANN401
        items = [(expression, shape)]
        if field.repeated:
            items = [(f"v{self._variables + index}", item_shape) for index, item_shape in enumerate(shape)]
            self._variables += len(items)
            self._unpacking.append(f"[{', '.join(name for name, _ in items)}] = {expression}")
        for name, item_shape in items:
            outside, self.values = self.values, []
            self.message(name, descriptor, item_shape, nested=True)
            inside, self.values = self.values, outside
            self.values += [tag(field.number, LENGTH_DELIMITED) + varint(_size(inside)), *inside]

    def _string(self, expression: str, field: Field, length: int, *, nested: bool) -> None:
        head = tag(field.number, LENGTH_DELIMITED)
        if nested:
            self.values += [head + varint(length), _Value(expression, length, partial(string_table, length))]
        else:
            self._unpacking.append(f"s{len(self._string_tags)} = {expression}.encode()")
            self._string_tags.append(head)

    def compile(self, head: bytes) -> Packer | None:
        """Return the packer of messages with a tag, None if a message may be too long for two bytes of length."""
        lengths = [f"len(s{index})" for index in range(len(self._string_tags))]
        fixed = _size(self.values) + sum(len(string_tag) + 1 for string_tag in self._string_tags)
        longest = fixed + _LENGTHS[-1] * len(lengths)
        if len(varint(longest)) > _HEAD_LENGTH_BYTES:
            return None
        make_heads = partial(_heads, head, fixed, longest)
        values = [_Value(" + ".join(lengths) or "0", len(head) + _HEAD_LENGTH_BYTES, make_heads), *self.values]
        names: dict[str, Any] = {"read_double": reader_of(FieldDescriptor.TYPE_DOUBLE), "OddValueError": OddValueError}
        parts: list[str] = []
        for index, (string_tag, length) in enumerate(zip(self._string_tags, lengths, strict=True)):
            if index == 0:
                values.append(_Value(length, len(string_tag) + 1, partial(_string_heads, string_tag)))
            else:
                names[f"l{index}"] = _string_heads(string_tag, b"", b"")
                parts.append(f"l{index}[{length}]")
            parts.append(f"s{index}")
        packed = f"pack({', '.join(_arguments(values, names))})"
        if self._absent:
            self._unpacking.append(f"if not ({' and '.join(self._absent)}): raise OddValueError")
        body = [*self._unpacking, f"parts += ({', '.join([packed, *parts])},)"]
        source = "def pack_all(messages, parts):\n    for m in messages:\n" + "".join(
            f"        {line}\n" for line in body
        )
        exec(source, names)  # noqa: S102 - made of descriptors alone, the way dataclasses are made of annotations
        return Packer(names["pack_all"], len(parts) + 1, bool(parts), self._keys, self._shape)


def _size(values: Iterable[bytes | _Value]) -> int:
    return sum(len(value) if isinstance(value, bytes) else value.size for value in values)


def _arguments(values: Iterable[bytes | _Value], names: dict[str, Any]) -> list[str]:
    """Return the arguments of `pack`; add it, and the tables that they need, to the names of the function."""
    formats, arguments = ["<"], list[str]()
    for index, (before, value, after) in enumerate(_merge_constants(values)):
        if value.make_table is not None:
            names[f"t{index}"] = value.make_table(before, after)
            formats.append(f"{len(before) + value.size + len(after)}s")
            arguments.append(f"t{index}[{value.expression}]")
        else:
            # No table can hold them here, so the constants are separate arguments.
            for constant in (before, None, after):
                if constant is None:
                    formats.append("d")
                    arguments.append(value.expression)
                elif constant:
                    formats.append(f"{len(constant)}s")
                    arguments.append(repr(constant))
    names["pack"] = struct.Struct("".join(formats)).pack
    return arguments


def _merge_constants(values: Iterable[bytes | _Value]) -> list[tuple[bytes, _Value, bytes]]:
    """Return each value with the constants around it: they join the table before them, or else the value after them."""
    merged: list[tuple[bytes, _Value, bytes]] = []
    waiting = b""
    for value in values:
        if isinstance(value, _Value):
            merged.append((waiting, value, b""))
            waiting = b""
        elif merged[-1][1].make_table is not None:
            before, last, after = merged[-1]
            merged[-1] = (before, last, after + value)
        else:
            waiting += value
    before, last, after = merged[-1]
    return [*merged[:-1], (before, last, after + waiting)]


def _heads(head: bytes, fixed: int, longest: int, before: bytes, after: bytes) -> list[bytes]:
    """Return tag and length of a message, by the length of its free strings."""
    return [before + head + padded_varint(size, _HEAD_LENGTH_BYTES) + after for size in range(fixed, longest + 1)]


def _string_heads(string_tag: bytes, before: bytes, after: bytes) -> list[bytes]:
    """Return tag and length of a string, by its length."""
    return [before + string_tag + varint(length) + after for length in _LENGTHS]
