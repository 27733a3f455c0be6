"""The public names as their users see them: read by mypy and pyright, never run."""

from collections.abc import Generator, Iterator, Sequence
from contextlib import aclosing, closing
from http.client import HTTPSConnection
from io import BytesIO, StringIO
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, assert_type
from zipfile import ZipFile

from PIL.Image import Image as Picture

import vision_grpc
from vision_grpc import (
    ApiEndpoints,
    AsyncVisionClient,
    Code,
    Image,
    ImageError,
    ImageResult,
    InvalidRequestError,
    Limits,
    MemoryTuning,
    ServiceError,
    Timeouts,
    Violation,
    VisionClient,
    VisionError,
    from_json,
    to_json,
    tune_memory,
)
from vision_grpc.auth import ApiKey, Credentials, IamToken, default_credentials
from vision_grpc.local import LocalVision
from vision_grpc.messages import (
    AnalyzeResult,
    AnalyzeSpec,
    BatchAnalyzeRequest,
    BatchAnalyzeResponse,
    Feature,
    FeatureTextDetectionConfig,
    TextAnnotation,
    Vertex,
)
from vision_grpc.results.layout import Box, Word
from vision_grpc.sources.ahead import ReadAhead, read_ahead
from vision_grpc.sources.files import ImageSource
from vision_grpc.sources.fit import prepare
from vision_grpc.sources.item import Item


def clients_take_every_option() -> None:
    VisionClient()
    VisionClient(ApiEndpoints("api.example"))
    with VisionClient(
        "localhost:50051",
        transport="rest",
        credentials=ApiKey("key"),
        folder_id="folder",
        root_certificates=Path("roots.pem"),
        client_certificate=("chain.pem", b"key"),
        server_name="vision.example",
        insecure=True,
        data_logging=False,
        metadata={"x-test-id": "7"},
        limits=Limits(content_bytes=4_000_000, pixels=1_000_000),
        timeouts=Timeouts(call_s=10),
    ) as client:
        assert_type(client, VisionClient)
        assert_type(client.close(), None)


def one_image_comes_back_as_a_result(client: VisionClient) -> None:
    result = client.analyze("scan.png", languages=["ru", "en"], timeout=5)
    assert_type(result, ImageResult)
    assert_type(result.ok, bool)
    assert_type(result.key, str)
    assert_type(result.text, str)
    assert_type(result.words(), Iterator[Word])
    assert_type(result.pages[0].blocks[0].lines[0].words[0].box, Box)
    assert_type(next(result.lines()).polygon, Sequence[tuple[int, int]])
    assert_type(next(result.blocks()).confidence, float | None)
    assert_type(result.to_dict(detail="text"), dict[str, Any])
    assert_type(to_json(result), bytes)
    assert_type(result.annotation, TextAnnotation | None)
    assert_type(result.result, AnalyzeResult | None)
    assert_type(result.markdown, str | None)
    assert_type(result.tables[0].rows(), list[list[str]])
    assert_type(result.tables[0].page, int)
    assert_type(result.tables[0].grid()[0][0].column_span, int)
    assert_type(result.pictures[0].score, float)
    assert_type(result.attempts, int)
    assert_type(result.request_id, str | None)
    if result.error is not None:
        assert_type(result.error, ImageError)
        assert_type(result.error.code, Code)
        assert_type(result.error.retryable, bool)


def images_are_paths_bytes_or_have_keys(client: VisionClient, *, content: bytes) -> None:
    client.analyze(Path("scan.png"))
    client.analyze(content)
    client.analyze(Image("key", content))
    client.analyze(Image("key", content, languages=["ru"], model="line"))
    assert_type(Image("key", content).languages, Sequence[str] | None)
    assert_type(Image("key", content).model, str | None)
    assert_type(client.analyze_many(Path("scans").rglob("*.png"), languages=["*"]), Generator[ImageResult, None, None])
    client.analyze(Image("key", bytearray(content)))
    for result in client.analyze_many(["scan.png", content, Image(key="key", content=content)]):
        assert_type(result, ImageResult)
        assert_type(result.raise_for_error(), ImageResult)
    with closing(client.analyze_many([content], model="line")) as results:
        assert_type(next(results).text, str)


