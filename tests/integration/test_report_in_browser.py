"""Reports as they are looked at: in Chromium, by mouse and keyboard."""

import re
from collections.abc import Iterator
from pathlib import Path

import hostile_results
import journaled
import pytest
from chromium import Opened, needs_chromium, watch
from PIL import Image
from placed_words import Placed, placed
from playwright.sync_api import Browser, Page, expect

from vision_grpc.errors import Code
from vision_grpc.exports import report
from vision_grpc.results import ImageResult

_IMAGES = 500
_FAILED = range(7, _IMAGES, 50)
_WORDS = ["alpha", "beta", "gamma", "delta"]

pytestmark = needs_chromium


def open_page(browser: Browser, path: Path, *, width: int = 1600) -> Opened:
    page = browser.new_page(viewport={"width": width, "height": 900})
    address = path.as_uri()
    opened = watch(page, is_own=lambda url: url.startswith((address, "data:")))
    page.goto(address)
    page.wait_for_selector(".row, .plain")
    return opened


def results(folder: Path) -> Iterator[ImageResult]:
    """Yield many results, of which some failed; the surest are the first."""
    picture = folder / "page.png"
    Image.new("L", (400, 300), 235).save(picture)
    for number in range(_IMAGES):
        key = f"{picture.parent}/{number:03}/page.png"
        if number in _FAILED:
            yield journaled.failed(key, Code.INVALID_ARGUMENT if number < 100 else Code.UNAVAILABLE, "was not read")
            continue
        if number == 0:
            key = str(picture)
        words = [*_WORDS, f"unique{number}"]
        confidence = 0.99 - number / 1000
        line = [Placed(word, (20 + 75 * at, 40, 85 + 75 * at, 60), confidence) for at, word in enumerate(words)]
        yield placed(key, [line])


