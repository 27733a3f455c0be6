"""Messages as proto3 JSON, and errors as they come in HTTP bodies."""

from vision_grpc.json.codec import from_json, to_json
from vision_grpc.json.error_body import read_error_body

__all__ = ["from_json", "read_error_body", "to_json"]
