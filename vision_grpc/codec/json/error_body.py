"""Errors in HTTP answers, as services and the gateways before them write them."""

import html
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from urllib.parse import unquote

from vision_grpc.codec.json import any_form
from vision_grpc.codec.json.charset import decode_body
from vision_grpc.codec.json.retry_after import read_date, read_retry_after
from vision_grpc.codec.json.strict import read_message
from vision_grpc.codec.json.tree import Json, read_object
from vision_grpc.codec.retry_info import LONGEST_WAIT_S, asked_wait_s, retry_info
from vision_grpc.errors import Code, ProtocolError
from vision_grpc.messages import Any as AnyMessage
from vision_grpc.messages import RetryInfo, Status

_Tree = dict[str, Json]
_ERROR_CODES = {code.value: code for code in Code if code is not Code.OK}
_ERROR_NAMES = {code.name: code for code in _ERROR_CODES.values()}
# Enough of a gateway's page to recognise it by.
_EXCERPT_CHARACTERS = 200
_PAGE_CHARACTERS = 16 * 1024
_HTTP_OK = 200
# Of seconds that a Duration cannot hold; see `LONGEST_WAIT_S`.
_ENDLESS_WAIT = re.compile(r"[0-9]{12,}(?:\.[0-9]*)?s", re.ASCII)
_INVISIBLE = re.compile(r"<(script|style|head|title)\b.*?</\1\s*>|<!--.*?-->|<[^>]*>", re.DOTALL | re.IGNORECASE)
_TITLE = re.compile(r"<title[^>]*>(.*?)</title", re.DOTALL | re.IGNORECASE)


def read_error(http_status: int, headers: Mapping[str, str], body: bytes, now: datetime) -> Status:
    """Return the error of a whole HTTP answer.

    It is read from the gRPC status in the headers, if a proxy sent one, else as `read_error_body` does. Retry-After
    becomes a RetryInfo among the details unless there is one. The names of `headers` are lower-case or ignore case;
    `now` is the wall clock with a time zone, for answers without the time of the service's own.
    """
    if (status := _read_grpc_headers(headers)) is None:
        if coding := headers.get("content-encoding"):
            message = f"HTTP {http_status} with a body in the coding {coding[:_EXCERPT_CHARACTERS]!r}"
            status = Status(code=Code.from_http(http_status), message=message)
        else:
            status = read_error_body(body, http_status, headers.get("content-type", ""))
    if 300 <= http_status < 400 and "location" in headers:  # noqa: PLR2004 - redirections
        status.message = f"HTTP {http_status} redirects to {headers['location'][:_EXCERPT_CHARACTERS]}"
    service_now = read_date(headers.get("date", "")) or now
    wait_s = read_retry_after(headers.get("retry-after", ""), service_now)
    if wait_s is not None and asked_wait_s(status.details) is None:
        status.details.add().Pack(retry_info(wait_s))
    return status


def read_error_body(body: bytes, http_status: int, content_type: str = "") -> Status:
    """Return the error in the body of an HTTP answer, which may be anything.

    It reads a google.rpc.Status, one wrapped as `{"error": {...}}`, and any text, in the charset that the content type
    or the body itself names. If the body has no code, the HTTP status gives it. Invalid details are kept unchanged;
    details that are nested too deeply are dropped.
    """
    text = decode_body(body, content_type)
    status = _read_tree(_read_object(text), http_status)
    if not status.message:
        status.message = _describe(text, http_status)
    return status


def find_error(body: bytes) -> Status | None:
    """Return the error in the body of an answer with a status of success, None if there is none."""
    return read_error_body(body, _HTTP_OK) if is_error(_read_object(body)) else None


def is_error(tree: _Tree) -> bool:
    """Return whether an object is an error and not an answer."""
    has_error = tree.get("error") or ("message" in tree and _code_of(tree) is not None)
    return bool(has_error and not tree.get("results"))


def read_error_object(tree: _Tree) -> Status:
    """Return the error that an object is, as `read_error_body` reads it."""
    return _read_tree(tree, _HTTP_OK)


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
    # Gateways that make JSON of streams have names of their own.
    code, name = members.get("code", members.get("grpcCode")), members.get("status")
    if isinstance(code, str) and code.isdecimal():
        code = int(code[:3])
    if type(code) is int and code in _ERROR_CODES:
        return _ERROR_CODES[code]
    named = [_ERROR_NAMES[text] for text in (code, name) if isinstance(text, str) and text in _ERROR_NAMES]
    return named[0] if named else None


def _read_object(text: bytes | str) -> _Tree:
    try:
        return read_object(text)
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
        message.type_url = type_url
        if message.Is(RetryInfo.DESCRIPTOR) and _ENDLESS_WAIT.fullmatch(str(tree.get("retryDelay"))):
            # Kept unchanged, it would ask for no wait.
            message.value = retry_info(LONGEST_WAIT_S).SerializeToString()
        else:
            message.value = any_form.keep({key: value for key, value in tree.items() if key != "@type"})
    return message


def _describe(text: str, http_status: int) -> str:
    page = text[:_PAGE_CHARACTERS]
    title = " ".join(_TITLE.findall(page)[:1])
    visible = html.unescape(f"{title} {_INVISIBLE.sub(' ', page)}")
    excerpt = " ".join("".join(filter(_is_readable, visible)).split())[:_EXCERPT_CHARACTERS]
    return f"HTTP {http_status} with " + (f"the body: {excerpt}" if excerpt else "an empty body")


def _is_readable(character: str) -> bool:
    return character.isprintable() or character.isspace()
