"""The same requests by gRPC and by REST: the answers and the refusals of the local service are equal."""

import asyncio
import io
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import pytest
from PIL import Image
from scanned_pages import FOLDER

from vision_grpc import AsyncVisionClient, VisionClient
from vision_grpc.auth import Anonymous
from vision_grpc.errors import Code, ServiceError
from vision_grpc.local import LocalVision
from vision_grpc.messages import (
    AnalyzeSpec,
    BatchAnalyzeRequest,
    BatchAnalyzeResponse,
    Feature,
    FeatureClassificationConfig,
    FeatureTextDetectionConfig,
    RequestInfo,
)
from vision_grpc.session import session


class Refusal(NamedTuple):
    """What a failed call tells, but for its ids."""

    kind: type[ServiceError]
    code: Code
    message: str
    details: list[tuple[str, bytes]]
    has_its_id: bool


Ask = Callable[[BatchAnalyzeRequest], BatchAnalyzeResponse]


@pytest.fixture(scope="module")
def service() -> Iterator[LocalVision]:
    with pytest.MonkeyPatch.context() as patch, LocalVision() as vision:
        # The service is to refuse what breaks the contract; the clients would not send it.
        patch.setattr(session, "validate", lambda _: None)
        yield vision


@contextmanager
def sync_clients(vision: LocalVision) -> Iterator[tuple[Ask, Ask]]:
    with (
        VisionClient(vision.grpc_endpoint, transport="grpc", credentials=Anonymous(), insecure=True) as over_grpc,
        VisionClient(vision.rest_endpoint, transport="rest", credentials=Anonymous(), insecure=True) as over_rest,
    ):
        yield over_grpc.batch_analyze, over_rest.batch_analyze


@contextmanager
def async_clients(vision: LocalVision) -> Iterator[tuple[Ask, Ask]]:
    with asyncio.Runner() as runner:
        over_grpc = AsyncVisionClient(vision.grpc_endpoint, transport="grpc", credentials=Anonymous(), insecure=True)
        over_rest = AsyncVisionClient(vision.rest_endpoint, transport="rest", credentials=Anonymous(), insecure=True)
        yield (
            lambda request: runner.run(over_grpc.batch_analyze(request)),
            lambda request: runner.run(over_rest.batch_analyze(request)),
        )
        runner.run(over_grpc.aclose())
        runner.run(over_rest.aclose())


@pytest.fixture(scope="module", params=[sync_clients, async_clients], ids=["sync", "asyncio"])
def ways(request: pytest.FixtureRequest, service: LocalVision) -> Iterator[tuple[Ask, Ask]]:
    """What sends a request over gRPC and what sends it over REST, to the same service."""
    with request.param(service) as ways:
        yield ways


def ask(way: Ask, request: BatchAnalyzeRequest) -> BatchAnalyzeResponse | Refusal:
    try:
        return way(request)
    except ServiceError as error:
        (own_id,) = (detail for detail in error.details if detail.Is(RequestInfo.DESCRIPTOR))
        info = RequestInfo()
        assert own_id.Unpack(info)
        details = [(detail.type_url, detail.value) for detail in error.details if detail != own_id]
        return Refusal(type(error), error.code, error.message, details, info.request_id == error.request_id)


def ask_both(ways: tuple[Ask, Ask], request: BatchAnalyzeRequest) -> BatchAnalyzeResponse | Refusal:
    answer, same = (ask(way, request) for way in ways)
    assert answer == same
    return answer


def line(page: str, number: int = 0, *, kind: str = "PNG", mode: str = "L") -> bytes:
    """Return a line of text cut from a scanned page: quick to read."""
    with Image.open(FOLDER / f"{page}.png") as scan:
        grey = scan.convert("L")
    ink = [any(value < 128 for value in grey.crop((0, y, grey.width, y + 1)).tobytes()) for y in range(grey.height)]
    starts = [y for y in range(1, grey.height) if ink[y] and not ink[y - 1]]
    top = starts[number] - 12
    file = io.BytesIO()
    bottom = next(y for y in range(starts[number], grey.height) if not ink[y]) + 12
    grey.crop((0, top, grey.width, bottom)).convert(mode).save(file, kind)
    return file.getvalue()


def blank(mode: str = "L", *, size: tuple[int, int] = (64, 64), kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.new(mode, size, "white" if mode != "1" else 1).save(file, kind)
    return file.getvalue()


def png_head(width: int, height: int) -> bytes:
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))


def text(*codes: str, model: str = "page") -> Feature:
    config = FeatureTextDetectionConfig(language_codes=codes, model=model)
    return Feature(type=Feature.TEXT_DETECTION, text_detection_config=config)


def batch(*contents: bytes, features: tuple[Feature, ...] = (), folder_id: str = "") -> BatchAnalyzeRequest:
    specs = [AnalyzeSpec(content=content, features=features or [text("en")]) for content in contents]
    return BatchAnalyzeRequest(analyze_specs=specs, folder_id=folder_id)


def specs(*made: AnalyzeSpec) -> BatchAnalyzeRequest:
    return BatchAnalyzeRequest(analyze_specs=made)


CLASSIFICATION = Feature(
    type=Feature.CLASSIFICATION, classification_config=FeatureClassificationConfig(model="quality")
)

