"""Errors as services and the gateways before them write them into HTTP bodies."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, cast

from google.protobuf import json_format

from vision_grpc.errors import Code
from vision_grpc.messages import Any as AnyMessage
from vision_grpc.messages import Status
from vision_grpc_pb._pool import POOL

_Tree = dict[str, Any]
_ERROR_CODES = frozenset(Code) - {Code.OK}
# Enough of a gateway's page to recognise it by.
_EXCERPT_CHARACTERS = 200


def read_error_body(body: bytes, http_status: int) -> Status:
    """Return the error that an HTTP answer tells, whatever its body is.

    Understood are a google.rpc.Status, one wrapped as `{"error": {...}}`, and any text; where the
    body names no code, the HTTP status gives it. Details of unknown types are left out.
    """
    tree = _read_object(body)
    if isinstance(inner := tree.get("error"), dict):
        tree = cast("_Tree", inner)
    code, message, details = tree.get("code"), tree.get("message"), tree.get("details")
    return Status(
        # Some gateways put the HTTP status where the code belongs.
        code=code if type(code) is int and code in _ERROR_CODES else Code.from_http(http_status),
        message=message if isinstance(message, str) and message else _describe(body, http_status),
        details=_known_details(cast("list[_Tree]", details) if isinstance(details, list) else ()),
    )


def _read_object(body: bytes) -> _Tree:
    try:
        tree = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return cast("_Tree", tree) if isinstance(tree, dict) else {}


def _known_details(details: Iterable[_Tree]) -> Iterator[AnyMessage]:
    for detail in details:
        try:
            yield json_format.ParseDict(detail, AnyMessage(), ignore_unknown_fields=True, descriptor_pool=POOL)
        except json_format.ParseError:
            continue


def _describe(body: bytes, http_status: int) -> str:
    text = re.sub(r"<[^>]*>", " ", body[: 8 * _EXCERPT_CHARACTERS].decode("utf-8", errors="replace"))
    excerpt = " ".join(text.split())[:_EXCERPT_CHARACTERS]
    return f"HTTP {http_status} with " + (f"the body: {excerpt}" if excerpt else "an empty body")
