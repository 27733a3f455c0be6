"""The type of options that are a number of seconds."""

import math

import click

DAY_S = 24 * 3600


class Seconds(click.FloatRange):
    """A number of seconds above 0 and up to `most`."""

    def __init__(self, *, most: float) -> None:
        super().__init__(min=0, min_open=True, max=most)

    def convert(self, value: float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number. NaN is refused here: the range accepts it, as no comparison with NaN holds."""
        seconds: float = super().convert(value, param, ctx)
        if math.isnan(seconds):
            self.fail(f"{value!r} is not a number of seconds", param, ctx)
        return seconds
