"""The calls of ocr/v1 on the page of the local service, in Chromium."""

from collections.abc import Iterator
from io import BytesIO

import pytest
from chromium import needs_chromium, watch
from operation_peers import GrpcPeer, fetch_when_ready
from PIL import Image
from playwright.sync_api import Browser, expect

from vision_grpc.local import LocalVision
from vision_grpc.local.ocr.scripted import ScriptedEngine
from vision_grpc.messages import (
    Block,
    Line,
    Page,
    Polygon,
    RecognizeTextRequest,
    TextAnnotation,
    Vertex,
    Word,
)

pytestmark = needs_chromium

_BOX = Polygon(vertices=[Vertex(x=x, y=y) for x, y in ((10, 10), (10, 30), (90, 30), (90, 10))])
_LINE = Line(words=[Word(text=text, bounding_box=_BOX, confidence=0.5) for text in ("Накладная", "4817")])
_TEXT = TextAnnotation(pages=[Page(width=100, height=50, blocks=[Block(lines=[_LINE])])])


@pytest.fixture(scope="module")
def vision() -> Iterator[LocalVision]:
    with LocalVision(engine=ScriptedEngine(lambda _: _TEXT)) as service:
        yield service


def test_an_operation_is_shown_with_its_file_and_its_pages(browser: Browser, vision: LocalVision) -> None:
    file = BytesIO()
    Image.new("L", (100, 50), 240).save(file, "PNG")
    peer = GrpcPeer(vision)
    operation_id = peer.submit(RecognizeTextRequest(content=file.getvalue(), language_codes=["ru"])).id
    fetch_when_ready(peer, operation_id)
    address = vision.rest_endpoint
    opened = watch(browser.new_page(), is_own=lambda url: url.startswith((address, "data:", f"blob:{address}")))
    page = opened.page
    page.goto(f"{address}/#")
    expect(page.locator("#connection")).to_have_text("live")
    page.locator("#rows a").last.click()
    expect(page.locator("h2 bdi")).to_have_text("Recognize")
    expect(page.locator(".facts")).to_contain_text(operation_id)
    expect(page.locator(".reading")).to_contain_text(f"The text is the result of the operation {operation_id}.")
    expect(page.locator(".paper img")).to_be_visible()
    page.locator("#rows a").first.click()
    expect(page.locator("h2 bdi")).to_have_text("GetRecognition")
    expect(page.locator(".w")).to_have_text(["Накладная", "4817"])
    page.locator(".w").first.click()
    expect(page.locator("#word")).to_contain_text("–")
    expect(page.get_by_role("button", name="curl", exact=True)).to_be_enabled()
    expect(page.get_by_role("button", name="Python", exact=True)).to_have_count(0)
    assert opened.complaints == []
    page.close()
