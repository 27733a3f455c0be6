import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import document_results as results
import journaled
from document_results import block, line, page, rectangle, result_of, word
from hypothesis import given, settings
from lxml import etree
from ocrmypdf.hocrtransform import HocrParser

from vision_grpc import exports
from vision_grpc.messages import Word
from vision_grpc.results import ImageResult

_XHTML = "{http://www.w3.org/1999/xhtml}"


def parsed(*given: ImageResult) -> etree._Element:
    return etree.fromstring(b"".join(exports.hocr(given)))


def of_class(tree: etree._Element, name: str) -> list[etree._Element]:
    return list(tree.iterfind(f".//*[@class='{name}']"))


def box(element: etree._Element) -> Sequence[int]:
    (numbers,) = re.findall(r"\bbbox (\d+) (\d+) (\d+) (\d+)\b", element.attrib["title"])
    return [int(number) for number in numbers]


@settings(max_examples=40)
@given(results.any_pages)
def test_all_words_and_boxes_come_back(given: list[ImageResult]) -> None:
    chunks = [*exports.hocr(given)]
    if not given:
        assert chunks == []
        return
    tree = etree.fromstring(b"".join(chunks))
    words = of_class(tree, "ocrx_word")
    assert ["".join(each.itertext()) for each in words] == results.words_of(given)
    assert results.agree([box(each) for each in words], results.boxes_of(given))
    pages = of_class(tree, "ocr_page")
    assert len(pages) == sum(max(1, len(each.pages)) for each in given)
    for name, tag in (("ocr_carea", "div"), ("ocr_par", "p")):
        assert [each.tag for each in of_class(tree, name)] == [_XHTML + tag for each in given for _ in each.blocks()]
    assert len(of_class(tree, "ocr_line")) == len([each for result in given for each in result.lines()])
    for each in tree.iterfind(".//*[@id]"):
        box(each)
        assert all(re.match(r"[a-z_]+ \S", part) for part in each.attrib["title"].split("; "))
    ids = [each.attrib["id"] for each in tree.iterfind(".//*[@id]")]
    assert len(ids) == len({*ids})
    numbers = [int(re.findall(r"\bppageno (\d+)", each.attrib["title"])[0]) for each in pages]
    assert numbers == sorted({*numbers})


@settings(max_examples=15)
@given(results.any_pages)
def test_readers_of_html_find_the_same_words(given: list[ImageResult]) -> None:
    if given:
        data = b"".join(exports.hocr(given)).partition(b"\n")[2]
        tree = etree.fromstring(data, etree.HTMLParser(encoding="utf-8"))
        # The parser of HTML has no U+FFFD for it, and drops it.
        texts = ["".join(each.itertext()) for each in of_class(tree, "ocrx_word")]
        assert len(texts) == len(results.words_of(given))
        assert tree.find(".//script") is None


def test_a_peer_finds_the_words_at_their_places(tmp_path: Path) -> None:
    first = line(word("Договор", (100, 50, 180, 70), "ru"), word("№", (190, 50, 200, 70), "ru"), box=(100, 50, 200, 70))
    second = line(word("AT&T", (100, 80, 150, 99), "en", confidence=0.505), word("<b>", (160, 80, 170, 99)))
    last = line(word("שלום", (300, 80, 350, 99), "he"), word("abc", (250, 80, 290, 99), "en"))
    given = result_of("a.pdf#page=3", page(block(first, second), block(last)), fitted={"dpi": 300.0})
    file = tmp_path / "a.hocr"
    exports.write(file, "hocr", given)
    read = HocrParser(file).parse()
    assert (read.page_number, read.dpi) == (2, 300)
    assert read.bbox is not None
    assert (read.bbox.right, read.bbox.bottom) == (1000, 500)
    found = [each for paragraph in read.children for each_line in paragraph.children for each in each_line.children]
    places = [each.bbox for each in found if each.bbox is not None]
    assert [each.text for each in found] == ["Договор", "No", "AT&T", "<b>", "שלום", "abc"]  # It normalises to NFKC.
    assert [[each.left, each.top, each.right, each.bottom] for each in places] == [
        [*each.box] for each in given.words()
    ]
    assert [each.confidence for each in found] == [0.97, 0.97, 0.5, 0.97, 0.97, 0.97]
    assert [each.language for each in read.children] == ["ru", "he"]
    assert [each.direction for each in read.children] == [None, "rtl"]


