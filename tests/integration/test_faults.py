"""Each fault of the conformance suite, which has the rows of docs/faults.md, from our client over both transports."""

import json
import os
import re
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple
from urllib.request import Request, urlopen

import pytest
from images_in_bytes import number_in, png

from vision_grpc import ImageResult, RetryPolicy, ServiceError, Timeouts, VisionClient
from vision_grpc.auth.credentials import TOKEN_TIMEOUT_S
from vision_grpc.errors import Code
from vision_grpc.events import CallEnded, Event, RetryScheduled
from vision_grpc.local import LocalVision
from vision_grpc.local.faults.kinds import KINDS
from vision_grpc.local.faults.reading import parse_rules
from vision_grpc.local.ocr.scripted import ScriptedEngine
from vision_grpc.messages import Block, Line, Page, TextAnnotation, Word
from vision_grpc.testing import without_backoff

pytestmark = pytest.mark.usefixtures("patient_sources")

_DOC = (Path(__file__).parents[2] / "docs" / "faults.md").read_text()
# Made of the table in that file by scripts/conformance.py.
_CASES = json.loads((Path(__file__).parents[1] / "data" / "conformance" / "faults.json").read_bytes())["cases"]
_TRANSPORTS = ("grpc", "rest")
# What breaks the connection. An attempt that does not wait may be made before gRPC has noticed, and fail as well.
_BREAKING = ("cut", "close", "reset")


class _Seen(NamedTuple):
    """What came of two images."""

    results: list[ImageResult]
    codes: list[str]
    """Of the calls, in their order."""
    waits_s: list[float]


@pytest.fixture(scope="module")
def service() -> Iterator[LocalVision]:
    def read(content: bytes) -> TextAnnotation:
        line = Line(words=[Word(text=str(number_in(content)))])
        return TextAnnotation(pages=[Page(blocks=[Block(lines=[line])])])

    with LocalVision(engine=ScriptedEngine(read)) as vision:
        yield vision


@pytest.fixture
def test_id() -> str:
    return uuid.uuid4().hex


class _Tokens:
    """Has a fresh token whenever the last one was refused."""

    is_service_account = False

    def __init__(self) -> None:
        self._number = 1

    def authorization(
        self,
        *,
        refused: str | None = None,
        timeout_s: float = TOKEN_TIMEOUT_S,  # noqa: ARG002 - it takes none
    ) -> str | None:
        if refused == f"Bearer t1.{self._number}":
            self._number += 1
        return f"Bearer t1.{self._number}"

    async def authorization_async(
        self, *, refused: str | None = None, timeout_s: float = TOKEN_TIMEOUT_S
    ) -> str | None:
        return self.authorization(refused=refused, timeout_s=timeout_s)


def _client(service: LocalVision, transport: Any, test_id: str, **options: Any) -> VisionClient:  # noqa: ANN401
    metadata = {"x-test-id": test_id, **options.pop("metadata", {})}
    endpoint = service.grpc_endpoint if transport == "grpc" else service.rest_endpoint
    return VisionClient(endpoint, insecure=True, transport=transport, metadata=metadata, **options)


def _analyze(service: LocalVision, transport: str, test_id: str, **options: Any) -> _Seen:  # noqa: ANN401
    events: list[Event] = []
    with _client(service, transport, test_id, on_event=events.append, **options) as client:
        results = list(client.analyze_many([png(0), png(1)], ordered=True))
    codes = [event.code.name for event in events if isinstance(event, CallEnded)]
    return _Seen(results, codes, [event.wait_s for event in events if isinstance(event, RetryScheduled)])


def _ask(service: LocalVision, method: str, path: str, test_id: str, body: bytes | None = None) -> Any:  # noqa: ANN401
    request = Request(f"{service.rest_endpoint}{path}?test_id={test_id}", body, method=method)  # noqa: S310 - HTTP
    with urlopen(request) as answer:  # noqa: S310
        return json.loads(answer.read() or "null")


