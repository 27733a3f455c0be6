"""Decoded structs to wire bytes: writers compiled from descriptors once.

`unroll` packs the small messages that make up most of a document. This module writes the larger ones, and small
messages of an unusual shape.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message_factory import GetMessageClass
from msgspec import Raw

from vision_grpc.codec.json.fields import Field, fields_of
from vision_grpc.codec.json.scalars import read_mime_bytes, reader_of
from vision_grpc.codec.json.strict import read_message
from vision_grpc.codec.json.structs import decoder_of, is_raw
from vision_grpc.codec.json.tables import VARINTS
from vision_grpc.codec.json.tree import read_object
from vision_grpc.codec.json.unroll import (
    MISFITS,
    Packer,
    Shape,
    can_unroll,
    compile_item_counter,
    compile_packer,
    shape_of,
)
from vision_grpc.codec.wire_format import FIXED64, VARINT, double, length_delimited, tag, varint

# A document with more shapes than these gains nothing from compiling another.
_MOST_SHAPES = 64
_MOST_TRIED = 6


class WriteContext:
    """The state of writing one document; by its counts `fast` proves that nothing was overlooked."""

    def __init__(self, *, ignore_unknown: bool, is_lenient: bool = False) -> None:
        self.ignore_unknown = ignore_unknown
        self.is_lenient = is_lenient
        """Whether base64 may have white space in it."""
        self.keys = 0
        """Keys of the document that were written; never more than it has."""
        self.raw_colons = 0
        """Colons in values that the strict reader has read."""
        self.string_colons = 0
        """Colons in the other strings."""
        self.packers: dict[object, Packer | None] = {}
        """The packer of the latest message, by the field's writer."""


Writer = Callable[[Any, WriteContext], bytes]
"""Returns the wire bytes of a field that is present, with its tag. Raises ValueError for a value that does not fit."""


def write(message: Any, descriptor: Descriptor, context: WriteContext, *, is_outline: bool) -> bytes:  # noqa: ANN401 - a struct
    """Return the wire bytes of a decoded message, or of its outline.

    Raises:
        ValueError, ProtocolError: a field cannot hold its value, or two members of one oneof are set. The strict
            reader says which and where.
    """
    return _message_writer(descriptor, is_outline=is_outline)(message, context)


@cache
def _message_writer(descriptor: Descriptor, *, is_outline: bool = False) -> Writer:
    fields = fields_of(descriptor)
    writers = [(field.name, _field_writer(descriptor, field, is_outline=is_outline)) for field in fields]
    oneofs = [[field.name for field in oneof.fields] for oneof in descriptor.oneofs]

    def write(message: Any, context: WriteContext) -> bytes:  # noqa: ANN401 - a struct
        parts: list[bytes] = []
        for name, write_field in writers:
            value = getattr(message, name)
            if value is not None and value != ():
                parts.append(write_field(value, context))
        context.keys += len(parts)
        for oneof in oneofs:
            if len(oneof) - [getattr(message, name) for name in oneof].count(None) > 1:
                raise ValueError(oneof)
        return b"".join(parts)

    return write


def _field_writer(parent: Descriptor, field: Field, *, is_outline: bool) -> Writer:
    if is_raw(field):
        return _raw_writer(parent, field)
    if field.message is not None:
        write_messages = _messages_writer(field, field.message)
        return _item_writer(write_messages, field.message) if is_outline and field.repeated else write_messages
    write = _scalar_writer(field)
    if not field.repeated:
        return write
    return lambda values, context: b"".join([write(value, context) for value in values])


def _scalar_writer(field: Field) -> Writer:
    read = reader_of(field.type, field.enum)
    if field.type in VARINTS:
        head = tag(field.number, VARINT)
        return lambda value, _: head + varint(read(value))
    if field.type == FieldDescriptor.TYPE_DOUBLE:
        head = tag(field.number, FIXED64)
        return lambda value, _: head + double(read(value))
    if field.type == FieldDescriptor.TYPE_BYTES:
        return lambda value, context: length_delimited(
            field.number, (read_mime_bytes if context.is_lenient else read)(value)
        )

    def write_string(value: str, context: WriteContext) -> bytes:
        context.string_colons += value.count(":")
        return length_delimited(field.number, value.encode())

    return write_string


