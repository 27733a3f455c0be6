"""What goes wrong with operations on command, as plain clients of gRPC and REST meet it."""

import re
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
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

from vision_grpc.errors import Code
from vision_grpc.local import LocalVision
from vision_grpc.local.ocr.scripted import ScriptedEngine
from vision_grpc.messages import Page, RecognizeTextResponse, TextAnnotation

_DOC = (Path(__file__).parents[2] / "docs/faults.md").read_text()


@pytest.fixture(scope="module")
def vision() -> Iterator[LocalVision]:
    with LocalVision(engine=ScriptedEngine(lambda _: TextAnnotation())) as service:
        yield service


@pytest.fixture(params=[GrpcPeer, RestPeer], ids=["grpc", "rest"])
def peer_of(request: pytest.FixtureRequest) -> PeerOf:
    made: PeerOf = request.param
    return made


def _rows() -> list[tuple[str, str]]:
    """Return each order in the table of docs/faults.md, and what is seen of it."""
    [table] = re.findall(r"^\| submission \|.*\n\|[-|]+\n((?:\|.*\n)+)", _DOC, re.MULTILINE)
    rows = [[cell.strip(" `") for cell in line.strip("|").split(" | ")] for line in table.splitlines()]
    return [(row[0], row[-1].partition("`")[0]) for row in rows]


@pytest.mark.parametrize(("order", "seen_as"), _rows())
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
