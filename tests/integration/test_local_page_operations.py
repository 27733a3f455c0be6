"""The calls of ocr/v1 on the page of the local service: kept, shown, sent again."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from documents import PdfPage, make_pdf
from images_in_bytes import png
from operation_peers import CallError, GrpcPeer, PeerOf, RestPeer, fetch_when_ready, small

from vision_grpc.local import LocalVision
from vision_grpc.local.ocr.scripted import ScriptedEngine
from vision_grpc.messages import Block, Line, Page, RecognizeTextRequest, TextAnnotation, Word

_TEXT = TextAnnotation(pages=[Page(width=5, height=6, blocks=[Block(lines=[Line(words=[Word(text="seen")])])])])


@pytest.fixture(scope="module")
def vision() -> Iterator[LocalVision]:
    with LocalVision(engine=ScriptedEngine(lambda _: _TEXT)) as service:
        yield service


@pytest.fixture(params=[GrpcPeer, RestPeer], ids=["grpc", "rest"])
def peer_of(request: pytest.FixtureRequest) -> PeerOf:
    made: PeerOf = request.param
    return made


def ask(vision: LocalVision, path: str, verb: str = "GET") -> Any:  # noqa: ANN401
    return json.loads(RestPeer(vision).ask(verb, f"/_vision/requests{path}", {}))


def calls_of(vision: LocalVision, operation_id: str) -> list[dict[str, Any]]:
    """Return the calls that know of an operation, with all that is remembered of them."""
    rows = ask(vision, f"?operation={operation_id}")["requests"]
    return [ask(vision, f"/{row['id']}") for row in rows]


def test_the_calls_of_an_operation_are_kept_and_found_by_its_id(vision: LocalVision, peer_of: PeerOf) -> None:
    peer = peer_of(vision)
    operation_id = peer.submit(RecognizeTextRequest(content=png(1), language_codes=["en"], model="page")).id
    fetch_when_ready(peer, operation_id)
    peer.get(operation_id)
    submitted, *_, fetched, asked = calls_of(vision, operation_id)
    assert [file["kind"] for file in submitted["files"]] == ["image/png"]
    assert submitted["answer"]["id"] == operation_id
    place = f"/_vision/requests/{submitted['id']}/images/0"
    assert submitted["request"] == {
        "content": f"{len(png(1)):,} bytes: {place}", "languageCodes": ["en"], "model": "page",
    }  # fmt: skip
    assert RestPeer(vision).ask("GET", place, {}) == png(1)
    whole = ask(vision, f"/{submitted['id']}/request")
    assert base64.b64decode(whole["content"]) == png(1)
    [line] = fetched["answer"]
    assert line["result"]["textAnnotation"]["blocks"][0]["lines"][0]["words"][0]["text"] == "seen"
    assert (fetched["files"], fetched["request"]) == ([], {"operationId": operation_id})
    assert asked["answer"]["done"] is True
    assert [call["rest"] for call in (submitted, fetched, asked)] == [
        {"verb": "POST", "path": "/ocr/v1/recognizeTextAsync"},
        {"verb": "GET", "path": f"/ocr/v1/getRecognition?operationId={operation_id}"},
        {"verb": "GET", "path": f"/operations/{operation_id}"},
    ]


def test_calls_of_operations_can_be_sent_again(vision: LocalVision, peer_of: PeerOf) -> None:
    peer = peer_of(vision)
    operation_id = peer.submit(small()).id
    fetch_when_ready(peer, operation_id)
    submitted, *_, fetched = calls_of(vision, operation_id)
    again = ask(vision, f"/{submitted['id']}/replay", "POST")
    assert again["code"] == "OK"
    replayed = ask(vision, f"/{again['id']}")
    assert replayed["replay_of"] == submitted["id"]
    assert replayed["operation"] not in ("", operation_id)
    assert len(fetch_when_ready(peer, replayed["operation"])) == 1
    again = ask(vision, f"/{fetched['id']}/replay", "POST")
    assert ask(vision, f"/{again['id']}")["answer"] == fetched["answer"]


def test_a_stream_that_ends_with_an_error_is_kept_with_its_pages(vision: LocalVision, peer_of: PeerOf) -> None:
    peer = peer_of(vision)
    operation_id = peer.submit(RecognizeTextRequest(content=make_pdf([PdfPage()], count=2))).id
    with pytest.raises(CallError):
        fetch_when_ready(peer, operation_id)
    *_, fetched = calls_of(vision, operation_id)
    page, error = fetched["answer"]
    assert page["result"]["textAnnotation"]["width"] == "5"
    assert error["error"]["message"] == fetched["message"]
    assert calls_of(vision, operation_id)[0]["files"][0]["kind"] == "application/pdf"


def test_what_clients_do_not_let_keep_is_not_kept(vision: LocalVision, peer_of: PeerOf) -> None:
    operation_id = peer_of(vision).submit(small(), x_data_logging_enabled="false").id
    [submitted] = calls_of(vision, operation_id)
    assert (submitted["request"], submitted["answer"], submitted["kept"]) == (None, None, False)
