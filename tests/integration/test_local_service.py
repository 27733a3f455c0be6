"""What the service answers and refuses, the same over gRPC and REST."""

import http.client
import io
import struct
import uuid
import warnings
import zlib
from collections.abc import Callable, Collection, Iterator, Sequence
from os import environ
from pathlib import Path
from unittest.mock import Mock
from urllib.parse import urlsplit

import grpc
import pytest
from PIL import ExifTags, Image, ImageDraw, ImageFont
from scanned_pages import ScannedPage

from vision_grpc.codec.json import from_json, to_json
from vision_grpc.errors import Code
from vision_grpc.local import Identities, LocalVision
from vision_grpc.local.calls.failure import BUG
from vision_grpc.local.calls.queue import FairQueue
from vision_grpc.local.cloud import metadata
from vision_grpc.local.ocr import tesseract_engine
from vision_grpc.local.ocr.bitmap import Bitmap, decode
from vision_grpc.local.ocr.tessdata import find_tessdata
from vision_grpc.local.ocr.tesseract_engine import TesseractEngine
from vision_grpc.messages import (
    AnalyzeResult,
    AnalyzeSpec,
    BadRequest,
    BatchAnalyzeRequest,
    BatchAnalyzeResponse,
    Feature,
    FeatureClassificationConfig,
    FeatureTextDetectionConfig,
    RequestInfo,
    Status,
    TextAnnotation,
)
from vision_grpc_pb.yandex.cloud.ai.vision.v1.vision_service_pb2_grpc import VisionServiceStub

Answer = BatchAnalyzeResponse | Status
Ids = dict[str, str]
Face = Callable[[LocalVision, BatchAnalyzeRequest], tuple[Answer, Ids]]
INNER = "what only the log may tell"


def over_grpc(vision: LocalVision, request: BatchAnalyzeRequest) -> tuple[Answer, Ids]:
    options = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]
    with grpc.insecure_channel(vision.grpc_endpoint, options=options) as channel:
        call = VisionServiceStub(channel).BatchAnalyze.future(request)
        ids = _texts(call.initial_metadata())
        if call.exception() is None:
            return call.result(), ids
        trailers = dict(call.trailing_metadata())
        details = trailers.pop("grpc-status-details-bin")
        assert isinstance(details, bytes)
        status = Status.FromString(details)
        assert (status.code, status.message) == (call.code().value[0], call.details())
        assert trailers == ids
        return status, ids


def _texts(metadata: Collection[tuple[str, str | bytes]]) -> Ids:
    texts = {name: value for name, value in metadata if isinstance(value, str)}
    assert len(texts) == len(metadata)
    return texts


def over_rest(vision: LocalVision, request: BatchAnalyzeRequest) -> tuple[Answer, Ids]:
    address = urlsplit(vision.rest_endpoint)
    connection = http.client.HTTPConnection(address.netloc)
    connection.request("POST", "/vision/v1/batchAnalyze", to_json(request))
    response = connection.getresponse()
    body = response.read()
    connection.close()
    assert response.headers["content-type"] == "application/json"
    ids = {name: response.headers[name] for name in ("x-request-id", "x-server-trace-id")}
    if response.status == 200:
        return from_json(body, BatchAnalyzeResponse, ignore_unknown=False), ids
    status = from_json(body, Status, ignore_unknown=False)
    assert response.status == Code(status.code).http_status
    return status, ids


@pytest.fixture(scope="module")
def vision() -> Iterator[LocalVision]:
    with LocalVision() as service:
        yield service


@pytest.fixture(params=[over_grpc, over_rest])
def face(request: pytest.FixtureRequest) -> Face:
    return request.param  # type: ignore[no-any-return]


def text_feature(*codes: str, model: str = "page") -> Feature:
    config = FeatureTextDetectionConfig(language_codes=codes or ["en"], model=model)
    return Feature(type=Feature.TEXT_DETECTION, text_detection_config=config)


def batch(*contents: bytes, features: tuple[Feature, ...] = (), folder_id: str = "") -> BatchAnalyzeRequest:
    specs = [AnalyzeSpec(content=content, features=features or [text_feature()]) for content in contents]
    return BatchAnalyzeRequest(analyze_specs=specs, folder_id=folder_id)