def _tell(seen: _Seen) -> list[tuple[str, int]]:
    """Return the texts or codes of the images, and their attempts."""
    return [(result.text if result.ok else _code_of(result), result.attempts) for result in seen.results]


def _code_of(result: ImageResult) -> str:
    assert result.error is not None
    return result.error.code.name


def _without_second(seen: _Seen) -> _Seen:
    results = [replace(result, attempts=result.attempts - 1) for result in seen.results]
    return _Seen(results, [seen.codes[0], *seen.codes[2:]], seen.waits_s[1:])


@pytest.mark.parametrize("transport", _TRANSPORTS)
@pytest.mark.parametrize("case", _CASES, ids=lambda case: case["name"])
def test_our_client_does_what_the_conformance_suite_says(
    case: dict[str, Any], transport: str, service: LocalVision, test_id: str
) -> None:
    expected, rules = case[transport], case["rules"]
    service.faults.put(", ".join(rules), test_id=test_id)
    options: dict[str, Any] = {"timeouts": Timeouts(call_s=case.get("call_timeout_s", 60.0))}
    if case.get("needs") == "fresh token":
        options["credentials"] = _Tokens()
    least_wait_s = case.get("least_wait_s", 0.0)
    with nullcontext() if least_wait_s else without_backoff():
        seen = _analyze(service, transport, test_id, **options)
    if case["name"] in _BREAKING and seen.codes[1] == "UNAVAILABLE":
        seen = _without_second(seen)
    texts = ["1", "0"] if expected.get("swapped") else ["0", "1"]
    told = [text if code == "OK" else code for text, code in zip(texts, expected["codes"], strict=True)]
    assert _tell(seen) == [*zip(told, expected["attempts"], strict=True)]
    assert len(seen.codes) == expected["calls"]
    assert seen.codes[0] == expected.get("first_call", seen.codes[0])
    assert max(seen.waits_s, default=0.0) >= least_wait_s * 0.999
    if any("times=1" in rule for rule in rules):
        assert service.faults.hits(test_id=test_id) == len(rules)


def test_the_tables_have_each_kind() -> None:
    orders = [rule for case in _CASES for rule in case["rules"]] + re.findall(
        r"^\| `([a-z-]*operation[^`]*)` \|", _DOC, re.MULTILINE
    )
    assert {parse_rules(order)[0].fault.kind for order in orders} == set(KINDS)


@pytest.mark.parametrize("transport", _TRANSPORTS)
def test_a_call_orders_its_own_fault(transport: str, service: LocalVision, test_id: str) -> None:
    with without_backoff():
        once = {"x-fault": "code=UNAVAILABLE; times=1"}
        assert _tell(_analyze(service, transport, test_id, metadata=once)) == [("0", 2), ("1", 2)]
        always = {"x-fault": json.dumps({"kind": "code", "code": "UNAVAILABLE"})}
        seen = _analyze(service, transport, test_id, metadata=always, retry=RetryPolicy(attempts=2))
        assert _tell(seen) == [("UNAVAILABLE", 2), ("UNAVAILABLE", 2)]


@pytest.mark.parametrize("transport", _TRANSPORTS)
def test_an_order_that_is_no_fault_is_refused_by_its_path(transport: str, service: LocalVision, test_id: str) -> None:
    with (
        _client(service, transport, test_id, metadata={"x-fault": "code=BUSY"}) as client,
        pytest.raises(ServiceError, match=r"x-fault\.code: 'BUSY' is not one of CANCELLED,") as caught,
    ):
        client.analyze(png(0))
    assert caught.value.code is Code.INVALID_ARGUMENT


