"""Results as bytes of output."""

import json
from typing import Protocol

from vision_grpc.codec.json import to_json
from vision_grpc.results import ImageResult


class Format(Protocol):
    """One way to print results."""

    ordered: bool
    """Whether results are printed in the order of their images, rather than as they come."""

    def render(self, result: ImageResult) -> bytes:
        """Return what to print for a result, nothing or whole lines."""
        ...


class PlainText:
    """The text only; if there are several images, each has a header line as `head` prints it.

    Images that failed are left out.
    """

    ordered = True

    def __init__(self, *, headers: bool) -> None:
        self._headers = headers
        self._gap = ""

    def render(self, result: ImageResult) -> bytes:
        """Return the text, with what sets it apart from the one before."""
        if not result.ok:
            return b""
        text = f"{result.text}\n" if result.text else ""
        if self._headers:
            text = f"{self._gap}==> {result.key} <==\n{text}"
            self._gap = "\n"
        # A file name that is not UTF-8 is written as the bytes that it has.
        return text.encode("utf-8", "surrogateescape")


class JsonLines:
    """One JSON object a line.

    `key`, `ok` and `retryable` come first: they say which images to send again, and a reader who
    needs only these does not have to parse a long line. Each line names its image, so that lines
    come in any order.
    """

    ordered = False

    def __init__(self, *, with_result: bool) -> None:
        self._with_result = with_result

    def render(self, result: ImageResult) -> bytes:
        """Return the line of a result."""
        error = result.error
        head = json.dumps(
            {
                "key": result.key,
                "ok": result.ok,
                "retryable": error is not None and error.retryable,
                "text": result.text,
                "error": None if error is None else {"code": error.code.name, "message": error.message},
                "attempts": result.attempts,
                "transport": result.transport,
                "request_id": result.request_id,
            },
            ensure_ascii=False,
            separators=(",", ":"),
        )
        # A file name that is not UTF-8 holds lone surrogates, and Python's escape of them is JSON's too.
        line = head.encode("utf-8", "backslashreplace")
        if self._with_result:
            answer = b"null" if result.result is None else to_json(result.result)
            line = line[:-1] + b',"result":' + answer + b"}"
        return line + b"\n"