READ: dict[str, Callable[[], BatchAnalyzeRequest]] = {
    "English": lambda: batch(line("en_sans")),
    "Russian": lambda: batch(line("ru_sans", 1), features=(text("ru"),)),
    "mixed": lambda: batch(line("mixed_sans", 2), features=(text("ru", "en"),)),
    "mixed, the other order": lambda: batch(line("mixed_sans", 2), features=(text("en", "ru"),)),
    "all languages": lambda: batch(line("mixed_sans", 3), features=(text("*"),)),
    "the wrong language": lambda: batch(line("ru_sans", 2), features=(text("en"),)),
    "model line": lambda: batch(line("en_sans", 2), features=(text("en", model="line"),)),
    "default model": lambda: batch(line("en_sans", 3), features=(text("en", model=""),)),
    "JPEG": lambda: batch(line("en_sans", 4, kind="JPEG")),
    "RGB": lambda: batch(line("en_sans", 5, mode="RGB")),
    "two colours": lambda: batch(line("ru_sans", 3, mode="1"), features=(text("ru"),)),
    "transparency": lambda: batch(line("ru_sans", 4, mode="LA"), features=(text("ru"),)),
    "two images": lambda: batch(line("en_sans", 1), line("en_sans", 2)),
    "eight images": lambda: batch(*[line("en_sans")] * 8),
    "twice the same feature": lambda: batch(line("en_sans"), features=(text("en"), text("en"))),
    "both models": lambda: batch(line("en_sans"), features=(text("en"), text("en", model="line"))),
    "a folder": lambda: batch(line("en_sans"), folder_id="b1gqwertyuiop1234567"),
    "a folder of 50 characters outside the BMP": lambda: batch(blank(), folder_id="🗀" * 50),
    "a PNG cut in its pixels": lambda: batch(line("en_sans")[:-400]),
    "nothing on it": lambda: batch(blank(size=(400, 200))),
    "one pixel": lambda: batch(blank(size=(1, 1))),
    "spec features differ": lambda: specs(
        AnalyzeSpec(content=line("ru_sans"), features=[text("ru")]),
        AnalyzeSpec(content=line("en_sans"), features=[text("en", model="line")]),
    ),
}
REFUSED_IMAGES: dict[str, Callable[[], BatchAnalyzeRequest]] = {
    "no bytes": lambda: batch(b""),
    "no image": lambda: batch(b"Dear sir or madam"),
    "a GIF": lambda: batch(blank("P", kind="GIF")),
    "a PDF": lambda: batch(b"%PDF-1.7\n"),
    "a PNG cut in its head": lambda: batch(line("en_sans")[:20]),
    "a PNG cut in its first pixels": lambda: batch(line("en_sans")[:60]),
    "a JPEG cut in its head": lambda: batch(b"\xff\xd8\xff\xe0\x00"),
    "a JPEG cut in its pixels": lambda: batch(line("en_sans", kind="JPEG")[:2000]),
    "a PNG of nothing but a head": lambda: batch(png_head(40, 40)),
    "a PNG without size": lambda: batch(png_head(0, 40)),
    "too many pixels": lambda: batch(png_head(100_000, 40_000)),
    "too many bytes": lambda: batch(blank().ljust(1_048_577, b"\0")),
    "a signature": lambda: specs(AnalyzeSpec(signature="подпись \u2028", features=[text("en")])),
    "good, bad, good": lambda: batch(line("en_sans"), b"\0\xff", line("en_sans", 1)),
    "unknown language": lambda: batch(blank(), features=(text("xx"),)),
    "a language not installed": lambda: batch(blank(), features=(text("ja"),)),
    "all languages and one": lambda: batch(blank(), features=(text("*", "en"),)),
    "unknown model": lambda: batch(blank(), features=(text("en", model='<поэма> "\\\x07'),)),
    "features that fail and one that does not": lambda: batch(
        line("en_sans"),
        features=(CLASSIFICATION, text("xx"), text("en"), Feature(), Feature(type=Feature.TEXT_DETECTION)),
    ),
}
REFUSED_CALLS: dict[str, Callable[[], BatchAnalyzeRequest]] = {
    "nothing": BatchAnalyzeRequest,
    "nine images": lambda: batch(*[b"a"] * 9),
    "no source": lambda: specs(AnalyzeSpec(features=[text("en")])),
    "no features": lambda: specs(AnalyzeSpec(content=b"a")),
    "nine features": lambda: batch(b"a", features=(text("en"),) * 9),
    "nine languages": lambda: batch(b"a", features=(text(*["en"] * 9),)),
    "no languages": lambda: batch(b"a", features=(text(),)),
    "a long language": lambda: batch(b"a", features=(text("en", "русский"),)),
    "a long folder": lambda: batch(b"a", folder_id="f" * 51),
    "more violations than are told": lambda: batch(*[b"a"] * 8, features=(text(*["long"] * 8),) * 8),
}


@pytest.mark.parametrize("case", READ)
def test_what_is_read_is_equal(ways: tuple[Ask, Ask], case: str) -> None:
    answer = ask_both(ways, READ[case]())
    assert isinstance(answer, BatchAnalyzeResponse)
    assert all(feature.HasField("text_detection") for result in answer.results for feature in result.results)


@pytest.mark.parametrize("case", REFUSED_IMAGES)
def test_what_is_told_of_bad_images_and_features_is_equal(ways: tuple[Ask, Ask], case: str) -> None:
    answer = ask_both(ways, REFUSED_IMAGES[case]())
    assert isinstance(answer, BatchAnalyzeResponse)
    errors = [result.error for result in answer.results if result.HasField("error")]
    errors += [feature.error for result in answer.results for feature in result.results if feature.HasField("error")]
    assert {error.code for error in errors} == {Code.INVALID_ARGUMENT}


@pytest.mark.parametrize("case", REFUSED_CALLS)
def test_refusals_of_whole_calls_are_equal(ways: tuple[Ask, Ask], case: str) -> None:
    answer = ask_both(ways, REFUSED_CALLS[case]())
    assert isinstance(answer, Refusal)
    assert answer.code is Code.INVALID_ARGUMENT
    assert answer.has_its_id
    assert len(answer.details) == 1
