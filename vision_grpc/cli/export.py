"""`vision-grpc export`: makes tables and documents of results."""

from pathlib import Path

import click

from vision_grpc.cli.sections import SectionedCommand, option
from vision_grpc.exports.kinds import KINDS, Kind, kind_of_path

_SECTION = "Output"


@click.command(cls=SectionedCommand, help="Make tables and documents of results.")
@click.argument("journal", metavar="JOURNAL", type=click.Path(path_type=Path))
@option(_SECTION, "--to", "kind_name", type=click.Choice([*KINDS]), help="The format.  [default: as -o says]")
@option(_SECTION, "-o", "--output", metavar="OUT", type=click.Path(path_type=Path), help="Write to the file OUT.")
def export(*, journal: Path, kind_name: str | None, output: Path | None) -> int:
    """Make tables and documents of results."""
    kind = _kind(kind_name, output)
    from vision_grpc.bulk.journal import read_journal
    from vision_grpc.cli.output import open_output

    results = (line.image_result() for line in read_journal(journal, last_only=True))
    with open_output(output) as out:
        for chunk in kind.writer()(results):
            out.write(chunk)
        out.finish()
    return 0


def _kind(name: str | None, output: Path | None) -> Kind:
    if name is not None:
        return KINDS[name]
    if output is not None and (kind := kind_of_path(output)) is not None:
        return kind
    message = "name the format: --to FORMAT"
    raise click.UsageError(message, click.get_current_context())