def images_are_buffers_files_and_pictures(client: VisionClient, picture: Picture, *, content: bytes) -> None:
    client.analyze(bytearray(content))
    client.analyze(memoryview(content))
    client.analyze(BytesIO(content))
    with Path("scan.png").open("rb") as file, ZipFile("scans.zip") as archive, TemporaryFile() as temporary:
        client.analyze(file)
        client.analyze(archive.open("scan.png"))
        client.analyze(temporary)
        client.analyze_many([file, archive.open("scan.png"), picture, "scan.png"])
    client.analyze(HTTPSConnection("host.example").getresponse())
    client.analyze(picture)
    every_kind_is_a_source(client, [content, bytearray(content), BytesIO(content), picture])


def every_kind_is_a_source(client: VisionClient, images: Sequence[ImageSource]) -> None:
    client.analyze(images[0])
    client.analyze_many(images)


def items_are_read_when_their_turn_comes(client: VisionClient, error: ImageError, *, content: bytes) -> None:
    item = Item("key", lambda limits: content if limits.content_bytes else error, languages=["ru"])
    client.analyze(item)
    for result in client.analyze_many([item, "scan.png"]):
        assert_type(result, ImageResult)
    with read_ahead([item], threads=16, ordered=True) as images:
        assert_type(images, ReadAhead)
        assert_type(client.analyze_many(images, ordered=True), Generator[ImageResult, None, None])
    read_ahead(iter([item]), prepare)


async def streams_of_loops_close(client: AsyncVisionClient, *, content: bytes) -> None:
    async with aclosing(client.analyze_many([content], model=None)) as results:
        assert_type(await anext(results), ImageResult)


def requests_are_protobuf_messages(client: VisionClient, *, content: bytes) -> None:
    feature = Feature(
        type=Feature.TEXT_DETECTION,
        text_detection_config=FeatureTextDetectionConfig(language_codes=["ru"], model="page"),
    )
    request = BatchAnalyzeRequest(analyze_specs=[AnalyzeSpec(content=content, features=[feature])], folder_id="folder")
    response = client.batch_analyze(request, timeout=5.0)
    assert_type(response, BatchAnalyzeResponse)
    for result in response.results:
        for page in result.results[0].text_detection.pages:
            assert_type(page.blocks[0].lines[0].words[0].bounding_box.vertices[0], Vertex)


def json_goes_both_ways(request: BatchAnalyzeRequest) -> None:
    assert_type(to_json(request), bytes)
    assert_type(from_json(b"{}", BatchAnalyzeResponse, ignore_unknown=False), BatchAnalyzeResponse)
    assert_type(vision_grpc.messages.adopt(request).SerializeToString(), bytes)


def errors_carry_what_callers_branch_on(client: VisionClient, request: BatchAnalyzeRequest) -> None:
    try:
        client.batch_analyze(request)
    except InvalidRequestError as error:
        assert_type(error.violations, tuple[Violation, ...])
        assert_type(error.code, Code)
    except ServiceError as error:
        assert_type(error.code, Code)
        assert_type(error.code.http_status, int)
        assert_type(error.request_id, str | None)
    except VisionError:
        raise


def credentials_are_interchangeable(chosen: Sequence[Credentials] = (ApiKey("key"), IamToken("token"))) -> None:
    VisionClient(credentials=chosen[0])
    VisionClient(credentials=default_credentials())


def the_local_service_names_its_endpoints() -> None:
    with LocalVision() as service:
        assert_type(service.grpc_endpoint, str)
        assert_type(service.rest_endpoint, str)


def memory_is_tuned_on_request() -> None:
    assert_type(tune_memory(), MemoryTuning)
    assert_type(tune_memory(arenas=2).applied, tuple[str, ...])
    assert_type(tune_memory().reason, str | None)


def wrong_use_is_an_error(client: VisionClient) -> None:
    VisionClient("localhost:50051", "rest")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    VisionClient(transport="http")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    client.analyze(StringIO("text"))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    VisionClient(api_key="key")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    VisionClient(credentials="key")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    VisionClient(timeouts=5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    client.analyze(5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
