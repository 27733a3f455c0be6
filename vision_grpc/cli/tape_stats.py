"""`vision-grpc tape stats`: counts what is on a tape."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from vision_grpc.cli.amounts import moment, plural, size
from vision_grpc.cli.exits import ALL_READ
from vision_grpc.cli.tape_help import STATS_EPILOG, STATS_HELP
from vision_grpc.cli.tape_progress import TapeProgress
from vision_grpc.texts.quoting import quote_name
from vision_grpc.texts.strict import to_strict

if TYPE_CHECKING:
    from vision_grpc.tape import Stats, Sum


@click.command("stats", help=STATS_HELP, epilog=STATS_EPILOG)
@click.argument("place", metavar="TAPE", type=click.Path())
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def command(*, place: str, as_json: bool) -> int:
    """Count what is on a tape."""
    from vision_grpc.tape import Tape

    stats = Tape(place).stats(TapeProgress())
    click.echo(json.dumps(_object(place, stats), ensure_ascii=False) if as_json else "\n".join(_lines(place, stats)))
    return ALL_READ


def _lines(place: str, stats: "Stats") -> Iterator[str]:
    yield f"{quote_name(place)}: {_sum(stats.all)}"
    if stats.service is not None:
        yield f"answers of the service: {stats.service}"
    if stats.oldest_at is not None and stats.newest_at is not None:
        yield f"written from {moment(stats.oldest_at)} to {moment(stats.newest_at)}"
    for kind, each in stats.by_kind.items():
        yield f"  {kind.api}, model {quote_name(kind.model)}: {_sum(each)}"
    if stats.damaged.entries:
        yield f"damaged: {_sum(stats.damaged)}; vision-grpc tape verify names them"
    if stats.newer.entries:
        yield f"of a later version of vision-grpc: {_sum(stats.newer)}"
    if stats.leftovers.entries:
        yield f"halves of entries: {stats.leftovers.entries:,}; vision-grpc tape prune removes those that were left"
    if stats.others.entries:
        yield f"files that are not of a tape: {stats.others.entries:,}"


def _object(place: str, stats: "Stats") -> dict[str, Any]:
    return {
        "tape": to_strict(place),
        "service": stats.service,
        "entries": stats.all.entries,
        "bytes": stats.all.total_bytes,
        "oldest_at": None if stats.oldest_at is None else moment(stats.oldest_at),
        "newest_at": None if stats.newest_at is None else moment(stats.newest_at),
        "by_model": [
            {"api": kind.api, "model": kind.model, "entries": each.entries, "bytes": each.total_bytes}
            for kind, each in stats.by_kind.items()
        ],
        "damaged": stats.damaged.entries,
        "newer": stats.newer.entries,
        "leftovers": stats.leftovers.entries,
        "others": stats.others.entries,
    }


def _sum(each: "Sum") -> str:
    return f"{plural(each.entries, 'entry', 'entries')}, {size(each.total_bytes)}"
