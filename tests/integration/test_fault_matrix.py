"""Each fault in the middle of a stream, for each client over each transport: no image is lost, doubled or sent again.

`--whole` adds the cells that the short form leaves out, keeps the service away for longer and has the waits of the
defaults. In the short form the service is away, and clients wait before retries, for a fifth of the time.
"""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

import pytest
from drivers import AsyncDriver, Driver, SyncDriver
from faults import FAULTS, Fault, Stage
from front import Door, Front
from held_port import held_port
from images_in_bytes import png
from scripted_service import Reply, Server, Service, answer, numbers_of

from vision_grpc import ImageResult, RetryPolicy
from vision_grpc.contract.sizes import MOST_IMAGES
from vision_grpc.messages import BatchAnalyzeRequest, BatchAnalyzeResponse

pytestmark = pytest.mark.usefixtures("patient_sources")

_IMAGES = 400
_AWAY_S = 0.3
_LONG_AWAY_S = 25.0
_SOON = RetryPolicy(initial_backoff_s=RetryPolicy().initial_backoff_s / 5)


class _Cell(NamedTuple):
    """A cell of the matrix."""

    fault: str
    transport: str
    driver: str
    ordered: bool
    retry: RetryPolicy

    def __str__(self) -> str:
        order = "in order" if self.ordered else "as they come"
        return f"{self.fault}-{self.transport}-{self.driver}-{order}"

    def client(self, port: int) -> Driver:
        kind = SyncDriver if self.driver == "sync" else AsyncDriver
        address = {"endpoint": f"127.0.0.1:{port}", "insecure": True, "transport": self.transport, "retry": self.retry}
        return kind({**address, **FAULTS[self.fault].options})


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    is_whole = metafunc.config.getoption("--whole")
    cells = [
        _Cell(fault, transport, driver, ordered, RetryPolicy() if is_whole else _SOON)
        for fault in FAULTS
        for transport in ("grpc", "rest", "auto")
        for driver in ("sync", "asyncio")
        for ordered in (True, False)
    ]
    if not is_whole:
        cells = [cell for cell in cells if cell.ordered == (cell.driver == "sync")]
    metafunc.parametrize("cell", cells, ids=str)
    metafunc.parametrize("away_s", [_LONG_AWAY_S if is_whole else _AWAY_S])


class _Recorder:
    """Plays the service, and knows which images it has answered and which results the client has got."""

    def __init__(self, fault: Fault) -> None:
        self._fault = fault
        self._lock = threading.Lock()
        self._requests = 0
        self._delivered: set[int] = set()
        self.stage: Stage | None = None
        self.answered: Counter[int] = Counter()
        self.sent_after_success: list[int] = []

    def script(self, request: BatchAnalyzeRequest) -> Reply:
        assert self.stage is not None
        numbers = numbers_of(request)
        with self._lock:
            self._requests += 1
            number = self._requests
            self.sent_after_success += self._delivered.intersection(numbers)
        reply = self._fault.act(self.stage, request, number) or answer(request)
        if isinstance(reply, BatchAnalyzeResponse) and len(reply.results) == len(numbers):
            with self._lock:
                pairs = zip(numbers, reply.results, strict=True)
                self.answered.update(image for image, result in pairs if not result.HasField("error"))
        return reply

    def on_result(self, result: ImageResult) -> None:
        with self._lock:
            self._delivered.add(int(result.key.removeprefix("#")))


@contextmanager
def _serving(recorder: _Recorder, away_s: float) -> Iterator[Front]:
    """Serve over both protocols behind a front."""
    service = Service(recorder.script)
    with ExitStack() as stack:
        server = Server(service)
        stack.callback(server.stop)
        port = stack.enter_context(held_port())
        front = stack.enter_context(Front(port, server.port))
        recorder.stage = Stage(front, away_s)
        yield front


@pytest.mark.timeout(300)
def test_no_image_is_lost_doubled_or_sent_again(cell: _Cell, away_s: float) -> None:
    fault = FAULTS[cell.fault]
    recorder = _Recorder(fault)
    with _serving(recorder, away_s) as front:
        if fault.door is not Door.OPEN:
            front.away(fault.door, away_s)
        client = cell.client(front.port)
        images = (png(number) for number in range(_IMAGES))
        results = client.collect(images, on_result=recorder.on_result, ordered=cell.ordered)
    lost = [(result.key, str(result.error)) for result in results if not result.ok]
    assert not lost, f"{len(lost)} images are lost, such as {lost[0]}"
    keys = [int(result.key.removeprefix("#")) for result in results]
    assert (keys if cell.ordered else sorted(keys)) == list(range(_IMAGES))
    assert [int(result.text) for result in results] == keys
    assert not recorder.sent_after_success
    assert recorder.answered.total() - _IMAGES <= fault.most_repeated * MOST_IMAGES
    assert client.stats.calls_in_flight == 0
