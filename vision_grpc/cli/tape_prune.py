"""`vision-grpc tape prune`: makes a tape smaller."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from vision_grpc.cli.amounts import plural, size
from vision_grpc.cli.exits import ALL_READ, SOME_FAILED
from vision_grpc.cli.numbers import Age, ByteCount
from vision_grpc.cli.stderr import print_line
from vision_grpc.cli.tape_help import PRUNE_EPILOG, PRUNE_HELP
from vision_grpc.cli.tape_progress import TapeProgress
from vision_grpc.texts.quoting import quote_name

if TYPE_CHECKING:
    from vision_grpc.tape import Pruned


@click.command("prune", help=PRUNE_HELP, epilog=PRUNE_EPILOG)
@click.argument("place", metavar="TAPE", type=click.Path())
@click.option("--most-bytes", metavar="SIZE", type=ByteCount(), help="Keep so much: 10GB, 500MiB.")
@click.option("--most-age", "most_age_s", metavar="AGE", type=Age(), help="Keep what is not older: 12h, 30d, 8w.")
@click.option("--dry-run", is_flag=True, help="Say what would be removed, and remove nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def command(*, place: str, most_bytes: int | None, most_age_s: float | None, dry_run: bool, as_json: bool) -> int:
    """Make a tape smaller."""
    from vision_grpc.tape import Tape

    pruned = Tape(place).prune(
        most_bytes=most_bytes, most_age_s=most_age_s, dry_run=dry_run, on_progress=TapeProgress()
    )
    click.echo(json.dumps(asdict(pruned) | {"dry_run": dry_run}) if as_json else _line(pruned, dry_run=dry_run))
    if not pruned.unremoved:
        return ALL_READ
    first, files = quote_name(pruned.unremoved_path), plural(pruned.unremoved, "file")
    print_line(f"permission to remove {files} is denied, such as {first}: run this as their owner")
    return SOME_FAILED


def _line(pruned: "Pruned", *, dry_run: bool) -> str:
    gone = f"{plural(pruned.removed_entries, 'entry', 'entries')} ({size(pruned.removed_bytes)})"
    if pruned.removed_leftovers:
        gone += f" and {plural(pruned.removed_leftovers, 'half of an entry', 'halves of entries')}"
    kept = f"{plural(pruned.kept_entries, 'entry', 'entries')} ({size(pruned.kept_bytes)})"
    return f"would remove {gone}; {kept} would stay" if dry_run else f"removed {gone}; {kept} are left"
