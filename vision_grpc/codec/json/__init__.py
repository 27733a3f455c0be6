"""Messages as proto3 JSON, and errors as they come in HTTP answers."""

from vision_grpc.codec.json.charset import to_utf8
from vision_grpc.codec.json.codec import from_json, to_json
from vision_grpc.codec.json.error_body import find_error, read_error, read_error_body
from vision_grpc.codec.json.gateway import read_as_gateway
from vision_grpc.codec.json.keys import may_have_key
from vision_grpc.codec.json.lazy import LazyAnswer, split_results
from vision_grpc.codec.json.request_body import SLICE_BYTES, RequestBody
from vision_grpc.codec.json.retry_after import read_retry_after
from vision_grpc.codec.json.skipped import Skipped
from vision_grpc.codec.json.stream import read_stream, whole_values
from vision_grpc.codec.json.text import TextReader

__all__ = [
    "SLICE_BYTES",
    "LazyAnswer",
    "RequestBody",
    "Skipped",
    "TextReader",
    "find_error",
    "from_json",
    "may_have_key",
    "read_as_gateway",
    "read_error",
    "read_error_body",
    "read_retry_after",
    "read_stream",
    "split_results",
    "to_json",
    "to_utf8",
    "whole_values",
]
