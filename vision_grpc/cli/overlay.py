"""`vision-grpc overlay`: draws the boxes of what was read over pictures."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from vision_grpc.cli.cache_options import CacheWishes, cache_options
from vision_grpc.cli.connect import service_options
from vision_grpc.cli.picture_options import images_option
from vision_grpc.cli.reading_options import (
    languages_option,
    local_option,
    model_option,
    refuse_beside_local,
    timeout_option,
)
from vision_grpc.cli.sections import SectionedCommand, option

if TYPE_CHECKING:
    from vision_grpc.exports.pictures.overlays import Level
    from vision_grpc.session.settings import Arguments

# Not docstrings: Python leaves those out with -OO.
_HELP = """\
Draw the boxes of what was read over pictures.

Blocks, lines and words are drawn in the colour of their confidence. The images are read for that, or with --from,
their results are looked up in the journal of an earlier run.
"""
_EPILOG = """\b
Examples:
  vision-grpc overlay --local scan.png
  vision-grpc overlay scan.png --from results.jsonl -o boxes.png
  vision-grpc overlay scans/ --languages ru -o overlays/
  vision-grpc overlay --from results.jsonl -o overlays/

\b
Of scan.png, the picture goes to scan.overlay.png beside it. It is upright,
as it is to be seen. Blue boxes are sure, orange ones less so, and red ones
doubtful; --legend says where they differ. A picture that overlay drew of the
same image is replaced; beside any other file, the name gets longer.

\b
Exit codes:
  0    every picture is drawn
  1    some are not
  2    none is drawn, or wrong usage
  130  interrupted by Ctrl-C
"""
_OUTPUT = "Output"
_READING = "Reading"


@click.command(cls=SectionedCommand, help=_HELP, epilog=_EPILOG)
@click.argument("paths", metavar="[IMAGE]...", nargs=-1, type=click.Path())
@option(
    _OUTPUT,
    "-o",
    "--output",
    metavar="OUT",
    type=click.Path(),
    help="Write to the file OUT, a PNG, JPEG or WebP; or to the folder OUT, which of several images it has to be.  "
    "[default: beside each image]",
)
@option(
    _OUTPUT,
    "--level",
    type=click.Choice(["all", "words", "lines", "blocks"]),
    default="all",
    help="Which boxes to draw.  [default: all]",
)
@option(_OUTPUT, "--legend", is_flag=True, help="Add a strip below that says what the colours mean.")
@option(
    _READING,
    "--from",
    "journal",
    metavar="JOURNAL",
    type=click.Path(path_type=Path),
    help="Take the results from the journal of an earlier run, and call no service. Without IMAGE, all of them.",
)
@option(_READING, "--fit", is_flag=True, help="Convert what the service does not take, as each page of a PDF.")
@languages_option
@model_option
@images_option
@cache_options
@local_option
@service_options
@timeout_option
def overlay(
    *,
    paths: Sequence[str],
    output: str | None,
    level: "Level",
    legend: bool,
    journal: Path | None,
    fit: bool,
    languages: str,
    model: Literal["page", "line"] | None,
    folder: Path | None,
    cache: CacheWishes,
    local: bool,
    service: "Arguments",
    timeout_s: float,
) -> int:
    """Draw the boxes of what was read over pictures."""
    context = click.get_current_context()
    if local:
        refuse_beside_local(service)
    if journal is None and not paths:
        message = "name the images, or with --from the journal of an earlier run"
        raise click.UsageError(message, context)
    if journal is not None and (local or fit or cache.cache is not None):
        message = f"--from calls no service: drop --from or {'--local' if local else '--fit' if fit else '--cache'}"
        raise click.UsageError(message, context)
    if folder is not None and journal is None:
        message = "--images is where the pictures of a journal are looked for: add --from, or drop it"
        raise click.UsageError(message, context)
    if folder is not None and output is None:
        message = "with --images, name where the pictures go, as in -o overlays/"
        raise click.UsageError(message, context)
    from vision_grpc.cli.overlay_run import Drawing, Reading, read_images, read_recorded

    drawing = Drawing(paths, output, level=level, legend=legend, folder=folder, journal=journal)
    if journal is not None:
        return drawing.draw(read_recorded(journal, paths, drawing.complain))
    reading = Reading(service, languages, model, cache=cache, local=local, fit=fit, timeout_s=timeout_s)
    return drawing.draw(read_images(paths, reading, drawing.expect))
