"""Searchable PDFs from the command line: one of all images, one of each document, and what has no picture."""

from pathlib import Path

import pytest
from command_line import Finished, run
from documents import PdfPage, make_pdf, text
from journaled import SETTINGS
from pdf_words import find_words, rectangle, result_of
from PIL import Image

from vision_grpc.bulk.journal import Journal
from vision_grpc.exports import Pictures, searchable_pdf
from vision_grpc.results import ImageResult
from vision_grpc.sources.fit import Fitted, prepare
from vision_grpc.sources.item import Item
from vision_grpc.sources.options import SourceOptions
from vision_grpc.sources.places.opening import open_places


def word_in(key: str, written: str, size: tuple[int, int] = (400, 200)) -> ImageResult:
    place = rectangle(10, 10, 100, 20)
    return result_of(key, size, [(place, [(written, place)])])


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """A journal of a picture, one that is gone, and a document of two pages."""
    scans = tmp_path / "scans"
    scans.mkdir()
    Image.new("L", (400, 200), 255).save(scans / "a.png")
    (scans / "b.pdf").write_bytes(make_pdf([PdfPage(text("one")), PdfPage(text("two"))]))
    results = [word_in("scans/a.png", "picture"), word_in("scans/gone.png", "gone")]
    for item in open_places([str(scans / "b.pdf")], SourceOptions(fit=True)):
        assert isinstance(item, Item)
        fitted = prepare(item)
        assert isinstance(fitted, Fitted)
        page = item.key.rpartition("#")[2]
        results.append(fitted.change.restore(word_in(f"scans/b.pdf#{page}", page, fitted.change.size)))
    with Journal.open(tmp_path / "results.jsonl", SETTINGS, answers="wire") as file:
        for result in results:
            file.write(result)
    return tmp_path / "results.jsonl"


def export(journal: Path, *arguments: str, cwd: Path | None = None) -> Finished:
    return run("export", journal, "--to", "searchable-pdf", *arguments, cwd=cwd or journal.parent)


def test_one_pdf_of_all_replaces_an_earlier_one(journal: Path) -> None:
    earlier = searchable_pdf(word_in("scans/a.png", "earlier"), pictures=Pictures(journal.parent))
    (journal.parent / "all.pdf").write_bytes(b"".join(earlier))
    finished = export(journal, "-o", "all.pdf")
    assert finished.code == 1
    assert "1 image left out (no picture at hand):" in finished.complaints
    assert any(line.startswith("  scans/gone.png: no such file") for line in finished.complaints)
    assert "exported 3 images to all.pdf" in finished.complaints
    assert [sorted(page.texts) for page in find_words(journal.parent / "all.pdf")] == [
        ["picture"],
        ["one", "page=1"],
        ["page=2", "two"],
    ]


def test_a_pdf_a_document_of_pictures_elsewhere(journal: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    cwd = tmp_path_factory.mktemp("elsewhere")
    finished = export(journal, "-o", "made/", "--images", str(journal.parent), cwd=cwd)
    assert finished.code == 1
    made = sorted(path.name for path in (cwd / "made").rglob("*.pdf"))
    assert made == ["a.pdf", "b.pdf"]
    (document,) = (cwd / "made").rglob("b.pdf")
    assert len(find_words(document)) == 2


def test_no_picture_at_hand(journal: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    cwd = tmp_path_factory.mktemp("elsewhere")
    finished = export(journal, "-o", "all.pdf", cwd=cwd)
    assert finished.code == 2
    assert "4 images left out (no picture at hand):" in finished.complaints
    assert [*cwd.iterdir()] == []
