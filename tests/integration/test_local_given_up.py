"""Pages that take long are not read on when nobody waits for them any more."""

import http.client
import io
import itertools
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from os import environ
from urllib.parse import urlsplit

import grpc
import pytest
from PIL import Image, ImageDraw, ImageFont

from vision_grpc.codec.json import to_json
from vision_grpc.local import LocalVision
from vision_grpc.local.ocr.bitmap import Bitmap
from vision_grpc.local.ocr.engine import GivenUpError
from vision_grpc.local.ocr.tessdata import find_tessdata
from vision_grpc.local.ocr.tesseract_engine import TesseractEngine
from vision_grpc.messages import (
    AnalyzeSpec,
    BatchAnalyzeRequest,
    Feature,
    FeatureTextDetectionConfig,
    TextAnnotation,
)
from vision_grpc_pb.yandex.cloud.ai.vision.v1.vision_service_pb2_grpc import VisionServiceStub

# After so many a page is in the middle of being read.
LINES = 3
# Generous, for a busy machine. Reading the whole page would take longer.
WAIT_S = 60


@pytest.fixture(scope="module")
def small_print() -> Image.Image:
    """A page that takes half a minute or more to read, and a second to find the lines of."""
    page = Image.new("L", (1800, 1800), 255)
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(11)
    words = ["the", "harbour", "was", "quiet", "that", "morning", "and", "boats", "lay", "close", "together", "along"]
    for number, y in enumerate(range(10, 1780, 15)):
        shift = number % len(words)
        draw.text((10, y), " ".join((words[shift:] + words[:shift]) * 5), font=font, fill=0)
    return page


@pytest.fixture(scope="module")
def dense(small_print: Image.Image) -> bytes:
    file = io.BytesIO()
    small_print.save(file, "PNG")
    return file.getvalue()


@pytest.fixture(scope="module")
def engine() -> TesseractEngine:
    return TesseractEngine(find_tessdata(environ))


class Watch:
    """Sees the pages that are being read, given up and finished."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reading, self.given_up = threading.Event(), threading.Semaphore(0)
        self.finished = 0
        recognize = TesseractEngine.recognize

        def watched(
            engine: TesseractEngine,
            bitmap: Bitmap,
            *,
            languages: Sequence[str],
            model: str,
            give_up: Callable[[], bool],
        ) -> TextAnnotation:
            asked = itertools.count()

            def ask() -> bool:
                if next(asked) == LINES:
                    self.reading.set()
                return give_up()

            try:
                text = recognize(engine, bitmap, languages=languages, model=model, give_up=ask)
            except GivenUpError:
                self.given_up.release()
                raise
            self.finished += 1
            return text

        monkeypatch.setattr(TesseractEngine, "recognize", watched)


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    return Watch(monkeypatch)


@pytest.fixture
def vision(watch: Watch) -> Iterator[LocalVision]:  # noqa: ARG001 - it must come first
    with LocalVision() as vision:
        yield vision


def request_for(*contents: bytes) -> BatchAnalyzeRequest:
    config = FeatureTextDetectionConfig(language_codes=["en"])
    feature = Feature(type=Feature.TEXT_DETECTION, text_detection_config=config)
    return BatchAnalyzeRequest(analyze_specs=[AnalyzeSpec(content=content, features=[feature]) for content in contents])


def cancel_over_grpc(vision: LocalVision, request: BatchAnalyzeRequest, reading: threading.Event) -> None:
    with grpc.insecure_channel(vision.grpc_endpoint) as channel:
        call = VisionServiceStub(channel).BatchAnalyze.future(request)
        assert reading.wait(WAIT_S)
        call.cancel()


def miss_a_deadline_over_grpc(vision: LocalVision, request: BatchAnalyzeRequest, _: threading.Event) -> None:
    with grpc.insecure_channel(vision.grpc_endpoint) as channel, pytest.raises(grpc.RpcError) as raised:
        VisionServiceStub(channel).BatchAnalyze(request, timeout=1)
    assert isinstance(raised.value, grpc.Call)
    assert raised.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED


def hang_up_over_rest(vision: LocalVision, request: BatchAnalyzeRequest, reading: threading.Event) -> None:
    connection = http.client.HTTPConnection(urlsplit(vision.rest_endpoint).netloc)
    connection.request("POST", "/vision/v1/batchAnalyze", to_json(request))
    assert reading.wait(WAIT_S)
    assert connection.sock is not None
    connection.sock.shutdown(socket.SHUT_RDWR)
    connection.close()


LEAVE = pytest.mark.parametrize("leave", [cancel_over_grpc, miss_a_deadline_over_grpc, hang_up_over_rest])


@LEAVE
def test_a_page_is_given_up_when_its_caller_has_left_and_the_next_is_read(
    vision: LocalVision,
    watch: Watch,
    dense: bytes,
    leave: Callable[[LocalVision, BatchAnalyzeRequest, threading.Event], None],
) -> None:
    leave(vision, request_for(*[dense] * 8), watch.reading)
    assert watch.given_up.acquire(timeout=WAIT_S)
    # All threads are free again.
    ordinary = io.BytesIO()
    page = Image.new("L", (360, 90), 255)
    ImageDraw.Draw(page).text((30, 20), "Invoice", font=ImageFont.load_default(36), fill=0)
    page.save(ordinary, "PNG")
    with grpc.insecure_channel(vision.grpc_endpoint) as channel:
        answer = VisionServiceStub(channel).BatchAnalyze(request_for(*[ordinary.getvalue()] * 8), timeout=WAIT_S)
    assert [
        result.results[0].text_detection.pages[0].blocks[0].lines[0].words[0].text for result in answer.results
    ] == ["Invoice"] * 8
    assert watch.finished == 8


def test_a_page_is_given_up_when_the_service_is_closed(watch: Watch, dense: bytes) -> None:
    vision = LocalVision()
    with grpc.insecure_channel(vision.grpc_endpoint) as channel:
        call = VisionServiceStub(channel).BatchAnalyze.future(request_for(dense))
        assert watch.reading.wait(WAIT_S)
        vision.close(grace_s=0)
        assert call.code() is grpc.StatusCode.UNAVAILABLE
    assert watch.given_up.acquire(timeout=WAIT_S)


def test_the_engine_asks_before_each_line_and_reads_on_afterwards(
    engine: TesseractEngine, small_print: Image.Image
) -> None:
    page = small_print.crop((0, 0, 1800, 300))
    asked = itertools.count()
    with pytest.raises(GivenUpError):
        read(engine, page, lambda: next(asked) > LINES)
    assert next(asked) < 3 * LINES
    top = page.crop((0, 0, 700, 50))
    assert (
        read(engine, top, lambda: False)
        == read(TesseractEngine(find_tessdata(environ)), top, lambda: False)
        != TextAnnotation()
    )


def test_nothing_is_read_for_a_caller_who_has_left_before(engine: TesseractEngine) -> None:
    with pytest.raises(GivenUpError):
        read(engine, Image.new("L", (100, 50), 255), lambda: True)


def read(engine: TesseractEngine, page: Image.Image, give_up: Callable[[], bool]) -> TextAnnotation:
    bitmap = Bitmap(page.width, page.height, 1, page.tobytes())
    return engine.recognize(bitmap, languages=["en"], model="page", give_up=give_up)
