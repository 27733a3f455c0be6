"""What commands print on stdout, except the results of images, which `output` writes."""

import sys
from io import BufferedWriter, TextIOWrapper
from typing import TYPE_CHECKING

import click

from vision_grpc.cli.exits import READER_GONE
from vision_grpc.cli.patient_file import PatientFile

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_STDOUT = 1


def open_stdout() -> None:
    """Make `sys.stdout` end the command with one line on stderr if it is closed or its disk is full.

    If the reader has left, as `head` does, only the exit code says so. Click flushes everything that
    it prints at once.
    """
    raw = _Strict(_STDOUT, "w", closefd=False)
    if sys.stdout is None:
        sys.stdout = TextIOWrapper(BufferedWriter(raw), "utf-8")
    else:
        sys.stdout = TextIOWrapper(BufferedWriter(raw), sys.stdout.encoding, errors=sys.stdout.errors)


class _Strict(PatientFile):
    _failed = False

    def write(self, data: "ReadableBuffer", /) -> int:
        if self._failed:  # The error was printed already; Python flushes again when the program ends.
            return len(memoryview(data))
        try:
            return super().write(data)
        except OSError as error:
            self._failed = True
            if isinstance(error, BrokenPipeError):
                raise click.exceptions.Exit(READER_GONE) from error
            message = f"stdout: cannot be written ({error.strerror})"
            raise click.ClickException(message) from error
