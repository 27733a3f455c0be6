"""Requests joined from the bytes of files, and answers cut per image, without building messages.

Only the outermost fields are known here, by their numbers from the descriptors; their contents are copied or skipped.
A message of eight images would cost a copy of each and, measured at 20 to 1,000 KB, 2.0 to 2.3 times the CPU of
sending ready bytes.
"""

from collections.abc import Iterable

from google.protobuf.message import DecodeError, Message

from vision_grpc.codec.wire_format import FIXED32, FIXED64, LENGTH_DELIMITED, MORE, VARINT, read_varint, varint
from vision_grpc.messages import AnalyzeResult, AnalyzeSpec, BatchAnalyzeRequest, BatchAnalyzeResponse, FeatureResult

_WIRE_TYPE_BITS = 3
# A tag of one byte and a length of up to three.
_USUAL_HEAD, _USUAL_SIZE = 4, 1 << 21


def _tag(message_class: type[Message], field: str) -> int:
    return message_class.DESCRIPTOR.fields_by_name[field].number << _WIRE_TYPE_BITS | LENGTH_DELIMITED


_SPECS = bytes([_tag(BatchAnalyzeRequest, "analyze_specs")])
_CONTENT = bytes([_tag(AnalyzeSpec, "content")])
_RESULTS = _tag(BatchAnalyzeResponse, "results")
_IMAGE_ERROR = _tag(AnalyzeResult, "error")
_FEATURE_RESULTS = _tag(AnalyzeResult, "results")
_FEATURE_ERROR = _tag(FeatureResult, "error")


def join_request(contents: Iterable[bytes], spec_fields: bytes, request_fields: bytes) -> bytes:
    """Return the bytes of a BatchAnalyzeRequest for these images.

    The other fields are given as wire bytes: those of each spec, and those of the request.
    """
    pieces: list[bytes] = []
    for content in contents:
        size = len(content)
        head = _CONTENT + varint(size)
        pieces += (_SPECS + varint(len(head) + size + len(spec_fields)) + head, content, spec_fields)
    pieces.append(request_fields)
    return b"".join(pieces)


def split_request(wire: bytes) -> list[bytes]:
    """Return the content of each image of a request that `join_request` made."""
    contents: list[bytes] = []
    position, end = 0, len(wire)
    while position < end:
        tag, start, position = _field(wire, position, end)
        if tag == _SPECS[0]:
            _, start, stop = _field(wire, start, position)
            contents.append(wire[start:stop])
    return contents


def split_response(wire: bytes) -> list[bytes]:
    """Return the bytes of each AnalyzeResult of a BatchAnalyzeResponse, in order.

    Raises:
        DecodeError: the outermost fields are broken.
    """
    results: list[bytes] = []
    position, end = 0, len(wire)
    while position < end:
        tag, start, position = _field(wire, position, end)
        if tag == _RESULTS:
            results.append(wire[start:position])
    return results


def has_error(result: bytes) -> bool:
    """Return whether an AnalyzeResult, or one of its features, carries an error.

    Raises:
        DecodeError: the fields of the result or of its features are broken.
    """
    position, end = 0, len(result)
    while position < end:
        tag, inner, position = _field(result, position, end)
        if tag == _IMAGE_ERROR:
            return True
        if tag == _FEATURE_RESULTS:
            while inner < position:
                tag, _, inner = _field(result, inner, position)
                if tag == _FEATURE_ERROR:
                    return True
    return False


def _field(wire: bytes, position: int, end: int) -> tuple[int, int, int]:
    """Return the tag of the field at a position, the start of its value and the position behind it."""
    if position + _USUAL_HEAD <= end:  # Nearly all fields have a number below 16 and less than 2 MB.
        tag, size, start = wire[position], wire[position + 1], position + 2
        if size >= MORE:
            second, start = wire[position + 2], position + 3
            size = size & 0x7F | second << 7
            if second >= MORE:
                size = size & 0x3FFF | wire[position + 3] << 14
                start = position + 4
        if tag & 0x87 == LENGTH_DELIMITED and size < _USUAL_SIZE and start + size <= end:
            return tag, start, start + size
    tag, start = read_varint(wire, position, end)
    kind = tag & 7
    if kind == LENGTH_DELIMITED:
        size, start = read_varint(wire, start, end)
    elif kind == VARINT:
        size = read_varint(wire, start, end)[1] - start
    elif kind in {FIXED64, FIXED32}:
        size = 8 if kind == FIXED64 else 4
    else:
        message = f"wire type {kind} at byte {position}"
        raise DecodeError(message)
    if start + size > end:
        message = f"the field at byte {start} is longer than the message around it"
        raise DecodeError(message)
    return tag, start, start + size
