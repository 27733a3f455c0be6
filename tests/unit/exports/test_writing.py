import io
import os
import re
import stat
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Self

import pytest
from hostile_results import read, result_of
from journaled import answer, failed

from vision_grpc import exports
from vision_grpc.exports import KINDS, ExportError
from vision_grpc.exports.folder import ExportFolder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from vision_grpc.results import ImageResult


def test_a_file_gets_what_the_writer_makes(tmp_path: Path) -> None:
    results = [read("a.png", "one"), read("b.png", "two")]
    exports.write(tmp_path / "o.tsv", "tsv", results)
    file = io.BytesIO()
    exports.write(file, "tsv", iter(results))
    assert (tmp_path / "o.tsv").read_bytes() == file.getvalue() == b"".join(exports.tsv(results))


def test_an_older_file_is_replaced_when_all_is_there_and_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "o.txt"
    path.write_text("earlier")
    path.chmod(0o600)
    exports.write(path, "txt", read("a.png", "one"))
    assert path.read_text() == "one\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_where_results_end_in_an_error_nothing_has_changed(tmp_path: Path) -> None:
    def results() -> "Iterator[ImageResult]":
        yield read("a.png", "one")
        message = "the source broke"
        raise ConnectionError(message)

    path = tmp_path / "o.txt"
    path.write_text("earlier")
    with pytest.raises(ConnectionError):
        exports.write(path, "txt", results())
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("o.txt", "earlier")]


def test_a_device_or_a_pipe_is_written_to_and_stays(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.txt"
    os.mkfifo(pipe)
    (tmp_path / "null").symlink_to(os.devnull)
    with ThreadPoolExecutor(1) as threads:
        read_by_others = threads.submit(pipe.read_text)
        exports.write(pipe, "txt", read("a.png", "one"))
        assert read_by_others.result(timeout=60) == "one\n"
    exports.write(tmp_path / "null", "txt", read("a.png", "one"))
    assert pipe.is_fifo()
    assert (tmp_path / "null").is_symlink()
    assert (tmp_path / "null").is_char_device()


def test_of_a_link_the_file_is_replaced_that_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "link.txt").symlink_to("o.txt")
    for text in ("one", "two"):
        exports.write(tmp_path / "link.txt", "txt", read("a.png", text))
        assert (tmp_path / "o.txt").read_text() == f"{text}\n"
    assert (tmp_path / "link.txt").is_symlink()


def test_threads_write_to_one_folder(tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as threads:
        for number in range(40):
            threads.submit(exports.write, tmp_path / f"{number}.txt", "txt", read("a.png", str(number)))
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {f"{n}.txt": f"{n}\n" for n in range(40)}


def test_a_folder_gets_a_file_for_each_image_or_document(tmp_path: Path) -> None:
    results = [read("s/a.png", "one"), failed("x.png"), read("b.pdf#page=1", "two"), read("b.pdf#page=2", "three")]
    exports.write(f"{tmp_path}/new/", "words", results)
    made = {str(path.relative_to(tmp_path / "new")): path.read_text() for path in tmp_path.rglob("*.csv")}
    assert {name: text.count("\n") for name, text in made.items()} == {
        "s/a.words.csv": 2,
        "b.words.csv": 3,
    }
    exports.write(tmp_path / "new", "page", results[:1])
    assert (tmp_path / "new/s/a.page.xml").read_bytes().startswith(b"<?xml")


def test_each_page_of_one_answer_gets_a_file_where_the_format_holds_one(tmp_path: Path) -> None:
    message = answer("one")
    message.results[0].text_detection.pages.extend(answer("two").results[0].text_detection.pages)
    exports.write(f"{tmp_path}/out/", "page", [read("a.png", "zero"), result_of("b.pdf", message)])
    made = {path.name: re.findall("<Unicode>(.*)</Unicode>", path.read_text())[0] for path in tmp_path.rglob("*.xml")}
    assert made == {"a.page.xml": "zero", "b.pdf#page=1.page.xml": "one", "b.pdf#page=2.page.xml": "two"}
    with pytest.raises(ExportError, match="one page, and there are several: write them to a folder"):
        exports.write(tmp_path / "o.xml", "page", result_of("b.pdf", message))


def test_a_large_file_of_a_folder_is_not_held_in_memory(tmp_path: Path) -> None:
    def write(results: "Iterable[ImageResult]") -> "Iterator[bytes]":
        for number, _ in enumerate(results):
            yield bytes([number]) * 1_000_000

    pages = [read(f"b.pdf#page={number}") for number in range(1, 41)]
    tracemalloc.start()
    for _ in range(2):
        assert ExportFolder(tmp_path, KINDS["tsv"]).write(pages, write) == 1
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    [made] = tmp_path.iterdir()
    assert made.read_bytes() == b"".join(write(pages))
    assert peak < 20_000_000


@pytest.mark.parametrize("most_held", [1, 1 << 20])
@pytest.mark.parametrize("kind", sorted(KINDS.keys() - {"searchable-pdf", "tables-csv", "tables-html"}))
def test_a_folder_stays_as_it_is_when_the_same_is_exported_again(
    kind: str, most_held: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vision_grpc.exports.folder._MOST_HELD_BYTES", most_held)

    class Later(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            return cls(2040, 1, 2, tzinfo=tz)

    exports.write(f"{tmp_path}/", kind, [read("a.png", "one"), read("b.png", "two")])
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert len(before) == 2
    monkeypatch.setattr("vision_grpc.exports.xml.page.datetime", Later)
    exports.write(f"{tmp_path}/", kind, [read("a.png", "one"), read("b.png", "two")])
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    exports.write(f"{tmp_path}/", kind, read("b.png", "six"))
    assert len([*tmp_path.iterdir()]) == 3


def test_a_file_for_one_image_takes_no_second_one(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="has one image, and there are several results; name a folder"):
        exports.write(tmp_path / "o.xml", "page", [read("a.png"), read("b.png")])
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize("kind", ["", "TSV", "xlsx", "no such\nformat"])
def test_a_format_that_does_not_exist_is_said(kind: str) -> None:
    with pytest.raises(ValueError, match=r"kind: there is no format .*, only txt, tsv, csv"):
        exports.write(io.BytesIO(), kind, [])
