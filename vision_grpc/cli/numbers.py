"""The types of options that are numbers. Errors say in words which numbers an option takes, as its help does."""

import sys
from typing import NoReturn, SupportsFloat, SupportsIndex, SupportsInt

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
    """A number above 0 and up to `most`; `what` says of what, as in `seconds`."""

    def __init__(self, what: str, *, most: float | None = None) -> None:
        self._what = what
        self._most = most

    def convert(
        self, value: SupportsFloat | SupportsIndex, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the number, which is finite."""
        try:
            number = float(value)
        except ValueError:
            number = 0.0
        # Not a number (NaN) is in no range.
        if not 0 < number <= (sys.float_info.max if self._most is None else self._most):
            bound = "" if self._most is None else f", at most {self._most:g}"
            self.fail(f"{value!r} is not a number of {self._what} above 0{bound}", param, ctx)
        return number


class Seconds(Number):
    """A number of seconds above 0 and up to `most`."""

    def __init__(self, *, most: float) -> None:
        super().__init__("seconds", most=most)
