"""The access log: one record for each call."""

import logging
import re
import time
from collections import Counter
from collections.abc import Mapping
from typing import TypeAlias

from vision_grpc.errors import Code
from vision_grpc.local.calls.call import Call
from vision_grpc.local.calls.images import operation_of
from vision_grpc.local.calls.method import short_name
from vision_grpc.local.calls.reply import Reply
from vision_grpc.messages import AnalyzeResult, BatchAnalyzeResponse
from vision_grpc.texts.encoded import encoding_of
from vision_grpc.texts.quoting import LONGEST, shorten, show
from vision_grpc.texts.secrets import is_token

Field: TypeAlias = str | int | float | list[str] | dict[str, int]
"""A value of the log, which JSON has too."""

CALL_FIELDS = "call_fields"
"""The attribute of a record that has the fields of the line as a mapping."""

_CODES = frozenset(Code)
# What stands in a line without quotation marks.
_SIMPLE = re.compile(r"[\w.:/\[\]-]+", re.ASCII)
ACCESS_LOG = __name__
"""The name of the logger."""
_log = logging.getLogger(ACCESS_LOG)


class AccessLog:
    """Logs each call when its reply is about to be sent.

    A record's message is `call` and the fields as `name=value`. Formatters find the same fields as a mapping in the
    record's attribute `call_fields`. No metadata but the test id is among them, so no secret can be.
    """

    def began(self, call: Call) -> None:
        """Do nothing: what a call needed is known at its end."""

    def ended(self, call: Call, reply: Reply) -> None:
        """Log the call."""
        if _log.isEnabledFor(logging.INFO):
            log_fields(logging.INFO, "call", fields_of(call, reply))


def fields_of(call: Call, reply: Reply) -> dict[str, Field]:
    """Return what the log says about a call, in the order of its line."""
    fields: dict[str, Field] = {
        "id": call.ids.request_id,
        "peer": call.peer,
        "transport": call.face,
        "method": short_name(call.method),
        "images": call.images,
        "bytes": call.request_bytes,
        "ms": round(1000 * (time.monotonic() - call.started_at), 1),
        "code": code_of(reply),
    }
    if codes := count_image_codes(reply):
        fields["image_codes"] = dict(codes)
    if call.not_sent:
        fields["not_sent"] = dict(call.not_sent)
    if reply.status is not None and reply.status.message:
        fields["error"] = bounded(reply.status.message)
    if operation_id := operation_of(call.request, reply.message):
        fields["operation"] = bounded(operation_id)
    if call.struck_by:
        fields["faults"] = [bounded(rule) for rule in call.struck_by]
    if call.test_id:
        fields["test_id"] = bounded(call.test_id)
    return fields


def log_request(level: int, call: Call, code: str) -> None:
    """Log a call over gRPC that does not come to the desk: of health, of reflection, or with a head that is wrong."""
    fields: dict[str, Field] = {
        "id": call.ids.request_id,
        "peer": call.peer,
        "transport": call.face,
        "method": bounded(call.method),
        "code": code,
    }
    log_fields(level, "request", fields)


def log_fields(level: int, what: str, fields: Mapping[str, Field]) -> None:
    """Log a record of the access log: what it is about, and the fields."""
    if not _log.isEnabledFor(level):
        return
    line = " ".join(f"{name}={_shown(value)}" for name, value in fields.items())
    _log.log(level, "%s %s", what, line, extra={CALL_FIELDS: fields})


def code_of(reply: Reply) -> str:
    """Return the name of a reply's code."""
    return Code.OK.name if reply.status is None else name_of(reply.status.code)


def name_of(code: int) -> str:
    """Return the name of a code; of a number that is none, `CODE_` and the number."""
    return Code(code).name if code in _CODES else f"CODE_{code}"


def count_image_codes(reply: Reply) -> Counter[str]:
    """Return how many images have which code: that of the image's error, or of the first feature that has one.

    A stream is the answer to one file, and its code is that of the call. A call that failed as a whole has no images.
    """
    if isinstance(reply.message, BatchAnalyzeResponse):
        return Counter(map(_image_code, reply.message.results))
    return Counter([code_of(reply)] if reply.stream else [])


def bounded(text: str) -> str:
    """Return a text of a client, never long, and without what looks like a secret or like content."""
    return show(text) if is_token(text) or encoding_of(text) is not None else shorten(text[: 4 * LONGEST])


def _image_code(result: AnalyzeResult) -> str:
    if result.HasField("error"):
        return name_of(result.error.code)
    return next((name_of(part.error.code) for part in result.results if part.HasField("error")), Code.OK.name)


def _shown(value: Field) -> str:
    if isinstance(value, dict):
        return ",".join(f"{name}:{count}" for name, count in value.items())
    text = ",".join(value) if isinstance(value, list) else str(value)
    # A repr escapes line breaks and control characters.
    return text if _SIMPLE.fullmatch(text) else repr(text)
