"""`vision-grpc tape verify`: finds what is damaged on a tape."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from vision_grpc.cli.amounts import size
from vision_grpc.cli.exits import ALL_READ, SOME_FAILED
from vision_grpc.cli.stderr import print_line
from vision_grpc.cli.tape_help import VERIFY_EPILOG, VERIFY_HELP
from vision_grpc.cli.tape_progress import TapeProgress
from vision_grpc.texts.quoting import quote_name
from vision_grpc.texts.strict import to_strict

if TYPE_CHECKING:
    from vision_grpc.tape import Finding, Verified


@click.command("verify", help=VERIFY_HELP, epilog=VERIFY_EPILOG)
@click.argument("place", metavar="TAPE", type=click.Path())
@click.option("--remove", is_flag=True, help="Remove the damaged entries.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON lines, see below; the sums on stderr.")
def command(*, place: str, remove: bool, as_json: bool) -> int:
    """Find what is damaged on a tape."""
    from vision_grpc.tape import Tape

    def tell(finding: "Finding") -> None:
        path, reason = finding.path, finding.reason
        line = finding._asdict() | {"path": to_strict(path), "reason": to_strict(reason)}
        click.echo(json.dumps(line, ensure_ascii=False) if as_json else f"{quote_name(path)}: {reason}")

    verified = Tape(place).verify(remove=remove, on_finding=tell, on_progress=TapeProgress())
    if verified.damaged and not (remove or as_json):
        print_line("damaged entries count as absent, and are replaced when they are asked for; --remove removes them")
    print_line(json.dumps(asdict(verified)) if as_json else _sums(verified))
    return ALL_READ if verified.damaged == verified.removed else SOME_FAILED


def _sums(verified: "Verified") -> str:
    removed = f" ({verified.removed:,} removed)" if verified.removed else ""
    newer = f", {verified.newer:,} of a later version of vision-grpc" if verified.newer else ""
    return f"entries: {verified.entries:,} ({size(verified.total_bytes)}), {verified.damaged:,} damaged{removed}{newer}"
