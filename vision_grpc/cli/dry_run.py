"""What `--dry-run` prints: what a run would send, cost and take."""

from collections.abc import Iterator

import click

from vision_grpc.bulk.forecast import Forecast, least_s
from vision_grpc.bulk.progress import Progress
from vision_grpc.cli.amounts import duration, plural, size
from vision_grpc.cli.status import kinds
from vision_grpc.cli.stderr import escape
from vision_grpc.cli.summary import describe_gaps, describe_reasons
from vision_grpc.config import Limits

_DEFERRED = "deferred: the service accepts each file, and its result is fetched when it is ready"
_AT_ONCE = "each waits for its answer"


def print_dry_run(
    progress: Progress,
    forecast: Forecast,
    limits: Limits,
    *,
    fits: bool,
    budget: int | None,
    deferred: bool | None = None,
    has_tape: bool = False,
) -> None:
    """Print it on stdout, where it is the result of the command."""
    for line in _lines(progress, forecast, limits, budget, deferred=deferred):
        click.echo(line)
    if has_tape:
        click.echo("tape: not looked at, for that takes reading all images; what it has is neither sent nor billed")
    if forecast.failures.count:
        click.echo(f"{plural(forecast.failures.count, 'image')} not to be sent:")
        for line in describe_reasons(forecast.failures):
            click.echo(escape(line))
    for line in describe_gaps(progress, fits=fits):
        click.echo(escape(line))


def units_left(progress: Progress, budget: int | None) -> int | None:
    """Return how many units earlier runs have left of a budget, None without one."""
    return None if budget is None else max(0, budget - progress.earlier_billed_units)


def _lines(
    progress: Progress, forecast: Forecast, limits: Limits, budget: int | None, *, deferred: bool | None
) -> Iterator[str]:
    yield f"to send: {plural(forecast.images, 'image')}, {_size(forecast)}"
    if forecast.fetched:
        yield f"to fetch: {plural(forecast.fetched, 'result')} of images that earlier runs have sent"
    if forecast.api.deferred is not None:
        yield f"calls: {_DEFERRED if deferred is not False else _AT_ONCE}"
    if forecast.beyond:
        yield f"left for later runs: {plural(forecast.beyond, 'image')}, as --max-images is {forecast.most:,}"
    if forecast.fitted:
        yield f"to fit: {kinds([*forecast.fitted.items()])}"
    if progress.earlier_read or progress.earlier_failed:
        failed = f", {progress.earlier_failed:,} of them not read" if progress.earlier_failed else ""
        yield f"done before: {plural(progress.earlier_read + progress.earlier_failed, 'image')}{failed}"
    left = units_left(progress, budget)
    least, pages = ("at least ", f", {_by_page(forecast)}") if forecast.documents else ("", "")
    yield f"billed: {least}{plural(forecast.billed_units, 'unit')}{pages}{_budget(forecast, budget, left)}"
    seconds = least_s(forecast.images if left is None else min(forecast.images, left), limits, forecast.api)
    if seconds is None:
        yield "time: as fast as the service answers; --rps and --images-per-second set a quota"
    else:
        yield f"time: at least {duration(seconds)} at this quota"


def _by_page(forecast: Forecast) -> str:
    return f"as {plural(forecast.documents, 'PDF')} {'is' if forecast.documents == 1 else 'are'} billed by page"


def _size(forecast: Forecast) -> str:
    """Return the size of all images; where some have no size before they are read, how many those are."""
    if not forecast.unsized:
        return size(forecast.content_bytes)
    if forecast.unsized == forecast.images:
        return "of unknown size"
    return f"at least {size(forecast.content_bytes)} (the size of {forecast.unsized:,} is not known)"


def _budget(forecast: Forecast, budget: int | None, left: int | None) -> str:
    if budget is None or left is None:
        return ""
    if forecast.billed_units <= left:
        return f", within the budget of {budget:,}"
    return f"; the budget of {budget:,} ends the run after {left:,}"
