"""The tape of a client: in several streams, threads and processes, and when a stream ends early."""

import asyncio
import logging
import os
import pickle
import signal
import socket
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from images_in_bytes import number_in, png
from scripted_service import Service, answer

from vision_grpc import AsyncVisionClient, Image, ImageResult, Limits, VisionClient
from vision_grpc.messages import BatchAnalyzeRequest, BatchAnalyzeResponse
from vision_grpc.session import recorder
from vision_grpc.session.default_tape import DEFAULT_TAPE
from vision_grpc.session.monitor import Monitor
from vision_grpc.session.recorder import TapeInUse
from vision_grpc.tape import Recording, Tape
from vision_grpc.testing import MemoryTransport, recorded


def connected(cache: Tape | Path | None, **options: object) -> tuple[VisionClient, Service]:
    service = Service(answer)
    return VisionClient(transport=MemoryTransport(service.in_memory()), cache=cache, **options), service  # type: ignore[arg-type]


def images(numbers: Sequence[int]) -> list[Image]:
    return [Image(f"{place}: {number}", png(number)) for place, number in enumerate(numbers)]


@settings(max_examples=40, deadline=None)
@given(
    known=st.sets(st.integers(0, 30)),
    asked=st.lists(st.integers(0, 30), max_size=60),
    ordered=st.booleans(),
    calls=st.integers(1, 4),
    is_far=st.booleans(),
)
def test_each_image_has_one_result_and_what_is_known_is_not_sent(
    tmp_path_factory: pytest.TempPathFactory,
    *,
    known: set[int],
    asked: list[int],
    ordered: bool,
    calls: int,
    is_far: bool,
) -> None:
    place = tmp_path_factory.mktemp("tape")
    with connected(place)[0] as client:
        list(client.analyze_many(images(sorted(known))))
    client, service = connected(place, limits=Limits(calls_in_flight=calls))
    with client, pytest.MonkeyPatch.context() as patched:
        if is_far:  # As if looking up took long.
            patched.setattr("vision_grpc.session.look_ahead._QUICK_S", 0.0)
        results = list(client.analyze_many(images(asked), ordered=ordered))
        stats = client.stats()
    wanted = [image.key for image in images(asked)]
    assert [result.key for result in results] == wanted if ordered else sorted(wanted) == sorted(r.key for r in results)
    assert all(result.text == result.key.partition(": ")[2] for result in results)
    sent = [number_in(spec.content) for request in service.requests for spec in request.analyze_specs]
    assert set(sent) == set(asked) - known
    assert len(sent) + stats.images_from_tape == len(asked) == stats.images_succeeded


def test_threads_share_a_client_and_its_tape(tmp_path: Path) -> None:
    client, _ = connected(tmp_path / "tape")
    with client, ThreadPoolExecutor(8) as pool:
        works = [pool.submit(lambda: list(client.analyze_many(images(range(40))))) for _ in range(8)]
        assert all(sorted(int(result.text) for result in work.result()) == [*range(40)] for work in works)
        assert client.stats().images_succeeded == 320
        assert client.stats().tape_failures == 0


