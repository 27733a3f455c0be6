"""Which calls of the log are asked for."""

from collections.abc import Callable, Collection, Iterable
from datetime import UTC, datetime
from math import isfinite
from typing import Any, NamedTuple, NoReturn, Self

from vision_grpc.errors import Code, ServiceError
from vision_grpc.local.calls.method import is_named
from vision_grpc.local.page.record import Record
from vision_grpc.texts.quoting import show

_TRANSPORTS = ("grpc", "rest")
_NUMBERS = {str(code.value): code for code in Code}
# More than any number of calls has.
_MOST_DIGITS = 18


class Choice(NamedTuple):
    """What calls must have to be chosen; None lets all pass."""

    test_id: str | None = None
    method: str | None = None
    """The path in gRPC, its last part alone, or `Service/Method`."""
    operation: str | None = None
    """The id of an operation, of which calls are asked for."""
    code: Code | None = None
    transport: str | None = None
    since: float | None = None
    """Wall clock time, in seconds."""
    after: int | None = None
    """The number of a call; the call itself is not chosen."""
    limit: int | None = None
    """The most calls; the latest are taken."""

    @classmethod
    def parse(cls, query: Iterable[tuple[str, str]]) -> Self:
        """Return the choice in the query of a URL.

        Raises:
            ServiceError: a name or a value is unknown. If it were ignored, a test would count calls of others.
        """
        read: dict[str, Callable[[str], Any]] = {
            "test_id": str,
            "method": str,
            "operation": str,
            "code": _read_code,
            "transport": _read_transport,
            "since": _read_time,
            "after": read_number,
            "limit": read_number,
        }
        return cls(**{name: read[name](value) for name, value in _named(query, read).items()})

    def of(self, records: Iterable[Record]) -> list[Record]:
        """Return the records that are chosen, in their order."""
        chosen = [record for record in records if self._has(record)]
        return chosen if self.limit is None else chosen[max(0, len(chosen) - self.limit) :]

    def _has(self, record: Record) -> bool:
        return (
            (self.test_id is None or record.test_id == self.test_id)
            and (self.method is None or is_named(record.method, self.method))
            and (self.operation is None or record.operation == self.operation)
            and (self.code is None or record.code == self.code)
            and (self.transport is None or record.transport == self.transport)
            and (self.since is None or record.arrived_at >= self.since)
            and (self.after is None or record.number > self.after)
        )


def one_test(query: Iterable[tuple[str, str]]) -> str | None:
    """Return the test id in the query of a URL, None if there is none.

    Raises:
        ServiceError: the query has something else, too.
    """
    return _named(query, ["test_id"]).get("test_id")


def read_number(text: str) -> int:
    """Return the number that a text of a URL is.

    Raises:
        ServiceError: it is not a whole number, or has more digits than any number here.
    """
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
        _refuse(f"{show(text)} is not a whole number")
    return int(text)


def _named(query: Iterable[tuple[str, str]], names: Collection[str]) -> dict[str, str]:
    given: dict[str, str] = {}
    for name, value in query:
        if name not in names:
            _refuse(f"the query has {show(name)}: use {', '.join(names)}")
        if name in given:
            _refuse(f"the query has {name} twice")
        given[name] = value
    return given


def _read_code(text: str) -> Code:
    if text.upper() in Code.__members__:
        return Code[text.upper()]
    if text in _NUMBERS:
        return _NUMBERS[text]
    return _refuse(f"code {show(text)} is not a status code: use {', '.join(Code.__members__)}")


def _read_transport(text: str) -> str:
    if text not in _TRANSPORTS:
        _refuse(f"transport {show(text)} is unknown: use {' or '.join(_TRANSPORTS)}")
    return text


def _read_time(text: str) -> float:
    try:
        # In a query, `+` stands for a space.
        moment = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
        return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        pass
    try:
        seconds = float(text)
    except ValueError:
        seconds = float("nan")
    if not isfinite(seconds):
        _refuse(f"since {show(text)} is not a time: use 2026-01-31T12:00:00Z or seconds since 1970")
    return seconds


def _refuse(message: str) -> NoReturn:
    raise ServiceError(Code.INVALID_ARGUMENT, message)
