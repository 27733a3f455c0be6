"""What the page of the local service and tests ask for over HTTP."""

import json
import socket
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse
from typing import Any
from urllib.parse import quote, urlsplit

import grpc
import pytest
from images_in_bytes import png

from vision_grpc.local import Identities, LocalVision
from vision_grpc.local.config import ServiceConfig
from vision_grpc.local.ocr.scripted import ScriptedEngine
from vision_grpc.messages import (
    AnalyzeSpec,
    BatchAnalyzeRequest,
    Block,
    Feature,
    FeatureTextDetectionConfig,
    Line,
    Page,
    TextAnnotation,
    Word,
)
from vision_grpc_pb.yandex.cloud.ai.vision.v1.vision_service_pb2_grpc import VisionServiceStub

_PICTURE = png(1)
_TEXT = TextAnnotation(pages=[Page(width=40, height=30, blocks=[Block(lines=[Line(words=[Word(text="слово")])])])])
_KEY = "AQVN" + "secret" * 3


def request(*contents: bytes) -> BatchAnalyzeRequest:
    feature = Feature(
        type=Feature.TEXT_DETECTION, text_detection_config=FeatureTextDetectionConfig(language_codes=["ru"])
    )
    return BatchAnalyzeRequest(analyze_specs=[AnalyzeSpec(content=each, features=[feature]) for each in contents])


@pytest.fixture(scope="module")
def vision() -> Iterator[LocalVision]:
    with LocalVision(engine=ScriptedEngine(lambda _: _TEXT)) as service:
        yield service


