"""Error codes of HTTP/2, and the exceptions that end streams and connections."""

from enum import IntEnum


class ErrorCode(IntEnum):
    """RFC 9113 section 7."""

    NO_ERROR = 0x0
    PROTOCOL_ERROR = 0x1
    INTERNAL_ERROR = 0x2
    FLOW_CONTROL_ERROR = 0x3
    SETTINGS_TIMEOUT = 0x4
    STREAM_CLOSED = 0x5
    FRAME_SIZE_ERROR = 0x6
    REFUSED_STREAM = 0x7
    CANCEL = 0x8
    COMPRESSION_ERROR = 0x9
    CONNECT_ERROR = 0xA
    ENHANCE_YOUR_CALM = 0xB
    INADEQUATE_SECURITY = 0xC
    HTTP_1_1_REQUIRED = 0xD


class ConnectionBrokenError(Exception):
    """The peer broke a rule of the whole connection, which ends with GOAWAY and `code`."""

    def __init__(self, code: ErrorCode, reason: str) -> None:
        super().__init__(f"{code.name}: {reason}")
        self.code = code
        self.reason = reason


class StreamBrokenError(Exception):
    """The peer broke a rule of one stream, which ends with RST_STREAM and `code`."""

    def __init__(self, code: ErrorCode, reason: str) -> None:
        super().__init__(f"{code.name}: {reason}")
        self.code = code
        self.reason = reason


class BodyError(Exception):
    """The body of a request will not come as far as it was asked for."""


class BodyEndedError(BodyError):
    """The body has ended; `body_bytes` had come and were not read."""

    def __init__(self, body_bytes: int) -> None:
        super().__init__(f"the body ended after {body_bytes:,} bytes")
        self.body_bytes = body_bytes


class BodyStalledError(BodyError):
    """The body has not come on for too long."""

    def __init__(self) -> None:
        super().__init__("the body of the request came to a standstill")
