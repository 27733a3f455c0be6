"""What a run that waits for operations takes for still to be fetched."""

from pathlib import Path

from journaled import failed, read

from vision_grpc.bulk.journal import Journal
from vision_grpc.cli.output_options import OutputWishes
from vision_grpc.cli.wait_wishes import WaitWishes
from vision_grpc.errors import Code
from vision_grpc.session.settings import Arguments


def test_what_an_earlier_run_has_fetched_is_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "fetched.jsonl"
    output = OutputWishes(
        format_name=None,
        answers=None,
        no_result=False,
        output_path=path,
        to_folder=None,
        retry_failed=False,
        restart=False,
    )
    wishes = WaitWishes.of(["op-1", "op-2", "op-3"], output, Arguments(api="ocr/v1"), timeout_s=60, within_s=60)
    with Journal.open(path, wishes.settings) as journal:
        assert wishes.operations(journal).pending == 3
        journal.write(read("op-1"))
        journal.write(failed("op-2", Code.UNAVAILABLE))
    with Journal.open(path, wishes.settings) as journal:
        left = wishes.operations(journal)
        assert (left.pending, left.is_earlier("op-1"), left.is_earlier("op-2")) == (2, False, True)
