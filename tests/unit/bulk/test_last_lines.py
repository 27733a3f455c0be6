import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from journaled import SETTINGS, failed, read

from vision_grpc.bulk.journal import Answers, Journal, JournalError, Line, LineWriter, read_journal
from vision_grpc.bulk.journal.last_lines import LastLines


def _journal(path: Path, *keys: str, answers: Answers = "wire") -> Path:
    with Journal.open(path, SETTINGS, answers=answers) as journal:
        for number, key in enumerate(keys):
            journal.write(read(key, f"text{number}"))
    return path


def _read(last: LastLines, *, texts_only: bool = False, by_document: bool = False) -> tuple[list[Line], int]:
    lines = last.read(texts_only=texts_only, by_document=by_document)
    found = list[Line]()
    while True:
        try:
            found.append(next(lines))
        except StopIteration as end:
            return found, end.value


def test_of_several_journals_the_last_line_of_a_key_counts(tmp_path: Path) -> None:
    last = LastLines([_journal(tmp_path / "1", "a", "b", "a", "c"), _journal(tmp_path / "2", "b", "d")])
    lines, damaged = _read(last)
    assert [(line.key, line.text) for line in lines] == [("a", "text2"), ("c", "text3"), ("b", "text0"), ("d", "text1")]
    assert (len(last), damaged) == (4, 0)


def test_each_key_is_counted_as_it_is_found(tmp_path: Path) -> None:
    counted = list[None]()
    last = LastLines([_journal(tmp_path / "1", "a", "b", "a")], found=lambda: counted.append(None))
    assert len(counted) == len(last) == 2


def test_what_can_be_read_only_once_is_said(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with ThreadPoolExecutor(1) as threads:
        threads.submit((tmp_path / "pipe").write_bytes, b"")
        with pytest.raises(JournalError, match="pipe: cannot be read twice, as it is no file; copy it to a file"):
            LastLines([tmp_path / "pipe"])


@pytest.mark.parametrize("answers", ["wire", "json", "none"])
def test_texts_are_read_without_answers_in_wire_format(answers: Answers, tmp_path: Path) -> None:
    path = _journal(tmp_path / "j", "a", "b", answers=answers)
    with path.open("ab") as file:
        file.write(LineWriter(answers).render(read("empty")) + LineWriter(answers).render(failed("failed")))
    lines, damaged = _read(LastLines([path]), texts_only=True)
    whole = [*read_journal(path)]
    assert [(line.key, line.ok, line.text, line.error) for line in lines] == [
        (line.key, line.ok, line.text, line.error) for line in whole
    ]
    assert damaged == 0
    # The answer alone says whether a page without text is damaged.
    assert [line.wire is not None for line in lines] == [False, False, answers == "wire", False]


@pytest.mark.parametrize(
    "line",
    [
        b'{"key":"a","ok":true,"retryable":false,"error":null,"wire":"AA==","text":"late"}',
        b'{"key":"a","ok":true,"retryable":false,"error":null,"text":"late","wire":"AA==","model":null}',
        b'{"key":"a","ok":true,"retryable":false,"error":null,"text":"late","wire":null}',
        b'{"key": "a", "ok": true, "text": "late", "wire": "AA=="}',
        b'{"wire":"AA==","text":"late","ok":true,"key":"a"}',
        b'{"key":"a","ok":true,"retryable":false,"error":null,"text":"late","more":",\\"wire\\":\\"","wire":"AA=="} ',
    ],
)
def test_lines_in_another_spelling_have_their_texts(line: bytes, tmp_path: Path) -> None:
    (tmp_path / "j").write_bytes(line + b"\n")
    [found], damaged = _read(LastLines([tmp_path / "j"]), texts_only=True)
    assert (found.text, damaged) == ("late", 0)


def test_pages_of_documents_stand_at_the_place_of_the_first(tmp_path: Path) -> None:
    keys = ["x#page=y", "b#page=2", "a", "b#page=10", "#page=1", "b#page=1", "b"]
    lines, _ = _read(LastLines([_journal(tmp_path / "j", *keys)]), by_document=True)
    assert [line.key for line in lines] == ["x#page=y", "b#page=1", "b#page=2", "b#page=10", "a", "#page=1", "b"]


def test_a_damaged_last_line_gives_way_to_the_one_before(tmp_path: Path) -> None:
    path = _journal(tmp_path / "j", "a", "b", "a", "c")
    first, *lines = path.read_bytes().splitlines(keepends=True)
    # They begin and end as whole lines do.
    lines[2], lines[3] = (line.replace(b'"attempts":1', b'"attempts":?') for line in lines[2:4])
    path.write_bytes(first + b"".join(lines))
    for texts_only in (False, True):
        found, damaged = _read(LastLines([path]), texts_only=texts_only)
        assert ([(line.key, line.text) for line in found], damaged) == ([("b", "text1"), ("a", "text0")], 2)


def test_another_file_of_the_name_is_not_read(tmp_path: Path) -> None:
    path = _journal(tmp_path / "j", "a")
    last = LastLines([path])
    path.rename(tmp_path / "aside")
    _journal(path, "b")
    with pytest.raises(JournalError, match="was replaced while it was read; try again"):
        next(last.read())
