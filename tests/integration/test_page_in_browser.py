"""The page of the local service in Chromium, by mouse and keyboard, with a foreign client beside it."""

import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import grpc
import pytest
from chromium import Opened, needs_chromium, watch
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from vision_grpc.local import Identities, LocalVision
from vision_grpc.local.config import ServiceConfig
from vision_grpc.local.ocr.engine import UnreadableImageError
from vision_grpc.local.ocr.scripted import ScriptedEngine
from vision_grpc.messages import (
    AnalyzeSpec,
    BatchAnalyzeRequest,
    Block,
    Feature,
    FeatureTextDetectionConfig,
    Line,
    Polygon,
    TextAnnotation,
    Vertex,
    Word,
)
from vision_grpc.messages import Page as AnnotatedPage
from vision_grpc_pb.yandex.cloud.ai.vision.v1.vision_service_pb2_grpc import VisionServiceStub

pytestmark = needs_chromium

_WORDS = [("Накладная", 0.97, "ru"), ("<script>alert(1)</script>", 0.7, "en"), ("4817", 0.4, "ru"), ("é́İ", 0.99, "")]


def picture(text: str = "", *, colour: int = 240) -> bytes:
    """Return a picture, which says in its metadata what the engine answers."""
    content = BytesIO()
    Image.new("L", (400, 300), colour).save(content, "PNG")
    return content.getvalue() + text.encode()


def read(content: bytes) -> TextAnnotation | Exception:
    """Return the words of a picture at their places."""
    if content.endswith(b"unreadable"):
        return UnreadableImageError("<b>this one</b> is damaged")
    corners = [((20, 20 + 40 * at), (180, 20 + 40 * at), (180, 50 + 40 * at), (20, 50 + 40 * at)) for at in range(9)]
    words = [
        Word(
            text=text,
            confidence=confidence,
            languages=[Word.DetectedLanguage(language_code=code)] if code else [],
            bounding_box=Polygon(vertices=[Vertex(x=x, y=y) for x, y in corners[at]]),
        )
        for at, (text, confidence, code) in enumerate(_WORDS)
    ]
    return TextAnnotation(pages=[AnnotatedPage(width=400, height=300, blocks=[Block(lines=[Line(words=words)])])])


@pytest.fixture(scope="module")
def vision() -> Iterator[LocalVision]:
    with LocalVision(engine=ScriptedEngine(read)) as service:
        yield service


def open_page(browser: Browser, vision: LocalVision, *, width: int = 1400, at: str = "") -> Opened:
    address = vision.rest_endpoint
    page = browser.new_page(viewport={"width": width, "height": 900}, permissions=["clipboard-read", "clipboard-write"])
    opened = watch(page, is_own=lambda url: url.startswith((address, "data:", f"blob:{address}")))
    page.goto(f"{address}/{at}")
    return opened


@pytest.fixture(scope="module")
def opened(browser: Browser, vision: LocalVision) -> Iterator[Opened]:
    made = open_page(browser, vision)
    yield made
    made.page.close()


@pytest.fixture
def page(opened: Opened, vision: LocalVision) -> Iterator[Page]:
    """The page as it is when it is opened, with an empty log."""
    opened.page.goto(f"{vision.rest_endpoint}/#")
    opened.page.reload()
    expect(opened.page.locator("#connection")).to_have_text("live")
    opened.page.request.post(f"{vision.rest_endpoint}/_vision/reset")
    expect(opened.page.locator("#found")).to_have_text("0 calls")
    yield opened.page
    assert opened.complaints == []


def request(*contents: bytes) -> BatchAnalyzeRequest:
    config = FeatureTextDetectionConfig(language_codes=["ru"])
    feature = Feature(type=Feature.TEXT_DETECTION, text_detection_config=config)
    return BatchAnalyzeRequest(analyze_specs=[AnalyzeSpec(content=each, features=[feature]) for each in contents])


