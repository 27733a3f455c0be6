"""Results as notebooks show them."""

import base64
import os
import re
from dataclasses import replace
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from vision_grpc.errors import Code
from vision_grpc.messages import AnalyzeResult, Block, FeatureResult, Line, Page, Polygon, TextAnnotation, Vertex, Word
from vision_grpc.results import ImageError, ImageResult
from vision_grpc.results.outcomes import MessageOutcome, WireOutcome


def _png(width: int, height: int) -> bytes:
    file = BytesIO()
    Image.new("L", (width, height)).save(file, "PNG")
    return file.getvalue()


_PICTURE = _png(1, 1)


class _Tags(HTMLParser):
    """The elements of a page, and whether each is closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        self.found.append(tag)
        if tag != "img":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def _html(result: ImageResult) -> str:
    html = result._repr_html_()
    tags = _Tags(html)
    assert tags.open == []
    assert {*tags.found} <= {"div", "b", "pre", "img", "svg", "polygon", "title"}
    assert html.encode()
    return html


def _result(key: str, *words: str, size: tuple[int, int] = (1, 1), corners: int = 4) -> ImageResult:
    box = Polygon(vertices=[Vertex(x=x, y=-x) for x in range(corners)])
    line = Line(words=[Word(text=word, bounding_box=box, confidence=0.98) for word in words])
    pages = [Page(width=size[0], height=size[1], blocks=[Block(lines=[line])])]
    answer = AnalyzeResult(results=[FeatureResult(text_detection=TextAnnotation(pages=pages))])
    return ImageResult(key, MessageOutcome(answer))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "scan.png"
    path.write_bytes(_PICTURE)
    return path


def test_the_picture_is_shown_with_its_words(path: Path) -> None:
    html = _html(_result(str(path), "Hello", "мир"))
    [content] = re.findall(r'src="data:image/png;base64,([^"]*)"', html)
    assert base64.b64decode(content) == _PICTURE
    assert re.findall("<title>(.*?)</title>", html) == ["Hello (98%)", "мир (98%)"]
    assert html.count('points="0,0 1,-1 2,-2 3,-3"') == 2
    assert 'viewBox="0 0 1 1"' in html
    assert "Hello мир</pre>" in html


@pytest.mark.parametrize("fitted", [None, {"format": "PNG"}])
def test_a_picture_is_turned_where_the_boxes_are(tmp_path: Path, fitted: dict[str, object] | None) -> None:
    """Boxes of an image that was fitted are in the pixels of its file, all others in those of what is seen."""
    wide = tmp_path / "wide.png"
    wide.write_bytes(_png(2, 1))
    seen = _result(str(wide), "a", size=(1, 2))
    seen.fitted = fitted
    assert ("<img" in _html(seen)) == (fitted is None)
    stored = _result(str(wide), "a", size=(2, 1))
    stored.fitted = fitted
    assert ("image-orientation:none" in _html(stored)) == (fitted is not None)


@pytest.mark.parametrize(
    "key", ["no.png", "#0", "", "a\0b", "x" * 5000, "caf\udce9.png", ".", "/dev/zero", "/dev/stdin"]
)
def test_without_a_picture_the_text_is_shown(key: str) -> None:
    html = _html(_result(key, "Hello"))
    assert "<img" not in html
    assert "Hello</pre>" in html


def test_another_picture_of_that_name_is_not_shown(path: Path) -> None:
    assert "<img" not in _html(_result(str(path), "a", size=(2, 1)))
    for content in (b"", b"text", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", _PICTURE.ljust(2 * 2**20 + 1, b".")):
        path.write_bytes(content)
        assert "<img" not in _html(_result(str(path), "a"))


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    assert "<img" not in _html(_result(str(tmp_path / "pipe.png"), "a"))


def test_a_file_of_no_size_or_too_large_is_not_opened(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`/proc/kmsg` is a regular file of no size, and to read it is to wait for the kernel."""
    opened: list[Path] = []
    assert "<img" not in _html(_result("missing.png", "a"))  # This loads the module, as long as files can be opened.

    def note(self: Path, *_: object) -> BytesIO:
        opened.append(self)
        return BytesIO()

    monkeypatch.setattr(Path, "open", note)
    for size in (0, 2 * 2**20 + 1, 1):
        os.truncate(path, size)
        assert "<img" not in _html(_result(str(path), "a"))
    assert opened == [path]


def test_everything_is_escaped(path: Path) -> None:
    evil = """<script>alert('1')</script>&"]]>\x1b\x00"""
    named = path.with_name("&<b>'\".png")
    named.write_bytes(_PICTURE)
    result = _result(str(named), evil)
    html = _html(replace(result, error=ImageError(Code.INTERNAL, evil)))
    assert "<img" in html
    assert html.count("&lt;script&gt;alert(&#x27;1&#x27;)&lt;/script&gt;&amp;&quot;]]&gt;\ufffd\ufffd") == 3


def test_an_error_is_shown_and_a_damaged_answer_is_one() -> None:
    failed = ImageResult("a.png", error=ImageError(Code.NOT_FOUND, "gone"))
    assert "NOT_FOUND: gone" in _html(failed)
    damaged = ImageResult("a.png", WireOutcome(b"\x12\x05cut", has_error=False))
    assert "DATA_LOSS: " in _html(damaged)
    assert damaged.ok  # To look at it changes nothing.
    damaged.known_text = "kept"
    assert "kept</pre>" in _html(damaged)


def test_what_is_shown_is_bounded(path: Path) -> None:
    huge = _result(str(path), *(["word" * 200] * 10_000), corners=100)
    assert len(_html(huge)) < 1_500_000
    assert "more characters)</pre>" in _html(huge)