def picture(text: str, *, kind: str = "PNG") -> bytes:
    image = Image.new("L", (360, 90), 255)
    ImageDraw.Draw(image).text((30, 20), text, font=ImageFont.load_default(36), fill=0)
    file = io.BytesIO()
    image.save(file, kind)
    return file.getvalue()


def text_of(result: AnalyzeResult) -> str:
    (feature,) = result.results
    (page,) = feature.text_detection.pages
    return " ".join(word.text for block in page.blocks for line in block.lines for word in line.words)


def ask(face: Face, vision: LocalVision, request: BatchAnalyzeRequest) -> BatchAnalyzeResponse:
    answer, _ = face(vision, request)
    assert isinstance(answer, BatchAnalyzeResponse), answer
    return answer


def refusal(face: Face, vision: LocalVision, request: BatchAnalyzeRequest) -> Status:
    answer, _ = face(vision, request)
    assert isinstance(answer, Status)
    return answer


def test_both_faces_give_the_same_messages(vision: LocalVision, pages: dict[str, ScannedPage]) -> None:
    request = batch(*(page.path.read_bytes() for page in pages.values()), features=(text_feature("ru", "en"),))
    (answer, _), (same, _) = over_grpc(vision, request), over_rest(vision, request)
    assert isinstance(answer, BatchAnalyzeResponse)
    assert answer == same
    assert "harbour" in text_of(answer.results[0])


def test_results_are_in_the_order_of_the_request_whatever_fails(vision: LocalVision, face: Face) -> None:
    jpeg = picture("Truncated", kind="JPEG")
    wide = io.BytesIO()
    Image.new("1", (6_000, 5_000)).save(wide, "PNG")
    contents = {
        picture("First"): "First",
        b"Dear sir or madam": "no image, only JPEG and PNG are accepted",
        jpeg[: len(jpeg) // 2]: "the file is truncated or damaged",
        picture("Fourth", kind="JPEG"): "Fourth",
        b"": "the file is empty",
        wide.getvalue(): "30,000,000 pixels, the limit is 20,000,000",
        picture("Large").ljust(1_048_577, b"\0"): "1,048,577 bytes, the limit is 1,048,576",
        picture("Last"): "Last",
    }
    response = ask(face, vision, batch(*contents))
    for result, expected in zip(response.results, contents.values(), strict=True):
        if result.HasField("error"):
            assert result.error.code == Code.INVALID_ARGUMENT
            assert expected in result.error.message
            assert not result.results
        else:
            assert text_of(result) == expected


def test_odd_metadata_are_no_warning() -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.ImageDescription] = "an entry"
    file = io.BytesIO()
    Image.new("L", (100, 50), 255).save(file, "JPEG", exif=exif)
    entry = struct.pack(">HHI", ExifTags.Base.ImageDescription, 2, len("an entry") + 1)
    assert entry in file.getvalue()
    odd = file.getvalue().replace(entry, entry[:4] + b"\0\0\xff\xff")
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        decode(odd)
        assert told
        told.clear()
        with LocalVision() as vision:
            (result,) = ask(over_grpc, vision, batch(odd)).results
    assert not result.HasField("error")
    assert not told


