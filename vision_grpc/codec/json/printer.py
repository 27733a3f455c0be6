"""A message to JSON text, by printers compiled from descriptors once.

The functions that are compiled for vertices are

    def print_items(messages):
        texts = []
        add = texts.append
        for m in messages:
            add(
                f'{{"x":"{m_1}","y":"{m_2}"}}' if (m_1 := m.x) and (m_2 := m.y)
                else "{" + ",".join(members_of(m)) + "}"
            )
        return ",".join(texts)

    def members_of(m):
        members = []
        if (m_1 := m.x):
            members.append(f'"x":"{m_1}"')
        if (m_2 := m.y):
            members.append(f'"y":"{m_2}"')
        return members
"""

from collections.abc import Callable
from functools import cache, lru_cache
from json.encoder import encode_basestring as quote
from typing import Any, NamedTuple, cast

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass
from pybase64 import b64encode_as_string

from vision_grpc.codec.json import any_form
from vision_grpc.codec.json.fields import SPECIAL_FORMS, Field, fields_of
from vision_grpc.messages import Any as AnyMessage
from vision_grpc.messages import Duration, Timestamp

Printer = Callable[[Any], str]
"""Returns the JSON text of one value."""

# Doubles whose repr is not JSON, or would lose its sign without the fraction.
_SPECIAL_DOUBLES = {"nan": '"NaN"', "inf": '"Infinity"', "-inf": '"-Infinity"', "-0.0": "-0.0"}


def print_message(message: Message) -> str:
    """Return the compact JSON of a message."""
    return printer_of(message.DESCRIPTOR)(message)


@cache
def printer_of(descriptor: Descriptor) -> Printer:
    """Return the printer of a message type."""
    if descriptor.full_name in SPECIAL_FORMS:
        return _print_any if descriptor.full_name == "google.protobuf.Any" else _print_time
    names: dict[str, Any] = {}
    return _define("print_fields(m)", [f"return {_compile_message(descriptor, names)}"], names)


@cache
def _items_printer_of(descriptor: Descriptor) -> Printer:
    """Return the printer of a list of messages; calling a function for each would cost a third of printing a vertex."""
    if descriptor.full_name in SPECIAL_FORMS:
        return _joiner(printer_of(descriptor))
    names: dict[str, Any] = {}
    text = _compile_message(descriptor, names)
    lines = ["texts = []", "add = texts.append", "for m in messages:", f"    add({text})", 'return ",".join(texts)']
    return _define("print_items(messages)", lines, names)


@cache
def members_printer_of(
    descriptor: Descriptor, *, without: frozenset[str] = frozenset()
) -> Callable[[Message], list[str]]:
    """Return the function that prints the fields that are set, except `without`, as JSON members: `"name":value`."""
    names: dict[str, Any] = {}
    lines = ["members = []"]
    for field in fields_of(descriptor):
        if field.name not in without:
            member = _compile_member(field, "m", names)
            lines += [f"if {member.condition}:", f"    members.append(f'{member.template}')"]
    return _define("members_of(m)", [*lines, "return members"], names)


class _Member(NamedTuple):
    condition: str
    """An expression: whether the field is set. It also binds its value to a name."""
    template: str
    """The content of an f-string in single quotes that prints name and value."""


def _compile_message(descriptor: Descriptor, names: dict[str, Any]) -> str:
    """Return an expression that prints the message `m`; the functions that it calls are added to `names`."""
    names["members_of"] = members_printer_of(descriptor)
    print_members = '"{" + ",".join(members_of(m)) + "}"'
    whole = _compile_whole(descriptor, "m", names)
    return f"f'{whole.template}' if {whole.condition} else {print_members}" if whole.condition else print_members


def _compile_whole(descriptor: Descriptor, owner: str, names: dict[str, Any]) -> _Member:
    """Compile all fields of a message and of the messages in it together; usually all are set."""
    members: list[_Member] = []
    for field in fields_of(descriptor):
        if field.message is None or not _is_inlined(field, field.message):
            members.append(_compile_member(field, owner, names))
            continue
        value = f"{owner}_{field.number}"
        whole = _compile_whole(field.message, value, names)
        # A message with a field that is set is present itself.
        condition = f"({value} := {owner}.{field.name}) and {whole.condition}"
        members.append(_Member(condition, f'"{field.json_name}":{whole.template}'))
    condition = " and ".join(f"({member.condition})" for member in members)
    return _Member(condition, f"{{{{{','.join(member.template for member in members)}}}}}")


def _is_inlined(field: Field, descriptor: Descriptor) -> bool:
    is_one = not field.repeated and field.map_key_type is None and field.oneof is None
    return is_one and descriptor.full_name not in SPECIAL_FORMS and bool(descriptor.fields)


