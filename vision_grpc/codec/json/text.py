"""The text in a JSON document, read without making a message, where it is certain what strict reading would say.

Structs of nothing but the text would be read in a third of the time. But they would skip damaged values beside it,
which strict reading refuses. So every value is checked. Most are decoded into exact types, and what those accept,
strict reading accepts too. The remaining differences are those that `fast` explains: equal keys in one object, the
other spelling of a name, and broken UTF-8 in skipped values. If the document has as many colons as keys and text were
found, it has none of them. A result in which a word or a vertex leaves a number of 0 out is read the strict way.
"""

import re
import sys
from collections.abc import Callable, Sequence
from itertools import chain
from operator import attrgetter
from types import GenericAlias
from typing import Annotated, Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from msgspec import Meta, MsgspecError, Raw, Struct, defstruct
from msgspec.json import Decoder

from vision_grpc.codec.json.fields import Field, fields_of
from vision_grpc.codec.json.keys import has_escape

_TYPES: dict[int, Any] = {
    # A fraction is decoded as a float, so that it is seen.
    FieldDescriptor.TYPE_INT64: Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)] | float,
    # Without a range, infinite numbers would pass. No string matches the pattern, because strict reading refuses
    # quoted numbers of more than a thousand characters, which msgspec accepts.
    FieldDescriptor.TYPE_DOUBLE: Annotated[float, Meta(ge=-sys.float_info.max, le=sys.float_info.max)]
    | Annotated[str, Meta(pattern="(?!)")],
    FieldDescriptor.TYPE_STRING: str,
}
_QUOTED_NUMBER = rb'"-?[0-9]{1,18}+"'
_split_at_numbers = re.compile(_QUOTED_NUMBER).split


class TextReader:
    """Reads the text of one message type's JSON.

    The JSON may have the fields on a path of names from the message, and all fields of the messages at its end.
    `text_of` joins strings of a decoded message: each at most once, with separators that have no colon.
    """

    def __init__(self, descriptor: Descriptor, path: Sequence[str], text_of: Callable[[Any], str]) -> None:
        self._kind = _Kind(descriptor, path)
        self._text_of = text_of

    def read(self, data: bytes) -> str | None:
        """Return the text, None when only strict reading can decide."""
        try:
            message = self._kind.decode(data)
            keys = self._kind.count_keys([message])
        except (MsgspecError, ValueError, RecursionError):
            return None
        text = self._text_of(message)
        colons = text.count(":")
        # An escaped colon is in the string, but not in the JSON.
        is_whole = data.count(b":") == keys + colons and not (colons and has_escape(data, b"\\u003"))
        return text if is_whole else None


class _Kind:
    """A message type as a struct, and how the keys of its JSON are counted.

    A field without a message must be given: looking for absent ones would take longer than decoding.
    """

    def __init__(self, descriptor: Descriptor, path: Sequence[str]) -> None:
        fields = [field for field in fields_of(descriptor) if not path or field.name == path[0]]
        scalars = [field for field in fields if field.message is None]
        integers = [field for field in scalars if field.type == FieldDescriptor.TYPE_INT64]
        inner = [(field, _Kind(field.message, path[1:])) for field in fields if field.message is not None]
        self.is_geometry: bool = scalars == integers and all(kind.is_geometry for _, kind in inner)
        """Whether there are only whole numbers in a message, as in a polygon."""

        self._scalars = len(scalars)
        self._integers = [attrgetter(field.name) for field in integers]
        self._messages = [
            (attrgetter(field.name), field.repeated, kind.count_raw_keys if self._is_raw(kind) else kind.count_keys)
            for field, kind in inner
        ]
        members: list[tuple[str, Any] | tuple[str, Any, Any]] = [(field.name, _TYPES[field.type]) for field in scalars]
        members += [_member(field, Raw if self._is_raw(kind) else kind.struct) for field, kind in inner]
        names = {field.name: field.json_name for field in fields}
        self.struct: type[Struct] = defstruct(descriptor.name, members, rename=names, gc=False)
        # Not strict means that whole numbers may be quoted.
        self.decode = Decoder(self.struct, strict=False).decode

    def _is_raw(self, kind: "_Kind") -> bool:
        return kind.is_geometry and not self.is_geometry

    def count_keys(self, messages: Sequence[Any]) -> int:
        """Return the number of keys in the JSON of decoded messages.

        Raises:
            ValueError: an integer was written as a fraction, which may have been rounded.
        """
        for get in self._integers:
            # One float among them makes the sum a float.
            if type(sum(map(get, messages))) is not int:
                raise ValueError(self.struct.__name__)
        keys = self._scalars * len(messages)
        for get, repeated, count_keys in self._messages:
            # The default of a list is this tuple; an empty list was given.
            absent = () if repeated else None
            given = [value for value in map(get, messages) if value is not absent]
            keys += len(given)
            if repeated:
                given = list(chain.from_iterable(given))
            if given:
                keys += count_keys(given)
        return keys

    def count_raw_keys(self, values: Sequence[Raw]) -> int:
        """Return the number of keys in geometry that was left raw, as decoding would take most of the time.

        Nearly always, the values differ only in digits. Then what is true of the first is true of all.

        Raises:
            MsgspecError, ValueError: a value is not valid.
        """
        first = bytes(values[0])
        keys = self.count_keys([self.decode(first)])
        if first.count(b":") != keys:
            raise ValueError(first)
        layout = _QUOTED_NUMBER.join(map(re.escape, _split_at_numbers(first)))
        if re.fullmatch(b"(?:" + layout + b")*+", b"".join(values)):
            return keys * len(values)
        return self.count_keys([self.decode(value) for value in values])


def _member(field: Field, value_type: type) -> tuple[str, Any, Any]:
    if field.repeated:
        return field.name, GenericAlias(list, value_type), ()
    return field.name, value_type, None