def test_pixels_are_counted_before_anything_is_decoded(vision: LocalVision, face: Face) -> None:
    # Decoded, it would take 12 GB; there is nothing in it to decode.
    header = b"IHDR" + struct.pack(">IIBBBBB", 100_000, 40_000, 8, 2, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    (result,) = ask(face, vision, batch(png)).results
    assert "4,000,000,000 pixels" in result.error.message


def test_features_fail_one_by_one(vision: LocalVision, face: Face) -> None:
    config = FeatureTextDetectionConfig(language_codes=["en"])
    features = (
        Feature(type=Feature.CLASSIFICATION, classification_config=FeatureClassificationConfig(model="quality")),
        Feature(type=Feature.TEXT_DETECTION),
        text_feature("en"),
        text_feature("xx"),
        text_feature("ja"),
        text_feature("*", "en"),
        Feature(text_detection_config=config),
        text_feature("en", model="poem"),
    )
    (result,) = ask(face, vision, batch(picture("Invoice"), features=features)).results
    assert not result.HasField("error")
    kinds = [feature.WhichOneof("feature") for feature in result.results]
    assert kinds == [None, None, "text_detection", None, None, None, None, None]
    messages = [feature.error.message for feature in result.results if feature.HasField("error")]
    expected = [
        "feature CLASSIFICATION is not supported",
        "TEXT_DETECTION needs a text_detection_config",
        "unknown language code 'xx'",
        "language 'ja' is not installed",
        "send it alone",
        "feature TYPE_UNSPECIFIED is not supported",
        "unknown model 'poem'",
    ]
    for message, part in zip(messages, expected, strict=True):
        assert part in message
    assert {feature.error.code for feature in result.results} == {Code.OK, Code.INVALID_ARGUMENT}


def test_a_feature_type_of_the_future_fails_alone(vision: LocalVision) -> None:
    # JSON has no way to say it: unknown numbers are kept by protobuf alone.
    (result,) = ask(
        over_grpc,
        vision,
        batch(picture("Invoice"), features=(Feature(type=Feature.Type.ValueType(99)), text_feature())),
    ).results
    assert "feature 99 is not supported" in result.results[0].error.message
    assert result.results[1].HasField("text_detection")


def test_a_crash_of_the_engine_is_internal_to_its_feature(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, face: Face
) -> None:
    (tmp_path / "eng.traineddata").symlink_to(find_tessdata(environ) / "eng.traineddata")
    (tmp_path / "rus.traineddata").write_bytes(b"damaged" * 1000)
    monkeypatch.setenv("TESSDATA_PREFIX", str(tmp_path))
    with LocalVision() as vision:
        features = (text_feature("ru"), text_feature("en"))
        (result,) = ask(face, vision, batch(picture("Invoice"), features=features)).results
    assert result.results[0].error.code == Code.INTERNAL
    assert "rus" in result.results[0].error.message
    assert result.results[1].HasField("text_detection")
    assert "RecognitionError" in caplog.text


def _bugs(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [str(record.exc_info[1]) for record in caplog.records if record.exc_info]


def test_a_bug_is_internal_to_the_image_that_meets_it(
    vision: LocalVision, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, face: Face
) -> None:
    recognize, good, unlucky = TesseractEngine.recognize, picture("Invoice"), picture("Unlucky", kind="JPEG")

    def fail_once(
        engine: TesseractEngine, bitmap: Bitmap, *, languages: Sequence[str], model: str, give_up: Callable[[], bool]
    ) -> TextAnnotation:
        if bitmap == decode(unlucky):
            raise KeyError(INNER)
        return recognize(engine, bitmap, languages=languages, model=model, give_up=give_up)

    monkeypatch.setattr(TesseractEngine, "recognize", fail_once)
    first, second = ask(face, vision, batch(good, unlucky)).results
    assert text_of(first) == "Invoice"
    assert second.results[0].error == Status(code=Code.INTERNAL, message=BUG)
    monkeypatch.setattr(tesseract_engine, "decode", Mock(side_effect=KeyError(INNER)))
    (result,) = ask(face, vision, batch(good)).results
    assert result.error == Status(code=Code.INTERNAL, message=BUG)
    assert _bugs(caplog) == [f"'{INNER}'"] * 2


def test_a_bug_in_the_whole_call_is_internal_and_told_to_the_log_alone(
    vision: LocalVision, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, face: Face
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(FairQueue, "enter", Mock(side_effect=KeyError(INNER)))
        status = refusal(face, vision, batch(picture("Invoice")))
    assert (status.code, status.message) == (Code.INTERNAL, BUG)
    assert _bugs(caplog) == [f"'{INNER}'"]


def test_after_a_bug_the_connection_goes_on(vision: LocalVision, monkeypatch: pytest.MonkeyPatch) -> None:
    address = urlsplit(vision.rest_endpoint)
    connection = http.client.HTTPConnection(address.netloc)
    connection.connect()
    connection.auto_open = 0
    body = to_json(batch(picture("Invoice")))
    with monkeypatch.context() as broken:
        broken.setattr(FairQueue, "enter", Mock(side_effect=KeyError))
        connection.request("POST", "/vision/v1/batchAnalyze", body)
        with connection.getresponse() as response:
            assert (response.status, response.read()[:1]) == (500, b"{")
    connection.request("POST", "/vision/v1/batchAnalyze", body)
    assert connection.getresponse().status == 200
    connection.close()


def test_a_bug_that_ends_the_connection_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Identities, "issue", Mock(side_effect=KeyError(INNER)))
    with LocalVision(identities=Identities()) as vision:
        address = urlsplit(vision.rest_endpoint)
        connection = http.client.HTTPConnection(address.netloc)
        connection.request("GET", metadata.PATH, headers={"Metadata-Flavor": "Google"})
        response = connection.getresponse()
        assert (response.status, response.headers["connection"]) == (500, "close")
        assert from_json(response.read(), Status).message == BUG
        connection.close()


def test_a_signature_is_refused_for_its_file(vision: LocalVision, face: Face) -> None:
    request = batch(picture("Invoice"))
    request.analyze_specs.add(signature="abc", features=[text_feature()])
    first, second = ask(face, vision, request).results
    assert text_of(first) == "Invoice"
    assert second.error.code == Code.INVALID_ARGUMENT
    assert "signatures are not supported" in second.error.message


CONFIG = "analyze_specs[0].features[0].text_detection_config"
FORBIDDEN: dict[str, tuple[Callable[[], BatchAnalyzeRequest], str]] = {
    "9 specs": (lambda: batch(*[b"a"] * 9), "analyze_specs"),
    "no spec": (BatchAnalyzeRequest, "analyze_specs"),
    "no source": (
        lambda: BatchAnalyzeRequest(analyze_specs=[AnalyzeSpec(features=[text_feature()])]),
        "analyze_specs[0].source",
    ),
    "9 features": (lambda: batch(b"a", features=(text_feature(),) * 9), "analyze_specs[0].features"),
    "9 codes": (lambda: batch(b"a", features=(text_feature(*["en"] * 9),)), f"{CONFIG}.language_codes"),
    "4 letters": (lambda: batch(b"a", features=(text_feature("en", "engl"),)), f"{CONFIG}.language_codes[1]"),
    "51 letters": (lambda: batch(b"a", folder_id="f" * 51), "folder_id"),
    "10 MiB and a byte": (lambda: batch(bytes(10_485_761)), "analyze_specs[0].content"),
}


@pytest.mark.parametrize("case", FORBIDDEN)
def test_what_the_protos_forbid_fails_the_call(vision: LocalVision, face: Face, case: str) -> None:
    make_request, path = FORBIDDEN[case]
    answer, ids = face(vision, make_request())
    assert isinstance(answer, Status)
    assert answer.code == Code.INVALID_ARGUMENT
    assert answer.message.startswith(f"{path}: ")
    violations, info = BadRequest(), RequestInfo()
    assert answer.details[0].Unpack(violations)
    assert answer.details[1].Unpack(info)
    assert violations.field_violations[0].field == path
    assert info.request_id == ids["x-request-id"]


def test_of_many_violations_as_many_are_told_as_metadata_hold(vision: LocalVision, face: Face) -> None:
    features = (text_feature(*["long"] * 8),) * 8
    status = refusal(face, vision, batch(*[b"a"] * 8, features=features))
    assert status.code == Code.INVALID_ARGUMENT
    assert status.message.endswith("; and 496 more")


def test_a_full_batch_of_the_largest_files_is_taken(vision: LocalVision, face: Face) -> None:
    content = picture("Invoice").ljust(1_048_576, b"\0")
    assert [text_of(result) for result in ask(face, vision, batch(*[content] * 8)).results] == ["Invoice"] * 8


def test_each_call_has_ids_of_its_own(vision: LocalVision, face: Face) -> None:
    _, one = face(vision, batch(b"a"))
    _, other = face(vision, batch(b"a"))
    assert one.keys() == other.keys() == {"x-request-id", "x-server-trace-id"}
    assert uuid.UUID(one["x-request-id"]) != uuid.UUID(other["x-request-id"])
