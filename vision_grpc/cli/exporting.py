"""One run of `vision-grpc export`: from its options to its exit code."""

import os
import shutil
import stat
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from functools import partial
from io import FileIO
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

import click

from vision_grpc.bulk.journal.last_lines import LastLines
from vision_grpc.bulk.journal.opening import is_being_written
from vision_grpc.bulk.journal.reader import Line, open_journal, read_lines
from vision_grpc.bulk.progress import Progress
from vision_grpc.cli.exits import ALL_READ, NOTHING_DONE, SOME_FAILED
from vision_grpc.cli.export_output import Sources, refuse_appending, refuse_replacing
from vision_grpc.cli.export_summary import print_export_summary
from vision_grpc.cli.interrupts import Interrupts
from vision_grpc.cli.output import open_output
from vision_grpc.cli.progress import Display, show_progress
from vision_grpc.cli.stderr import print_line, with_notes
from vision_grpc.exports.folder import ExportFolder
from vision_grpc.exports.results import damage_of, damage_of_text
from vision_grpc.results import ImageError, ImageResult
from vision_grpc.session.monitor import Stats
from vision_grpc.sources.extras import describe_missing
from vision_grpc.sources.places.stdin import STDIN
from vision_grpc.texts.quoting import quote_name

if TYPE_CHECKING:
    from vision_grpc.cli.export import ExportWishes
    from vision_grpc.exports.kinds import Writer

# Writing each text by itself costs more than making it.
_BLOCK_BYTES = 1 << 18