def call(vision: LocalVision, *contents: bytes, **metadata: str) -> grpc.StatusCode:
    """Make a call as a foreign client does."""
    sent = tuple((name.replace("_", "-"), value) for name, value in metadata.items())
    with grpc.insecure_channel(vision.grpc_endpoint) as channel:
        try:
            VisionServiceStub(channel).BatchAnalyze(request(*contents), metadata=sent, timeout=30)
        except grpc.RpcError as error:
            return error.code()
    return grpc.StatusCode.OK


def drop(page: Page, content: bytes, name: str) -> None:
    """Drop a file on the page."""
    transfer = page.evaluate_handle(
        """([content, name]) => {
            const transfer = new DataTransfer();
            const bytes = Uint8Array.from(atob(content), (each) => each.charCodeAt(0));
            transfer.items.add(new File([bytes], name, { type: "image/png" }));
            return transfer;
        }""",
        [b64encode(content).decode(), name],
    )
    page.dispatch_event("body", "drop", {"dataTransfer": transfer})


def test_a_page_is_dropped_and_its_words_are_read_back(page: Page) -> None:
    drop(page, picture(), "<img src=x>.png")
    expect(page.locator(".w")).to_have_text([text for text, *_ in _WORDS])
    expect(page.locator("#rows tr")).to_have_count(1)
    expect(page.locator("#rows .transport")).to_have_text("REST")
    # A word and its box lead to each other, with how sure it is and its language.
    page.locator(".w").nth(2).hover()
    expect(page.locator("#word")).to_contain_text("4817")
    expect(page.locator("#word")).to_contain_text("40 %")
    expect(page.locator("#word")).to_contain_text("ru · word 3 of 4")
    expect(page.locator("polygon[data-on]")).to_have_attribute("points", "20,100 180,100 180,130 20,130")
    shown, paper = page.locator("polygon[data-on]").bounding_box(), page.locator(".paper img").bounding_box()
    assert shown is not None
    assert paper is not None
    assert (shown["x"] - paper["x"]) / paper["width"] == pytest.approx(20 / 400, abs=0.02)
    assert (shown["y"] - paper["y"]) / paper["height"] == pytest.approx(100 / 300, abs=0.02)
    page.locator("polygon").first.hover()
    expect(page.locator(".w[data-on]")).to_have_text("Накладная")
    page.locator("#text").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".w[data-on]")).to_have_text(_WORDS[1][0])
    # The same image again, in other ways.
    page.get_by_role("button", name="read again").click()
    expect(page.locator("#chosen")).to_contain_text("image 1 of")
    page.locator("#language-choices").get_by_label("Russian").check()
    expect(page.locator("#language-choices").get_by_label("All")).not_to_be_checked()
    page.locator("#model").select_option("line")
    page.get_by_role("button", name="Read", exact=True).click()
    expect(page.locator("#rows tr")).to_have_count(2)
    page.get_by_role("tab", name="Request").click()
    expect(page.locator(".json")).to_contain_text('"ru"')
    expect(page.locator(".json")).to_contain_text('"model": "line"')


def test_files_are_chosen_and_pasted(page: Page, tmp_path: Path) -> None:
    (tmp_path / "scan.png").write_bytes(picture())
    page.keyboard.press("t")
    expect(page.locator("#read")).to_be_disabled()
    page.locator("#file").set_input_files([tmp_path / "scan.png"] * 9)
    expect(page.locator("#said")).to_contain_text("first 8")
    page.locator("#read").click()
    expect(page.locator("#rows .images")).to_contain_text("8")
    expect(page.locator(".thumbnail")).to_have_count(8)
    page.keyboard.press("]")
    expect(page.locator(".thumbnail[aria-pressed='true']")).to_have_text("2")
    page.evaluate(
        """(content) => {
            const transfer = new DataTransfer();
            const bytes = Uint8Array.from(atob(content), (each) => each.charCodeAt(0));
            transfer.items.add(new File([bytes], "", { type: "image/png" }));
            dispatchEvent(new ClipboardEvent("paste", { clipboardData: transfer }));
        }""",
        b64encode(picture()).decode(),
    )
    expect(page.locator("#rows tr")).to_have_count(2)
    expect(page.locator(".w")).to_have_count(4)


