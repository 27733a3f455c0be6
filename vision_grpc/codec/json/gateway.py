"""Requests as JSON, read as the gateways read them that turn JSON into gRPC.

Beyond strict proto3 JSON, what Envoy's transcoder takes is taken where only one meaning is possible:

- base64 with white space in it, even with line ends that JSON would have escaped (`"$(base64 scan.png)"` in a shell);
- a single value for a repeated field, and null among its elements, which is left out;
- fields that the contract does not have: they are skipped, and the caller gets the paths of the first few;
- a byte order mark before the text, which Envoy refuses.

Refused are, though Envoy takes them: two values for one field, lists within lists, commas without a value, single
quotes and bare keys. json_format takes no single values and no line ends in strings, but skips any character in base64
and unknown names of enums; these two would hide mistakes.
"""

from typing import TypeVar

from google.protobuf.message import Message

from vision_grpc.codec.json.fast import read_fast
from vision_grpc.codec.json.skipped import Skipped
from vision_grpc.codec.json.strict import read_leniently
from vision_grpc.codec.json.tree import read_lenient_value

_MessageT = TypeVar("_MessageT", bound=Message)


def read_as_gateway(data: bytes, message_class: type[_MessageT]) -> tuple[_MessageT, Skipped]:
    """Return the message in a JSON text, and the fields that were skipped.

    Raises:
        ProtocolError: the data is not JSON, or not JSON of this message; the error says where.
    """
    fast = read_fast(data, message_class, ignore_unknown=False, is_lenient=True)
    if fast is not None:
        return fast, Skipped()
    message = message_class()
    return message, read_leniently(read_lenient_value(data), message)
