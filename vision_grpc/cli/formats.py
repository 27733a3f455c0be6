"""Results as bytes of output."""

import re
from time import time
from typing import TYPE_CHECKING, Protocol

from vision_grpc.bulk.journal import LineWriter
from vision_grpc.texts.quoting import quote_word

if TYPE_CHECKING:
    from vision_grpc.bulk.journal import Answers
    from vision_grpc.bulk.sink import Sent
    from vision_grpc.results import ImageResult
    from vision_grpc.sources.fit import Change

# Control characters, breaks of lines, and lone surrogates that are no bytes of a file name.
_UNSAFE = re.compile("[\0-\x1f\x7f-\x9f\u2028\u2029\ud800-\udc7f\udd00-\udfff]")


class Format(Protocol):
    """One way to print results."""

    ordered: bool
    """Whether results are printed in the order of their images, rather than as they come."""

    def render(self, result: "ImageResult", sent: "Sent", change: "Change | None" = None) -> bytes:
        """Return what to print for a result, nothing or whole lines."""
        ...


class PlainText:
    """The text only; if there are several images, each has a header line as `head` prints it.

    A name with control characters is quoted there as for a shell: it is to be one line, and not to steer the terminal.
    Images that failed are left out.
    """

    ordered = True

    def __init__(self, *, headers: bool) -> None:
        self._headers = headers
        self._gap = ""

    def render(self, result: "ImageResult", sent: "Sent", change: "Change | None" = None) -> bytes:
        """Return the text, with what sets it apart from the one before."""
        del sent, change
        if not result.ok:
            return b""
        text = f"{result.text}\n" if result.text else ""
        if self._headers:
            head = f"{self._gap}==> ".encode() + _shown(result.key) + b" <==\n"
            self._gap = "\n"
            return head + text.encode()
        return text.encode()


def _shown(key: str) -> bytes:
    """Return a key as it is, with the bytes of a file name that is not UTF-8; quoted if it is not safe to print."""
    shown = quote_word(key) if _UNSAFE.search(key) else key
    return shown.encode("utf-8", "surrogateescape")


class JsonLines:
    """One JSON object a line, as in a journal. Each names its image, so that lines come in any order."""

    ordered = False

    def __init__(self, answers: "Answers") -> None:
        self._lines = LineWriter(answers)

    def render(self, result: "ImageResult", sent: "Sent", change: "Change | None" = None) -> bytes:
        """Return the line of a result."""
        return self._lines.render(result, sent, change, finished_at=time())