def _compile_member(field: Field, owner: str, names: dict[str, Any]) -> _Member:
    """Compile one field of a message; the functions that its template calls are added to `names`."""
    value = f"{owner}_{field.number}"
    printer = f"print_{value}"
    print_value = _value_printer(field)
    if field.descriptor.has_presence:
        condition = f'{owner}.HasField("{field.name}") and ({value} := {owner}.{field.name},)'
    elif field.type == FieldDescriptor.TYPE_DOUBLE and not field.repeated:
        # A negative zero is not the default.
        condition = f'({value} := {owner}.{field.name}) or repr({value}) == "-0.0"'
    else:
        condition = f"({value} := {owner}.{field.name})"
    names[printer] = print_value
    if field.map_key_type is not None:
        names[printer] = _map_printer(field.map_key_type, print_value)
        text = f"{{{printer}({value})}}"
    elif field.repeated:
        names[printer] = _joiner(print_value) if field.message is None else _items_printer_of(field.message)
        # A slice is a list, which iterates three times as fast as protobuf's container.
        text = f"[{{{printer}({value}[:])}}]"
    elif field.type == FieldDescriptor.TYPE_INT64:
        text = f'"{{{value}}}"'
    else:
        text = f"{{{printer}({value})}}"
    return _Member(condition, f'"{field.json_name}":{text}')


def _define(signature: str, lines: list[str], names: dict[str, Any]) -> Callable[[Any], Any]:
    source = "\n    ".join([f"def {signature}:", *lines])
    exec(source, names)  # noqa: S102 - made of descriptors alone, the way dataclasses are made of annotations
    return cast("Callable[[Any], Any]", names[signature.partition("(")[0]])


def _map_printer(key_type: int, print_value: Printer) -> Printer:
    print_key = _key_printer(key_type)
    return lambda values: "{" + ",".join([f"{print_key(key)}:{print_value(values[key])}" for key in values]) + "}"


def _joiner(print_value: Printer) -> Printer:
    return lambda values: ",".join(map(print_value, values))


def _value_printer(field: Field) -> Printer:
    if field.message is not None:
        # The contract's messages hold each other without cycles.
        return printer_of(field.message)
    if field.enum is not None:
        return _enum_printer(field.enum)
    return _SCALARS.get(field.type, str)


def _enum_printer(enum: EnumDescriptor) -> Printer:
    names = {value.number: f'"{value.name}"' for value in reversed(enum.values)}
    return lambda number: names[number] if number in names else str(number)


def _key_printer(key_type: int) -> Printer:
    if key_type == FieldDescriptor.TYPE_STRING:
        return quote
    return (lambda key: f'"{_print_bool(key)}"') if key_type == FieldDescriptor.TYPE_BOOL else _print_quoted


def _print_quoted(number: int) -> str:
    return f'"{number}"'


def _print_bool(value: bool) -> str:  # noqa: FBT001 - a value, not a choice
    return "true" if value else "false"


# The words of a line share its confidence, and a double's shortest text costs more than the rest of a word. Zeros
# are not kept, because 0.0 and -0.0 are equal keys.
_DOUBLES_KEPT = 1_024


def _print_double(number: float) -> str:
    return _double_text(number) if number else _SPECIAL_DOUBLES.get(repr(number), "0")


@lru_cache(_DOUBLES_KEPT)
def _double_text(number: float) -> str:
    text = repr(number)
    return _SPECIAL_DOUBLES.get(text) or text.removesuffix(".0")


def _print_bytes(value: bytes) -> str:
    return f'"{b64encode_as_string(value)}"'


def _print_time(message: Duration | Timestamp) -> str:
    return f'"{message.ToJsonString()}"'


def _print_any(message: AnyMessage) -> str:
    descriptor = any_form.type_named_by(message.type_url)
    if descriptor is None:
        return any_form.print_kept(message.type_url, message.value)
    try:
        inner = GetMessageClass(descriptor).FromString(message.value)
        members = (
            [f'"value":{print_message(inner)}']
            if descriptor.full_name in SPECIAL_FORMS
            else members_printer_of(descriptor)(inner)
        )
    except (DecodeError, ValueError, RecursionError):
        # The value is not of its type, a time is out of range, or details are nested too deeply. Such errors must
        # be printed too.
        return any_form.print_kept(message.type_url, message.value)
    return "{" + ",".join([f'"@type":{quote(message.type_url)}', *members]) + "}"


_SCALARS: dict[int, Printer] = {
    FieldDescriptor.TYPE_DOUBLE: _print_double,
    FieldDescriptor.TYPE_FLOAT: _print_double,
    FieldDescriptor.TYPE_INT64: _print_quoted,
    FieldDescriptor.TYPE_UINT64: _print_quoted,
    FieldDescriptor.TYPE_SINT64: _print_quoted,
    FieldDescriptor.TYPE_FIXED64: _print_quoted,
    FieldDescriptor.TYPE_SFIXED64: _print_quoted,
    FieldDescriptor.TYPE_BOOL: _print_bool,
    FieldDescriptor.TYPE_STRING: quote,
    FieldDescriptor.TYPE_BYTES: _print_bytes,
}
