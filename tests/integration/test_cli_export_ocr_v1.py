"""`vision-grpc export` of results of ocr/v1: tables, Markdown, and whole documents."""

from pathlib import Path

import pytest
from command_line import run
from documents import PdfPage, make_pdf, scanned, text
from journaled import SETTINGS, read
from ocr_results import BOOK, NAMES, RICH, page, result_of
from pdf_words import find_words
from PIL import Image, ImageDraw, ImageFont

from vision_grpc.bulk.journal import Answers, Journal
from vision_grpc.results import ImageResult


def journal(folder: Path, *results: ImageResult, answers: Answers = "wire") -> Path:
    path = folder / f"{answers}.jsonl"
    with Journal.open(path, {**SETTINGS, "api": "ocr/v1"}, answers=answers) as file:
        for result in results:
            file.write(result)
    return path


@pytest.mark.parametrize("answers", ["wire", "json"])
def test_tables_of_the_images_that_have_some(tmp_path: Path, answers: Answers) -> None:
    results = journal(tmp_path, result_of("a.png", NAMES), result_of("b.png", page(0, "none")), answers=answers)
    finished = run("export", results, "-o", "x.tables.csv", cwd=tmp_path)
    assert (finished.code, finished.complaints) == (
        0, ["1 image without tables", "exported 1 image to x.tables.csv"],
    )  # fmt: skip
    assert (tmp_path / "x.tables.csv").read_text("utf-8") == "Фамилия,Имя,Отчество\nИванов,Иван,Иванович\n"
    finished = run("export", results, "--to", "tables-html", "-o", "out/", cwd=tmp_path)
    assert finished.code == 0
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a.tables.html"]


def test_no_image_has_tables(tmp_path: Path) -> None:
    finished = run("export", journal(tmp_path, read("a.png", "one")), "-o", "x.tables.csv", cwd=tmp_path)
    assert finished.code == 2
    assert finished.complaints == [
        "nothing to export: no image has tables, which ocr/v1 alone finds, with --model table"
    ]
    assert not (tmp_path / "x.tables.csv").exists()


def test_markdown_is_that_of_the_service(tmp_path: Path) -> None:
    finished = run("export", journal(tmp_path, result_of("a.png", RICH)), "--to", "markdown", cwd=tmp_path)
    assert finished.code == 0
    assert finished.stdout.startswith(b"# text\n\n| a | b |")
    finished = run("export", tmp_path / "wire.jsonl", "--to", "full-text", cwd=tmp_path)
    assert finished.stdout == b"text\n"


def test_a_document_becomes_a_searchable_one(tmp_path: Path) -> None:
    pages = [PdfPage(text(f"number {number + 1}")) for number in range(12)]
    (tmp_path / "book.pdf").write_bytes(make_pdf(pages))
    results = journal(tmp_path, result_of("book.pdf", *BOOK))
    finished = run("export", results, "-o", "out.pdf", cwd=tmp_path)
    assert (finished.code, finished.complaints) == (0, ["exported 1 image to out.pdf"])
    found = find_words(tmp_path / "out.pdf")
    assert [each.texts.count(str(number)) for number, each in enumerate(found, 1)] == [2] * 12
    (tmp_path / "book.pdf").write_bytes(make_pdf(pages[:5]))
    finished = run("export", results, "-o", "out.pdf", cwd=tmp_path)
    assert finished.code == 2
    assert "1 image left out (no picture at hand):" in finished.complaints


def test_a_document_of_twelve_pages_is_read_and_becomes_searchable(tmp_path: Path) -> None:
    pages = []
    for number in range(1, 13):
        image = Image.new("L", (620, 120), 255)
        ImageDraw.Draw(image).text((40, 40), f"Page number {number} of this", fill=0, font=ImageFont.load_default(32))
        pages.append(scanned(image, 150))
    (tmp_path / "book.pdf").write_bytes(make_pdf(pages))
    command = ["book.pdf", "--api", "ocr/v1", "--local", "-l", "en", "-o", "results.jsonl"]
    finished = run("analyze", *command, cwd=tmp_path)
    assert finished.code == 0, finished.complaints
    finished = run("export", "results.jsonl", "-o", "out.pdf", cwd=tmp_path)
    assert (finished.code, finished.complaints) == (0, ["exported 1 image to out.pdf"])
    assert [each.texts for each in find_words(tmp_path / "out.pdf")] == [
        ["Page", "number", str(number), "of", "this"] for number in range(1, 13)
    ]
