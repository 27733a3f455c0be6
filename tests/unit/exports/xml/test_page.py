from datetime import UTC, datetime, timedelta, timezone
from itertools import chain

import document_results as results
import journaled
import pytest
from document_results import block, line, page, polygon, result_of, word
from hypothesis import given, settings
from lxml import etree

from vision_grpc import exports
from vision_grpc.exports.xml.language_names import language_name
from vision_grpc.messages import Word
from vision_grpc.results import ImageResult

_PAGE = "{http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15}"
_SCHEMA = "page-2019-07-15.xsd"


def valid(result: ImageResult) -> etree._Element:
    tree = etree.fromstring(b"".join(exports.page(result)))
    results.schema(_SCHEMA).assertValid(tree)
    return tree


def find(tree: etree._Element, name: str) -> list[etree._Element]:
    return list(tree.iterfind(f".//{_PAGE}{name}"))


def points(element: etree._Element) -> list[tuple[int, int]]:
    (coords,) = element.iterfind(f"{_PAGE}Coords")
    return [(int(x), int(y)) for x, y in (point.split(",") for point in coords.attrib["points"].split(" "))]


def box(element: etree._Element) -> list[int]:
    xs, ys = zip(*points(element), strict=True)
    return [min(xs), min(ys), max(xs), max(ys)]


def own_text(element: etree._Element) -> str:
    return "".join(element.itertext(f"{_PAGE}Unicode")) if element is not None else ""


@settings(max_examples=60)
@given(results.one_page)
def test_all_words_and_boxes_come_back(given: ImageResult) -> None:
    tree = valid(given)
    words = find(tree, "Word")
    texts = [each.find(f"{_PAGE}TextEquiv/{_PAGE}Unicode").text for each in words]
    assert texts == results.words_of([given])
    assert results.agree([box(each) for each in words], results.boxes_of([given]))
    lines = find(tree, "TextLine")
    assert [each.findtext(f"{_PAGE}TextEquiv/{_PAGE}Unicode", "") for each in lines] == [
        results.in_xml(each.text) for each in given.lines()
    ]
    regions = find(tree, "TextRegion")
    assert [each.findtext(f"{_PAGE}TextEquiv/{_PAGE}Unicode", "").strip() for each in regions] == [
        results.in_xml(each.text).strip() for each in given.blocks()
    ]
    assert all(len(points(each)) >= 3 for each in chain(words, lines, regions))
    order = [each.attrib["regionRef"] for each in find(tree, "RegionRefIndexed")]
    assert order == [each.attrib["id"] for each in regions]


def test_a_page_in_full() -> None:
    first = line(word("AB", (10, 10, 40, 20), "en", confidence=0.25), word("вг", (50, 11, 80, 20), "ru"))
    second = line(word("של", (60, 30, 80, 40), "he"), word("ום", (20, 30, 55, 40), "iw"), word("", (20, 30, 21, 31)))
    areas = [block(first, box=(10, 10, 80, 20)), block(second, line()), block()]
    created = datetime(2026, 3, 1, 12, 30, tzinfo=timezone(timedelta(hours=3)))
    given = result_of("a&b.pdf#page=2", page(*areas), fitted={"dpi": 150.5})
    tree = etree.fromstring(b"".join(exports.page(given, created=created)))
    results.schema(_SCHEMA).assertValid(tree)
    assert [find(tree, name)[0].text for name in ("Created", "LastChange")] == ["2026-03-01T09:30:00Z"] * 2
    (leaf,) = find(tree, "Page")
    assert dict(leaf.attrib) == {
        "imageFilename": "a&b.pdf#page=2",
        "imageWidth": "1000",
        "imageHeight": "500",
        "imageXResolution": "150.5",
        "imageYResolution": "150.5",
        "imageResolutionUnit": "PPI",
        "primaryLanguage": "English",
        "secondaryLanguage": "Russian",
    }
    regions, lines, words = (find(tree, name) for name in ("TextRegion", "TextLine", "Word"))
    assert [each.attrib.get("primaryLanguage") for each in regions] == ["English", "Hebrew", None]
    assert [each.attrib.get("language") for each in words] == [None, "Russian", None, None]
    assert [each.attrib.get("readingDirection") for each in lines] == [None, "right-to-left", None]
    assert points(regions[0]) == [(10, 10), (80, 10), (80, 20), (10, 20)]
    assert [box(each) for each in regions] == [[10, 10, 80, 20], [20, 30, 80, 40], [0, 0, 1000, 500]]
    # An empty line lies somewhere in its block.
    assert [box(each) for each in lines] == [[10, 10, 80, 20], [20, 30, 80, 40], [20, 30, 80, 40]]
    texts = [each.findtext(f"{_PAGE}TextEquiv/{_PAGE}Unicode") for each in chain(regions, lines)]
    assert texts == ["AB вг", "של ום\n", None, "AB вг", "של ום", None]
    confidences = [each.attrib.get("conf") for each in tree.iterfind(f".//{_PAGE}Word/{_PAGE}TextEquiv")]
    assert confidences == ["0.2500", "0.9700", "0.9700", "0.9700"]


