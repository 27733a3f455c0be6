"""`vision-grpc report`: makes a page to look at results with."""

import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import click

from vision_grpc.cli.amounts import plural
from vision_grpc.cli.export import ExportWishes, check_journals, key_option, pattern_of
from vision_grpc.cli.logs import show_logs
from vision_grpc.cli.numbers import WholeNumber
from vision_grpc.cli.picture_options import images_option
from vision_grpc.cli.sections import SectionedCommand, option
from vision_grpc.cli.stderr import print_line
from vision_grpc.exports.kinds import Kind
from vision_grpc.sources.places.stdin import STDIN

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
  vision-grpc report results.jsonl -o report.html --key 'scans/2024/*'

\b
Pictures are read from where the keys of the results say, which are paths, or
from the folder of --images. Where one is missing, the page says why and
shows the words at their places. Pictures are scaled down; once they take
96 MB together, results come without.

\b
Exit codes:
  0    all images are in the page, read or failed
  1    lines of the journal are torn
  2    wrong usage, or there are no results
  130  interrupted by Ctrl-C
"""
_REPORT = Kind(
    name="report",
    module="reports",
    about="a page to look at results with",
    suffixes=[".html"],
    is_text=False,
    has_failed=True,
    needs_answers=False,
    begins=b'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<meta http-equiv="Content-Security-',
)
_WHERE, _PICTURES, _SHOWN = "Where it goes", "Pictures", "What is shown"
_MOST_REASONS = 3


@click.command(cls=SectionedCommand, help=_HELP, epilog=_EPILOG)
@click.argument("journals", metavar="JOURNAL...", nargs=-1, type=click.Path())
@key_option
@option(_WHERE, "-o", "--output", metavar="OUT", type=click.Path(), help="Write to the file OUT.  [default: stdout]")
@option(_WHERE, "--title", metavar="TEXT", help="The heading of the page.  [default: the names of the journals]")
@images_option
@option(
    _PICTURES,
    "--picture-size",
    "side",
    metavar="PIXELS",
    type=WholeNumber(0),
    default=800,
    help="Longer side of the pictures; 0 leaves them out.  [default: 800]",
)
@option(_SHOWN, "-q", "--quiet", is_flag=True, help="Print on stderr only what is wrong.")
@option(_SHOWN, "--progress/--no-progress", default=None, help="Show how far the report is.")
def report(
    *,
    journals: Sequence[str],
    globs: Sequence[str],
    output: str | None,
    title: str | None,
    folder: Path | None,
    side: int,
    quiet: bool,
    progress: bool | None,
) -> int:
    """Make a page to look at results with."""
    check_journals(journals, "report results.jsonl -o report.html")
    show_logs(logging.WARNING)
    from vision_grpc.cli.exporting import Export
    from vision_grpc.exports.reports import Report

    heading = ", ".join("stdin" if name == STDIN else Path(name).name for name in journals) if title is None else title
    made = Report(title=heading, picture_folder=folder, picture_side=side)
    wishes = ExportWishes(
        journals=journals,
        kind=_REPORT,
        output=None if output is None or output == STDIN else Path(output),
        is_folder=False,
        key=pattern_of(globs),
        prepared=made.chunks,
    )
    code = Export(wishes, quiet=quiet, progress=progress).run()
    _say(made.images, made.missing)
    return code


def _say(images: int, missing: Counter[str]) -> None:
    if missing:
        most = ", ".join(f"{reason} ({count:,})" for reason, count in missing.most_common(_MOST_REASONS))
        more = "" if len(missing) <= _MOST_REASONS else ", and others"
        print_line(f"{plural(missing.total(), 'image')} of {images:,} came without the picture: {most}{more}")
