"""Exit codes, and the one with which a run of images ends."""

from typing import TYPE_CHECKING

from vision_grpc.errors import Code

if TYPE_CHECKING:
    # Not imported: help is printed without results.
    from vision_grpc.results import ImageResult

ALL_READ = 0
SOME_FAILED = 1
NOTHING_DONE = 2
INTERRUPTED = 130
# The code that a shell reports for a program that SIGPIPE ended.
READER_GONE = 141


class RunCounts:
    """Counts of what happened to the images of a run so far."""

    def __init__(self) -> None:
        self._wrong_paths = 0
        self._read = 0
        self._failed_there = 0
        self._failed_here = 0
        self._failed_calls = 0

    def count(self, result: "ImageResult") -> None:
        """Count one more result."""
        if result.error is None:
            self._read += 1
        elif result.result is not None:
            self._failed_there += 1
        elif result.attempts > 0 or (result.error.is_open and result.error.code is Code.UNAVAILABLE):
            # A file that an earlier run has sent has no attempts in this one.
            self._failed_calls += 1
        elif result.error.code is Code.NOT_FOUND:
            self._wrong_paths += 1
        else:
            self._failed_here += 1

    def count_refusal(self) -> None:
        """Count a call that was refused for its credentials or folder; its images are no results."""
        self._failed_calls += 1

    def count_fault(self) -> None:
        """Count a path, or a part of one, that does not lead to images."""
        self._wrong_paths += 1

    @property
    def calls_failed(self) -> bool:
        """Whether images were sent and got no answer."""
        return self._failed_calls > 0

    def exit_code(self, *, earlier: int = 0, is_whole: bool = True) -> int:
        """Return the exit code if the run ends here.

        Earlier runs have finished so many images; `is_whole` says whether that is all, with every image read.
        Failures are `NOTHING_DONE` when the service answered for no image though it was called,
        or when no path led to an image; else they are the images' own.
        """
        if self._wrong_paths + self._failed_there + self._failed_here + self._failed_calls == 0:
            return ALL_READ if is_whole else SOME_FAILED
        answered = self._read + self._failed_there + earlier
        if answered == 0 and (self._failed_calls > 0 or self._failed_here == 0):
            return NOTHING_DONE
        return SOME_FAILED