class Export:
    """An export: what was asked for, and what has happened so far."""

    def __init__(self, wishes: "ExportWishes", *, quiet: bool, progress: bool | None) -> None:
        self._wishes = wishes
        self._kind = wishes.kind
        self._quiet = quiet
        self._shows_progress = progress
        self._progress = Progress(time.monotonic())
        self._sources = Sources(None if wishes.is_folder else wishes.output)
        self.exported = 0
        """Images that are in the output."""
        self.without_answers = 0
        """Images left out, as their lines have no answers."""
        self.without_content = 0
        """Images that were read and have nothing for the format, such as tables."""
        self.without_pictures: Counter[str] = Counter()
        """How many images are left out, as their pictures are not at hand, by the reasons."""
        self.first_without: dict[str, str] = {}
        """The key of the first one of each reason."""
        self.damaged = 0
        """Lines that are not whole."""
        self.files: int | None = None
        """Files in a folder."""
        self.moved = 0
        """How many of them have longer names because other files were there."""

    def run(self) -> int:
        """Run, and return the exit code."""
        with Interrupts() as interrupts:
            try:
                return self._run()
            except KeyboardInterrupt as error:
                print_line(with_notes("interrupted", error))
                return interrupts.exit_code

    @property
    def left_out(self) -> int:
        """How many images are left out, and lines of them."""
        failed = 0 if self._kind.has_failed else self._progress.failures.count
        return failed + self.without_answers + self.damaged + self.without_pictures.total()

    def _run(self) -> int:
        wishes = self._wishes
        if wishes.output is not None and not wishes.is_folder:
            refuse_replacing(wishes.output, self._kind, wishes.journals)
        else:
            refuse_appending(wishes.journals)
        with ExitStack() as stack, self._display() as display:
            results = self._choose(self._lines(stack))
            first = [*islice(results, 2)]
            if first:
                # Only a format of single pages needs to know them, which are parsed for that.
                several = not self._kind.holds_several and (len(first) > 1 or len(first[0].pages) > 1)
                self._write(chain(first, results), display, several=several)
        print_export_summary(self, wishes, self._progress, quiet=self._quiet)
        return NOTHING_DONE if not self.exported else SOME_FAILED if self.left_out else ALL_READ

    def _lines(self, stack: ExitStack) -> Iterator[Line]:
        wishes = self._wishes
        if wishes.journals == (STDIN,) and not wishes.is_folder:
            self.damaged += yield from read_lines(FileIO(sys.stdin.fileno(), closefd=False), "stdin")
            return
        paths = [_path_of(stack, journal) for journal in wishes.journals]
        for path in paths:
            if path in wishes.journals and is_being_written(path):
                print_line(f"{quote_name(path)}: a run is still writing it, its results so far are exported")
        names = ["stdin" if journal == STDIN else journal for journal in wishes.journals]
        last = LastLines(paths, names=names, found=self._progress.listed)
        self._progress.listing_ended()
        self.damaged += yield from last.read(texts_only=self._kind.is_of_texts, by_document=True)

    def _choose(self, lines: Iterable[Line]) -> Iterator[ImageResult]:
        """Yield the results that are exported, and count those that are not."""
        for line in lines:
            if self._wishes.key is not None and not self._wishes.key.match(line.key):
                continue
            self._sources.refuse(line.key)
            result = line.image_result()
            error = result.error or self._damage_of(result)
            if error is None and self._kind.needs_answers and result.outcome is None:
                self.without_answers += 1
                continue
            if error is None and self._kind.is_in is not None and not self._kind.is_in(result):
                self.without_content += 1
                continue
            self._progress.finish(result if error is None else ImageResult(line.key, error=error), billed_units=0)
            if error is None or self._kind.has_failed:
                self.exported += 1
                yield result

    def _damage_of(self, result: ImageResult) -> ImageError | None:
        if self._kind.has_failed:  # The writer says it in the row.
            return None
        return damage_of(result) if self._kind.needs_answers else damage_of_text(result)

    def _write(self, results: Iterator[ImageResult], display: Display, *, several: bool) -> None:
        kind, wishes = self._kind, self._wishes
        try:
            writer = self._writer()
            if wishes.is_folder and wishes.output is not None:
                folder = ExportFolder(wishes.output, kind)
                self.files = folder.write(results, writer)
                self.moved = folder.moved
                return
            if several:
                message = f"--to {kind.name} makes a file for each page: name a folder for them, as in -o {kind.name}/"
                raise click.UsageError(message, click.get_current_context())
            with open_output(wishes.output, keeps_partial=False) as output:
                if output.is_terminal and not kind.is_text:
                    message = f"{kind.name} is not a text for a terminal: name a file, as in -o results{kind.suffix}"
                    raise click.UsageError(message, click.get_current_context())
                for block in self._blocks(writer(results)):
                    with display.room_for(output):
                        output.write(block)
                if self.exported or kind.is_text:
                    output.finish()
        except ImportError as error:
            if kind.extra is None:
                raise
            message = f"--to {kind.name}: {describe_missing(error, kind.extra)}"
            raise click.ClickException(message) from error

    def _writer(self) -> "Writer":
        if self._wishes.prepared is not None:
            return self._wishes.prepared
        if not self._kind.needs_pictures:
            return self._kind.writer()
        from vision_grpc.exports.pictures.finding import Pictures

        writer: Any = self._kind.writer()
        with_pictures: Writer = partial(writer, pictures=Pictures(self._wishes.images), left_out=self._leave_out)
        return with_pictures

    def _leave_out(self, result: ImageResult, reason: str) -> None:
        self.exported -= 1
        self.without_pictures[reason] += 1
        self.first_without.setdefault(reason, result.key)

    def _blocks(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Yield chunks together, unless more of them may be long in coming."""
        if STDIN in self._wishes.journals:
            yield from chunks
            return
        block: list[bytes] = []
        size = 0
        for chunk in chunks:
            block.append(chunk)
            size += len(chunk)
            if size >= _BLOCK_BYTES:
                yield b"".join(block)
                block.clear()
                size = 0
        yield b"".join(block)

    def _display(self) -> Display:
        return show_progress(
            lambda: self._progress.snapshot(time.monotonic(), Stats()),
            wanted=self._shows_progress,
            quiet=self._quiet,
            output_is_terminal=self._wishes.output is None and sys.stdout is not None and sys.stdout.isatty(),
        )


def _path_of(stack: ExitStack, journal: str) -> str:
    """Return the path of a journal; of stdin or another pipe, that of a copy, because it is read twice."""
    if journal != STDIN and not _is_pipe(journal):
        return journal
    file = stack.enter_context(tempfile.NamedTemporaryFile(prefix="vision-grpc-", suffix=".jsonl"))  # noqa: SIM115
    with FileIO(sys.stdin.fileno(), closefd=False) if journal == STDIN else open_journal(journal) as pipe:
        shutil.copyfileobj(pipe, file)
    file.flush()
    return file.name


def _is_pipe(path: str) -> bool:
    try:
        return stat.S_ISFIFO(os.stat(path).st_mode)  # noqa: PTH116 - the path may be any text
    except (OSError, ValueError):  # Opening it says what is wrong.
        return False