def test_languages_and_directions_are_said_where_they_change() -> None:
    words = [word("שלום", None, "he"), word("1"), word("abc", None, "ru", "en"), word("עולם", None, "he")]
    tree = parsed(result_of("a", page(block(line(*words), line(word("ab"), word("של"))))))
    (paragraph,) = of_class(tree, "ocr_par")
    assert (paragraph.attrib["lang"], "dir" in paragraph.attrib) == ("he", False)
    assert [each.attrib.get("dir") for each in of_class(tree, "ocr_line")] == ["rtl", None]
    found = of_class(tree, "ocrx_word")
    assert [each.attrib.get("dir") for each in found] == ["rtl", None, "ltr", "rtl", None, "rtl"]
    assert [each.attrib.get("lang") for each in found] == [None, None, "en", None, None, None]


def test_the_metadata_say_what_there_may_be() -> None:
    tree = parsed(result_of("a"))
    metadata = {each.attrib.get("name"): each.attrib.get("content", "") for each in tree.iterfind(f".//{_XHTML}meta")}
    assert metadata["ocr-system"].startswith("vision-grpc ")
    assert {"ocr_page", "ocr_carea", "ocr_par", "ocr_line", "ocrx_word", "ocrp_lang", "ocrp_dir"} <= {
        *metadata["ocr-capabilities"].split()
    }


def test_names_of_images_cannot_end_the_title() -> None:
    for key, name in {
        'a";x.png': "a%22%3Bx.png",
        "a\nb&<>.png": "a%0Ab&<>.png",
        "caf\udce9.png": r"caf\xe9.png",
        "скан 1.png": "скан 1.png",
    }.items():
        (found,) = of_class(parsed(result_of(key, page())), "ocr_page")
        assert found.attrib["title"] == f'image "{name}"; bbox 0 0 1000 500; ppageno 0'


def test_pages_of_documents_keep_their_numbers() -> None:
    keys = ["a.pdf#page=1", "a.pdf#page=4", "b.pdf#page=1", "c.png", "d.pdf#page=99"]
    titles = [each.attrib["title"] for each in of_class(parsed(*[result_of(key, page()) for key in keys]), "ocr_page")]
    assert [title.rpartition(" ")[2] for title in titles] == ["0", "3", "4", "5", "98"]


def test_failed_images_are_left_out_and_nothing_is_written_for_them_alone() -> None:
    failed = journaled.failed("a.png")
    assert [*exports.hocr(failed)] == []
    assert len(of_class(parsed(failed, result_of("b.png", page()), failed), "ocr_page")) == 1


def test_results_are_pulled_when_their_pages_are_taken() -> None:
    pulled: list[int] = []

    def pull() -> Iterator[ImageResult]:
        for number in range(5):
            pulled.append(number)
            yield result_of(f"{number}.png", page(block(line(word("a")))))

    chunks = exports.hocr(pull())
    next(chunks)
    assert pulled == [0]
    next(chunks)
    assert pulled == [0, 1]


def test_a_word_whose_corners_are_turned_has_the_box_around_them() -> None:
    turned = Word(text="a", bounding_box=rectangle(30, 20, 10, 5), confidence=2)
    (found,) = of_class(parsed(result_of("a", page(block(line(turned))))), "ocrx_word")
    assert found.attrib["title"] == "bbox 10 5 30 20; x_wconf 100"