def test_a_foreign_clients_call_is_seen_at_once_and_replayed(page: Page, vision: LocalVision) -> None:
    assert call(vision, picture(), picture("unreadable"), x_test_id="orders") is grpc.StatusCode.OK
    row = page.locator("#rows tr").first
    expect(row).to_contain_text("1 of 2 images failed")
    expect(row).to_contain_text("orders")
    row.click()
    expect(page.locator("#view")).to_contain_text("gRPC from 127.0.0.1")
    page.locator(".thumbnail").nth(1).click()
    expect(page.locator(".reading .note")).to_contain_text("<b>this one</b> is damaged")
    page.get_by_role("button", name="Replay").click()
    expect(page.locator("#said")).to_have_text("The replay ended with OK")
    expect(page.locator("#rows tr")).to_have_count(2)
    expect(page.locator("#rows tr").first).to_contain_text("replay")
    expect(page.locator("#view .facts")).to_contain_text("Repeats")


def test_the_curl_command_works_as_it_is_pasted(page: Page, vision: LocalVision) -> None:
    name = """it's "odd" $(touch x) `y` \\ %s"""
    call(vision, picture(), x_test_id=name, x_own_key="hidden")
    page.locator("#rows tr").first.click()
    page.get_by_role("button", name="curl", exact=True).click()
    expect(page.locator("#said")).to_have_text("Copied as curl")
    command: str = page.evaluate("navigator.clipboard.readText()")
    assert "hidden" not in command
    done = subprocess.run(["/bin/bash", "-c", command], capture_output=True, text=True, check=True, timeout=60)
    assert "Накладная" in done.stdout
    expect(page.locator("#rows tr")).to_have_count(2)
    expect(page.locator("#rows tr").first).to_contain_text(name)
    expect(page.locator("#rows tr").first).to_contain_text("REST")
    page.get_by_role("button", name="grpcurl").click()
    assert vision.grpc_endpoint in page.evaluate("navigator.clipboard.readText()")
    page.keyboard.press("Escape")


def test_the_python_command_works_as_it_is_pasted(page: Page, vision: LocalVision) -> None:
    name = """it's "odd" \\ {x}"""
    call(vision, picture(), x_test_id=name)
    page.locator("#rows tr").first.click()
    page.get_by_role("button", name="Python").click()
    expect(page.locator("#said")).to_have_text("Copied as Python")
    program: str = page.evaluate("navigator.clipboard.readText()")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert "4817" in done.stdout
    expect(page.locator("#rows tr")).to_have_count(2)
    expect(page.locator("#rows tr").first).to_contain_text(name)


def test_calls_are_found_by_what_they_were(page: Page, vision: LocalVision) -> None:
    call(vision, picture(), x_test_id="one")
    call(vision, picture(), x_test_id="two")
    call(vision, x_test_id="two")
    rows = page.locator("#rows tr:visible")
    expect(rows).to_have_count(3)
    page.locator("#by-test").select_option("two")
    expect(page.locator("#found")).to_have_text("2 of 3 calls")
    page.locator("#by-code").select_option("INVALID_ARGUMENT")
    expect(rows).to_have_count(1)
    assert "test=two" in page.url
    # The address says what is chosen and what is open.
    rows.first.click()
    expect(page.locator(".note.failed")).to_contain_text("must have 1 to 8")
    page.reload()
    expect(rows).to_have_count(1)
    expect(page.locator(".note.failed")).to_contain_text("must have 1 to 8")
    page.keyboard.press("Escape")
    expect(page.locator("#view")).to_be_hidden()
    page.keyboard.press("Escape")
    expect(rows).to_have_count(3)
    page.keyboard.press("/")
    page.keyboard.type("ONE")
    expect(rows).to_have_count(1)
    page.keyboard.type("x")
    expect(page.locator("#empty")).to_have_text("No call has this.")
    page.keyboard.press("Escape")
    expect(rows).to_have_count(3)


