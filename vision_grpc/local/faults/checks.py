"""What the fields of a rule may hold."""

import re
from collections.abc import Iterable
from typing import Protocol

from vision_grpc.texts.quoting import show

_NUMBER = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,18})?", re.ASCII)


class Check(Protocol):
    """Takes the values that a field may have."""

    @property
    def words(self) -> str:
        """What is allowed."""
        ...

    def take(self, value: object) -> object:
        """Return the value of a field.

        Raises:
            ValueError: it is not allowed; the message says what is.
        """
        ...


class Number:
    """A number of a range."""

    def __init__(self, least: float, most: float) -> None:
        self._least, self._most = least, most

    @property
    def words(self) -> str:
        return f"a number from {self._least:.15g} to {self._most:.15g}"

    def take(self, value: object) -> float:
        value = value.number() if isinstance(value, Written) else value
        # NaN is in no range.
        if isinstance(value, bool) or not isinstance(value, int | float) or not self._least <= value <= self._most:
            raise _refusal(value, self.words)
        return float(value)


class Whole:
    """A whole number of a range."""

    def __init__(self, least: int, most: int) -> None:
        self._least, self._most = least, most

    @property
    def words(self) -> str:
        return f"a whole number from {self._least:,} to {self._most:,}"

    def take(self, value: object) -> int:
        value = value.number() if isinstance(value, Written) else value
        if isinstance(value, bool) or not isinstance(value, int) or not self._least <= value <= self._most:
            raise _refusal(value, self.words)
        return value


class Text:
    """A text of limited length, or one that fits a pattern."""

    def __init__(self, most: int, pattern: str | None = None, described: str = "") -> None:
        self._most = most
        self._pattern = None if pattern is None else re.compile(pattern, re.ASCII)
        self._described = described

    @property
    def words(self) -> str:
        return f"text of at most {self._most:,} characters{self._described}"

    def take(self, value: object) -> str:
        if not isinstance(value, str) or len(value) > self._most:
            raise _refusal(value, self.words)
        if self._pattern is not None and self._pattern.fullmatch(value) is None:
            raise _refusal(value, self.words)
        try:
            value.encode()
        except UnicodeEncodeError:
            raise _refusal(value, f"{self.words} of Unicode, without lone surrogates") from None
        return str(value)


class OneOf:
    """One of a few names."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = tuple(names)

    @property
    def words(self) -> str:
        return f"one of {', '.join(self._names)}"

    def take(self, value: object) -> str:
        if not isinstance(value, str) or value not in self._names:
            raise _refusal(value, self.words)
        return str(value)


class Digest:
    """The beginning of a SHA-256 in hexadecimal digits."""

    def __init__(self, of: str) -> None:
        self._of = of

    @property
    def words(self) -> str:
        return f"8 to 64 hexadecimal digits, the beginning of the SHA-256 of {self._of}"

    def take(self, value: object) -> str:
        if not isinstance(value, str) or re.fullmatch(r"[0-9a-fA-F]{8,64}", value) is None:
            raise _refusal(value, self.words)
        return value.lower()


class Written(str):
    """A value of the short form, where a number is written like a text."""

    __slots__ = ()

    def number(self) -> object:
        """Return the number that is written, else the text."""
        if _NUMBER.fullmatch(self) is None:
            return str(self)
        return float(self) if "." in self else int(self)


def _refusal(value: object, words: str) -> ValueError:
    return ValueError(f"{show(value)} is not {words}")
