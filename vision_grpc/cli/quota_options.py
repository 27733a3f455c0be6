"""The options that limit how fast a run goes and what it costs."""

import math
from dataclasses import dataclass

import click

from vision_grpc.cli.sections import grouped, option
from vision_grpc.config import Limits

_SECTION = "Quota and cost"


class _PerSecond(click.FloatRange):
    """A number a second, above 0."""

    name = "number"

    def __init__(self) -> None:
        super().__init__(min=0, min_open=True)

    def convert(self, value: float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number. NaN and infinity are refused here: the range accepts them."""
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a number a second", param, ctx)
        return number


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaWishes:
    """What the options say."""

    jobs: int
    rps: float | None
    images_per_second: float | None
    max_images: int | None
    budget: int | None

    def limits(self) -> Limits:
        """Return the limits of the client."""
        return Limits(calls_in_flight=self.jobs, requests_per_s=self.rps, images_per_s=self.images_per_second)


_OPTIONS = (
    option(
        _SECTION,
        "-j",
        "--jobs",
        "--max-in-flight",
        metavar="N",
        type=click.IntRange(1, 1024),
        default=Limits().calls_in_flight,
        help=f"Calls at the same time, of up to 8 images each.  [default: {Limits().calls_in_flight}]",
    ),
    option(_SECTION, "--rps", metavar="N", type=_PerSecond(), help="Calls a second at most: your quota."),
    option(_SECTION, "--images-per-second", metavar="N", type=_PerSecond(), help="Images a second at most, likewise."),
    option(
        _SECTION, "--max-images", metavar="N", type=click.IntRange(min=1), help="Send at most N images in this run."
    ),
    option(
        _SECTION,
        "--budget",
        metavar="N",
        type=click.IntRange(min=1),
        help="Let at most N images be billed, in all runs with this -o.",
    ),
)
quota_options = grouped("quota", QuotaWishes, _OPTIONS)
"""Adds the options to a command, which gets them as the argument `quota`."""