def test_keys_go_through_the_log(page: Page, vision: LocalVision) -> None:
    for number in range(3):
        call(vision, picture(), x_test_id=f"test-{number}")
    expect(page.locator("#rows tr")).to_have_count(3)
    page.keyboard.press("j")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("#view .facts")).to_contain_text("test-1")
    page.keyboard.press("j")
    expect(page.locator("#view .facts")).to_contain_text("test-0")
    expect(page.locator("#rows [aria-current]")).to_have_count(1)
    page.get_by_role("tab", name="Images").focus()
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("tab", name="Metadata")).to_be_focused()
    expect(page.locator("#panel")).to_contain_text("user-agent")
    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#help")).to_be_hidden()
    page.keyboard.press("Escape")
    expect(page.locator("#rows tr").last.locator("a")).to_be_focused()
    page.get_by_role("button", name="Clear log").click()
    expect(page.locator("#said")).to_have_text("Removed 3 calls")
    expect(page.locator("#empty")).to_contain_text("No calls yet")


def test_nothing_that_calls_contain_runs(page: Page, vision: LocalVision) -> None:
    hostile = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'"
    call(vision, picture(), x_test_id=hostile, x_note=hostile, authorization="Bearer hidden-token")
    page.locator("#rows tr").first.click()
    expect(page.locator(".w").nth(1)).to_have_text(_WORDS[1][0])
    for tab in ("Request", "Answer", "Metadata"):
        page.get_by_role("tab", name=tab).click()
    expect(page.locator("#panel")).to_contain_text(hostile)
    expect(page.locator("#panel")).to_contain_text("Bearer ••••")
    assert page.locator("img[src=x]").count() == 0
    page.locator("#by-test").select_option(hostile)
    page.reload()
    expect(page.locator("#panel")).to_contain_text(hostile)


def test_narrow_windows_show_one_thing_at_a_time(browser: Browser, vision: LocalVision, page: Page) -> None:
    call(vision, picture(), *[picture()] * 7, x_test_id="long" * 60)
    expect(page.locator("#rows tr")).to_have_count(1)
    made = open_page(browser, vision, width=400)
    narrow = made.page
    narrow.locator("#rows tr").first.click()
    expect(narrow.locator(".w").first).to_be_visible()
    expect(narrow.locator("#pane")).to_be_hidden()
    for tab in ("Request", "Answer", "Metadata", "Images"):
        narrow.get_by_role("tab", name=tab).click()
        assert narrow.evaluate("document.documentElement.scrollWidth") <= 400
    narrow.get_by_role("button", name="All calls").click()
    expect(narrow.locator("#rows tr")).to_be_visible()
    assert narrow.evaluate("document.documentElement.scrollWidth") <= 400
    assert made.complaints == []
    narrow.close()


def test_a_fault_is_armed_and_its_count_rises(page: Page, vision: LocalVision, opened: Opened) -> None:
    page.keyboard.press("f")
    page.locator("#kind").select_option("code")
    page.locator("#kind-fields input[name=retry_after]").fill("-1")
    page.get_by_role("button", name="Add the rule").click()
    expect(page.locator("#rule-problem")).to_contain_text("retry_after")
    # Chromium itself says that it got 400.
    assert "400" in opened.complaints.pop()
    page.locator("#kind-fields input[name=retry_after]").fill("")
    page.locator("#kind-fields select[name=code]").select_option("UNAVAILABLE")
    page.locator("input[name=times]").fill("2")
    page.get_by_role("button", name="Add the rule").click()
    expect(page.locator("#rules tbody tr")).to_have_count(1)
    expect(page.locator("#fault-count")).to_have_text("1")
    expect(page.locator(".hits")).to_have_text("0")
    assert call(vision, picture()) is grpc.StatusCode.UNAVAILABLE
    expect(page.locator(".hits")).to_have_text("1")
    expect(page.locator("#rows tr").first).to_contain_text("fault")
    assert call(vision, picture()) is grpc.StatusCode.UNAVAILABLE
    assert call(vision, picture()) is grpc.StatusCode.OK
    expect(page.locator(".hits")).to_have_text("2")
    page.get_by_role("button", name="Remove").click()
    expect(page.locator("#rules")).to_contain_text("There are no rules")
    expect(page.locator("#fault-count")).to_be_hidden()


