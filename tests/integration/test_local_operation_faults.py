"""What goes wrong with operations on command, as plain clients of gRPC and REST meet it."""

import re
import time
import uuid
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Literal

import pytest
from images_in_bytes import png
from operation_peers import (
    NOT_READY,
    CallError,
    GrpcPeer,
    PeerOf,
    RestPeer,
    fails,
    fetch_when_ready,
    small,
    wait_for,
)

from vision_grpc import Timeouts, VisionClient
from vision_grpc.errors import Code
from vision_grpc.local import LocalVision
from vision_grpc.local.ocr.scripted import ScriptedEngine
from vision_grpc.messages import Page, RecognizeTextResponse, TextAnnotation
from vision_grpc.stream import poll_verdict

_DOC = (Path(__file__).parents[2] / "docs/faults.md").read_text()


@pytest.fixture(scope="module")
def vision() -> Iterator[LocalVision]:
    with LocalVision(engine=ScriptedEngine(lambda _: TextAnnotation())) as service:
        yield service


@pytest.fixture(params=[GrpcPeer, RestPeer], ids=["grpc", "rest"])
def peer_of(request: pytest.FixtureRequest) -> PeerOf:
    made: PeerOf = request.param
    return made


def _rows() -> list[tuple[str, str, str]]:
    """Return each order in the table of docs/faults.md, what is seen of it, and what our client does."""
    [table] = re.findall(r"^\| submission \|.*\n\|[-|]+\n((?:\|.*\n)+)", _DOC, re.MULTILINE)
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table.splitlines()]
    return [(row[0].strip("`"), row[3].split("`")[1], row[4]) for row in rows]


@pytest.mark.parametrize(("order", "seen_as"), [row[:2] for row in _rows()])
def test_a_row_of_the_table(vision: LocalVision, peer_of: PeerOf, order: str, seen_as: str) -> None:
    peer = peer_of(vision)
    began_at = time.monotonic()
    operation_id = peer.submit(small(), x_fault=f"{order}; times=1", x_test_id=peer_of.__name__).id
    if order == "stuck-operation":
        assert fails(lambda: peer.fetch(operation_id)).message == NOT_READY
        assert not peer.get(operation_id).done
        assert peer.cancel(operation_id).error.code == Code.CANCELLED
        return
    if seen_as == "OK":
        assert len(fetch_when_ready(peer, operation_id)) == 1
        assert time.monotonic() - began_at >= 0.2
        return
    error = fails(lambda: fetch_when_ready(peer, operation_id))
    assert error.code.name == seen_as
    if error.code is Code.NOT_FOUND:
        assert fails(lambda: peer.get(operation_id)).message == error.message
    else:
        assert peer.get(operation_id).error.message == error.message


OUTCOMES = {
    "takes the result": ("read", 1),
    "sends that image again": ("read", 2),
    "stops asking after `operation_s`": ("DEADLINE_EXCEEDED", 1),
    "fails that image": ("its code", 1),
}


