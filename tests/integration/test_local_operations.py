"""The deferred calls of ocr/v1 in the local service, as plain clients of gRPC and REST meet them."""

import http.client
import io
import json
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import grpc
import pytest
from documents import PdfPage, make_pdf, scanned, text
from images_in_bytes import number_in, png
from operation_peers import (
    NOT_READY,
    WAIT_S,
    GrpcPeer,
    Peer,
    PeerOf,
    RestPeer,
    fails,
    fetch_when_ready,
    small,
    wait_for,
)
from PIL import Image

from vision_grpc.errors import Code
from vision_grpc.local import Identities, LocalVision
from vision_grpc.local.config import ServiceConfig
from vision_grpc.local.ocr.scripted import ScriptedEngine
from vision_grpc.messages import (
    Empty,
    GetOperationRequest,
    GetRecognitionRequest,
    Page,
    RecognizeTextRequest,
    TextAnnotation,
)
from vision_grpc_pb.yandex.cloud.ai.ocr.v1.ocr_service_pb2_grpc import (
    TextRecognitionAsyncServiceStub,
    TextRecognitionServiceStub,
)
from vision_grpc_pb.yandex.cloud.operation.operation_service_pb2_grpc import OperationServiceStub

SCAN = (Path(__file__).parents[1] / "data/pages/en_sans.png").read_bytes()


class Gate(NamedTuple):
    """Holds up the reading of files until it is opened."""

    opened: threading.Event
    reading: threading.Event
    read: list[int]
    """The numbers of the files, in the order in which they were begun."""

    def script(self, content: bytes) -> TextAnnotation:
        self.read.append(number_in(content))
        self.reading.set()
        assert self.opened.wait(WAIT_S)
        return TextAnnotation(pages=[Page(width=number_in(content), height=1)])


@pytest.fixture
def gate() -> Iterator[Gate]:
    made = Gate(threading.Event(), threading.Event(), [])
    yield made
    made.opened.set()


@pytest.fixture(scope="module")
def vision() -> Iterator[LocalVision]:
    with LocalVision() as service:
        yield service


@pytest.fixture(params=[GrpcPeer, RestPeer], ids=["grpc", "rest"])
def peer_of(request: pytest.FixtureRequest) -> PeerOf:
    made: PeerOf = request.param
    return made


def gated(gate: Gate, **settings: Any) -> LocalVision:  # noqa: ANN401
    return LocalVision(engine=ScriptedEngine(gate.script), config=ServiceConfig(threads=1, **settings))


def test_a_file_is_accepted_read_and_fetched(gate: Gate, peer_of: PeerOf) -> None:
    with gated(gate) as vision:
        peer = peer_of(vision)
        began_at = time.time()
        accepted = peer.submit(small(7), x_folder_id="b1g0")
        assert len(accepted.id) == 20
        assert accepted.id == accepted.id.lower()
        assert accepted.id.isalnum()
        assert accepted.created_by
        assert accepted.description
        assert abs(accepted.created_at.ToDatetime().timestamp() - began_at) < WAIT_S * 60 * 24
        assert not accepted.done
        assert accepted.WhichOneof("result") is None
        assert peer.get(accepted.id) == accepted
        early = fails(lambda: peer.fetch(accepted.id))
        assert (early.code, early.message) == (Code.NOT_FOUND, NOT_READY)
        gate.opened.set()
        done = wait_for(peer, accepted.id)
        assert done.response.Is(Empty.DESCRIPTOR)
        assert (done.id, done.created_at, done.created_by) == (accepted.id, accepted.created_at, accepted.created_by)
        assert done.modified_at.ToNanoseconds() >= done.created_at.ToNanoseconds()
        for _ in range(2):
            [page] = peer.fetch(accepted.id)
            assert (page.page, page.text_annotation.width) == (0, 7)


def test_the_result_is_that_of_the_synchronous_call(vision: LocalVision) -> None:
    request = RecognizeTextRequest(content=SCAN, language_codes=["en"], mime_type="image/png")
    with grpc.insecure_channel(vision.grpc_endpoint) as channel:
        expected = list(TextRecognitionServiceStub(channel).Recognize(request, timeout=WAIT_S))
    by_grpc, by_rest = GrpcPeer(vision), RestPeer(vision)
    submitted = [by_grpc.submit(request).id, by_rest.submit(request).id]
    for operation_id in submitted:
        wait_for(by_grpc, operation_id)
        assert by_grpc.fetch(operation_id) == by_rest.fetch(operation_id) == expected