@pytest.mark.parametrize("transport", _TRANSPORTS)
def test_after_goaway_the_next_call_takes_a_new_connection(transport: str, service: LocalVision, test_id: str) -> None:
    service.faults.put("goaway; times=1", test_id=test_id)
    with _client(service, transport, test_id) as client:
        texts = [client.analyze(png(number)).text for number in range(3)]
    assert texts == ["0", "1", "2"]
    peers = [each["peer"] for each in _ask(service, "GET", "/_vision/requests", test_id)["requests"]]
    assert len(peers) == 3
    assert len(set(peers)) == 2


@pytest.mark.parametrize("transport", _TRANSPORTS)
def test_a_fault_on_the_connection_leaves_the_service_alive(transport: str, service: LocalVision, test_id: str) -> None:
    service.faults.put("reset; every=3, close; every=3, cut; every=3", test_id=test_id)
    with without_backoff(), _client(service, transport, test_id, retry=RetryPolicy(attempts=10)) as client:
        texts = [client.analyze(png(number)).text for number in range(20)]
    assert texts == [str(number) for number in range(20)]
    assert all(each.hits for each in service.faults.rules(test_id=test_id))


def test_tests_in_parallel_do_not_meet(service: LocalVision) -> None:
    told: dict[int, list[tuple[str, int]]] = {}

    def run(number: int) -> None:
        test_id = uuid.uuid4().hex
        kind = "code=UNAVAILABLE" if number % 2 else "image-error=INVALID_ARGUMENT; index=0"
        service.faults.put(f"{kind}; times=1", test_id=test_id)
        told[number] = _tell(_analyze(service, _TRANSPORTS[number // 2 % 2], test_id))
        assert service.faults.hits(test_id=test_id) == 1

    threads = [threading.Thread(target=run, args=(number,)) for number in range(8)]
    with without_backoff():
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for number in range(8):
        assert told[number] == ([("0", 2), ("1", 2)] if number % 2 else [("INVALID_ARGUMENT", 1), ("1", 1)])


def test_rules_are_put_and_shown_over_http(service: LocalVision, test_id: str) -> None:
    def ask(method: str, path: str, body: bytes | None = None) -> Any:  # noqa: ANN401
        return _ask(service, method, path, test_id, body)

    ask("PUT", "/_vision/faults", b'["short; times=1; id=once"]')
    with without_backoff():
        assert _tell(_analyze(service, "rest", test_id)) == [("0", 2), ("1", 2)]
    assert ask("GET", "/_vision/faults/once")["hits"] == 1
    assert len(ask("GET", "/_vision/requests")["requests"]) == 2
    ask("POST", "/_vision/reset")
    assert ask("GET", "/_vision/faults") == {"rules": []}
    assert ask("GET", "/_vision/requests") == {"requests": []}


def test_the_documented_fixture_works_under_xdist_against_one_service(service: LocalVision, tmp_path: Path) -> None:
    conftest, tests = re.findall(
        r"^```python\n# (?:conftest|test_retries)\.py.*?\n(.*?)^```", _DOC, re.MULTILINE | re.DOTALL
    )
    page = (
        "import pytest\n\n\n@pytest.fixture\ndef page():\n"
        f"    return {png(7)!r}\n\n\n"
        "@pytest.fixture(autouse=True, params=range(4))\ndef noted(request, vision, tmp_path_factory, worker_id):\n"
        f"    with open({str(tmp_path / 'seen')!r}, 'a') as file:\n"
        "        file.write(f'{worker_id} {vision.test_id}\\n')\n\n\n"
    )
    (tmp_path / "conftest.py").write_text(conftest)
    (tmp_path / "test_retries.py").write_text(page + tests)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "xdist.plugin", "-n", "2", "--dist", "each", tmp_path],
        # Of the other plugins, each takes its time in three processes.
        env={**os.environ, "VISION_URL": service.rest_endpoint, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    seen = [line.split() for line in (tmp_path / "seen").read_text().splitlines()]
    assert {worker for worker, _ in seen} == {"gw0", "gw1"}
    assert len({test_id for _, test_id in seen}) == 8