@pytest.fixture
def soon_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let an operation not be unknown for long because a service is made of many machines."""
    monkeypatch.setattr(poll_verdict, "_SPREADS_WITHIN_S", 0.3)


@pytest.mark.usefixtures("soon_known")
@pytest.mark.parametrize("transport", ["grpc", "rest"])
@pytest.mark.parametrize(("order", "seen_as", "our_client"), _rows())
def test_our_client_in_a_row_of_the_table(
    vision: LocalVision, transport: Literal["grpc", "rest"], order: str, seen_as: str, our_client: str
) -> None:
    test_id = uuid.uuid4().hex
    struck_first = sha256(png(0)).hexdigest()[:16]
    vision.faults.put(f"{order}; times=1; digest={struck_first}", test_id=test_id)
    endpoint = vision.grpc_endpoint if transport == "grpc" else vision.rest_endpoint
    operation_s = 2 if order == "stuck-operation" else 60
    with VisionClient(
        endpoint,
        insecure=True,
        transport=transport,
        api="ocr/v1",
        metadata={"x-test-id": test_id},
        timeouts=Timeouts(operation_s=operation_s),
    ) as client:
        struck, other = client.analyze_many([png(0), png(1)], ordered=True, deferred=True)
    outcome, attempts = OUTCOMES[our_client]
    seen = "read" if struck.error is None else struck.error.code.name
    assert (seen, struck.attempts) == (outcome.replace("its code", seen_as), attempts)
    assert (other.ok, other.attempts, vision.faults.hits(test_id=test_id)) == (True, 1, 1)


@pytest.mark.parametrize(
    ("fault", "code", "message"),
    [
        ("failed-operation=INTERNAL; message=broken", Code.INTERNAL, "broken"),
        ("image-error=INVALID_ARGUMENT; message=blurred", Code.INVALID_ARGUMENT, "blurred"),
        ("late-operation=0.1, failed-operation=INTERNAL; message=late", Code.INTERNAL, "late"),
    ],
)
def test_operations_fail_on_command(vision: LocalVision, peer_of: PeerOf, fault: str, code: Code, message: str) -> None:
    peer = peer_of(vision)
    operation = wait_for(peer, peer.submit(small(), x_fault=fault).id)
    assert (operation.error.code, operation.error.message) == (code, message)
    error = fails(lambda: peer.fetch(operation.id))
    assert (error.code, error.message) == (code, message)


@pytest.mark.parametrize("fault", ["lost-operation", "expired-operation", "late-operation=0.05, expired-operation"])
def test_operations_are_gone_on_command(vision: LocalVision, peer_of: PeerOf, fault: str) -> None:
    peer = peer_of(vision)
    operation_id = peer.submit(small(), x_fault=fault).id
    error = fails(lambda: fetch_when_ready(peer, operation_id))
    assert error.code == Code.NOT_FOUND
    assert error.message.startswith(f"there is no operation '{operation_id}'")


def test_operations_are_late_or_stuck_on_command(peer_of: PeerOf) -> None:
    with LocalVision(engine=ScriptedEngine(lambda _: TextAnnotation())) as vision:
        peer = peer_of(vision)
        began_at = time.monotonic()
        stuck = peer.submit(small(), x_fault="stuck-operation").id
        late = peer.submit(small(), x_fault="late-operation=0.3").id
        operation = wait_for(peer, late)
        assert time.monotonic() - began_at >= 0.3
        took_ns = operation.modified_at.ToNanoseconds() - operation.created_at.ToNanoseconds()
        assert took_ns == pytest.approx(0.3e9, abs=1e6)
        assert len(peer.fetch(late)) == 1
        assert not peer.get(stuck).done
        assert fails(lambda: peer.fetch(stuck)).message == NOT_READY
        assert peer.cancel(stuck).error.code == Code.CANCELLED


@pytest.mark.parametrize(
    ("fault", "widths", "code"),
    [("code=UNAVAILABLE", [], Code.UNAVAILABLE), ("code=UNAVAILABLE; pages=1", [1], Code.UNAVAILABLE),
     ("code=INTERNAL; pages=9", [1, 2, 3], Code.INTERNAL), ("short", [1, 2], Code.OK),
     ("extra=2", [1, 2, 3, 3, 3], Code.OK), ("image-error=ABORTED", [], Code.ABORTED),
     ("oversized=100000", [1, 2, 3], Code.OK), ("swapped", [1, 2, 3], Code.OK),
     ("late-operation=5", [1, 2, 3], Code.OK)],
)  # fmt: skip
def test_faults_strike_results_that_are_fetched(peer_of: PeerOf, fault: str, widths: list[int], code: Code) -> None:
    pages = TextAnnotation(pages=[Page(width=width, height=7) for width in (1, 2, 3)])
    with LocalVision(engine=ScriptedEngine(lambda _: pages)) as vision:
        peer = peer_of(vision)
        operation_id = peer.submit(small()).id
        wait_for(peer, operation_id)
        read: Sequence[RecognizeTextResponse]
        try:
            read, ended = peer.fetch(operation_id, x_fault=f"{fault}; method=GetRecognition"), Code.OK
        except CallError as error:
            read, ended = error.pages, error.code
        assert ([page.text_annotation.width for page in read], ended) == (widths, code)
        vision.faults.put("code=UNAVAILABLE; method=OperationService/Get; times=1")
        assert fails(lambda: peer.get(operation_id)).code == Code.UNAVAILABLE
        assert peer.get(operation_id).done
