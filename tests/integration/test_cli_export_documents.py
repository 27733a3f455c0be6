"""`vision-grpc export --to hocr|alto|page`: files that are valid, of the images that were read."""

import shutil
from pathlib import Path

import document_results as results
import pytest
from command_line import run
from document_results import block, line, page, result_of, word
from journaled import SETTINGS, failed
from lxml import etree

from vision_grpc.bulk.journal import Journal


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a journal of two pages of a document, an image and a failed one, and with its exports."""
    folder = tmp_path_factory.mktemp("documents")
    with Journal.open(folder / "r.jsonl", SETTINGS) as journal:
        for key in ("a.pdf#page=3", "a.pdf#page=1", "s/ca\udcff&.png"):
            journal.write(result_of(key, page(block(line(word(f"<{key[-1]}>", (1, 2, 30, 9), "ru"))))))
        journal.write(failed("bad.png"))
    for arguments in (
        ("-o", "all.hocr"),
        ("--to", "alto", "-o", "a/"),
        ("--to", "page", "-o", "p/"),
    ):
        finished = run("export", "r.jsonl", *arguments, cwd=folder)
        assert finished.code == 1
        assert "1 image left out" in finished.stderr
    return folder


def parsed(folder: Path) -> dict[str, etree._Element]:
    """Return what is in the files of a folder."""
    return {str(each.relative_to(folder)): etree.fromstring(each.read_bytes()) for each in folder.rglob("*.xml")}


def test_a_file_holds_the_pages_of_all_images(made: Path) -> None:
    words = etree.parse(made / "all.hocr").iterfind(".//*[@class='ocrx_word']")
    assert [each.text for each in words] == ["<1>", "<3>", "<g>"]


def test_a_folder_has_a_file_for_each_document(made: Path) -> None:
    files = parsed(made / "a")
    assert {*files} == {"a.alto.xml", "s/ca\udcff&.alto.xml"}
    for tree in files.values():
        results.schema("alto-4-4.xsd").assertValid(tree)
    pages = files["a.alto.xml"].iterfind(".//{*}Page")
    found = [(each.attrib["PHYSICAL_IMG_NR"], each.find(".//{*}String").attrib["CONTENT"]) for each in pages]
    assert found == [("1", "<1>"), ("3", "<3>")]
    assert files["s/ca\udcff&.alto.xml"].findtext(".//{*}fileName") == r"s/ca\xff&.png"


def test_page_xml_has_a_file_for_each_page(made: Path) -> None:
    files = parsed(made / "p")
    assert {*files} == {"a.pdf#page=1.page.xml", "a.pdf#page=3.page.xml", "s/ca\udcff&.page.xml"}
    for tree in files.values():
        results.schema("page-2019-07-15.xsd").assertValid(tree)
    one = files["a.pdf#page=3.page.xml"].find("{*}Page")
    assert (one.attrib["imageFilename"], one.findtext(".//{*}Word//{*}Unicode")) == ("a.pdf#page=3", "<3>")


def test_page_xml_of_several_images_needs_a_folder(made: Path, tmp_path: Path) -> None:
    shutil.copy(made / "r.jsonl", tmp_path)
    finished = run("export", "r.jsonl", "-o", "all.page.xml", cwd=tmp_path)
    assert finished.code == 2
    assert "name a folder" in finished.stderr
    assert [each.name for each in tmp_path.iterdir()] == ["r.jsonl"]
