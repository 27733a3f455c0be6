"""Where the results of a run go: a stream of texts or lines, a journal, a folder of texts."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vision_grpc.bulk.sink import Sent, Sink
    from vision_grpc.bulk.text_folder import TextFolder
    from vision_grpc.cli.formats import Format
    from vision_grpc.cli.output import Output
    from vision_grpc.results import ImageResult
    from vision_grpc.sources.fit import Change

Room = Callable[["Output"], AbstractContextManager[None]]
"""Takes the progress off the screen while something is written to an output."""


class StreamSink:
    """Writes results to stdout, a device or a file."""

    def __init__(self, form: "Format", output: "Output", room: Room) -> None:
        self._form = form
        self._output = output
        self._room = room

    def write(self, result: "ImageResult", sent: "Sent", change: "Change | None") -> None:
        """Write a result."""
        if record := self._form.render(result, sent, change):
            with self._room(self._output):
                self._output.write(record)

    def check_space(self) -> None:
        """Check the disk, or the device, of the output."""
        self._output.check_space()


class FolderSink:
    """Writes texts to a folder, and then hands results on: what is in the journal has its text there."""

    def __init__(self, folder: "TextFolder", others: "Sink | None") -> None:
        self._folder = folder
        self._others = others

    def write(self, result: "ImageResult", sent: "Sent", change: "Change | None") -> None:
        """Write the text of a result."""
        self._folder.write(result)
        if self._others is not None:
            self._others.write(result, sent, change)

    def check_space(self) -> None:
        """Check the disks of all."""
        self._folder.check_space()
        if self._others is not None:
            self._others.check_space()
