"""`vision-grpc report`: makes a page to look at results with."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from vision_grpc.cli.amounts import plural
from vision_grpc.cli.exits import ALL_READ, NOTHING_DONE
from vision_grpc.cli.numbers import WholeNumber
from vision_grpc.cli.picture_options import images_option, refuse_replacing
from vision_grpc.cli.sections import SectionedCommand, option
from vision_grpc.cli.stderr import print_line
from vision_grpc.texts.quoting import quote_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vision_grpc.results import ImageResult

# Not docstrings: Python leaves those out with -OO.
_HELP = """\
Make a page to look at results with.

It has the pictures under their boxes, the texts, and why images failed. JOURNAL is the file of an earlier run, as
analyze -o results.jsonl writes it. The page is one file that needs nothing but a browser.
"""
_EPILOG = """\b
Examples:
  vision-grpc report results.jsonl -o report.html
  vision-grpc report results.jsonl -o report.html --images /mnt/scans

\b
Pictures are read from where the keys of the results say, which are paths, or
from the folder of --images. Where one is missing, the page says why and
shows the words at their places. Pictures are scaled down; once they take
96 MB together, results come without.

\b
Exit codes:
  0  the page is written, whatever failed in the results
  2  wrong usage, or there are no results
"""
_SECTION = "Output"


@click.command(cls=SectionedCommand, help=_HELP, epilog=_EPILOG)
@click.argument("journal", metavar="JOURNAL", type=click.Path(path_type=Path))
@option(
    _SECTION,
    "-o",
    "--output",
    metavar="OUT",
    type=click.Path(path_type=Path),
    help="Write to the file OUT.  [default: stdout, if it is no terminal]",
)
@option(_SECTION, "--title", metavar="TEXT", help="The heading of the page.  [default: the name of JOURNAL]")
@images_option
@option(
    "Pictures",
    "--picture-size",
    "side",
    metavar="PIXELS",
    type=WholeNumber(0),
    default=800,
    help="Longer side of the pictures; 0 leaves them out.  [default: 800]",
)
def report(*, journal: Path, output: Path | None, title: str | None, folder: Path | None, side: int) -> int:
    """Make a page to look at results with."""
    from vision_grpc.bulk.journal import read_journal
    from vision_grpc.cli.output import open_output
    from vision_grpc.exports.reports import Report

    refuse_replacing(output, [journal])
    results = (line.image_result() for line in read_journal(journal, last_only=True))
    first = next(results, None)
    if first is None:
        print_line(f"error: {quote_name(journal)}: has no results")
        return NOTHING_DONE
    made = Report(title=journal.name if title is None else title, picture_folder=folder, picture_side=side)
    with open_output(output) as out:
        if out.is_terminal:
            message = "a page is not for a terminal: name a file, as in -o report.html"
            raise click.UsageError(message, click.get_current_context())
        for chunk in made.chunks(_chain(first, results)):
            out.write(chunk)
        out.finish()
    _say(made.images, made.missing)
    return ALL_READ


def _chain(first: "ImageResult", others: "Iterator[ImageResult]") -> "Iterator[ImageResult]":
    yield first
    yield from others


def _say(images: int, missing: Counter[str]) -> None:
    if missing:
        most = ", ".join(f"{reason} ({count:,})" for reason, count in missing.most_common(3))
        more = "" if len(missing) <= 3 else ", and others"  # noqa: PLR2004 - as above
        without = plural(missing.total(), "image")
        print_line(f"{without} of {images:,} came without the picture: {most}{more}")
