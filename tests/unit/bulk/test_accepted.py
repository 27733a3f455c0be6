"""Lines of files that the service has accepted: written, found again, and no results to any reader."""

import json
from pathlib import Path

import pytest
from journaled import SETTINGS, failed, read

from vision_grpc.bulk.journal import Accepted, Journal, look, read_journal
from vision_grpc.bulk.journal.accepted import parse_accepted, render_accepted
from vision_grpc.errors import Code

_FITTED = {"format": "TIFF", "width": 10, "height": 20, "sent": {"format": "PNG", "width": 5, "height": 10}}
_KEYS = ["a.png", "скан b.png", "caf\udce9.png", 'q"\\.png', ""]


def accepted(key: str, number: int = 1) -> Accepted:
    return Accepted(key, f"op-{number}", 1_700_000_000.25)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "results.jsonl"


@pytest.mark.parametrize("key", _KEYS)
def test_a_line_says_what_it_was_made_of(key: str) -> None:
    whole = Accepted(key, "op-1", 1_700_000_000.25, "0f" * 16, _FITTED, 12)
    assert parse_accepted(render_accepted(whole)) == whole
    bare = Accepted(key, "op-1", 1_700_000_000.25)
    assert parse_accepted(render_accepted(bare)) == bare


def test_a_line_is_strict_json_and_no_result() -> None:
    line = render_accepted(Accepted("caf\udce9.png", "op-1", 1_700_000_000.25, "ab", {"format": "x\ud800"}))
    told = json.loads(line.decode("utf-8"))
    assert list(told)[:4] == ["key", "ok", "operation", "accepted_at"]
    assert (told["ok"], told["operation"], told["accepted_at"]) == (None, "op-1", "2023-11-14T22:13:20.250000Z")


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"[1]",
        b"\xff",
        b'{"journal":{"billed_at_most":3}}',
        b'{"key":"a","ok":null}',
        b'{"key":"a","ok":null,"operation":""}',
        b'{"key":"a","ok":null,"operation":"op"}',
        b'{"key":"a","ok":null,"operation":7,"accepted_at":"2023-11-14T22:13:20Z"}',
        b'{"key":"a","ok":null,"operation":"op","accepted_at":"today"}',
        b'{"key":"a","ok":true,"operation":"op","accepted_at":"2023-11-14T22:13:20Z"}',
        b'{"ok":null,"operation":"op","accepted_at":"2023-11-14T22:13:20Z"}',
        b'{"key":"a","ok":null,"operation":"op","accepted_at":"9999-12-31T23:59:59Z"}',
        b'{"key":"a","ok":null,"operation":"op","accepted_at":"0001-01-01T00:00:00+14:00"}',
    ],
)
def test_other_lines_are_none(line: bytes) -> None:
    assert parse_accepted(line) is None


@pytest.mark.parametrize(("written", "units"), [(-100, 0), (10**18, 200)])
def test_no_line_says_that_a_file_costs_what_none_can_cost(written: int, units: int) -> None:
    line = render_accepted(accepted("a.png")._replace(units=written))
    assert parse_accepted(line) == accepted("a.png")._replace(units=units)


def test_the_last_line_of_a_key_counts(path: Path) -> None:
    with Journal.open(path, SETTINGS) as journal:
        for number, key in enumerate(_KEYS):
            journal.accept(accepted(key, number))
        journal.write(read(_KEYS[0], "done"))
        journal.write(failed(_KEYS[1]))
        journal.accept(accepted(_KEYS[1], 7))
        journal.write(failed(_KEYS[2], Code.INVALID_ARGUMENT))
    for done in (look(path, SETTINGS), Journal.open(path, SETTINGS).done):
        assert {key: each.operation_id for key, each in done.accepted.items()} == {
            _KEYS[1]: "op-7",
            _KEYS[3]: "op-3",
            "": "op-4",
        }
        assert [key in done for key in _KEYS] == [True, False, True, False, False]
        assert (done.ok, len(done)) == (1, 5)


def test_a_result_that_failed_for_good_waits_for_the_operation_that_was_begun_later(path: Path) -> None:
    with Journal.open(path, SETTINGS) as journal:
        journal.write(failed("a.png", Code.INVALID_ARGUMENT))
        journal.accept(accepted("a.png"))
        assert "a.png" not in journal.done
    done = look(path, SETTINGS)
    assert "a.png" not in done
    assert [line.ok for line in read_journal(path, last_only=True)] == [False]


def test_accepted_files_are_no_results(path: Path) -> None:
    with Journal.open(path, SETTINGS) as journal:
        journal.accept(accepted("a.png"))
        journal.accept(accepted("b.png"))
        journal.write(read("b.png", "text"))
        journal.accept(accepted("b.png"))
        journal.accept(accepted("caf\udce9.png"))
    for lines in (read_journal(path), read_journal(path, last_only=True)):
        assert [(line.key, line.text) for line in lines] == [("b.png", "text")]


@pytest.mark.parametrize("keep", [1, 8, 40, -20, -2])
def test_torn_lines_of_accepted_files_are_cut_or_blanked(path: Path, keep: int) -> None:
    with Journal.open(path, SETTINGS) as journal:
        journal.accept(accepted("a.png", 1))
        journal.accept(accepted("b.png", 2))
        journal.accept(accepted("c.png", 3))
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:3]) + lines[3][:keep])
    with Journal.open(path, SETTINGS) as journal:
        assert list(journal.done.accepted) == ["a.png", "b.png"]
    # What was appended to a torn line looks like one line with it.
    path.write_bytes(lines[0] + lines[1] + lines[2][:keep] + lines[3])
    with Journal.open(path, SETTINGS) as journal:
        assert list(journal.done.accepted) == ["a.png", "c.png"]
        journal.write(read("c.png"))
    assert list(look(path, SETTINGS).accepted) == ["a.png"]


def test_lines_far_from_the_end_are_found(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vision_grpc.bulk.journal.recovery._CHECKED_BYTES", 0)
    with Journal.open(path, SETTINGS) as journal:
        journal.accept(accepted("a.png"))
        journal.write(read("b.png"))
    assert list(look(path, SETTINGS).accepted) == ["a.png"]


def test_a_journal_of_accepted_files_alone_keeps_its_settings(path: Path) -> None:
    with Journal.open(path, SETTINGS) as journal:
        journal.accept(accepted("a.png"))
    with Journal.open(path, SETTINGS) as journal:
        assert journal.was_resumed
        assert bool(journal.done)
    with pytest.raises(Exception, match="languages"):
        look(path, {**SETTINGS, "languages": ["de"]})


def test_what_is_billed_counts_pages_and_not_what_is_accepted_twice(path: Path) -> None:
    with Journal.open(path, SETTINGS) as journal:
        journal.write(read("a.png"))
        journal.accept(accepted("b.pdf")._replace(units=12))
        journal.accept(accepted("c.png"))
    done = look(path, SETTINGS)
    assert (done.billed, done.accepted_units) == (1, 13)
    with Journal.open(path, SETTINGS) as journal:
        # Whoever notes what may be billed counts what is accepted, too.
        journal.note_billed(14 + 3)
    done = look(path, SETTINGS)
    assert (done.billed, done.accepted_units) == (4, 13)


def test_a_line_is_in_the_file_when_the_call_returns(path: Path) -> None:
    with Journal.open(path, SETTINGS) as journal:
        journal.accept(accepted("a.png"))
        # As after SIGKILL: nothing is left to be written.
        assert b'"operation":"op-1"' in path.read_bytes()
