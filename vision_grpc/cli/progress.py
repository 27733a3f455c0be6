"""The progress bar."""

from collections.abc import Generator
from contextlib import contextmanager
from datetime import timedelta
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn
from rich.text import Text

from vision_grpc.cli.output import Output


class ProgressBar:
    """A line on stderr with the number of finished images, images a second, failures and the time left.

    What is written to `sys.stderr` meanwhile appears above it.
    """

    def __init__(self, total: int) -> None:
        self._progress = Progress(
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            _PaceColumn(),
            TextColumn("{task.fields[failed]} failed"),
            # Rich would break long lines above the bar, and lose blanks of names there.
            console=Console(stderr=True, soft_wrap=True),
            redirect_stdout=False,
            expand=True,
        )
        self._task = self._progress.add_task("", total=total, failed=0)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def advance(self, *, failed: int) -> None:
        """Count one image as done; `failed` is how many have failed so far."""
        self._progress.update(self._task, advance=1, failed=failed)

    @contextmanager
    def room_for(self, output: Output) -> Generator[None]:
        """Take the bar off the screen while results are written, if that is where they go."""
        if not output.is_terminal:
            yield
            return
        self._progress.live.transient = True
        self._progress.stop()
        yield
        self._progress.live.transient = False
        self._progress.start()


class _PaceColumn(ProgressColumn):
    """Images a second since the start, and the time that is left at this pace.

    Rich's own columns measure the latest steps: eight results come at once, which looks infinitely fast.
    """

    def render(self, task: Task) -> Text:
        elapsed_s = task.elapsed
        if not elapsed_s or not task.completed or task.total is None:
            return Text("starting")
        left = timedelta(seconds=round((task.total - task.completed) * elapsed_s / task.completed))
        return Text(f"{task.completed / elapsed_s:.1f} images/s, {left} left")
