from collections.abc import Iterator

import document_results as results
import journaled
from document_results import block, line, page, polygon, result_of, word
from hypothesis import given, settings
from lxml import etree

from vision_grpc import exports
from vision_grpc.messages import Word
from vision_grpc.results import ImageResult

_ALTO = "{http://www.loc.gov/standards/alto/ns-v4#}"


def valid(*given: ImageResult) -> etree._Element:
    tree = etree.fromstring(b"".join(exports.alto(given)))
    results.schema("alto-4-4.xsd").assertValid(tree)
    return tree


def find(tree: etree._Element, name: str) -> list[etree._Element]:
    return list(tree.iterfind(f".//{_ALTO}{name}"))


def box(element: etree._Element) -> list[int]:
    left, top, width, height = (int(element.attrib[name]) for name in ("HPOS", "VPOS", "WIDTH", "HEIGHT"))
    return [left, top, left + width, top + height]


@settings(max_examples=40)
@given(results.any_pages)
def test_all_words_and_boxes_come_back(given: list[ImageResult]) -> None:
    if not given:
        assert [*exports.alto(given)] == []
        return
    tree = valid(*given)
    strings = find(tree, "String")
    assert [each.attrib["CONTENT"] for each in strings] == results.words_of(given)
    assert results.agree([box(each) for each in strings], results.boxes_of(given))
    assert len(find(tree, "TextBlock")) == len([each for result in given for each in result.blocks()])
    assert len(find(tree, "Page")) == sum(max(1, len(each.pages)) for each in given)
    for each in find(tree, "TextLine"):
        assert len(find(each, "SP")) == len(find(each, "String")) - 1


def test_a_page_in_full() -> None:
    first = line(word("AB", (10, 10, 40, 20), "en", confidence=0.25), word("вг", (50, 11, 80, 20), "ru"))
    second = line(word("של", (60, 30, 80, 40), "he"), word("ום", (20, 30, 55, 40), "he"), box=(20, 30, 80, 40))
    areas = [block(first, box=(10, 10, 80, 20)), block(second, line()), block()]
    tree = valid(result_of("a&b.png", page(*areas)))
    (name,) = find(tree, "fileName")
    assert name.text == "a&b.png"
    assert [find(tree, name)[0].text for name in ("MeasurementUnit", "softwareName")] == ["pixel", "vision-grpc"]
    (leaf,) = find(tree, "Page")
    wanted = {
        "ID": "page_1",
        "PHYSICAL_IMG_NR": "1",
        "WIDTH": "1000",
        "HEIGHT": "500",
    }
    assert dict(leaf.attrib) == wanted
    assert [box(each) for each in find(tree, "TextBlock")] == [[10, 10, 80, 20], [20, 30, 80, 40], [0, 0, 1000, 500]]
    assert [each.attrib.get("LANG") for each in find(tree, "TextBlock")] == ["en", "he", None]
    assert [each.attrib.get("LANG") for each in find(tree, "String")] == [None, "ru", None, None]
    assert [each.attrib["WC"] for each in find(tree, "String")][:2] == ["0.2500", "0.9700"]
    assert [each.attrib.get("BASEDIRECTION") for each in find(tree, "TextLine")] == [None, "rtl"]
    spaces = [{"HPOS": "40", "VPOS": "10", "WIDTH": "10"}, {"HPOS": "55", "VPOS": "30", "WIDTH": "5"}]
    assert [dict(each.attrib) for each in find(tree, "SP")] == spaces
    assert find(tree, "Shape") == []


def test_a_polygon_that_is_not_its_box_is_there_too() -> None:
    skewed = Word(text="a", bounding_box=polygon((10, 10), (8, 20), (50, 28), (-1, 18)))
    tree = valid(result_of("a", page(block(line(skewed)))))
    (string,) = find(tree, "String")
    assert box(string) == [0, 10, 50, 28]
    assert [each.attrib["POINTS"] for each in find(string, "Polygon")] == ["10,10 8,20 50,28 0,18"]


def test_several_images_are_pages_of_a_file_and_have_no_names() -> None:
    failed = journaled.failed("bad.png")
    tree = valid(result_of("a.png", page()), failed, result_of("b.png"), result_of("c.pdf#page=9", page()))
    assert [each.attrib["PHYSICAL_IMG_NR"] for each in find(tree, "Page")] == ["1", "2", "9"]
    assert find(tree, "fileName") == []
    assert [each.attrib.get("WIDTH") for each in find(tree, "Page")] == ["1000", None, "1000"]
    assert find(valid(failed, result_of("a.png")), "fileName")[0].text == "a.png"
    assert [*exports.alto([failed])] == []


def test_results_are_pulled_when_their_pages_are_taken() -> None:
    pulled: list[int] = []

    def pull() -> Iterator[ImageResult]:
        for number in range(5):
            pulled.append(number)
            yield result_of(f"{number}.png", page())

    chunks = exports.alto(pull())
    next(chunks)
    # Whether there is a second one decides about the name in the head.
    assert pulled == [0, 1]
    next(chunks)
    next(chunks)
    assert pulled == [0, 1, 2]
