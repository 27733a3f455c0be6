"""Failures, counted by their reason."""

import re
from dataclasses import dataclass

from vision_grpc.errors import Code
from vision_grpc.results import ImageError, ImageResult
from vision_grpc.texts.quoting import quote_name

MOST_REASONS = 100
"""How many reasons are told apart; later ones are counted by their code alone, so that memory stays bounded."""

# Why a file or an object is not read, without a fault of its content: a path, a right, a disk, a missing package.
_OUTSIDE = frozenset(
    {Code.NOT_FOUND, Code.PERMISSION_DENIED, Code.UNAUTHENTICATED, Code.FAILED_PRECONDITION, Code.UNKNOWN}
)
_REFUSALS = frozenset({Code.UNAUTHENTICATED, Code.PERMISSION_DENIED})
# What differs between messages that say the same: quoted names and texts, ids, numbers.
_QUOTED = re.compile(r"\$'(?:[^'\\]|\\.)*'|'[^']*'|\"[^\"]*\"")
_ID = re.compile(r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b|\b(?=[a-fA-F]*\d)[0-9a-fA-F]{16,}\b")
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")


@dataclass(slots=True)
class Reason:
    """One reason for which images have no text."""

    error: ImageError
    """The first error of the kind; those of the others may differ in names and numbers."""

    name: str
    """The image or file that had it."""

    is_tried_again: bool = False
    """Whether the next run tries such images again by itself."""

    count: int = 1


def is_tried_again(result: ImageResult) -> bool:
    """Return whether the next run tries an image again by itself.

    That is so for failures that may be over by then, for operations that may still end well or that the service does
    not know, and for files that could not be read: trying costs nothing. A file whose content is at fault stays as it
    is.
    """
    error = result.error
    if error is None:
        return False
    if result.operation_id is not None:
        return error.retryable or error.is_open or error.code is Code.NOT_FOUND
    return error.retryable or (result.attempts == 0 and error.code in _OUTSIDE)


def is_refusal(result: ImageResult) -> bool:
    """Return whether the service refused the call of an image for what all calls share: credentials or folder."""
    error = result.error
    return error is not None and error.cause is not None and error.code in _REFUSALS


class Failures:
    """Counts of failures by code and message, whatever names and numbers a message has."""

    def __init__(self) -> None:
        self._reasons: dict[tuple[str, bool, str], Reason] = {}
        self.count: int = 0
        self.by_code: dict[str, int] = {}
        """Counts by the name of the code."""

    def add(self, name: str, error: ImageError, *, is_tried_again: bool = False) -> Reason:
        """Count one more, and return its reason; `name` is that of the image or file."""
        code = error.code.name
        self.count += 1
        self.by_code[code] = self.by_code.get(code, 0) + 1
        key = code, is_tried_again, _pattern(name, error.message)
        if key not in self._reasons and len(self._reasons) >= MOST_REASONS:
            key = code, is_tried_again, ""
        if reason := self._reasons.get(key):
            reason.count += 1
        else:
            reason = self._reasons[key] = Reason(error, name, is_tried_again)
        return reason

    @property
    def reasons(self) -> list[Reason]:
        """The reasons, the most frequent first."""
        return sorted(self._reasons.values(), key=lambda reason: -reason.count)


def _pattern(name: str, message: str) -> str:
    """Return a message without what only its image has: messages of equal patterns say the same."""
    for shown in (quote_name(name), name):
        message = message.removeprefix(f"{shown}: ")
    for varying in (_QUOTED, _ID, _NUMBER):
        message = varying.sub("*", message)
    return message
