"""Options that are times."""

import math

import click

DAY_S = 24 * 3600


class Seconds(click.FloatRange):
    """A number of seconds above 0, and `most` at most."""

    def __init__(self, *, most: float) -> None:
        super().__init__(min=0, min_open=True, max=most)

    def convert(self, value: float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number that was spelled; no comparison holds for NaN, so that the range alone would pass it."""
        seconds: float = super().convert(value, param, ctx)
        if math.isnan(seconds):
            self.fail(f"{value!r} is no number of seconds", param, ctx)
        return seconds
