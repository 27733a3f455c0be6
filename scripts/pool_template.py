"""The descriptor pool that holds every message of this package, and only those.

The default pool of the process belongs to everybody: another package that registers
the same file names with any difference, as `yandexcloud` does, would make whichever
of the two is imported second fail. A pool of our own lets both live in one process.
"""

import copyreg
from typing import Any, TypeVar

from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.internal import api_implementation, builder
from google.protobuf.message import Message

_MessageT = TypeVar("_MessageT", bound=Message)

if api_implementation.Type() == "python":
    _REFUSAL = (
        "vision_grpc needs the upb backend of protobuf, but this process runs the pure-Python one. "
        "Unset PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION, or install a protobuf wheel made for this platform."
    )
    raise ImportError(_REFUSAL)

POOL = DescriptorPool()


def add_foreign_file(serialized: bytes, module_name: str, namespace: dict[str, Any]) -> FileDescriptor:
    """Register a file that another package compiled, and put its messages into `namespace`.

    The files that it imports must be in the pool already.
    """
    file: FileDescriptor = POOL.AddSerializedFile(serialized)
    builder.BuildMessageAndEnumDescriptors(file, namespace)
    builder.BuildTopDescriptorsAndMessages(file, module_name, namespace)
    make_picklable(file, namespace)
    return file


def make_picklable(file: FileDescriptor, namespace: dict[str, Any]) -> None:
    """Let `pickle` find the file's messages by import path.

    protobuf looks nested messages up in the default pool, where ours are not.
    """
    for name in file.message_types_by_name:
        _register(namespace[name])


def _register(message_class: type[Message]) -> None:
    copyreg.pickle(message_class, _reduce)
    for nested in message_class.DESCRIPTOR.nested_types:
        if not nested.GetOptions().map_entry:
            _register(getattr(message_class, nested.name))


def _reduce(message: _MessageT) -> tuple[Any, tuple[type[_MessageT], bytes]]:
    return _restore, (type(message), message.SerializePartialToString())


def _restore(message_class: type[_MessageT], wire: bytes) -> _MessageT:
    message = message_class()
    message.MergeFromString(wire)
    return message
