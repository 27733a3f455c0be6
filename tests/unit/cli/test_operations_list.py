"""What is printed of a journal's operations, whoever has written its lines."""

from pathlib import Path

import pytest
from journaled import SETTINGS

from vision_grpc.bulk.journal import Accepted, Journal
from vision_grpc.cli.operations_list import command


def test_an_id_that_is_none_of_the_service_is_quoted_as_keys_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "results.jsonl"
    with Journal.open(path, SETTINGS) as journal:
        journal.accept(Accepted("a.png", "op-1", 1_700_000_000))
        journal.accept(Accepted("b\n.png", "\x1b[2J", 1_700_000_001))
    assert command.main([str(path)], standalone_mode=False) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("op-1 ")
    assert first.endswith("  expired 2023-11-17T22:13:20Z  a.png")
    assert second.isprintable()