def _raw_writer(parent: Descriptor, field: Field) -> Writer:
    def write(value: bytes, context: WriteContext) -> bytes:
        raw = bytes(value)
        context.raw_colons += raw.count(b":")
        holder = GetMessageClass(parent)()
        tree = read_object(b'{"%s":%s}' % (field.name.encode(), raw))
        read_message(tree, holder, ignore_unknown=context.ignore_unknown)
        return holder.SerializePartialToString(deterministic=True)

    return write


def _item_writer(write_messages: Writer, descriptor: Descriptor) -> Writer:
    decode = decoder_of(descriptor).decode

    def write(items: Sequence[Raw], context: WriteContext) -> bytes:
        return b"".join([write_messages([decode(item)], context) for item in items])

    return write


def _messages_writer(field: Field, descriptor: Descriptor) -> Writer:
    """Return the writer of a message, or of a list of messages."""
    write_fields, number = _message_writer(descriptor), field.number

    def write_one(message: Any, context: WriteContext) -> bytes:  # noqa: ANN401 - a struct
        return length_delimited(number, write_fields(message, context))

    if can_unroll(descriptor):
        unrolled = _UnrolledWriter(field, descriptor, write_one)
        return (
            unrolled.write_all if field.repeated else lambda message, context: unrolled.write_all((message,), context)
        )
    if field.repeated:
        return lambda messages, context: b"".join([write_one(message, context) for message in messages])
    return write_one


class _UnrolledWriter:
    """Packs messages by the shape of the previous ones; for another shape it finds a packer or compiles one."""

    def __init__(self, field: Field, descriptor: Descriptor, write_one: Writer) -> None:
        self._field, self._descriptor = field, descriptor
        self._write_one = write_one
        self._count_items = compile_item_counter(descriptor)
        self._compiled: dict[Shape, Packer | None] = {}
        # By the lengths of the lists in a message, which are quick to find.
        self._packers: dict[tuple[int, ...], tuple[Packer, ...]] = {}
        # The first packer that a document is tried with.
        self._usual: Packer | None = None

    def write_all(self, messages: Sequence[Any], context: WriteContext) -> bytes:
        """Return a list of messages as wire bytes."""
        packer = context.packers.get(self, self._usual)
        parts: list[bytes] = []
        written = 0 if packer is None else self._pack_all(packer, messages, parts, context)
        # With mixed shapes, each message is packed separately: one failed attempt costs as much as packing two.
        for message in messages[written:]:
            packer = self._write_one_shaped(message, parts, context)
        context.packers[self] = packer
        return b"".join(parts)

    @staticmethod
    def _pack_all(packer: Packer, messages: Sequence[Any], parts: list[bytes], context: WriteContext) -> int:
        """Pack messages up to the first that does not fit, and return how many were packed."""
        start = len(parts)
        try:  # noqa: SIM105 - suppress() costs as much as packing a word
            packer.pack_all(messages, parts)
        except MISFITS:
            pass
        if packer.has_strings:
            context.string_colons += b"".join(parts[start + 1 :: 2]).count(b":")
        packed = (len(parts) - start) // packer.parts_each
        context.keys += packer.keys * packed
        return packed

    def _write_one_shaped(self, message: Any, parts: list[bytes], context: WriteContext) -> Packer | None:  # noqa: ANN401
        """Write a message by its shape, and return the packer that fitted."""
        try:
            items = self._count_items(message)
        except AttributeError:
            items = ()
        for packer in self._packers.get(items, ()):
            if self._pack_all(packer, (message,), parts, context):
                return packer
        new = self._compile_for(message, items)
        if new is not None and self._pack_all(new, (message,), parts, context):
            return new
        parts.append(self._write_one(message, context))
        return self._usual

    def _compile_for(self, message: Any, items: tuple[int, ...]) -> Packer | None:  # noqa: ANN401 - a struct
        """Return a new packer for the shape of a message, None if it has none or was compiled before."""
        try:
            shape = shape_of(message, self._descriptor)
        except ValueError:
            return None
        if shape in self._compiled or len(self._compiled) >= _MOST_SHAPES:
            return None
        packer = self._compiled[shape] = compile_packer(self._field, self._descriptor, shape)
        if packer is not None:
            packers = (*self._packers.get(items, ()), packer)
            self._packers[items] = tuple(sorted(packers, key=lambda packer: not packer.shape.is_usual))[:_MOST_TRIED]
            if shape.is_usual:
                self._usual = packer
        return packer
