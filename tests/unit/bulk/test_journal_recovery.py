"""Journals as crashes, power losses and careless programs leave them."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from journaled import SETTINGS, failed, read

from vision_grpc.bulk.journal import Journal, read_journal, recovery

_KEYS = ["a.png", "скан b.png", "caf\udce9.png", "d.png"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "results.jsonl"


def _fill(path: Path) -> list[bytes]:
    """Write a journal of four results, and return its lines with their line ends."""
    with Journal.open(path, SETTINGS) as journal:
        for key in _KEYS:
            journal.write(read(key, "слово", key.encode("utf-8", "replace").decode()))
        journal.finish({"ok": 4})
    return path.read_bytes().splitlines(keepends=True)


def _reopen(path: Path) -> list[str]:
    """Return which keys a resume finds done; the file has to be whole afterwards, and go on."""
    with Journal.open(path, SETTINGS) as journal:
        done = [key for key in [*_KEYS, "e.png"] if key in journal.done]
        assert journal.done.ok == len(done)
        journal.write(failed("last.png"))
    content = path.read_bytes()
    assert content.endswith(b"}\n")
    rows = [json.loads(line) for line in content.decode("utf-8").split("\n") if line.strip()]
    assert [row["key"] for row in rows if "ok" in row and row["ok"] is not None][-1] == "last.png"
    assert [line.key for line in read_journal(path, last_only=True) if line.ok] == done
    return done


def test_a_torn_last_line_is_cut(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    lines = _fill(path)
    path.write_bytes(b"".join(lines[:4]) + lines[4][:-20])
    assert _reopen(path) == _KEYS[:3]
    assert "the end was not a whole line and was cut off" in caplog.text


def test_a_whole_last_line_without_its_line_end_is_kept(path: Path) -> None:
    lines = _fill(path)
    path.write_bytes(b"".join(lines[:5])[:-1])
    assert _reopen(path) == _KEYS


def test_a_first_line_without_its_line_end_is_kept(path: Path) -> None:
    path.write_bytes(_fill(path)[0][:-1])
    assert _reopen(path) == []
    assert path.read_bytes().count(b'{"journal"') == 1


@pytest.mark.parametrize(
    "garbage", [bytes(9_000), b"\xff\xfe\x00garbage", b"\0\n\0\n", b"]}\n\n", b"\n\n", b"\0" * 3_000_000]
)
def test_garbage_at_the_end_is_cut(path: Path, garbage: bytes) -> None:
    lines = _fill(path)
    path.write_bytes(b"".join(lines[:5]) + garbage)
    assert _reopen(path) == _KEYS
    assert b"\0" not in path.read_bytes()


@pytest.mark.parametrize("keep", [1, 8, 30, 200, -30, -2])
def test_a_torn_line_before_whole_ones_is_blanked(path: Path, keep: int, caplog: pytest.LogCaptureFixture) -> None:
    lines = _fill(path)
    path.write_bytes(b"".join([*lines[:2], lines[2][:keep], *lines[3:]]))
    assert _reopen(path) == [_KEYS[0], *_KEYS[2:]]
    assert "damaged" in caplog.text
    caplog.clear()
    assert _reopen(path) == [_KEYS[0], *_KEYS[2:]]
    assert "damaged" not in caplog.text


@pytest.mark.parametrize("garbage", [bytes(4_096), b"\xff" * 100 + b"\n", b"\0\n\n\0\n"])
def test_garbage_between_lines_is_blanked(path: Path, garbage: bytes) -> None:
    lines = _fill(path)
    path.write_bytes(b"".join([*lines[:3], garbage, *lines[3:]]))
    assert _reopen(path) == _KEYS


def test_zeros_within_a_line_are_damage(path: Path) -> None:
    lines = _fill(path)
    line = lines[2][:-60] + bytes(40) + lines[2][-20:]
    path.write_bytes(b"".join([*lines[:2], line, *lines[3:]]))
    assert _reopen(path) == [_KEYS[0], *_KEYS[2:]]


def test_lines_of_others_stay(path: Path) -> None:
    lines = _fill(path)
    others = [b'{"a":1}\n', b"  \n", b'{"key":7,"ok":"no"}\n', b'{"key":"x"}\n', b"[1]\r\n"]
    path.write_bytes(b"".join([*lines[:3], *others, *lines[3:]]))
    assert _reopen(path) == _KEYS
    assert all(other in path.read_bytes() for other in others)


def test_lines_in_another_spelling_are_read(path: Path) -> None:
    lines = _fill(path)
    respelled = [json.dumps(dict(reversed(json.loads(line).items()))).encode() + b"\r\n" for line in lines[1:]]
    path.write_bytes(b"".join([lines[0], *respelled]))
    assert _reopen(path) == _KEYS


@pytest.mark.parametrize("checked", [0, 1 << 30])
def test_lines_longer_than_a_block_are_read(path: Path, checked: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovery, "_CHECKED_BYTES", checked)
    with Journal.open(path, SETTINGS) as journal:
        for key in _KEYS:
            journal.write(read(key, "слово " * 200_000))
    assert _reopen(path) == _KEYS


def test_a_line_longer_than_any_of_ours_is_damage(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = _fill(path)
    monkeypatch.setattr("vision_grpc.bulk.journal.blocks._LONGEST_LINE", 1 << 20)
    path.write_bytes(b"".join([*lines[:3], b"\0" * 5_000_000, b"\n", *lines[3:], b"x" * 5_000_000]))
    assert _reopen(path) == _KEYS
    assert b"\0" not in path.read_bytes()
    assert b"xx" not in path.read_bytes()


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_whatever_is_cut_the_rest_is_found(path: Path, data: st.DataObject) -> None:
    path.unlink(missing_ok=True)
    lines = _fill(path)
    whole = b"".join(lines)
    cut = data.draw(st.integers(len(lines[0]), len(whole)))
    junk = data.draw(st.sampled_from([b"", b"\0" * 100, b'{"key":', b"\n"]))
    path.write_bytes(whole[:cut] + junk)
    ends = [len(b"".join(lines[: number + 2])) for number in range(4)]
    # Only the line end may be missing.
    expected = [
        key for key, end in zip(_KEYS, ends, strict=True) if end <= cut or (end - 1 == cut and junk in {b"", b"\n"})
    ]
    assert _reopen(path) == expected
