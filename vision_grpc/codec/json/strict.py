"""JSON to a message exactly by the rules of proto3 JSON: the reference for `fast`.

It accepts what `google.protobuf.json_format` accepts, the same on every release of protobuf, except for what only
json_format accepts and other implementations refuse: two spellings of one field, invalid base64, `true` as an enum, a
list in place of an object, numbers that only Python can read.
"""

import re
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from vision_grpc.codec.json import any_form
from vision_grpc.codec.json.fields import SPECIAL_FORMS, Field, fields_by_spelling
from vision_grpc.codec.json.scalars import (
    Reader,
    UnknownEnumNameError,
    WrongValueError,
    key_reader_of,
    read_mime_bytes,
    reader_of,
)
from vision_grpc.codec.json.skipped import Skipped
from vision_grpc.codec.json.tree import DEEPEST, TOO_DEEP, Json, excerpt, spell_key
from vision_grpc.errors import ProtocolError
from vision_grpc.messages import Any as AnyMessage
from vision_grpc.messages import Duration, Timestamp

_DURATION = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,9})?s", re.ASCII)
_TIMESTAMP = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})", re.ASCII
)
_Container = Any
"""A repeated field or a map: protobuf has no public type for either."""

_TIME_FORMS = {"google.protobuf.Duration": _DURATION, "google.protobuf.Timestamp": _TIMESTAMP}


def read_message(tree: Json, message: Message, *, ignore_unknown: bool, path: str = "") -> None:
    """Fill an empty message from the plain values of its JSON.

    `path` is the message's place in the document, for errors.

    Raises:
        ProtocolError: a field has a value that it cannot hold, or is unknown and not to be ignored; or
            messages are nested too deeply.
    """
    _read(_Reading(ignore_unknown=ignore_unknown), tree, message, path)


def read_leniently(tree: Json, message: Message) -> Skipped:
    """Fill an empty message as gateways do, and return what they skip: fields that it does not have.

    `gateway` says what is taken beyond strict JSON.

    Raises:
        ProtocolError: a field has a value that it cannot hold; or messages are nested too deeply.
    """
    reading = _LenientReading()
    _read(reading, tree, message, "")
    return reading.skipped


def _read(reading: "_Reading", tree: Json, message: Message, path: str) -> None:
    try:
        reading.message(tree, message, path, 1)
    except RecursionError as error:
        # It is within the limit, but the caller's stack is deep already.
        raise _error_at(path, TOO_DEEP) from error


