"""The page of a report as bytes: its data, its policy, and texts that would break out of it."""

import json
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path
from typing import Any

import hostile_results
import journaled
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from placed_words import Placed, placed

from vision_grpc.errors import Code
from vision_grpc.exports import Report, report
from vision_grpc.exports.reports import entries
from vision_grpc.results import ImageResult


class Page(HTMLParser):
    """The elements of a page, and what is in its blocks of data, scripts and styles."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.styles: list[str] = []
        self.blocks: dict[str, list[str]] = {"report": [], "entry": [], "words": [], "picture": []}
        self._into: list[str] | None = None
        self.feed(content.decode())
        self.close()

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.tags.append((tag, values))
        if tag == "style":
            self._into = self.styles
        elif tag == "script":
            kind = values.get("data-kind")
            self._into = self.scripts if kind is None else self.blocks[kind]
        if self._into is not None:
            self._into.append("")

    def handle_endtag(self, tag: str) -> None:
        if tag in {"script", "style"}:
            self._into = None

    def handle_data(self, data: str) -> None:
        if self._into is not None:
            self._into[-1] += data

    @property
    def entries(self) -> list[dict[str, Any]]:
        return [json.loads(block) for block in self.blocks["entry"]]

    @property
    def words(self) -> list[list[Any]]:
        return [json.loads(block) for block in self.blocks["words"]]

    def picture(self, number: int) -> Image.Image:
        beginning, _, encoded = self.blocks["picture"][number].partition(",")
        assert beginning == "data:image/jpeg;base64"
        return Image.open(BytesIO(b64decode(encoded)))


def page_of(*results: ImageResult, **options: Any) -> Page:  # noqa: ANN401 - of any option
    return Page(b"".join(report(results, **options)))


def saved(path: Path, size: tuple[int, int], orientation: int = 1) -> str:
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.new("L", size, 240).save(path, exif=exif)
    return str(path)


def test_what_is_known_of_an_image(tmp_path: Path) -> None:
    key = saved(tmp_path / "a.png", (2000, 1000))
    lines = [[Placed("sure", (1, 2, 3, 4), 0.9), Placed("not", (5, 2, 8, 4), 0.5)]]
    page = page_of(placed(key, lines, (2000, 1000)), picture_side=500)
    (entry,) = page.entries
    assert entry["key"] == key
    assert (entry["ok"], entry["code"], entry["why"], entry["answered"]) == (True, None, None, True)
    assert (entry["text"], entry["words"], entry["doubtful"], entry["mean"]) == ("sure not", 2, 1, 0.7)
    wide, high, blocks = page.words[0]
    assert (wide, high) == (2000, 1000)
    corners, _, ((line_corners, _, _, words),) = blocks[0]
    assert corners == line_corners == [1, 2, 8, 4]
    assert words == [["sure", 0.9, [1, 2, 3, 4]], ["not", 0.5, [5, 2, 8, 4]]]
    assert page.picture(0).size == (500, 250)


def test_failed_and_missing_are_there_with_their_reasons(tmp_path: Path) -> None:
    made = Report()
    failed = journaled.failed("gone.png", Code.INVALID_ARGUMENT, "is no image")
    moved = placed(str(tmp_path / "moved.png"), [[Placed("word", (1, 2, 3, 4))]])
    page = Page(b"".join(made.chunks([failed, moved])))
    assert [entry["code"] for entry in page.entries] == ["INVALID_ARGUMENT", None]
    assert page.entries[0]["error"] == "is no image"
    assert [entry["why"] for entry in page.entries] == ["no such file, check the path"] * 2
    assert page.blocks["picture"] == ["", ""]
    assert (made.images, dict(made.missing)) == (2, {"no such file, check the path": 2})


def test_texts_without_answers_and_pages_without_words() -> None:
    text = ImageResult("text.png", attempts=1, known_text="three words\nhere")
    page = page_of(placed("empty.png", []), text, hostile_results.damaged("damaged.png"))
    assert [entry["answered"] for entry in page.entries] == [True, False, False]
    assert [(entry["words"], entry["boxed"], entry["mean"]) for entry in page.entries[:2]] == [
        (0, True, None),
        (3, False, None),
    ]
    assert page.entries[1]["facts"][0] == "3 words"
    assert page.words == [[400, 300, []], [0, 0, []], [0, 0, []]]
    assert page.entries[2]["code"] == "DATA_LOSS"


@pytest.mark.parametrize("orientation", range(1, 9))
def test_turned_pictures_are_shown_upright(tmp_path: Path, orientation: int) -> None:
    key = saved(tmp_path / "a.png", (80, 40), orientation)
    # The first word lies at the upper left of the stored picture.
    result = placed(key, [[Placed("word", (0, 0, 8, 4)), Placed("end", (72, 36, 80, 40))]], (80, 40))
    fitted = {"format": "PNG", "width": 80, "height": 40, "orientation": orientation}
    at_hand, moved = page_of(replace(result, fitted=fitted), replace(result, fitted=fitted, key="moved.png")).words
    # It is the same if the picture is not there.
    assert at_hand == moved
    wide, high, blocks = at_hand
    assert (wide, high) == ((80, 40) if orientation < 5 else (40, 80))
    (_, _, (left, top, right, bottom)), _ = blocks[0][2][0][3]
    is_at = {1: "lt", 2: "rt", 3: "rb", 4: "lb", 5: "lt", 6: "rt", 7: "rb", 8: "lb"}[orientation]
    assert (left == 0, right == wide, top == 0, bottom == high) == (
        "l" in is_at, "r" in is_at, "t" in is_at, "b" in is_at,
    )  # fmt: skip


def test_pictures_are_left_out_once_they_take_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vision_grpc.exports.reports.MOST_PICTURE_BYTES", 1)
    results = [placed(saved(tmp_path / f"{number}.png", (400, 300)), []) for number in range(4)]
    page = page_of(*results)
    assert [bool(block) for block in page.blocks["picture"]] == [True, False, False, False]
    assert page.entries[3]["why"] == entries.LEFT_OUT
    without = page_of(*results, picture_side=0)
    assert not any(without.blocks["picture"])


def test_the_policy_names_the_script_and_the_style_of_the_page() -> None:
    page = page_of(placed("a.png", []))
    policy = next(values["content"] for tag, values in page.tags if tag == "meta" and "http-equiv" in values)
    assert policy is not None
    assert policy.startswith("default-src 'none'; ")
    for content in (*page.scripts, *page.styles):
        assert f"'sha256-{b64encode(sha256(content.encode()).digest()).decode()}'" in policy
    assert (len(page.scripts), len(page.styles)) == (1, 1)
    addresses = [value for _, values in page.tags for name, value in values.items() if name in {"src", "href"}]
    assert all(address is not None and address.startswith(("data:", "#")) for address in addresses)
    assert "http" not in (page.scripts[0] + page.styles[0]).replace("http://www.w3.org/2000/svg", "")


def test_the_same_results_give_the_same_bytes(tmp_path: Path) -> None:
    results = [placed(saved(tmp_path / "a.png", (300, 200)), [], (300, 200)), journaled.failed("b.png")]
    assert [*report(results)] == [*report(results)]


def test_results_are_pulled_one_by_one() -> None:
    pulled: list[int] = []

    def results() -> Any:  # noqa: ANN401 - an iterator
        for number in range(3):
            pulled.append(number)
            yield placed(f"{number}.png", [])

    seen = [len(pulled) for chunk in report(results()) if b'data-kind="entry"' in chunk]
    assert seen == [1, 2, 3]


_PLAIN_TAGS = [tag for tag, _ in page_of(placed("a.png", [])).tags]


@given(st.lists(hostile_results.texts, min_size=1, max_size=3), hostile_results.keys, hostile_results.texts)
def test_no_text_is_taken_for_markup(words: list[str], key: str, title: str) -> None:
    failed = journaled.failed(key, message=words[0])
    page = page_of(hostile_results.read(key, *words), failed, title=title)
    tags = [tag for tag, _ in page.tags]
    assert [tag for tag in tags if tag != "script"] == [tag for tag in _PLAIN_TAGS if tag != "script"]
    assert tags.count("script") == _PLAIN_TAGS.count("script") + 3
    assert [word for word, *_ in page.words[0][2][0][2][0][3]] == words
    assert page.entries[1]["error"] == words[0]
    assert json.loads(page.blocks["report"][0])["title"] == title
