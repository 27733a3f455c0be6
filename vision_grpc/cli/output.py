"""The output of results: stdout, or a file that appears when it is complete."""

import os
import shutil
import stat
from contextlib import suppress
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Self

import click

from vision_grpc.bulk.space import check_space
from vision_grpc.cli.exits import READER_GONE
from vision_grpc.cli.patient_file import PatientFile
from vision_grpc.cli.stderr import print_line
from vision_grpc.texts.quoting import quote_name

_STDOUT = 1


def open_output(path: Path | None, *, keeps_partial: bool = True) -> "Output":
    """Return the output: stdout (None or `-`), a device or pipe, or a file that replaces the one of that name.

    With `keeps_partial`, what is finished when a run fails is kept beside that file.

    Raises:
        click.ClickException: results cannot be written there.
    """
    try:
        if path is None or path == Path("-"):
            stdout = PatientFile(_STDOUT, "w", closefd=False)
            # This fails at once if stdout is closed or open for reading only.
            stdout.write(b"")
            return Output("stdout", stdout)
        if not _is_file_to_be(path):
            return Output(str(path), PatientFile(path, "w"))
        # Of a link, the file that it leads to is replaced.
        return OutputFile(path.resolve() if path.is_symlink() else path, keeps_partial=keeps_partial)
    except OSError as error:
        raise _refusal("stdout" if path is None else str(path), error) from error


class Output:
    """A stream of results, each handed to the system as soon as it is written."""

    def __init__(self, name: str, file: PatientFile) -> None:
        self._name = name
        self._file = file

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._file.close()

    @property
    def is_terminal(self) -> bool:
        """Whether the results appear on a terminal."""
        return self._file.isatty()

    def write(self, data: bytes) -> None:
        """Write the whole of one result.

        Raises:
            click.ClickException: the disk is full or failed.
            click.exceptions.Exit: the reader of the results has left, as `head` does.
        """
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except BrokenPipeError as error:
            raise click.exceptions.Exit(READER_GONE) from error
        except OSError as error:
            raise _refusal(self._name, error) from error

    kept: Path | None = None
    """The file that has the results, None as long as there is none."""

    def finish(self) -> None:
        """Make the results known as complete.

        Raises:
            click.ClickException: that failed.
        """

    def check_space(self) -> None:
        """Check that there is space for more results.

        Raises:
            click.ClickException: there is none.
        """
        try:
            check_space(self._file.fileno())
        except OSError as error:
            raise _refusal(self._name, error) from error

    def discard(self) -> None:
        """Undo what was written, where that is possible."""

    def leave(self) -> None:
        """Make the finished results known as incomplete."""


class OutputFile(Output):
    """A file that is written as `<name>.partial` in the same folder, or `<name>.2.partial` where that is taken.

    It is renamed by `finish`. Otherwise the finished results stay in the partial file, for they were paid for, an
    exception that ends the context gets a note that says so, and an older file of that name is not touched. Without
    `keeps_partial`, nothing stays.

    Raises:
        OSError: it cannot be written.
    """

    def __init__(self, path: Path, *, keeps_partial: bool) -> None:
        self._path = path
        self._keeps_partial = keeps_partial
        self._whole_bytes = 0
        for number in count(1):
            infix = "" if number == 1 else f".{number}"
            self._partial = path.with_name(f"{path.name}{infix}.partial")
            with suppress(FileExistsError):
                super().__init__(str(path), PatientFile(self._partial, "x"))
                return

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if not self._file.closed and self._keep_partial() and error is not None:
            error.add_note(self._whereabouts)

    def write(self, data: bytes) -> None:
        """Write the whole of one result; see `Output`."""
        super().write(data)
        self._whole_bytes += len(data)

    def finish(self) -> None:
        """Put the results in the place of the file; see `Output`."""
        try:
            os.fsync(self._file.fileno())
            self._file.close()
            if self._path.exists():
                shutil.copymode(self._path, self._partial)
            self._partial.replace(self._path)
        except OSError as error:
            with suppress(OSError):
                self._file.close()
            refusal = _refusal(self._name, error)
            if self._keeps_partial:
                refusal.add_note(self._whereabouts)
            else:
                self.discard()
            raise refusal from error
        self.kept = self._path

    def discard(self) -> None:
        """Remove the partial file."""
        self._file.close()
        self._partial.unlink()

    def leave(self) -> None:
        """Keep the finished results in the partial file."""
        if self._keep_partial():
            print_line(self._whereabouts)

    def _keep_partial(self) -> bool:
        """Close the partial file with all that is whole; return whether there is anything."""
        if self._whole_bytes == 0 or not self._keeps_partial:
            self.discard()
            return False
        self._file.truncate(self._whole_bytes)
        self._file.close()
        return True

    @property
    def _whereabouts(self) -> str:
        return f"the finished results are in {quote_name(self._partial)}"


def _is_file_to_be(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except FileNotFoundError:
        return True


def _refusal(name: str, error: OSError) -> click.ClickException:
    return click.ClickException(f"{quote_name(name)}: cannot be written ({error.strerror}), name another place with -o")
