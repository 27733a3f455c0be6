"""Requests joined from the bytes of files, and answers cut per image, without building messages.

Only the outermost fields are known here, by the numbers that the descriptors give them; what
they hold is copied or skipped. A message that held eight images would cost a copy of each
and, measured at 20 to 1,000 KB, 2.0 to 2.3 times the CPU of sending ready bytes.
"""

from collections.abc import Iterable, Iterator

from google.protobuf.message import DecodeError, Message

from vision_grpc.messages import AnalyzeResult, AnalyzeSpec, BatchAnalyzeRequest, BatchAnalyzeResponse, FeatureResult

_VARINT, _FIXED64, _LENGTH_DELIMITED, _FIXED32 = 0, 1, 2, 5
_WIRE_TYPE_BITS = 3
_CONTINUES = 0x80
_LONGEST_VARINT = 10


def _tag(message_class: type[Message], field: str) -> int:
    return message_class.DESCRIPTOR.fields_by_name[field].number << _WIRE_TYPE_BITS | _LENGTH_DELIMITED


_SPECS = bytes([_tag(BatchAnalyzeRequest, "analyze_specs")])
_FOLDER_ID = bytes([_tag(BatchAnalyzeRequest, "folder_id")])
_CONTENT = bytes([_tag(AnalyzeSpec, "content")])
_FEATURES = bytes([_tag(AnalyzeSpec, "features")])
_RESULTS = _tag(BatchAnalyzeResponse, "results")
_IMAGE_ERROR = _tag(AnalyzeResult, "error")
_FEATURE_RESULTS = _tag(AnalyzeResult, "results")
_FEATURE_ERROR = _tag(FeatureResult, "error")


def encode_features(features: Iterable[Message]) -> bytes:
    """Return the `features` of a spec as they stand in its bytes."""
    return b"".join(_FEATURES + _varint(len(wire)) + wire for wire in (item.SerializeToString() for item in features))


def join_request(contents: Iterable[bytes], features: bytes, folder_id: str) -> bytes:
    """Return the bytes of a BatchAnalyzeRequest that asks the same features, encoded, of each image."""
    pieces: list[bytes] = []
    for content in contents:
        head = _CONTENT + _varint(len(content))
        pieces += (_SPECS, _varint(len(head) + len(content) + len(features)), head, content, features)
    if folder_id:
        encoded = folder_id.encode()
        pieces += (_FOLDER_ID, _varint(len(encoded)), encoded)
    return b"".join(pieces)


def split_response(wire: bytes) -> list[bytes]:
    """Return the bytes of each AnalyzeResult of a BatchAnalyzeResponse, in order.

    Raises:
        DecodeError: the outermost fields are broken.
    """
    return [wire[start:end] for tag, start, end in _fields(wire, 0, len(wire)) if tag == _RESULTS]


def has_error(result: bytes) -> bool:
    """Return whether an AnalyzeResult, or one of its features, carries an error.

    Raises:
        DecodeError: the fields of the result or of its features are broken.
    """
    for tag, start, end in _fields(result, 0, len(result)):
        if tag == _IMAGE_ERROR:
            return True
        if tag == _FEATURE_RESULTS and any(inner == _FEATURE_ERROR for inner, _, _ in _fields(result, start, end)):
            return True
    return False


def _fields(wire: bytes, position: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield tag, start and end of each field's value between two positions."""
    while position < end:
        tag, position = _read_varint(wire, position, end)
        kind = tag & 7
        if kind == _LENGTH_DELIMITED:
            size, start = _read_varint(wire, position, end)
        elif kind == _VARINT:
            start = position
            size = _read_varint(wire, position, end)[1] - start
        elif kind in {_FIXED64, _FIXED32}:
            start, size = position, 8 if kind == _FIXED64 else 4
        else:
            message = f"wire type {kind} at byte {position}"
            raise DecodeError(message)
        position = start + size
        if position > end:
            message = f"the field at byte {start} is longer than what holds it"
            raise DecodeError(message)
        yield tag, start, position


def _read_varint(wire: bytes, position: int, end: int) -> tuple[int, int]:
    """Return a varint and the position behind it."""
    if position + 3 <= end:  # Nearly all: tags, and the lengths of anything up to 2 MB.
        first, second, third = wire[position : position + 3]
        if first < _CONTINUES:
            return first, position + 1
        if second < _CONTINUES:
            return first & 0x7F | second << 7, position + 2
        if third < _CONTINUES:
            return first & 0x7F | (second & 0x7F) << 7 | third << 14, position + 3
    number = shift = 0
    for index in range(position, min(end, position + _LONGEST_VARINT)):
        byte = wire[index]
        number |= (byte & 0x7F) << shift
        if byte < _CONTINUES:
            return number, index + 1
        shift += 7
    message = f"a broken varint at byte {position}"
    raise DecodeError(message)


def _varint(number: int) -> bytes:
    if number < _CONTINUES:
        return bytes((number,))
    encoded = bytearray()
    while number >= _CONTINUES:
        encoded.append(number & 0x7F | _CONTINUES)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)