@pytest.fixture(scope="module")
def many(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    folder = tmp_path_factory.mktemp("report")
    path = folder / "report.html"
    with path.open("wb") as file:
        file.writelines(report(results(folder), title="scans.jsonl"))
    opened = open_page(browser, path)
    yield opened
    opened.page.close()


@pytest.fixture
def page(many: Opened) -> Iterator[Page]:
    """The report as it is when it is opened."""
    many.page.goto(many.page.url.partition("#")[0])
    many.page.wait_for_selector(".row")
    yield many.page
    assert many.complaints == []


def test_totals_and_failures_are_shown(page: Page) -> None:
    assert page.locator("#title").inner_text() == "scans.jsonl"
    totals = page.locator("#totals div").all_inner_texts()
    assert [total.split("\n")[0] for total in totals] == ["500", "10", "2,450", "74 %"]
    assert page.locator("#codes button").all_inner_texts() == ["UNAVAILABLE 8", "INVALID_ARGUMENT 2"]
    page.get_by_role("button", name="INVALID_ARGUMENT").click()
    expect(page.locator("#found")).to_have_text("2 of 500 images")
    expect(page.locator(".error")).to_contain_text("was not read")
    expect(page.locator(".row")).to_have_count(2)


def test_search_as_you_type(page: Page) -> None:
    page.keyboard.press("/")
    page.keyboard.type("UNIQUE33")
    # unique33, and 330 to 339.
    expect(page.locator("#found")).to_have_text("11 of 500 images")
    expect(page.locator(".text [data-hit]")).to_have_text("unique33")
    expect(page.locator(".words [data-hit]")).to_have_count(1)
    page.keyboard.type("0 alpha")
    expect(page.locator("#found")).to_have_text("1 of 500 images")
    page.keyboard.type("nowhere")
    expect(page.locator("#detail")).to_contain_text("No image has this")
    page.keyboard.press("Escape")
    expect(page.locator("#found")).to_have_text("500 images")
    # The names of files are searched, too.
    page.locator("#query").fill("/042/")
    expect(page.locator(".row")).to_have_count(1)


def test_sorts(page: Page) -> None:
    page.locator("#order").select_option("confidence")
    expect(page.locator(".row").first).to_contain_text("unique499")
    page.locator("#order").select_option("error")
    expect(page.locator(".row").first).to_contain_text("INVALID_ARGUMENT")
    page.locator("#order").select_option("key")
    expect(page.locator(".row .name").first).to_have_attribute("title", re.compile("/001/page.png$"))


def test_a_word_shows_its_box_and_a_box_its_word(page: Page) -> None:
    box = page.locator(".words rect").nth(2)
    assert box.get_attribute("data-on") is None
    page.locator(".w", has_text="gamma").click()
    on = page.locator(".words [data-on]")
    expect(on).to_have_count(1)
    assert [on.get_attribute(name) for name in ("x", "y", "width", "height")] == ["170", "40", "65", "20"]
    expect(page.locator("#word")).to_contain_text("gamma")
    expect(page.locator("#word")).to_contain_text("99 %")
    # The box lies where the word is in the picture.
    shown, paper = on.bounding_box(), page.locator(".paper img").bounding_box()
    assert shown is not None
    assert paper is not None
    assert (shown["x"] - paper["x"]) / paper["width"] == pytest.approx(170 / 400, abs=0.01)
    assert (shown["y"] - paper["y"]) / paper["height"] == pytest.approx(40 / 300, abs=0.01)
    page.locator(".words rect[data-word='1']").click()
    expect(page.locator(".w[data-on]")).to_have_text("beta")


def test_keys_move_and_open(page: Page) -> None:
    page.locator("#list").focus()
    for key in ("j", "j", "k", "ArrowDown"):
        page.keyboard.press(key)
    assert page.url.endswith("#3")
    expect(page.locator("[aria-selected='true']")).to_contain_text("unique2")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".w[data-on]")).to_have_text("alpha")
    page.keyboard.press("b")
    expect(page.locator("[data-level='lines'][aria-pressed]")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("End")
    expect(page.locator("[aria-selected='true']")).to_contain_text("unique499")
    # Only the rows that are seen are there.
    assert page.locator(".row").count() < 40
    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#help")).to_be_hidden()


def test_missing_pictures_are_said_and_words_stay_at_their_places(page: Page) -> None:
    page.locator(".row").nth(1).click()
    expect(page.locator("figcaption", has_text="not here")).to_contain_text("no such file, check the path")
    written = page.locator(".paper text")
    assert written.all_text_contents() == [*_WORDS, "unique1"]
    assert written.nth(2).get_attribute("x") == "170"


@pytest.mark.parametrize("width", [400, 1000])
def test_narrow_windows_show_one_thing_at_a_time(browser: Browser, tmp_path: Path, width: int) -> None:
    path = tmp_path / "report.html"
    path.write_bytes(b"".join(report([placed("long/" + "name" * 40, [[Placed("word", (1, 2, 30, 9))]])])))
    opened = open_page(browser, path, width=width)
    page = opened.page
    page.locator(".row").first.click()
    expect(page.locator(".w")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("#pane").is_visible() == (width > 760)
    if width < 760:
        page.keyboard.press("Escape")
        expect(page.locator("#pane")).to_be_visible()
    assert opened.complaints == []
    page.close()


def is_in_sight(page: Page, selector: str) -> bool:
    """Return whether the whole of an element is within what it scrolls in, with nothing over its corners."""
    is_seen: bool = page.locator(selector).evaluate(
        """each => {
            const pane = each.closest(".view, .reading").getBoundingClientRect();
            const { left, right, top, bottom } = each.getBoundingClientRect();
            const corners = [[left, top], [right, top], [left, bottom], [right, bottom]];
            const inner = corners.map(([x, y]) => [x === left ? x + 2 : x - 2, y === top ? y + 2 : y - 2]);
            return left >= pane.left && right <= pane.right && top >= pane.top && bottom <= pane.bottom &&
                inner.every(([x, y]) => document.elementFromPoint(x, y) === each);
        }"""
    )
    return is_seen


@pytest.mark.parametrize("width", [400, 1000, 1600])
def test_a_word_and_its_box_are_seen_at_once_on_tall_pages(browser: Browser, tmp_path: Path, width: int) -> None:
    picture = tmp_path / "tall.png"
    Image.new("L", (1000, 3000), 235).save(picture)
    lines = [[Placed("long" * 100, (40, 10, 960, 40))]]
    lines += [
        [Placed(f"w{row}-{at}", (40 + 230 * at, 48 * row, 200 + 230 * at, 48 * row + 30), 0.5) for at in range(4)]
        for row in range(1, 61)
    ]
    path = tmp_path / "report.html"
    path.write_bytes(b"".join(report([placed(str(picture), lines, (1000, 3000))])))
    opened = open_page(browser, path, width=width)
    page = opened.page
    page.locator(".row").click()

    def seen() -> tuple[str, bool, bool]:
        word = page.locator(".w[data-on]").inner_text()
        return word, is_in_sight(page, ".w[data-on]"), is_in_sight(page, ".words [data-on]")

    for is_large in (False, True):
        for word in ("w60-3", "w1-0", "w30-2", "w55-1"):
            page.locator(".w", has_text=word).click()
            assert seen() == (word, True, True)
        for key, word in (("ArrowRight", "w55-2"), ("ArrowLeft", "w55-1"), ("n", "w55-2")):
            page.keyboard.press(key)
            assert seen() == (word, True, True)
        page.locator(".words [data-word='238']").click()
        assert seen() == ("w60-1", True, True)
        # What is said about a long word is cut: nothing is wider for it.
        page.locator(".w").first.click()
        assert page.locator("#detail").evaluate("each => each.scrollWidth - each.clientWidth") == 0
        # Nothing is above, below or under another, where it would show through.
        boxes = [page.locator(each).bounding_box() for each in (".head", ".view", "#word", ".reading")]
        ends = [end for box in boxes if box is not None for end in (box["y"], box["y"] + box["height"])]
        assert len(ends) == 8
        if is_large or width < 1600:
            assert ends == sorted(ends)
        page.keyboard.press("z")
    assert opened.complaints == []
    page.close()


def test_texts_without_answers_are_said_to_have_no_boxes(browser: Browser, tmp_path: Path) -> None:
    texts = [
        ImageResult("a.png", attempts=1, known_text="three words\nhere"),
        ImageResult("b.png", attempts=1),
        journaled.failed("c.png"),
    ]
    path = tmp_path / "report.html"
    path.write_bytes(b"".join(report(texts)))
    opened = open_page(browser, path)
    page = opened.page
    assert page.locator(".row .sure").all_inner_texts() == ["no boxes", "no words", "failed"]
    assert page.locator("#totals dd").all_inner_texts() == ["3", "1", "3", "–"]
    expect(page.locator("#note")).to_contain_text("keep the texts without answers")
    expect(page.locator(".facts")).to_have_text("3 words")
    expect(page.locator(".reading .note")).to_contain_text("keep no answer for this image")
    assert page.locator("#charts figcaption").all_inner_texts() == ["Words an image"]
    page.get_by_role("button", name="1 to 9 words").click()
    expect(page.locator(".row .name")).to_have_text("a.png")
    path.write_bytes(b"".join(report([*texts, placed("d.png", [[Placed("word", (1, 2, 30, 9))]])])))
    page.reload()
    expect(page.locator("#note")).to_contain_text("keep the texts of 2 images without answers")
    assert page.locator("#charts figcaption").all_inner_texts() == ["Confidence", "Words an image"]
    path.write_bytes(b"".join(report([placed("d.png", [])])))
    page.reload()
    expect(page.locator("#note")).to_be_hidden()
    assert opened.complaints == []
    page.close()


def test_letters_that_become_longer_when_small_do_not_move_what_is_marked(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_bytes(
        b"".join(report([placed("a.png", [[Placed("İİİİ", (1, 2, 30, 9)), Placed("Word", (40, 2, 70, 9))]])]))
    )
    opened = open_page(browser, path)
    opened.page.locator("#query").fill("wORD")
    expect(opened.page.locator(".excerpt mark")).to_have_text("Word")
    opened.page.locator("#query").fill("İ")
    expect(opened.page.locator(".w[data-hit]")).to_have_text("İİİİ")
    assert opened.complaints == []
    opened.page.close()


def test_on_paper_all_rows_follow_each_other_and_ink_is_dark(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    words = [[Placed("word", (1, 2, 30, 9))]]
    path.write_bytes(b"".join(report(placed(f"{number:02}.png", words, (400, 4000)) for number in range(40))))
    opened = open_page(browser, path)
    page = opened.page
    page.keyboard.press("End")
    page.keyboard.press("ArrowRight")
    page.emulate_media(media="print", color_scheme="dark")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator(".row .name").all_inner_texts() == [f"{number:02}.png" for number in range(40)]
    tops = page.locator(".row").evaluate_all("rows => rows.map((row) => row.getBoundingClientRect().top)")
    assert tops == sorted(set(tops))
    head = page.locator(".head").bounding_box()
    assert head is not None
    assert tops[-1] < head["y"]
    # A picture is no higher than a page.
    view = page.locator(".view").bounding_box()
    assert view is not None
    assert view["height"] < 270 / 25.4 * 96
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(34, 31, 26)"
    expect(page.locator("#word")).to_be_hidden()
    assert opened.complaints == []
    page.close()


def test_no_text_runs(browser: Browser, tmp_path: Path) -> None:
    hostile = [
        *hostile_results.HOSTILE,
        "</script><script>alert(1)</script>",
        "<img src=http://127.0.0.1:9/x onerror=alert(1)>",
        "<!--<script>",
        "]]></style><svg onload=alert(1)>",
        "javascript:alert(1)",
    ]
    path = tmp_path / "report.html"
    page_of = [hostile_results.read(text or "empty", text, *hostile[:3]) for text in hostile]
    failed = [journaled.failed(text, message=text) for text in hostile]
    path.write_bytes(b"".join(report([*page_of, *failed], title=hostile[-2])))
    opened = open_page(browser, path)
    page = opened.page
    assert page.locator("#title").inner_text() == hostile[-2]
    for number, text in enumerate(hostile):
        page.keyboard.press("j" if number else "Home")
        assert page.locator(".w").first.text_content() == text
    page.locator("#query").fill("<script>")
    expect(page.locator("mark").first).to_have_text("<script>")
    assert page.locator("script[src], img:not([src^='data:']), iframe").count() == 0
    assert opened.complaints == []
    page.close()


def test_ten_thousand_words_on_a_page(browser: Browser, tmp_path: Path) -> None:
    lines = [
        [Placed(f"w{row}-{column}", (20 * column, 10 * row, 20 * column + 18, 10 * row + 8)) for column in range(100)]
        for row in range(100)
    ]
    path = tmp_path / "report.html"
    path.write_bytes(b"".join(report([placed("large.png", lines, (2000, 1000)), journaled.failed("other.png")])))
    opened = open_page(browser, path)
    opened.page.locator(".w", has_text="w99-99").click()
    expect(opened.page.locator(".words [data-on]")).to_have_attribute("x", "1980")
    assert opened.complaints == []
    opened.page.close()


def test_a_report_without_images_opens(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_bytes(b"".join(report([])))
    opened = open_page(browser, path)
    expect(opened.page.locator("#detail")).to_contain_text("has no images")
    assert opened.complaints == []
    opened.page.close()
