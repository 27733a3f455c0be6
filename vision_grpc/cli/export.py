"""`vision-grpc export`: makes tables and documents of results."""

import fnmatch
import logging
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from vision_grpc.cli.export_help import EPILOG, HELP
from vision_grpc.cli.logs import show_logs
from vision_grpc.cli.picture_options import images_option
from vision_grpc.cli.sections import SectionedCommand, option
from vision_grpc.exports.kinds import KINDS, Kind, Writer, kind_of_path
from vision_grpc.sources.places.stdin import STDIN
from vision_grpc.texts.quoting import quote_name

_WHAT, _WHERE, _SHOWN = "What is exported", "Where it goes", "What is shown"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportWishes:
    """What the options say."""

    journals: Sequence[str]
    kind: Kind
    output: Path | None
    is_folder: bool
    key: re.Pattern[str] | None
    """What keys have to match, None for all."""

    images: Path | None = None
    """The folder that pictures are in, None for where the keys say."""

    prepared: Writer | None = None
    """The writer, where it has options; None for that of the format."""


key_option = option(
    _WHAT,
    "--key",
    "globs",
    metavar="GLOB",
    multiple=True,
    help="Take only images whose keys match, as 'scans/*.png'. Give it again for more.",
)
"""Adds the option to a command, which gets its values as the argument `globs`; see `pattern_of`."""


@click.command(cls=SectionedCommand, help=HELP, epilog=EPILOG)
@click.argument("journals", metavar="JOURNAL...", nargs=-1, type=click.Path())
@option(
    _WHAT,
    "--to",
    "kind_name",
    type=click.Choice([*KINDS], case_sensitive=False),
    metavar="FORMAT",
    help="The format; the list is below.  [default: as the name of OUT ends]",
)
@key_option
@images_option
@option(
    _WHERE,
    "-o",
    "--output",
    metavar="OUT",
    help="Write to the file OUT, which appears when all is exported; or to the folder OUT/, a file for each image or "
    "document.  [default: stdout]",
    type=click.Path(),
)
@option(_SHOWN, "-q", "--quiet", is_flag=True, help="Print on stderr only what is wrong.")
@option(
    _SHOWN,
    "--progress/--no-progress",
    default=None,
    help="Show how far the export is.  [default: unless a terminal shows what is exported]",
)
def export(
    *,
    journals: Sequence[str],
    kind_name: str | None,
    globs: Sequence[str],
    folder: Path | None,
    output: str | None,
    quiet: bool,
    progress: bool | None,
) -> int:
    """Make tables and documents of results."""
    check_journals(journals, "export results.jsonl --to tsv")
    kind = _kind(kind_name, output)
    if folder is not None and not kind.needs_pictures:
        message = f"--images: {kind.name} has no pictures, leave it out"
        raise click.UsageError(message, click.get_current_context())
    show_logs(logging.WARNING)
    from vision_grpc.cli.exporting import Export
    from vision_grpc.exports.writing import is_folder

    wishes = ExportWishes(
        journals=journals,
        kind=kind,
        output=None if output is None or output == STDIN else Path(output),
        is_folder=output is not None and output != STDIN and is_folder(output),
        key=pattern_of(globs),
        images=folder,
    )
    return Export(wishes, quiet=quiet, progress=progress).run()


def pattern_of(globs: Sequence[str]) -> re.Pattern[str] | None:
    """Return what matches the keys that one of these patterns matches; None without patterns."""
    return re.compile("|".join(map(fnmatch.translate, globs))) if globs else None


def check_journals(journals: Sequence[str], example: str) -> None:
    """Check that journals are named, and that stdin can be read where it is one of them.

    Raises:
        click.UsageError: none is, or it cannot.
    """
    context = click.get_current_context()
    if not journals:
        message = f"name the journal, as in vision-grpc {example}; - reads lines of JSON from stdin"
        raise click.UsageError(message, context)
    if journals.count(STDIN) > 1:
        message = "- reads stdin: name it once"
        raise click.UsageError(message, context)
    if STDIN in journals and (sys.stdin is None or sys.stdin.isatty()):
        state = "closed" if sys.stdin is None else "a terminal"
        message = f"- reads lines of JSON from stdin, which is {state}: pipe them in, or name a journal"
        raise click.UsageError(message, context)


def _kind(name: str | None, output: str | None) -> Kind:
    if name is not None:
        return KINDS[name]
    if output is not None and (kind := kind_of_path(output)) is not None:
        return kind
    says = "" if output is None else f", as the name {quote_name(output)} does not say it"
    message = f"name the format: --to {'|'.join(KINDS)}{says}"
    raise click.UsageError(message, click.get_current_context())