class _Reading:
    """One document being read; the paths are those of the JSON."""

    def __init__(self, *, ignore_unknown: bool) -> None:
        self._ignore_unknown = ignore_unknown

    def message(self, tree: Json, message: Message, path: str, depth: int) -> None:
        if depth > DEEPEST:
            raise _error_at(path, TOO_DEEP)
        if isinstance(message, Duration | Timestamp):
            _read_time(tree, message, path)
        elif not isinstance(tree, dict):
            raise _error_at(path, f"an object was expected, not {excerpt(tree)}")
        elif isinstance(message, AnyMessage):
            self._any(tree, message, path, depth)
        else:
            self._fields(tree, message, path, depth)

    def _fields(self, tree: dict[str, Json], message: Message, path: str, depth: int) -> None:
        known = fields_by_spelling(message.DESCRIPTOR)
        given: set[str] = set()
        for key, value in tree.items():
            field = known.get(key)
            spelled = spell_key(key)
            key_path = f"{path}.{spelled}" if path else spelled
            if field is None:
                self._unknown(message, key_path)
                continue
            if field.name in given:
                raise _error_at(key_path, "the field is given in both spellings of its name")
            given.add(field.name)
            if value is None:
                continue
            if field.oneof is not None and (other := message.WhichOneof(field.oneof)) is not None:
                raise _error_at(key_path, f"only one of {field.name} and {other} may be set")
            self._field(field, value, message, key_path, depth)

    def _unknown(self, message: Message, path: str) -> None:
        if not self._ignore_unknown:
            raise _error_at(path, f"{message.DESCRIPTOR.name} has no such field")

    def _field(self, field: Field, value: Json, message: Message, path: str, depth: int) -> None:
        if field.map_key_type is not None:
            self._map(field, value, getattr(message, field.name), path, depth)
        elif field.repeated:
            self._list(field, value, getattr(message, field.name), path, depth)
        elif field.message is not None:
            inner = getattr(message, field.name)
            inner.SetInParent()
            self.message(value, inner, path, depth + 1)
        else:
            for scalar in self._scalar(field, value, path):
                setattr(message, field.name, scalar)

    def _list(self, field: Field, value: Json, target: _Container, path: str, depth: int) -> None:
        if not isinstance(value, list):
            raise _error_at(path, f"a list was expected, not {excerpt(value)}")
        for index, item in enumerate(value):
            self._item(field, item, target, f"{path}[{index}]", depth)

    def _item(self, field: Field, item: Json, target: _Container, path: str, depth: int) -> None:
        if field.message is not None:
            self.message(item, target.add(), path, depth + 1)
        else:
            target.extend(self._scalar(field, item, path))

    def _map(self, field: Field, value: Json, target: _Container, path: str, depth: int) -> None:
        if not isinstance(value, dict):
            raise _error_at(path, f"an object was expected, not {excerpt(value)}")
        read_key = key_reader_of(field.map_key_type or 0)
        for key, item in value.items():
            key_path = f"{path}[{excerpt(key)}]"
            try:
                map_key = read_key(key)
            except WrongValueError as error:
                raise _error_at(key_path, str(error)) from error
            if field.message is not None:
                self.message(item, target[map_key], key_path, depth + 1)
            else:
                for scalar in self._scalar(field, item, key_path):
                    target[map_key] = scalar

    def _scalar(self, field: Field, value: Json, path: str) -> tuple[Any, ...]:
        """Return the one value, or an empty tuple for an unknown enum name that is skipped."""
        try:
            return (self._reader(field)(value),)
        except UnknownEnumNameError as error:
            if self._ignore_unknown:
                return ()
            raise _error_at(path, str(error)) from error
        except WrongValueError as error:
            raise _error_at(path, str(error)) from error

    def _reader(self, field: Field) -> Reader:
        return reader_of(field.type, field.enum)

    def _any(self, tree: dict[str, Json], message: AnyMessage, path: str, depth: int) -> None:
        if not tree:
            return
        type_url = tree.get("@type")
        if not isinstance(type_url, str) or not type_url:
            raise _error_at(path, "@type must name the type of the message")
        members = {key: value for key, value in tree.items() if key != "@type"}
        message.type_url = type_url
        descriptor = any_form.type_named_by(type_url)
        if descriptor is None:
            if not self._ignore_unknown:
                raise _error_at(path, f"the type {excerpt(type_url)} is unknown")
            try:
                message.value = any_form.keep(members)
            except ProtocolError as error:
                raise _error_at(path, str(error)) from error
            return
        inner = GetMessageClass(descriptor)()
        content: Json = members
        if descriptor.full_name in SPECIAL_FORMS:
            path, content = f"{path}.value", members.get("value")
        self.message(content, inner, path, depth + 1)
        # Equal JSON gives equal bytes only where maps are written in a fixed order.
        message.value = inner.SerializePartialToString(deterministic=True)


class _LenientReading(_Reading):
    """One document being read as gateways read it."""

    def __init__(self) -> None:
        super().__init__(ignore_unknown=False)
        self.skipped = Skipped()

    def _unknown(self, message: Message, path: str) -> None:  # noqa: ARG002
        self.skipped.add(path)

    def _list(self, field: Field, value: Json, target: _Container, path: str, depth: int) -> None:
        if isinstance(value, list):
            # Without elements that are null; the others keep their index in the paths.
            for index, item in enumerate(value):
                if item is not None:
                    self._item(field, item, target, f"{path}[{index}]", depth)
        else:
            self._item(field, value, target, path, depth)

    def _reader(self, field: Field) -> Reader:
        return read_mime_bytes if field.type == FieldDescriptor.TYPE_BYTES else super()._reader(field)


def _read_time(tree: Json, message: Duration | Timestamp, path: str) -> None:
    form = _TIME_FORMS[message.DESCRIPTOR.full_name]
    try:
        if not isinstance(tree, str) or not form.fullmatch(tree):
            raise WrongValueError(tree, f"a {message.DESCRIPTOR.name}")
        message.FromJsonString(tree)
    except (ValueError, OverflowError) as error:
        raise _error_at(path, str(error)) from error


def _error_at(path: str, reason: str) -> ProtocolError:
    return ProtocolError(f"{path}: {reason}" if path else reason)