@pytest.mark.parametrize(("confidence", "written"), [(0.25, "0.2500"), (0.0, None), (float("nan"), None)])
def test_a_line_without_a_confidence_has_none(confidence: float, written: str | None) -> None:
    given = line(word("AB", (10, 10, 40, 20)))
    given.confidence = confidence
    [text] = valid(result_of("a.png", page(block(given)))).iterfind(f".//{_PAGE}TextLine/{_PAGE}TextEquiv")
    assert text.get("conf") == written


def test_polygons_are_kept_and_degenerate_ones_become_boxes() -> None:
    for corners, wanted in {
        ((10, 10), (8, 20), (50, 28), (-1, 18)): [(10, 10), (8, 20), (50, 28), (0, 18)],
        ((1, 2), (5, 9)): [(1, 2), (5, 2), (5, 9), (1, 9)],
        ((3, 4),): [(3, 4)] * 4,
        ((0, 0), (9, 9), (9, 0), (0, 9)): [(0, 0), (9, 0), (9, 9), (0, 9)],
        ((-5, -5), (-5, -1), (-1, -1)): [(0, 0), (0, 0), (0, 0)],
    }.items():
        tree = valid(result_of("a", page(block(line(Word(text="a", bounding_box=polygon(*corners)))))))
        assert points(find(tree, "Word")[0]) == wanted


@pytest.mark.parametrize(
    ("fitted", "wanted"),
    [
        (None, ("80", "20")),
        ({"width": 300, "height": 200}, ("300", "200")),
        ({"width": "1", "height": 2}, ("80", "20")),
    ],
)
def test_a_page_without_a_size_has_that_of_its_picture_or_holds_its_areas(
    fitted: dict[str, object] | None, wanted: tuple[str, str]
) -> None:
    given = result_of("a", page(block(line(word("a", (10, 10, 80, 20)))), size=(0, 0)), fitted=fitted)
    leaf = find(valid(given), "Page")[0]
    assert (leaf.attrib["imageWidth"], leaf.attrib["imageHeight"]) == wanted


def test_an_image_without_a_page_has_an_empty_one_and_a_failed_one_has_nothing() -> None:
    (leaf,) = find(valid(result_of("a.png", fitted={"width": 30, "height": 20})), "Page")
    assert (leaf.attrib["imageFilename"], leaf.attrib["imageWidth"], len(leaf)) == ("a.png", "30", 0)
    assert find(valid(result_of("a", page(size=(2**40, 1)))), "Page")[0].attrib["imageWidth"] == str(2**31 - 1)
    assert [*exports.page(journaled.failed("a.png"))] == []


def test_a_file_holds_one_page() -> None:
    several = [result_of("a.png", page()), result_of("b.png", page())]
    with pytest.raises(exports.ExportError, match="one page"):
        next(exports.page(several))
    with pytest.raises(exports.ExportError, match="one page"):
        next(exports.page(result_of("a.pdf", page(), page())))


def test_the_time_is_now_unless_it_is_given() -> None:
    text = find(valid(result_of("a")), "Created")[0].text
    assert text is not None
    assert abs(datetime.now(UTC) - datetime.fromisoformat(text)) < timedelta(hours=1)


def test_languages_have_the_names_of_the_schema() -> None:
    tree = etree.parse(results.SCHEMAS / _SCHEMA)
    names = tree.xpath("//*[@name='LanguageSimpleType']//@value")
    codes = [
        "".join(pair) for pair in ((a, b) for a in "abcdefghijklmnopqrstuvwxyz" for b in "abcdefghijklmnopqrstuvwxyz")
    ]
    found = [*filter(None, map(language_name, [*codes, "yue"]))]
    # There are two names for Khmer and for Panjabi.
    assert {*names} - {*found} == {"other", "Cambodian", "Punjabi"}
    assert len(found) == len({*found}) == len(names) - 3
    assert [language_name(tag) for tag in ("ru", "zh-Hans", "EN", "xx", "")] == [
        "Russian",
        "Chinese",
        "English",
        "",
        "",
    ]
