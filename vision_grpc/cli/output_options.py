"""The options that say where results go, and in which form."""

import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import click

from vision_grpc.cli.sections import grouped, option
from vision_grpc.texts.quoting import quote_name

_SECTION = "Results"
_JOURNALS = (".jsonl", ".ndjson")


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputWishes:
    """What the options say."""

    format_name: Literal["text", "jsonl"] | None
    answers: Literal["wire", "json", "none"] | None
    no_result: bool
    output_path: Path | None
    to_folder: Path | None
    retry_failed: bool
    restart: bool

    is_file: bool = field(init=False)
    """Whether the output is a file, or will be one: no stdout, device or pipe."""

    def __post_init__(self) -> None:
        """Look at the output once: later it may have been made."""
        object.__setattr__(self, "is_file", _is_file_to_be(self.output_path))

    @property
    def is_jsonl(self) -> bool:
        """Whether results are lines of JSON."""
        if self.format_name is not None:
            return self.format_name == "jsonl"
        return self.output_path is not None and self.output_path.suffix.lower() in _JOURNALS

    @property
    def is_journal(self) -> bool:
        """Whether results go to a file from which the next run goes on."""
        return self.is_jsonl and self.is_file

    @property
    def kept_answers(self) -> Literal["wire", "json", "none"]:
        """How lines keep the answers of the service."""
        if self.no_result:
            return "none"
        return self.answers or ("wire" if self.is_journal else "json")

    def check(self) -> None:
        """Check that the wishes can be met.

        Raises:
            click.UsageError: they cannot be met.
        """
        context = click.get_current_context()
        for flag, value in (("--retry-failed", self.retry_failed), ("--restart", self.restart)):
            if value and not self.is_journal:
                message = f"{flag} is about the results of earlier runs: name their file, as in -o results.jsonl"
                raise click.UsageError(message, context)
        if self.retry_failed and self.restart:
            message = "--restart begins anew, --retry-failed goes on: name one of them"
            raise click.UsageError(message, context)
        if self.no_result and self.answers not in {None, "none"}:
            message = f"--no-result is the same as --answers none: drop it, or --answers {self.answers}"
            raise click.UsageError(message, context)
        if self.answers is not None and not self.is_jsonl:
            message = "--answers is about lines of jsonl: add --format jsonl, or -o results.jsonl"
            raise click.UsageError(message, context)
        if self.output_path is not None and self.is_file and not self.is_jsonl:
            _refuse_to_replace_results(self.output_path, context)


def _is_file_to_be(path: Path | None) -> bool:
    if path is None or path == Path("-"):
        return False
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return True
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode)


def _refuse_to_replace_results(path: Path, context: click.Context) -> None:
    # Each of its lines may have been paid for, and a text takes the place of an older file when it is complete.
    from vision_grpc.bulk.journal.header import BEGINNING

    try:
        with path.open("rb") as file:
            beginning = file.read(len(BEGINNING))
    except (OSError, ValueError):
        return
    name = quote_name(path)
    if beginning == BEGINNING:
        message = f"{name} is a journal, whose results a text would replace: add --format jsonl, or name another file"
        raise click.UsageError(message, context)
    if beginning.startswith(b'{"key":'):
        message = f"{name} has results in jsonl, which a text would replace: name another file"
        raise click.UsageError(message, context)


format_option = option(
    _SECTION,
    "--format",
    "format_name",
    type=click.Choice(["text", "jsonl"]),
    help="Print texts, or for each image a line of JSON.  [default: text; jsonl if OUT ends in .jsonl or .ndjson]",
)
output_option = option(
    _SECTION,
    "-o",
    "--output",
    "output_path",
    metavar="OUT",
    type=click.Path(path_type=Path),
    help="Write to the file OUT. With jsonl it is a journal: it grows with each result, and the same command goes "
    "on from it. With text it appears when all is read.",
)
answers_option = option(
    _SECTION,
    "--answers",
    type=click.Choice(["wire", "json", "none"]),
    help="In lines of JSON, keep the whole answer as base64 of its message, as JSON (slow), or only its text.  "
    "[default: wire with -o, else json]",
)
_OPTIONS = (
    format_option,
    output_option,
    option(
        _SECTION,
        "--to-folder",
        metavar="DIR",
        type=click.Path(path_type=Path),
        help="Write the text of each image to a file in DIR: DIR/a/b.txt for a/b.png, so that '.' puts it beside the "
        "image. Add -o OUT.jsonl, and a later run goes on here, too, and pays for no image twice.",
    ),
    answers_option,
    option(_SECTION, "--no-result", is_flag=True, help="The same as --answers none."),
    option(
        _SECTION,
        "--retry-failed",
        is_flag=True,
        help="Send images again that failed for good in earlier runs, once the cause is mended.",
    ),
    option(_SECTION, "--restart", is_flag=True, help="Begin OUT anew; the old one is kept as OUT.1."),
)
output_options = grouped("output", OutputWishes, _OPTIONS)
"""Adds the options to a command, which gets them as the argument `output`."""