def test_a_forked_child_uses_the_tape_anew(tmp_path: Path) -> None:
    client, service = connected(tmp_path / "tape")
    with client:
        client.analyze(png(1))
        child = os.fork()
        if not child:
            texts = [client.analyze(png(number)).text for number in (1, 2)]
            os._exit(0 if texts == ["1", "2"] and len(service.requests) == 2 else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert client.analyze(png(2)).transport == "tape"


class Slow(Tape):
    """A tape that says when it is asked, and waits."""

    def __init__(self, place: Path) -> None:
        super().__init__(place)
        self.is_asked, self.may_answer = threading.Event(), threading.Event()
        self.on_asked: Callable[[], object] = lambda: None

    def find(self, digests: Sequence[str]) -> Sequence[Recording | None]:
        self.is_asked.set()
        self.on_asked()
        assert self.may_answer.wait(60)
        return super().find(digests)


def test_an_interrupt_ends_a_lookup_at_once(tmp_path: Path) -> None:
    tape, interrupted, main = Slow(tmp_path / "tape"), threading.Event(), threading.get_ident()

    def interrupt(*_: object) -> None:
        if not interrupted.is_set():
            interrupted.set()
            raise KeyboardInterrupt

    def send() -> None:  # One that comes before the wait begins does not end it.
        while not interrupted.wait(0.05):
            signal.pthread_kill(main, signal.SIGINT)

    tape.on_asked = send
    client, service = connected(tape)
    before, began = signal.signal(signal.SIGINT, interrupt), time.monotonic()
    try:
        with client, pytest.raises(KeyboardInterrupt):
            list(client.analyze_many(images(range(8))))
    finally:
        signal.signal(signal.SIGINT, before)
        tape.may_answer.set()
    assert time.monotonic() - began < 20
    assert not service.requests


def test_a_tape_that_hangs_takes_a_part_of_the_time_of_a_call_and_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(recorder, "_PART", 0.01)
    tape = Slow(tmp_path / "tape")
    client, service = connected(tape)
    try:
        with client:
            assert [client.analyze(png(number), timeout=20).text for number in range(3)] == ["0", "1", "2"]
            assert client.stats().tape_failures >= 3
    finally:
        tape.may_answer.set()
    assert len(service.requests) == 3
    [line] = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert line.startswith("results go on without the tape: the tape did not answer within 0.")
    assert ", and is left alone for " in line


def test_a_tape_that_is_late_again_is_left_alone_for_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(recorder, "monotonic", lambda: now[0])
    in_use = TapeInUse(Tape("tape"), "local", Monitor(None))
    rests: list[float] = []
    for waited_s in (1.0, 1.0, 1.0, 30.0):
        in_use.was_late(1, waited_s)
        in_use.was_late(1, 0.0)  # It is not asked meanwhile.
        rests.append(in_use._rests_until - now[0])
        now[0] = in_use._rests_until
        assert not in_use.is_resting
    in_use.answered(0)
    in_use.was_late(1, 2.0)
    assert [*rests, in_use._rests_until - now[0]] == [10, 20, 40, 300, 20]


async def test_the_event_loop_runs_during_a_lookup_which_can_be_cancelled(tmp_path: Path) -> None:
    tape = Slow(tmp_path / "tape")
    service = Service(answer)
    async with AsyncVisionClient(transport=MemoryTransport(service.in_memory()), cache=tape) as client:
        task = asyncio.create_task(client.analyze(png(1)))
        await asyncio.to_thread(tape.is_asked.wait, 60)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        tape.may_answer.set()
        assert (await client.analyze(png(1))).text == "1"
    assert len(service.requests) == 1


def test_what_came_before_a_stream_was_closed_is_recorded(tmp_path: Path) -> None:
    place = tmp_path / "tape"
    client, service = connected(place, limits=Limits(calls_in_flight=1))
    with client, closing(client.analyze_many(images(range(16)))) as results:
        assert next(results).ok
    answered = {number_in(spec.content) for request in service.requests for spec in request.analyze_specs}
    again, later = connected(place)
    with again:
        list(again.analyze_many(images(sorted(answered))))
    assert not later.requests


def test_nothing_is_connected_with_the_mode_none_and_no_credentials_are_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("YC_API_KEY", "")
    place = tmp_path / "tape"
    with connected(place)[0] as client:
        client.analyze(png(1))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0)
        for endpoint in ("vision.example:443", f"localhost:{listener.getsockname()[1]}"):
            for transport in ("grpc", "rest", "auto"):
                with VisionClient(endpoint, transport=transport, cache=Tape(place, mode="none")) as client:
                    assert [result.ok for result in client.analyze_many(images([1, 2]), ordered=True)] == [True, False]
        with pytest.raises(BlockingIOError):
            listener.accept()


def test_clients_take_the_tape_that_is_set_for_tests(tmp_path: Path) -> None:
    own = tmp_path / "own"
    with recorded(tmp_path / "tape", mode="once") as tape:
        client, service = connected(None)
        with recorded(Tape(tmp_path / "inner")):
            other, _ = connected(own)
        assert client.analyze(png(1)).attempts == 1
        assert client.analyze(png(1)).transport == "tape"
        assert other.analyze(png(1)).attempts == 1
        assert tape.mode == "once"
        assert len(service.requests) == 1
    assert DEFAULT_TAPE.tape is None
    assert own.is_dir()
    assert not (tmp_path / "inner").exists()
    assert connected(None)[0].analyze(png(1)).attempts == 1
    with recorded(tmp_path / "tape"), VisionClient("vision.example") as client:
        assert client.analyze(png(1)).text == "1"
        assert client.analyze(png(2)).error is not None


def test_a_result_of_the_tape_is_like_any_other(tmp_path: Path) -> None:
    client, _ = connected(tmp_path / "tape")
    fresh, found = client.analyze(png(7)), client.analyze(png(7))
    plain = found.to_dict()
    assert (plain.pop("attempts"), plain.pop("transport")) == (0, "tape")
    assert plain == {name: value for name, value in fresh.to_dict().items() if name not in {"attempts", "transport"}}
    copied: ImageResult = pickle.loads(pickle.dumps(found))  # noqa: S301 - our own
    assert (copied.text, copied.transport) == ("7", "tape")


def test_a_failed_image_is_asked_again(tmp_path: Path) -> None:
    empty = iter([True, False])

    def script(request: BatchAnalyzeRequest) -> BatchAnalyzeResponse:
        response = answer(request)
        if next(empty):
            response.results[0].error.code = 3
        return response

    client = VisionClient(transport=MemoryTransport(Service(script).in_memory()), cache=tmp_path / "tape")
    assert [client.analyze(png(1)).ok for _ in range(3)] == [False, True, True]
