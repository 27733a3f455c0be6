"""Requests joined from the bytes of files, and answers cut per image, without building messages.

Only the outermost fields are known here, by their numbers from the descriptors; their contents are copied or skipped.
A message of eight images would cost a copy of each and, measured at 20 to 1,000 KB, 2.0 to 2.3 times the CPU of
sending ready bytes.
"""

from collections.abc import Iterable

from google.protobuf.message import Message

from vision_grpc.codec.wire_format import LENGTH_DELIMITED, read_field, values_of, varint
from vision_grpc.messages import AnalyzeResult, AnalyzeSpec, BatchAnalyzeRequest, BatchAnalyzeResponse, FeatureResult

_WIRE_TYPE_BITS = 3


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
        tag, start, position = read_field(wire, position, end)
        if tag == _SPECS[0]:
            _, start, stop = read_field(wire, start, position)
            contents.append(wire[start:stop])
    return contents


def split_response(wire: bytes) -> list[bytes]:
    """Return the bytes of each AnalyzeResult of a BatchAnalyzeResponse, in order.

    Raises:
        DecodeError: the outermost fields are broken.
    """
    return values_of(wire, _RESULTS)


def has_error(result: bytes) -> bool:
    """Return whether an AnalyzeResult, or one of its features, carries an error.

    Raises:
        DecodeError: the fields of the result or of its features are broken.
    """
    position, end = 0, len(result)
    while position < end:
        tag, inner, position = read_field(result, position, end)
        if tag == _IMAGE_ERROR:
            return True
        if tag == _FEATURE_RESULTS:
            while inner < position:
                tag, _, inner = read_field(result, inner, position)
                if tag == _FEATURE_ERROR:
                    return True
    return False
