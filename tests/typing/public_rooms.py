"""The public packages beside the clients, as their users see them: read by mypy and pyright, never run."""

from collections.abc import AsyncGenerator, Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import assert_type

from vision_grpc import (
    AsyncVisionClient,
    Code,
    Event,
    ImageError,
    ImageResult,
    Limits,
    PendingOperation,
    Stats,
    Stop,
    VisionClient,
)
from vision_grpc.arrow import AnalyzedBatches, analyze_batches, schema, to_batch
from vision_grpc.auth import (
    Anonymous,
    Credentials,
    IamToken,
    MetadataService,
    OAuthToken,
    ServiceAccountKey,
    YcProfile,
    default_credentials,
)
from vision_grpc.bulk.journal import Line, read_journal
from vision_grpc.events import (
    CallEnded,
    CallStarted,
    ImagesFinished,
    OperationAccepted,
    OperationEnded,
    OperationPolled,
    QuotaLearned,
    QuotaSwitched,
    RetryScheduled,
)
from vision_grpc.exports import hocr, report, searchable_pdf, tsv, write
from vision_grpc.gateway import Gateway
from vision_grpc.local import Identities, LocalVision
from vision_grpc.messages import BatchAnalyzeRequest, BatchAnalyzeResponse, TextAnnotation
from vision_grpc.otel import OpenTelemetryHook
from vision_grpc.quota import Desk, EnvoyQuota, Grant, Permits, Quota, SharedQuota, Usage
from vision_grpc.ray import analyze as analyze_by_ray
from vision_grpc.spark import analyze as analyze_by_spark
from vision_grpc.tape import Finding, Recording, Tape, digest
from vision_grpc.testing import FakeVision, MemoryTransport, SeenRequest, text_annotation, without_backoff


def both_apis_have_the_same_calls() -> None:
    with VisionClient(api="ocr/v1") as client, VisionClient(api="vision/v1", transport="grpc"):
        result = client.analyze("scan.pdf")
        assert_type(result.full_text, str | None)
        assert_type(result.markdown, str | None)
        assert_type(result.rotation, int | None)
        assert_type(result.operation_id, str | None)
        for table in result.tables:
            assert_type(table.cells[0].text, str)


async def both_clients_have_the_same_calls(client: AsyncVisionClient, *, content: bytes) -> None:
    assert_type(await client.analyze(content, timeout=5), ImageResult)
    assert_type(client.analyze_many([content], ordered=True, stop=Stop()), AsyncGenerator[ImageResult, None])
    assert_type(await client.batch_analyze(BatchAnalyzeRequest()), BatchAnalyzeResponse)
    assert_type(client.stats(), Stats)
    await client.aclose()


def accepted_files_are_images(client: VisionClient) -> None:
    pending = PendingOperation("scan.pdf", "fc3operation")
    assert_type(client.analyze(pending), ImageResult)
    client.analyze_many([pending, "other.pdf"], deferred=True)


def credentials_are_of_every_kind() -> Sequence[Credentials]:
    exchanged = ServiceAccountKey("key.json", iam_endpoint="iam.example:443", transport="rest")
    return [Anonymous(), IamToken(lambda: "t1"), OAuthToken("y0"), exchanged, MetadataService(), YcProfile("prod")]


def hooks_tell_events_apart(event: Event) -> None:
    if isinstance(event, CallStarted):
        assert_type(event.keys, tuple[str, ...])
    elif isinstance(event, CallEnded):
        assert_type(event.code, Code)
        assert_type(event.request_id, str | None)
    elif isinstance(event, OperationAccepted | OperationEnded):
        assert_type(event.operation_id, str)
    elif isinstance(event, OperationPolled):
        assert_type(event.is_pending, bool)
    elif isinstance(event, RetryScheduled):
        assert_type(event.wait_s, float)
    elif isinstance(event, QuotaLearned):
        assert_type(event.requests_per_s, float)
    elif isinstance(event, QuotaSwitched):
        assert_type(event.is_alone, bool)
    else:
        assert_type(event, ImagesFinished)
        assert_type(event.failures[0].code, Code)


