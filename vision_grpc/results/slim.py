"""Classes of the same messages, declared otherwise: so the parser itself collects what is wanted.

If a repeated field is declared singular, the parser merges its values (see "Last One Wins" in the encoding's
specification); and if a field of merged messages is declared repeated, it has the values of them all, in one list.
"""

from collections.abc import Callable
from typing import Any

from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import EncodeError, Message
from google.protobuf.message_factory import GetMessageClass

Redeclare = Callable[[str, FieldDescriptorProto], None]
"""Changes the declaration of a field; the first argument is the short name of its message."""


def slim_class(whole: type[Message], package: str, redeclare: Redeclare, *, syntax: str = "proto3") -> type[Message]:
    """Return a class for the wire bytes of a message, its fields and those of all messages in it declared anew.

    Only syntax "proto2" has required fields.
    """
    file = FileDescriptorProto(name=f"{package.replace('.', '/')}.proto", package=package, syntax=syntax)
    left: dict[str, Any] = {whole.DESCRIPTOR.full_name: whole.DESCRIPTOR}
    done = set[str]()
    while left:
        name, descriptor = left.popitem()
        done.add(name)
        _add(file, descriptor, redeclare)
        for field in descriptor.fields:
            inner = field.message_type
            if inner is not None and inner.full_name not in done:
                left[inner.full_name] = inner
    pool = DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return GetMessageClass(pool.FindMessageTypeByName(f"{package}.{_flat(whole.DESCRIPTOR)}"))


def written(message: Message) -> bytes | None:
    """Return a message in wire format, None if it lacks a required field; `IsInitialized` takes twice as long."""
    try:
        return message.SerializeToString()
    except EncodeError:
        return None


def _add(file: FileDescriptorProto, descriptor: Any, redeclare: Redeclare) -> None:  # noqa: ANN401 - of any backend
    declared = DescriptorProto()
    descriptor.CopyToProto(declared)
    slim = file.message_type.add(name=_flat(descriptor))
    slim.oneof_decl.extend(declared.oneof_decl)
    for field in declared.field:
        kept = FieldDescriptorProto(name=field.name, number=field.number, label=field.label, type=field.type)
        if field.HasField("oneof_index"):
            kept.oneof_index = field.oneof_index
        if field.type == FieldDescriptorProto.TYPE_ENUM:
            kept.type = FieldDescriptorProto.TYPE_INT32
        redeclare(declared.name, kept)
        inner = descriptor.fields_by_name[field.name].message_type
        if kept.type == FieldDescriptorProto.TYPE_MESSAGE:
            kept.type_name = f".{file.package}.{_flat(inner)}"
        slim.field.append(kept)


def _flat(descriptor: Any) -> str:  # noqa: ANN401
    name: str = descriptor.full_name
    return name.replace(".", "_")