def test_pages_of_a_pdf_come_in_order(vision: LocalVision, peer_of: PeerOf) -> None:
    peer = peer_of(vision)
    words = ["first", "second", "third", "fourth"]
    pdf = make_pdf([PdfPage(text(f"The {word} page", size=40)) for word in words])
    operation = peer.submit(RecognizeTextRequest(content=pdf, language_codes=["en"]))
    wait_for(peer, operation.id)
    pages = peer.fetch(operation.id)
    assert [page.page for page in pages] == [0, 1, 2, 3]
    assert [page.text_annotation.full_text for page in pages] == [f"The {word} page\n" for word in words]


REFUSED: dict[str, tuple[RecognizeTextRequest, str]] = {
    "empty": (RecognizeTextRequest(content=b""), "the file is empty"),
    "no source": (RecognizeTextRequest(), "the file is empty"),
    "WebP": (RecognizeTextRequest(content=b"RIFF\0\0\0\0WEBPVP8 "), "the file is a WebP"),
    "too large": (RecognizeTextRequest(content=png(1, size=10 * 1024 * 1024 + 1)), "the file has 10,485,"),
    "tables": (RecognizeTextRequest(content=png(1), model="table"), "the local service does not read tables"),
    "unknown model": (RecognizeTextRequest(content=png(1), model="pages"), "unknown model 'pages'"),
    "another media type": (RecognizeTextRequest(content=png(1), mime_type="application/pdf"), "mime_type: it says PDF"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_wrong_at_first_sight_is_not_accepted(vision: LocalVision, peer_of: PeerOf, name: str) -> None:
    request, message = REFUSED[name]
    error = fails(lambda: peer_of(vision).submit(request))
    assert error.code == Code.INVALID_ARGUMENT
    assert message in error.message


ONE_PAGE = make_pdf([PdfPage(text("one"))])
FAILED: dict[str, tuple[RecognizeTextRequest, str]] = {
    "no page": (RecognizeTextRequest(content=make_pdf([])), "the PDF has no pages"),
    "201 pages": (
        RecognizeTextRequest(content=make_pdf([PdfPage()] * 201)),
        "the PDF has 201 pages, and at most 200 are read",
    ),
    "encrypted": (
        RecognizeTextRequest(content=make_pdf([PdfPage()], opened_by="secret")),
        "the PDF is encrypted and needs a password",
    ),
    "cut": (RecognizeTextRequest(content=ONE_PAGE[: len(ONE_PAGE) // 4]), "the PDF is damaged"),
    "unknown language": (RecognizeTextRequest(content=SCAN, language_codes=["xx"]), "unknown language code 'xx'"),
}


@pytest.mark.parametrize("name", FAILED)
def test_what_cannot_be_read_fails_with_one_clear_error(vision: LocalVision, peer_of: PeerOf, name: str) -> None:
    request, message = FAILED[name]
    peer = peer_of(vision)
    operation = wait_for(peer, peer.submit(request).id)
    assert operation.error.code == Code.INVALID_ARGUMENT
    assert message in operation.error.message
    error = fails(lambda: peer.fetch(operation.id))
    assert (error.code, error.message) == (Code.INVALID_ARGUMENT, operation.error.message)


def test_pages_before_a_damaged_one_are_kept(vision: LocalVision, peer_of: PeerOf) -> None:
    peer = peer_of(vision)
    pages = [PdfPage(text("First page", size=40)), PdfPage(text("Other page", size=40))]
    pdf = make_pdf(pages, count=3)
    operation = wait_for(peer, peer.submit(RecognizeTextRequest(content=pdf, language_codes=["en"])).id)
    assert operation.error.code == Code.INVALID_ARGUMENT
    assert "page 3 of 3" in operation.error.message
    error = fails(lambda: peer.fetch(operation.id))
    assert [page.text_annotation.full_text for page in error.pages] == ["First page\n", "Other page\n"]
    assert error.message == operation.error.message


def test_unknown_operations_are_not_the_same_as_those_that_are_not_ready(vision: LocalVision, peer_of: PeerOf) -> None:
    peer = peer_of(vision)
    for call in (peer.fetch, peer.get, peer.cancel):
        error = fails(partial(call, "c0000000000000000000"))
        assert error.code == Code.NOT_FOUND
        assert "there is no operation 'c0000000000000000000'" in error.message


@pytest.mark.parametrize("operation_id", ["", "x" * 51])
def test_ids_that_break_the_contract_are_refused(vision: LocalVision, operation_id: str) -> None:
    error = fails(lambda: GrpcPeer(vision).fetch(operation_id))
    assert error.code == Code.INVALID_ARGUMENT
    assert "operation_id" in error.message
    assert fails(lambda: RestPeer(vision).fetch(operation_id)).message == error.message


def test_a_cancelled_operation_says_so_and_its_place_is_given_up(gate: Gate, peer_of: PeerOf) -> None:
    with gated(gate) as vision:
        peer = peer_of(vision)
        being_read, waiting, last = (peer.submit(small(number)).id for number in (1, 2, 3))
        assert gate.reading.wait(WAIT_S)
        for operation_id in (being_read, waiting):
            cancelled = peer.cancel(operation_id)
            assert (cancelled.done, cancelled.error.code) == (True, Code.CANCELLED)
            assert peer.get(operation_id) == cancelled == peer.cancel(operation_id)
            error = fails(partial(peer.fetch, operation_id))
            assert (error.code, error.message) == (Code.CANCELLED, cancelled.error.message)
        gate.opened.set()
        assert wait_for(peer, last).HasField("response")
        assert peer.get(being_read).error.code == Code.CANCELLED
        done = peer.cancel(last)
        assert done.HasField("response")
        assert len(peer.fetch(last)) == 1


def test_operations_of_others_are_refused() -> None:
    identities = Identities()
    engine = ScriptedEngine(lambda _: TextAnnotation())
    with LocalVision(engine=engine, identities=identities) as vision:
        peer = GrpcPeer(vision)
        key, (token, _) = f"Api-Key {identities.api_key}", identities.issue()
        operation = peer.submit(small(), authorization=key, x_folder_id="b1gone")
        assert operation.created_by == identities.service_account_id
        # A token of the same account is as good, and so is a call that names no folder.
        wait_for(peer, operation.id, authorization=f"Bearer {token}")
        assert len(peer.fetch(operation.id, authorization=f"Bearer {token}", x_folder_id="b1gone")) == 1
        other, _ = identities.issue(identities.user_id)
        for asked in (
            {"authorization": key, "x_folder_id": "b1gtwo"},
            {"authorization": f"Bearer {other}", "x_folder_id": "b1gone"},
        ):
            for each in (peer, RestPeer(vision)):
                for call in (each.fetch, each.get, each.cancel):
                    error = fails(partial(call, operation.id, **asked))
                    assert error.code == Code.PERMISSION_DENIED
        assert fails(lambda: peer.fetch(operation.id)).code == Code.UNAUTHENTICATED


def test_a_synchronous_call_goes_before_files_that_wait(gate: Gate) -> None:
    with gated(gate) as vision:
        peer = GrpcPeer(vision)
        waiting = [peer.submit(small(number)).id for number in range(1, 31)]
        assert gate.reading.wait(WAIT_S)
        with grpc.insecure_channel(vision.grpc_endpoint) as channel:
            call = TextRecognitionServiceStub(channel).Recognize(small(99), timeout=WAIT_S)
            call.initial_metadata()  # It is in the queue.
            gate.opened.set()
            [page] = call
        assert page.text_annotation.width == 99
        assert gate.read.index(99) <= 2
        wait_for(peer, waiting[-1])
        assert [each for each in gate.read if each != 99] == list(range(1, 31))


def test_results_that_take_too_much_go_first_and_files_are_refused(gate: Gate, peer_of: PeerOf) -> None:
    with gated(gate, keep_operations=3) as vision:
        peer = peer_of(vision)
        first, second, third = (peer.submit(small(number)).id for number in (1, 2, 3))
        error = fails(lambda: peer.submit(small(4)))
        assert error.code == Code.RESOURCE_EXHAUSTED
        assert "3 files wait" in error.message
        gate.opened.set()
        for each in (first, second, third):
            wait_for(peer, each)
        peer.fetch(first)
        fourth = peer.submit(small(4)).id
        wait_for(peer, fourth)
        assert fails(lambda: peer.fetch(second)).code == Code.NOT_FOUND
        assert len(peer.fetch(first)) == len(peer.fetch(third)) == len(peer.fetch(fourth)) == 1


def test_results_expire(peer_of: PeerOf) -> None:
    engine = ScriptedEngine(lambda _: TextAnnotation())
    with LocalVision(engine=engine, config=ServiceConfig(keep_results_s=0.2)) as vision:
        peer = peer_of(vision)
        operation_id = peer.submit(small()).id
        assert len(fetch_when_ready(peer, operation_id)) == 1
        ends_at = time.monotonic() + WAIT_S
        error = fails(lambda: fetch_until(peer, operation_id, ends_at))
        assert error.code == Code.NOT_FOUND
        assert "results are kept for 0.2 seconds" in error.message


def fetch_until(peer: Peer, operation_id: str, ends_at: float) -> None:
    while time.monotonic() < ends_at:
        peer.fetch(operation_id)
        time.sleep(0.01)


def test_a_reset_forgets_the_operations_of_a_test(gate: Gate) -> None:
    with gated(gate) as vision:
        peer = RestPeer(vision)
        mine, other = peer.submit(small(), x_test_id="mine").id, peer.submit(small()).id
        connection = http.client.HTTPConnection(urlsplit(vision.rest_endpoint).netloc, timeout=WAIT_S)
        connection.request("POST", "/_vision/reset?test_id=mine")
        assert connection.getresponse().status == 204
        connection.close()
        assert fails(lambda: peer.get(mine)).code == Code.NOT_FOUND
        assert peer.get(other).id == other


@pytest.mark.parametrize(
    ("kind", "allowed"), [("synchronous", 1), ("deferred", 10), ("status", 50), ("results", 50)]
)  # fmt: skip
def test_the_documented_quotas(kind: str, allowed: int) -> None:
    engine = ScriptedEngine(lambda _: TextAnnotation())
    with LocalVision(engine=engine, config=ServiceConfig(quota="documented")) as vision:
        peer = GrpcPeer(vision)
        with grpc.insecure_channel(vision.grpc_endpoint) as channel:
            operation_id = peer.submit(small(), x_test_id="another").id
            calls: dict[str, Callable[[], object]] = {
                "synchronous": lambda: list(TextRecognitionServiceStub(channel).Recognize(small(), timeout=WAIT_S)),
                "deferred": lambda: TextRecognitionAsyncServiceStub(channel).Recognize(small(), timeout=WAIT_S),
                "status": lambda: OperationServiceStub(channel).Get(
                    GetOperationRequest(operation_id=operation_id), timeout=WAIT_S
                ),
                "results": lambda: _fetched(channel, operation_id),
            }
            for _ in range(allowed):
                calls[kind]()
            with pytest.raises(grpc.RpcError) as caught:
                repeat(calls[kind], 20 * allowed)
        assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert f"{allowed} {kind} calls a second" in (caught.value.details() or "")


def repeat(call: Callable[[], object], times: int) -> None:
    for _ in range(times):
        call()


def _fetched(channel: grpc.Channel, operation_id: str) -> None:
    try:
        list(TextRecognitionAsyncServiceStub(channel).GetRecognition(GetRecognitionRequest(operation_id=operation_id)))
    except grpc.RpcError as error:
        if error.details() != NOT_READY:
            raise


def test_a_scan_in_a_pdf_is_read_in_the_background(vision: LocalVision) -> None:
    peer = GrpcPeer(vision)
    with Image.open(io.BytesIO(SCAN)) as page:
        pdf = make_pdf([scanned(page.convert("L"), 150)] * 2)
    operation = peer.submit(RecognizeTextRequest(content=pdf, language_codes=["en"], mime_type="application/pdf"))
    wait_for(peer, operation.id)
    first, second = peer.fetch(operation.id)
    assert first.text_annotation.full_text.startswith("The harbour was quiet")
    assert first.text_annotation == second.text_annotation


def test_urls_are_read_as_gateways_read_them(gate: Gate) -> None:
    with gated(gate) as vision:
        peer = RestPeer(vision)
        operation_id = peer.submit(small()).id
        path = "/ocr/v1/getRecognition"
        for query in (f"operation_id={operation_id}", f"operationId={operation_id}&folderId=b1g0&x=1&x=2"):
            assert fails(partial(peer.ask, "GET", f"{path}?{query}", {})).message == NOT_READY
        twice = fails(lambda: peer.ask("GET", f"{path}?operationId={operation_id}&operation_id=b", {}))
        assert (twice.code, twice.message) == (Code.INVALID_ARGUMENT, "the URL has operation_id twice")
        assert json.loads(peer.ask("GET", f"/operations/{operation_id}", {}))["id"] == operation_id
