"""What keeps the results of a run, opened as the options say."""

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, nullcontext
from types import TracebackType
from typing import TYPE_CHECKING, Self

from vision_grpc.bulk.ending import Ending
from vision_grpc.bulk.journal import Journal, read_journal
from vision_grpc.bulk.text_folder import TextFolder
from vision_grpc.cli.formats import JsonLines, PlainText
from vision_grpc.cli.output import Output, open_output
from vision_grpc.cli.sinks import FolderSink, StreamSink

if TYPE_CHECKING:
    from vision_grpc.bulk.budget import Budget
    from vision_grpc.bulk.journal import Recorded
    from vision_grpc.bulk.journal.header import Settings
    from vision_grpc.bulk.progress import Progress
    from vision_grpc.bulk.sink import Sink
    from vision_grpc.cli.formats import Format
    from vision_grpc.cli.output_options import OutputWishes
    from vision_grpc.cli.sinks import Room
    from vision_grpc.cli.summary import Whereabouts


class Results:
    """A journal, a file, stdout, a folder of texts, or two of them. As a context, it closes them.

    It is opened with the first image: a run without images changes nothing. Within `held`, no signal has an effect.
    """

    def __init__(
        self,
        wishes: "OutputWishes",
        settings: "Settings",
        held: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._wishes = wishes
        self._settings = settings
        self._held = held
        self._stack = ExitStack()
        self.journal: Journal | None = None
        self.output: Output | None = None
        self._folder: TextFolder | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, traceback)

    @property
    def ordered(self) -> bool:
        """Whether results are written in the order of their images."""
        return not (self._wishes.is_jsonl or self.is_folder_alone)

    @property
    def is_folder_alone(self) -> bool:
        """Whether texts go to a folder, and nowhere else."""
        return self._wishes.to_folder is not None and self._wishes.output_path is None

    def open(self) -> "Recorded | None":
        """Open everything, and return what earlier runs have recorded; None where nothing is recorded.

        Raises:
            click.ClickException, JournalError, TextFolderError: results cannot be written there.
        """
        wishes = self._wishes
        if wishes.to_folder is not None:
            outputs = [] if wishes.output_path is None else [wishes.output_path]
            self._folder = TextFolder(wishes.to_folder, outputs=outputs)
        if wishes.is_journal and wishes.output_path is not None:
            self.journal = self._stack.enter_context(
                Journal.open(
                    wishes.output_path,
                    self._settings,
                    answers=wishes.kept_answers,
                    restart=wishes.restart,
                    retry_failed=wishes.retry_failed,
                )
            )
            return self.journal.done
        if not self.is_folder_alone:
            # To open a pipe may take for ever.
            with self._held() if wishes.is_file else nullcontext():
                self.output = self._stack.enter_context(open_output(wishes.output_path))
        return None

    def claim(self, key: str) -> None:
        """Give an image the name of its text; to be called for all of them in the order of the sources."""
        if self._folder is not None:
            self._folder.claim(key)

    def catch_up(self) -> None:
        """Write texts that the folder does not have yet of what earlier runs have read; all images are claimed by then.

        Raises:
            TextFolderError: they cannot be written there.
        """
        path = self._wishes.output_path
        if self._folder is not None and self.journal is not None and self.journal.was_resumed and path is not None:
            self._folder.catch_up(read_journal(path, last_only=True))

    def sink(self, room: "Room", *, several: bool) -> "Sink":
        """Return what takes the results; `several` says whether there are several images."""
        sink: Sink | None = None
        if self.journal is not None:
            sink = self.journal
        elif self.output is not None:
            form: Format = JsonLines(self._wishes.kept_answers) if self._wishes.is_jsonl else PlainText(headers=several)
            sink = StreamSink(form, self.output, room)
        if self._folder is not None:
            return FolderSink(self._folder, sink)
        assert sink is not None  # noqa: S101 - for the type checkers
        return sink

    @property
    def whereabouts(self) -> "Whereabouts":
        """Where results are kept by now."""
        wishes = self._wishes
        kept = self.output.kept if self.output is not None else None
        return {
            "output": kept if self.journal is None else wishes.output_path,
            "journal": wishes.output_path if wishes.is_journal else None,
            "texts": None if self._folder is None else wishes.to_folder,
            "moved_texts": 0 if self._folder is None else self._folder.moved,
        }

    def finish(
        self, ending: Ending, progress: "Progress", budget: "Budget | None", *, lost: int, accepted: int, is_void: bool
    ) -> None:
        """Write what is known at the end of a run: texts of earlier runs, what it cost, and whether it is over.

        `lost` are units of lost answers, `accepted` those of images whose results are still to be fetched; `is_void`
        says that nothing could be done.
        """
        if progress.is_listed:
            self.catch_up()
        if self.journal is not None:
            billed = self.journal.done.billed + progress.billed_units + lost + accepted
            if budget is not None:
                billed = budget.spent
            if budget is not None or lost:
                self.journal.note_billed(billed)
            if ending is Ending.COMPLETE:
                read, failed = progress.earlier_read + progress.read, progress.earlier_failed + progress.failures.count
                self.journal.finish({"ok": read, "failed": failed, "billed": billed})
        elif self.output is not None:
            if ending is Ending.INTERRUPTED or (ending is Ending.REFUSED and not is_void):
                self.output.leave()
            elif is_void:
                self.output.discard()
            else:
                self.output.finish()