def hooks_are_functions_of_events() -> None:
    VisionClient(on_event=print)
    VisionClient(on_event=OpenTelemetryHook())
    AsyncVisionClient(on_event=hooks_tell_events_apart, credentials=default_credentials())


class OwnQuota:
    def reserve(self, requests: int, images: int) -> Grant:
        return Grant([0.5] * requests, requests_per_s=10 / images)

    def close(self) -> None: ...


def clients_share_a_quota(quota: Quota) -> None:
    VisionClient(quota=OwnQuota())
    AsyncVisionClient(quota=quota)


def results_are_exported(results: Sequence[ImageResult], file: BytesIO) -> None:
    write(Path("words.tsv"), "tsv", results)
    write(file, "hocr", results[0])
    assert_type(hocr(results), Iterator[bytes])
    assert_type(tsv(iter(results)), Iterator[bytes])
    file.writelines(searchable_pdf(results))
    file.writelines(report(results, title="Scans"))
    to_batch(results, detail="words")
    assert_type(
        analyze_batches(
            [], key="path", keep=["page"], languages=["ru"], detail="words", limits=Limits(requests_per_s=1)
        ),
        AnalyzedBatches,
    )
    schema(detail="wire")


def engines_take_the_settings_of_clients() -> None:
    analyze_by_ray(None, image="bytes", key="path", detail="words", batch_size=32, limits=Limits(requests_per_s=1))
    analyze_by_spark(None, image="content", keep=["page"], on_error="raise", api="ocr/v1")
    analyze_by_ray(None, rps=5)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    analyze_by_spark(None, batch_size=5)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


def journals_are_read(path: Path) -> None:
    for line in read_journal(path, last_only=True):
        assert_type(line, Line)


def answers_are_kept(result: ImageResult, findings: list[Finding]) -> None:
    tape = Tape("s3://bucket/answers", mode="once", most_bytes=10**9, most_age_s=3600)
    VisionClient(cache=tape)
    recording = Recording.of(result, api="vision/v1", model="page", languages=["ru"])
    assert_type(recording, Recording | None)
    assert_type(tape.find([digest(b"", "vision/v1", ["ru"], "page")]), Sequence[Recording | None])
    assert_type(tape.prune(dry_run=True).removed_entries, int)
    assert_type(tape.verify(on_finding=findings.append).damaged, int)
    for kind, each in tape.stats().by_kind.items():
        assert_type((kind.api, each.total_bytes), tuple[str, int])


def services_are_started(error: ImageError) -> None:
    identities = Identities()
    with LocalVision(identities=identities, strict=True) as service:
        assert_type(service.grpc_endpoint, str)
        assert_type(identities.authorized_key, dict[str, str])
    with Gateway("ocr.example:443", port=0) as gateway:
        assert_type(gateway.rest_endpoint, str)
    with FakeVision() as fake:
        fake.reads("Hello world")
        fake.reads(lambda image: f"{len(image)} bytes")
        assert_type(fake.requests, list[SeenRequest])
        assert_type(fake.client(transport="rest"), VisionClient)
    assert_type(text_annotation("Hello"), TextAnnotation)
    with without_backoff():
        VisionClient(transport=MemoryTransport(lambda _: BatchAnalyzeResponse()))
    assert_type(error.code, Code)


def wrong_use_is_an_error(client: VisionClient) -> None:
    Tape("answers", mode="new")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    VisionClient(api="vision/v2")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    OAuthToken(5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    client.analyze_many("scan.png", deferred="yes")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    analyze_batches([], on_error="skip")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    analyze_batches([], rps=5)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    to_batch([], detail="lines")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def quotas_are_shared(desk: Desk) -> None:
    quotas: list[Quota] = [
        SharedQuota("127.0.0.1:7070", share_requests_per_s=2.5, client="worker"),
        EnvoyQuota("127.0.0.1:8081", domain="vision", descriptors={"api": "ocr"}, counts="images"),
        EnvoyQuota("127.0.0.1:8081", domain="vision", descriptors=[{"api": "ocr"}, {"account": "b1g"}]),
    ]
    assert_type(quotas[0].reserve(1, 8), Grant)
    assert_type(await desk.reserve("worker", 1, 8), Permits)
    assert_type(desk.usage(), Usage)
