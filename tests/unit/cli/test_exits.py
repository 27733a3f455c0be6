import pytest

from vision_grpc.cli.exits import RunCounts
from vision_grpc.errors import Code
from vision_grpc.messages import AnalyzeResult
from vision_grpc.results import ImageError, ImageResult
from vision_grpc.results.outcomes import MessageOutcome

READ = ImageResult("a", outcome=MessageOutcome(AnalyzeResult()), attempts=1)
REFUSED_HERE = ImageResult("a", error=ImageError(Code.INVALID_ARGUMENT, "the file is empty"))
MISSING = ImageResult("a", error=ImageError(Code.NOT_FOUND, "no such file"))
FAILED_THERE = ImageResult(
    "a", MessageOutcome(AnalyzeResult()), ImageError(Code.INVALID_ARGUMENT, "cannot decode"), attempts=1
)
FAILED_CALL = ImageResult("a", error=ImageError(Code.UNAVAILABLE, "was not reached"), attempts=1)
# Of files that an earlier run has sent: nobody answered, and the operation is not ready.
NOT_FETCHED = ImageResult("a", error=ImageError(Code.UNAVAILABLE, "was not reached", is_open=True), operation_id="op")
NOT_READY = ImageResult("a", error=ImageError(Code.DEADLINE_EXCEEDED, "no result", is_open=True), operation_id="op")
# The service says NOT_FOUND of a folder, and of nothing that a PATH names.
REFUSED_CALL = ImageResult("a", error=ImageError(Code.NOT_FOUND, "no such folder"), attempts=1)


@pytest.mark.parametrize(
    ("results", "wrong_paths", "code"),
    [
        ([], 0, 0),
        ([READ, READ], 0, 0),
        ([READ, MISSING], 0, 1),
        ([READ], 1, 1),
        ([READ, FAILED_CALL], 0, 1),
        ([FAILED_THERE], 0, 1),
        ([FAILED_THERE, FAILED_CALL], 0, 1),
        ([REFUSED_HERE], 0, 1),
        ([REFUSED_HERE, MISSING], 0, 1),
        ([MISSING, MISSING], 0, 2),
        ([MISSING], 1, 2),
        ([], 1, 2),
        ([FAILED_CALL, FAILED_CALL], 0, 2),
        ([REFUSED_CALL], 0, 2),
        ([FAILED_CALL, MISSING], 0, 2),
        ([FAILED_CALL, REFUSED_HERE], 0, 2),
        ([NOT_FETCHED], 0, 2),
        ([NOT_FETCHED, READ], 0, 1),
        ([NOT_READY], 0, 1),
    ],
)
def test_exit_code(results: list[ImageResult], wrong_paths: int, code: int) -> None:
    counts = RunCounts()
    for _ in range(wrong_paths):
        counts.count_fault()
    for result in results:
        counts.count(result)
    assert counts.exit_code() == code
    # What was passed over, or is left for another run, is missing.
    assert counts.exit_code(is_whole=False) == max(code, 1)


def test_what_earlier_runs_have_done_was_done() -> None:
    counts = RunCounts()
    counts.count_fault()
    assert counts.exit_code(earlier=1) == 1
