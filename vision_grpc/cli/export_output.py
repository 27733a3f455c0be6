"""What an export must not replace."""

import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import click

from vision_grpc.exports.documents import document_of
from vision_grpc.exports.kinds import Kind
from vision_grpc.sources.kinds import CONTAINERS, FITTABLE, SENDABLE, suffix_of
from vision_grpc.sources.places.stdin import STDIN
from vision_grpc.texts.quoting import quote_name

_STDIN, _STDOUT = 0, 1
_RESULTS = (b'{"journal":', b'{"key":')


def refuse_replacing(path: Path, kind: Kind, journals: Iterable[str]) -> None:
    """Check that a file may be replaced by one of a format.

    Raises:
        click.UsageError: it is a journal or an image, or of another format.
    """
    if not os.path.isfile(path):  # noqa: PTH113 - unlike Path.is_file, it never raises
        return  # A pipe would wait for its writer.
    try:
        with path.open("rb") as file:
            beginning = file.read(256)
    except OSError:  # Opening it for writing says what is wrong.
        return
    name = quote_name(path)
    if any(os.path.realpath(journal) == os.path.realpath(path) for journal in journals):
        message = f"{name} is the journal itself, which -o would replace: name another file"
    elif beginning.startswith(_RESULTS):
        message = f"{name} has results of images, which -o would replace: name another file"
    elif not beginning or _is_export(path, kind, beginning):
        return
    elif kind.is_own:
        message = f"{name} is there, and was not made by vision-grpc: name another file, or move it away"
    elif kind.begins:
        message = f"{name} is there, and is not a file of the format {kind.name}: name another file, or move it away"
    elif suffix_of(path.name) in SENDABLE | FITTABLE | CONTAINERS or b"\0" in beginning:
        message = f"{name} is there, and may be no export: name another file, or move it away"
    else:
        return
    raise click.UsageError(message, click.get_current_context())


def _is_export(path: Path, kind: Kind, beginning: bytes) -> bool:
    """Return whether a file is of a format, and made by this program as far as that can be known."""
    if kind.is_own is None:
        return bool(kind.begins) and beginning.startswith(kind.begins)
    try:
        return kind.is_own(path)
    except ImportError:  # The writer, which needs the same, says what to install before anything is replaced.
        return True


def refuse_appending(journals: Iterable[str]) -> None:
    """Check that stdout does not lead into a journal, as after `>>`.

    Raises:
        click.UsageError: it does.
    """
    for journal in journals:
        with suppress(OSError, ValueError):  # It is closed, or reading it says what is wrong.
            status = os.fstat(_STDIN) if journal == STDIN else os.stat(journal)  # noqa: PTH116 - it may be any text
            if stat.S_ISREG(status.st_mode) and os.path.samestat(status, os.fstat(_STDOUT)):
                message = "stdout leads into the journal itself: name another file"
                raise click.UsageError(message, click.get_current_context())


class Sources:
    """Checks that an output is not one of the documents that the results are about."""

    def __init__(self, output: Path | None) -> None:
        self._output = output
        self._name = "" if output is None else output.name
        self._real = "" if output is None else os.path.realpath(output)

    def refuse(self, key: str) -> None:
        """Check one more key.

        Raises:
            click.UsageError: it is that of the output.
        """
        if self._output is None or self._name not in key or "\0" in key:
            return
        if os.path.realpath(document_of(key)) == self._real and self._output.exists():
            message = f"{quote_name(self._output)} is one of the images, -o would overwrite it: name another file"
            raise click.UsageError(message, click.get_current_context())
