"""The types of options that are numbers. Errors say in words which numbers an option takes, as its help does."""

import re
import sys
from fractions import Fraction
from typing import ClassVar, NoReturn, SupportsFloat, SupportsIndex, SupportsInt

import click

DAY_S = 24 * 3600


class WholeNumber(click.types.IntParamType):
    """A whole number from `least` to `most`, None for no bound."""

    def __init__(self, least: int, most: int | None = None) -> None:
        self._least = least
        self._most = most

    def convert(
        self, value: SupportsInt | SupportsIndex, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """Return the number."""
        try:
            number = int(value)
        except ValueError:
            self._refuse(value, param, ctx)
        if number < self._least or (self._most is not None and number > self._most):
            self._refuse(value, param, ctx)
        return number

    def _refuse(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> NoReturn:
        expected = f"of {self._least} or more" if self._most is None else f"from {self._least} to {self._most}"
        self.fail(f"{value!r} is not a whole number {expected}", param, ctx)


class Number(click.types.FloatParamType):
    """A number above 0 and up to `most`; `what` says of what, as in `seconds`. With `zero`, 0 is one too."""

    def __init__(self, what: str, *, most: float | None = None, zero: bool = False) -> None:
        self._what = what
        self._most = most
        self._zero = zero

    def convert(
        self, value: SupportsFloat | SupportsIndex, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the number, which is finite."""
        try:
            number = float(value)
        except ValueError:
            number = -1.0
        if self._zero and number == 0:
            return 0.0
        # Not a number (NaN) is in no range.
        if not 0 < number <= (sys.float_info.max if self._most is None else self._most):
            bound = "" if self._most is None else f", at most {self._most:g}"
            least = "from 0" if self._zero else "above 0"
            self.fail(f"{value!r} is not a number of {self._what} {least}{bound}", param, ctx)
        return number


class Seconds(Number):
    """A number of seconds above 0 and up to `most`. With `zero`, 0 is one too."""

    def __init__(self, *, most: float, zero: bool = False) -> None:
        super().__init__("seconds", most=most, zero=zero)


class ByteCount(click.types.IntParamType):
    """A number of bytes, with a unit or without: 4096, 64KB, 1.5 GB (powers of 1000), 256MiB (powers of 1024)."""

    _FORM = re.compile(r"(\d{1,20}(?:\.\d{1,9})?)\s*(?:([kmgt]?)(i?)b|([kmgt]))?", re.IGNORECASE | re.ASCII)

    def convert(
        self, value: SupportsInt | SupportsIndex, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """Return the number of bytes, rounded down."""
        found = self._FORM.fullmatch(str(value).strip())
        if found is None:
            self.fail(f"{value!r} is not a size such as 4096, 64KB or 256MiB", param, ctx)
        amount, unit, binary, letter = found.groups(default="")
        power = " KMGT".index((unit or letter or " ").upper())
        count = Fraction(amount) * (1024 if binary else 1000) ** power
        if count > sys.maxsize:
            self.fail(f"{value!r} is more than any machine has", param, ctx)
        return int(count)


class Age(click.types.FloatParamType):
    """A time above 0 with its unit, in seconds: 90s, 45min, 12h, 30d, 2w.

    A number alone is refused: 30 that is meant as days would be half a minute.
    """

    _FORM = re.compile(r"(\d{1,12}(?:\.\d{1,9})?)\s*(s|min|h|d|w)", re.IGNORECASE | re.ASCII)
    _SECONDS: ClassVar = {"s": 1, "min": 60, "h": 3600, "d": DAY_S, "w": 7 * DAY_S}

    def convert(
        self, value: SupportsFloat | SupportsIndex, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the number of seconds."""
        found = self._FORM.fullmatch(str(value).strip())
        seconds = 0.0 if found is None else float(found[1]) * self._SECONDS[found[2].lower()]
        if seconds <= 0:
            self.fail(f"{value!r} is not an age such as 90s, 12h or 30d", param, ctx)
        return seconds
