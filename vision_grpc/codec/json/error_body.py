"""Errors in HTTP answers, as services and the gateways before them write them."""

import html
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from urllib.parse import unquote

from vision_grpc.codec.json import any_form
from vision_grpc.codec.json.retry_after import read_retry_after
from vision_grpc.codec.json.strict import read_message
from vision_grpc.codec.json.tree import Json, read_object
from vision_grpc.errors import Code, ProtocolError
from vision_grpc.messages import Any as AnyMessage
from vision_grpc.messages import Duration, RetryInfo, Status

_Tree = dict[str, Json]
_ERROR_CODES = {code.value: code for code in Code if code is not Code.OK}
_ERROR_NAMES = {code.name: code for code in _ERROR_CODES.values()}
# Enough of a gateway's page to recognise it by.
_EXCERPT_CHARACTERS = 200
_PAGE_BYTES = 16 * 1024
_HTTP_OK = 200
_INVISIBLE = re.compile(r"<(script|style|head)\b.*?</\1\s*>|<!--.*?-->|<[^>]*>", re.DOTALL | re.IGNORECASE)
_TITLE = re.compile(r"<title[^>]*>(.*?)</title", re.DOTALL | re.IGNORECASE)


def read_error(http_status: int, headers: Mapping[str, str], body: bytes, now: datetime) -> Status:
    """Return the error of a whole HTTP answer.

    It is read from the gRPC status in the headers, if a proxy sent one, else as `read_error_body` does. Retry-After
    becomes a RetryInfo among the details unless there is one. The names of `headers` are lower-case or ignore case;
    `now` is the wall clock with a time zone.
    """
    status = _read_grpc_headers(headers) or read_error_body(body, http_status)
    if 300 <= http_status < 400 and "location" in headers:  # noqa: PLR2004 - redirections
        status.message = f"HTTP {http_status} redirects to {headers['location'][:_EXCERPT_CHARACTERS]}"
    wait_s = read_retry_after(headers.get("retry-after", ""), now)
    if wait_s is not None and not any(detail.Is(RetryInfo.DESCRIPTOR) for detail in status.details):
        delay = Duration()
        delay.FromNanoseconds(int(wait_s * 1e9))
        status.details.add().Pack(RetryInfo(retry_delay=delay))
    return status


def read_error_body(body: bytes, http_status: int) -> Status:
    """Return the error in the body of an HTTP answer, which may be anything.

    It reads a google.rpc.Status, one wrapped as `{"error": {...}}`, and any text. If the body has no code, the HTTP
    status gives it. Invalid details are kept unchanged; details that are nested too deeply are dropped.
    """
    status = _read_tree(_read_object(body), http_status)
    if not status.message:
        status.message = _describe(body, http_status)
    return status


def find_error(body: bytes) -> Status | None:
    """Return the error in the body of an answer with a status of success, None if there is none."""
    tree = _read_object(body)
    is_error = tree.get("error") or ("message" in tree and _code_of(tree) is not None)
    return read_error_body(body, _HTTP_OK) if is_error and not tree.get("results") else None


def _read_grpc_headers(headers: Mapping[str, str]) -> Status | None:
    number = headers.get("grpc-status", "")
    if not number.isdecimal() or int(number[:3]) not in _ERROR_CODES:
        return None
    return Status(code=int(number[:3]), message=unquote(headers.get("grpc-message", "")) or "no message")


def _read_tree(tree: _Tree, http_status: int) -> Status:
    inner = tree.get("error", tree)
    if isinstance(inner, str):
        return Status(code=Code.from_http(http_status), message=inner)
    members = inner if isinstance(inner, dict) else tree
    message, details = members.get("message"), members.get("details")
    code = _code_of(members)
    return Status(
        code=Code.from_http(http_status) if code is None else code,
        message=message if isinstance(message, str) else "",
        details=_details(details if isinstance(details, list) else []),
    )


def _code_of(members: _Tree) -> Code | None:
    """Return the code: a number, or, if an HTTP status stands in its place, the name in `status`."""
    code, name = members.get("code"), members.get("status")
    if isinstance(code, str) and code.isdecimal():
        code = int(code[:3])
    if type(code) is int and code in _ERROR_CODES:
        return _ERROR_CODES[code]
    named = [_ERROR_NAMES[text] for text in (code, name) if isinstance(text, str) and text in _ERROR_NAMES]
    return named[0] if named else None


def _read_object(body: bytes) -> _Tree:
    try:
        return read_object(body)
    except ProtocolError:
        return {}


def _details(details: list[Json]) -> Iterator[AnyMessage]:
    for detail in details:
        if isinstance(detail, dict):
            with suppress(ProtocolError, RecursionError):
                yield _detail(detail)


def _detail(tree: _Tree) -> AnyMessage:
    message = AnyMessage()
    try:
        read_message(tree, message, ignore_unknown=True)
    except ProtocolError:
        type_url = tree.get("@type")
        if not isinstance(type_url, str):
            return AnyMessage(value=any_form.keep(tree))
        members = {key: value for key, value in tree.items() if key != "@type"}
        return AnyMessage(type_url=type_url, value=any_form.keep(members))
    return message


def _describe(body: bytes, http_status: int) -> str:
    page = body[:_PAGE_BYTES].decode("utf-8", errors="replace")
    title = " ".join(_TITLE.findall(page)[:1])
    text = html.unescape(f"{title} {_INVISIBLE.sub(' ', page)}")
    excerpt = " ".join("".join(filter(_is_readable, text)).split())[:_EXCERPT_CHARACTERS]
    return f"HTTP {http_status} with " + (f"the body: {excerpt}" if excerpt else "an empty body")


def _is_readable(character: str) -> bool:
    return character.isprintable() or character.isspace()