def test_with_credentials_the_page_asks_for_the_key(browser: Browser) -> None:
    identities = Identities()
    with LocalVision(engine=ScriptedEngine(read), identities=identities) as vision:
        made = open_page(browser, vision)
        page = made.page
        expect(page.locator("#key")).to_be_visible()
        # One that no header can have, and one that the service does not know; Esc does not end the question.
        for wrong in ("ключ", "AQVNwrong"):
            page.locator("#key-text").fill(wrong)
            page.keyboard.press("Enter")
            expect(page.locator("#key-problem")).to_be_visible()
        for _ in range(3):
            page.keyboard.press("Escape")
        expect(page.locator("#key")).to_be_visible()
        page.locator("#key-text").fill(identities.api_key)
        page.keyboard.press("Enter")
        expect(page.locator("#connection")).to_have_text("live")
        drop(page, picture(), "page.png")
        expect(page.locator(".w")).to_have_count(4)
        page.get_by_role("button", name="curl", exact=True).click()
        expect(page.locator("#said")).to_have_text("Copied as curl")
        command: str = page.evaluate("navigator.clipboard.readText()")
        assert identities.api_key not in command
        done = subprocess.run(
            ["/bin/bash", "-c", command],
            env={"PATH": "/usr/bin:/bin", "YC_API_KEY": identities.api_key},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        assert "Накладная" in done.stdout
        # Chromium itself says that it got 401.
        assert all("401" in complaint for complaint in made.complaints)
        page.close()


def test_a_service_that_remembers_nothing_says_so_and_reads(browser: Browser) -> None:
    with LocalVision(engine=ScriptedEngine(read), config=ServiceConfig(keep_calls=0)) as vision:
        page = browser.new_page()
        # As in a browser that lets pages store nothing.
        page.add_init_script(
            """for (const name of ["localStorage", "sessionStorage"]) {
                Object.defineProperty(window, name, { get() { throw new DOMException("no", "SecurityError"); } });
            }"""
        )
        opened = watch(page, is_own=lambda url: url.startswith((vision.rest_endpoint, "data:")))
        page.goto(vision.rest_endpoint)
        expect(page.locator("#empty")).to_contain_text("Calls are not remembered")
        drop(page, picture(), "page.png")
        expect(page.locator("#said")).to_have_text("Read 4 words")
        drop(page, picture("unreadable"), "page.png")
        expect(page.locator("#said")).to_have_text("1 image failed")
        expect(page.locator("#view")).to_be_hidden()
        assert opened.complaints == []
        page.close()


def test_what_a_fault_sent_is_shown_beside_the_answer(page: Page, vision: LocalVision) -> None:
    vision.faults.put("garbage")
    call(vision, picture())
    page.locator("#rows tr").first.click()
    expect(page.locator(".note.struck")).to_contain_text("In place of the answer that is shown here it sent")
    expect(page.locator(".w")).to_have_count(4)


def test_the_page_finds_a_service_that_has_started_anew(browser: Browser) -> None:
    first = LocalVision(engine=ScriptedEngine(read))
    made = open_page(browser, first)
    page = made.page
    call(first, picture())
    expect(page.locator("#rows tr")).to_have_count(1)
    port = int(first.rest_endpoint.rpartition(":")[2])
    first.close()
    expect(page.locator("#connection")).to_have_attribute("data-state", "lost")
    with LocalVision(engine=ScriptedEngine(read), rest_port=port, config=ServiceConfig(images_per_s=0.001)) as second:
        expect(page.locator("#connection")).to_have_text("live", timeout=15_000)
        expect(page.locator("#said")).to_have_text("The service has started anew; its log is empty")
        expect(page.locator("#found")).to_have_text("0 calls")
        expect(page.get_by_role("meter", name="images")).to_have_attribute("aria-valuenow", "1")
        assert call(second, picture()) is grpc.StatusCode.OK
        assert call(second, picture()) is grpc.StatusCode.RESOURCE_EXHAUSTED
        expect(page.locator(".gauge")).to_contain_text("1 refused")
        expect(page.locator("#rows tr").first).to_contain_text("RESOURCE_EXHAUSTED")
        page.close()