class Asked:
    """The answer to a request over HTTP."""

    def __init__(self, response: HTTPResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def json(self) -> Any:  # noqa: ANN401
        return json.loads(self.body)


def ask(vision: LocalVision, path: str, method: str = "GET", **headers: str) -> Asked:
    connection = HTTPConnection(urlsplit(vision.rest_endpoint).netloc, timeout=30)
    try:
        connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        return Asked(connection.getresponse())
    finally:
        connection.close()


def call(vision: LocalVision, *contents: bytes, test_id: str, **metadata: str) -> str:
    """Make a call over gRPC and return its id."""
    sent = (("x-test-id", test_id), *((name.replace("_", "-"), value) for name, value in metadata.items()))
    with grpc.insecure_channel(vision.grpc_endpoint) as channel:
        VisionServiceStub(channel).BatchAnalyze(request(*contents), metadata=sent, timeout=30)
    found: str = ask(vision, f"/_vision/requests?test_id={test_id}&limit=1").json["requests"][0]["id"]
    return found


def test_calls_are_listed_and_told_in_full(vision: LocalVision) -> None:
    request_id = call(vision, _PICTURE, _PICTURE, test_id="full", authorization=f"Api-Key {_KEY}", x_note="noted")
    told = ask(vision, f"/_vision/requests/{request_id}")
    assert _KEY not in told.body.decode()
    assert told.json["metadata"]["authorization"] == "Api-Key ••••"
    assert told.json["metadata"]["x-note"] == "noted"
    assert (told.json["transport"], told.json["code"], told.json["images"]) == ("grpc", "OK", 2)
    assert [file["kind"] for file in told.json["files"]] == ["image/png"] * 2
    spec = told.json["request"]["analyzeSpecs"][1]
    assert f"/_vision/requests/{request_id}/images/1" in spec["content"]
    assert spec["features"][0]["textDetectionConfig"] == {"languageCodes": ["ru"]}
    words = told.json["answer"]["results"][0]["results"][0]["textDetection"]["pages"][0]["blocks"][0]["lines"][0]
    assert words["words"][0]["text"] == "слово"


def test_images_are_data_and_nothing_else(vision: LocalVision) -> None:
    request_id = call(vision, _PICTURE, b"<html><script>alert(1)</script>", test_id="images")
    picture = ask(vision, f"/_vision/requests/{request_id}/images/0")
    assert picture.body == _PICTURE
    assert picture.headers["content-type"] == "image/png"
    page = ask(vision, f"/_vision/requests/{request_id}/images/1")
    assert page.headers["content-type"] == "application/octet-stream"
    assert page.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in page.headers["content-security-policy"]
    assert page.headers["cross-origin-resource-policy"] == "same-origin"
    assert ask(vision, f"/_vision/requests/{request_id}/images/2").status == 404
    for number in ("9" * 5000, "-1", "x", "1.0", "²"):
        assert ask(vision, f"/_vision/requests/{request_id}/images/{quote(number)}").status == 400, number[:9]


def test_a_request_is_there_as_a_client_would_send_it(vision: LocalVision) -> None:
    request_id = call(vision, _PICTURE, test_id="again")
    body = ask(vision, f"/_vision/requests/{request_id}/request").body
    connection = HTTPConnection(urlsplit(vision.rest_endpoint).netloc, timeout=30)
    connection.request("POST", "/vision/v1/batchAnalyze", body, {"x-test-id": "again"})
    assert connection.getresponse().status == 200
    connection.close()
    rows = ask(vision, "/_vision/requests?test_id=again").json["requests"]
    assert [(row["transport"], row["images"]) for row in rows] == [("grpc", 1), ("rest", 1)]


def test_a_replay_is_a_call_like_the_first(vision: LocalVision) -> None:
    first = call(vision, _PICTURE, test_id="replayed", x_note="kept")
    answer = ask(vision, f"/_vision/requests/{first}/replay", "POST").json
    assert (answer["code"], answer["message"]) == ("OK", "")
    again = ask(vision, f"/_vision/requests/{answer['id']}").json
    assert (again["replay_of"], again["transport"], again["test_id"]) == (first, "grpc", "replayed")
    assert again["metadata"]["x-note"] == "kept"
    assert again["request"]["analyzeSpecs"][0]["features"][0]["textDetectionConfig"] == {"languageCodes": ["ru"]}


def test_a_replay_meets_the_faults_of_now(vision: LocalVision) -> None:
    first = call(vision, _PICTURE, test_id="struck")
    vision.faults.put([{"kind": "reset", "times": 1}, {"kind": "hang"}], test_id="struck")
    answer = ask(vision, f"/_vision/requests/{first}/replay", "POST").json
    assert answer["code"] == "UNAVAILABLE"
    assert ask(vision, f"/_vision/requests/{answer['id']}").json["faults"] == "fault-1"
    # One that hangs ends when nobody waits for it any more.
    stream = events(vision)
    address = urlsplit(vision.rest_endpoint)
    with socket.create_connection((address.hostname, address.port)) as leaving:
        head = f"POST /_vision/requests/{first}/replay HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Length: 0\r\n\r\n"
        leaving.sendall(head.encode())
        hanging = next(row["id"] for row in rows_of(stream) if row["code"] is None and row["replay_of"] == first)
    assert next(row["code"] for row in rows_of(stream) if row["id"] == hanging and row["code"]) == "CANCELLED"


def test_what_is_not_remembered_is_said(vision: LocalVision) -> None:
    for path in ("/_vision/requests/none", "/_vision/requests/none/request", "/_vision/requests/none/images/0"):
        answer = ask(vision, path)
        assert answer.status == 404, path
        assert "none" in answer.json["message"]
    assert ask(vision, "/_vision/requests/none/replay", "POST").status == 404
    wrong = ask(vision, "/_vision/requests?tset_id=a")
    assert wrong.status == 400
    assert "test_id" in wrong.json["message"]
    assert ask(vision, "/_vision/requests?test_id=a", "POST").status == 405


def test_calls_that_were_refused_are_listed_too(vision: LocalVision) -> None:
    with grpc.insecure_channel(vision.grpc_endpoint) as channel, pytest.raises(grpc.RpcError):
        VisionServiceStub(channel).BatchAnalyze(BatchAnalyzeRequest(), metadata=(("x-test-id", "refused"),), timeout=30)
    [row] = ask(vision, "/_vision/requests?test_id=refused&code=INVALID_ARGUMENT").json["requests"]
    assert "analyze_specs" in row["message"]
    told = ask(vision, f"/_vision/requests/{row['id']}").json
    assert told["answer"]["code"] == 3


def test_one_test_is_cleared_and_others_stay(vision: LocalVision) -> None:
    call(vision, _PICTURE, test_id="stays")
    call(vision, _PICTURE, test_id="goes")
    assert ask(vision, "/_vision/requests?test_id=goes", "DELETE").json == {"removed": 1}
    assert ask(vision, "/_vision/requests?test_id=goes").json == {"requests": []}
    assert len(ask(vision, "/_vision/requests?test_id=stays").json["requests"]) == 1
    assert ask(vision, "/_vision/requests?id=goes", "DELETE").status == 400


def test_pages_of_other_origins_get_nothing(vision: LocalVision) -> None:
    request_id = call(vision, _PICTURE, test_id="guarded")
    for path, method in (
        ("/_vision/requests", "DELETE"),
        (f"/_vision/requests/{request_id}/replay", "POST"),
        (f"/_vision/requests/{request_id}/images/0", "GET"),
        ("/_vision/events", "GET"),
    ):
        assert ask(vision, path, method, origin="http://evil.example").status == 403, path
        assert ask(vision, path, method, sec_fetch_site="cross-site").status == 403, path
    assert ask(vision, "/_vision/requests", host="evil.example").status == 421
    assert len(ask(vision, "/_vision/requests?test_id=guarded").json["requests"]) == 1


def test_the_page_asks_nothing_of_a_network(vision: LocalVision) -> None:
    page = ask(vision, "/")
    assert page.headers["content-type"].startswith("text/html")
    policy = dict(part.strip().split(" ", 1) for part in page.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["connect-src"] == "'self'"
    assert "unsafe" not in page.headers["content-security-policy"]
    text = page.body.decode()
    assert "innerHTML" not in text
    assert "{script}" not in text
    assert [line for line in text.splitlines() if "http://" in line or "https://" in line] == [
        line for line in text.splitlines() if "www.w3.org" in line
    ]


def events(vision: LocalVision, *, authorization: str | None = None) -> Iterator[tuple[str, Any]]:
    """Yield the events of the service until it ends the stream."""
    connection = HTTPConnection(urlsplit(vision.rest_endpoint).netloc, timeout=30)
    headers = {} if authorization is None else {"authorization": authorization}
    connection.request("GET", "/_vision/events", headers=headers)
    response = connection.getresponse()
    assert response.status == 200
    try:
        while line := response.readline():
            if line.startswith(b"event: "):
                yield line[7:].decode().strip(), json.loads(response.readline().removeprefix(b"data: "))
    finally:
        connection.close()


def rows_of(stream: Iterator[tuple[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the calls of the events."""
    for _, data in stream:
        yield from data.get("calls", ())


def test_a_call_is_an_event_as_it_comes_and_goes() -> None:
    with LocalVision(engine=ScriptedEngine(lambda _: _TEXT)) as vision:
        stream = events(vision)
        name, log = next(stream)
        assert (name, log["calls"]) == ("log", [])
        assert log["grpc_endpoint"] == vision.grpc_endpoint
        request_id = call(vision, _PICTURE, test_id="live")
        for name, data in stream:
            if name == "calls" and data["calls"][-1]["code"] == "OK":
                assert data["calls"][-1]["id"] == request_id
                break
        ask(vision, "/_vision/requests", "DELETE")
        assert next(data for name, data in stream if name == "log")["calls"] == []
        vision.close()
        assert [name for name, _ in stream if name == "log"] == []


def test_a_browser_that_does_not_read_costs_calls_nothing() -> None:
    with LocalVision(engine=ScriptedEngine(lambda _: _TEXT), config=ServiceConfig(keep_calls=20)) as vision:
        address = urlsplit(vision.rest_endpoint)
        with socket.create_connection((address.hostname, address.port)) as silent:
            silent.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            silent.sendall(b"GET /_vision/events HTTP/1.1\r\nHost: " + address.netloc.encode() + b"\r\n\r\n")
            silent.recv(100)
            with grpc.insecure_channel(vision.grpc_endpoint) as channel:
                stub = VisionServiceStub(channel)
                for _ in range(200):
                    stub.BatchAnalyze(request(_PICTURE), timeout=30)
        assert len(ask(vision, "/_vision/requests").json["requests"]) == 20
        assert vision._history.bytes < 20 * 10_000


def test_memory_that_is_turned_off_remembers_nothing() -> None:
    with LocalVision(engine=ScriptedEngine(lambda _: _TEXT), config=ServiceConfig(keep_calls=0)) as vision:
        with grpc.insecure_channel(vision.grpc_endpoint) as channel:
            VisionServiceStub(channel).BatchAnalyze(request(_PICTURE), timeout=30)
        assert ask(vision, "/_vision/requests").json == {"requests": []}
        assert ask(vision, "/").status == 200


def test_with_credentials_the_data_needs_them_and_the_page_does_not() -> None:
    identities = Identities()
    with LocalVision(engine=ScriptedEngine(lambda _: _TEXT), identities=identities) as vision:
        key = f"Api-Key {identities.api_key}"
        assert ask(vision, "/").status == 200
        for path in ("/_vision/requests", "/_vision/state", "/_vision/events", "/_vision/requests/x/images/0"):
            assert ask(vision, path).status == 401, path
            assert ask(vision, path, authorization="Api-Key wrong").status == 401, path
        assert ask(vision, "/_vision/requests", "DELETE").status == 401
        with grpc.insecure_channel(vision.grpc_endpoint) as channel:
            VisionServiceStub(channel).BatchAnalyze(request(_PICTURE), metadata=(("authorization", key),), timeout=30)
        listed = ask(vision, "/_vision/requests", authorization=key)
        assert identities.api_key not in listed.body.decode()
        [row] = listed.json["requests"]
        replayed = ask(vision, f"/_vision/requests/{row['id']}/replay", "POST", authorization=key).json
        assert replayed["code"] == "OK"
        assert next(events(vision, authorization=key))[0] == "log"
