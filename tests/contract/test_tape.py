"""Answers on a tape: each client over each transport."""

import logging
import re
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from drivers import Connect, SyncDriver, Way
from images_in_bytes import png
from PIL import Image as Pictures
from scripted_service import Reply, Service, answer, numbers_of, read

from vision_grpc import Image, ImageResult, Limits, PendingOperation
from vision_grpc.errors import Code, ServiceError
from vision_grpc.events import Event, ImagesFinished
from vision_grpc.messages import AnalyzeResult, BatchAnalyzeRequest, BatchAnalyzeResponse, Status
from vision_grpc.session import recorder
from vision_grpc.tape import Recording, Tape, TapeError


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where the tape is."""
    return tmp_path / "tape"


def images(count: int) -> list[Image]:
    return [Image(f"key {number}", png(number)) for number in range(count)]


def texts(results: Sequence[ImageResult]) -> dict[str, str]:
    return {result.key: result.text if result.error is None else str(result.error) for result in results}


def sent(service: Service) -> list[int]:
    return sorted(number for request in service.requests for number in numbers_of(request))


def test_what_was_read_is_not_sent_again(connect: Connect, way: Way, place: Path) -> None:
    events: list[Event] = []
    first, service = connect(cache=place)
    fresh = first.collect(images(20))
    assert {(result.attempts, result.transport) for result in fresh} == {(1, way.transport)}
    second, again = connect(cache=str(place), on_event=events.append)
    results = second.collect(images(20))
    assert texts(results) == texts(fresh) == {f"key {number}": str(number) for number in range(20)}
    assert all((result.ok, result.attempts, result.transport) == (True, 0, "tape") for result in results)
    assert {result.request_id for result in results} == {result.request_id for result in fresh}
    assert {str(result.raw) for result in results} == {str(result.raw) for result in fresh}
    assert (sent(service), sent(again)) == ([*range(20)], [])
    assert (second.stats.images_from_tape, second.stats.images_succeeded, second.stats.requests) == (20, 20, 0)
    assert sum(event.from_tape for event in events if isinstance(event, ImagesFinished)) == 20


@pytest.mark.parametrize("ordered", [False, True])
def test_only_what_is_new_is_sent(connect: Connect, place: Path, *, ordered: bool) -> None:
    connect(cache=place)[0].collect(images(30)[::2])
    client, service = connect(cache=place, limits=Limits(calls_in_flight=2))
    results = client.collect(images(30), ordered=ordered)
    assert sent(service) == [*range(1, 30, 2)]
    assert len(results) == 30
    assert texts(results) == {f"key {number}": str(number) for number in range(30)}
    assert not ordered or [result.key for result in results] == [image.key for image in images(30)]
    assert (client.stats.images_from_tape, client.stats.tape_failures) == (15, 0)


def test_what_differs_in_anything_that_is_asked_is_sent(connect: Connect, place: Path) -> None:
    connect(cache=place)[0].analyze(png(1), languages=["en"], model="page")
    client, service = connect(cache=place)
    assert client.analyze(png(1), languages=["EN"]).transport == "tape"
    asked: list[dict[str, object]] = [{"languages": ["ru"]}, {"languages": ["en", "ru"]}, {"languages": ["en"]}]
    asked[-1]["model"] = "line"
    assert [client.analyze(png(1), **each).attempts for each in asked] == [1, 1, 1]
    own = Image("own", png(1), ["en"], "page")
    assert client.analyze(own, languages=["ru"]).transport == "tape"
    assert client.analyze(own._replace(model="line")).transport == "tape"  # As it was recorded above.
    assert client.analyze(png(2), languages=["en"]).attempts == 1
    assert len(service.requests) == 4


def test_an_image_that_may_not_be_asked_about_is_an_error_as_without_a_tape(connect: Connect, place: Path) -> None:
    for mode in ("once", "none", "all"):
        client, service = connect(cache=Tape(place, mode=mode))
        [result] = client.collect([Image("a", png(1), ["\ud800"])])
        assert result.error is not None
        assert "is not valid text" in result.error.message
        assert not service.requests


def test_with_the_mode_all_each_image_is_sent_and_recorded_anew(connect: Connect, place: Path) -> None:
    versions = iter(["first", "second"])

    def script(request: BatchAnalyzeRequest) -> BatchAnalyzeResponse:
        response = answer(request)
        for result in response.results:
            word = result.results[0].text_detection.pages[0].blocks[0].lines[0].words[0]
            word.text = next(versions)
        return response

    for expected in ("first", "second"):
        client, _ = connect(script, cache=Tape(place, mode="all"))
        result = client.analyze(png(1))
        assert (result.text, result.attempts) == (expected, 1)
    client, _ = connect(script, cache=place)
    assert client.analyze(png(1)).text == "second"


def test_with_the_mode_none_nothing_is_sent(connect: Connect, way: Way, place: Path) -> None:
    connect(cache=place)[0].collect(images(3))
    client, service = connect(cache=Tape(place, mode="none"))
    pending = PendingOperation("pending", "fd8")
    found, unknown, unread, accepted = client.collect(
        [images(3)[2], Image("new", png(7)), "no such file.png", pending], ordered=True
    )
    assert (found.text, found.transport) == ("2", "tape")
    for result, code, words in [
        (unknown, Code.NOT_FOUND, "new: it is not on the tape"),
        (unread, Code.NOT_FOUND, "no such file"),
        (accepted, Code.NOT_FOUND, "pending: it is not on the tape"),
    ]:
        assert result.error is not None
        assert (result.error.code, result.attempts, result.transport) == (code, 0, None)
        assert words in result.error.message
    assert accepted.error is not None
    assert accepted.error.is_open
    assert client.analyze(png(8)).error is not None
    if way.has_batches:
        with pytest.raises(TapeError, match="batch_analyze"):
            client.batch_analyze(BatchAnalyzeRequest())
    assert not service.requests


def test_the_answers_of_another_service_are_replayed_and_never_mixed(connect: Connect, place: Path) -> None:
    connect(cache=place)[0].collect(images(3))
    marker = place / "vision-grpc-tape"
    own = marker.read_bytes()
    marker.write_bytes(re.sub(rb"(?m)^service: .+", b"service: vision.example", own))
    for mode in ("once", "all"):
        client, service = connect(cache=Tape(place, mode=mode))
        with pytest.raises(TapeError, match=r"has answers of vision\.example, and this client asks a .*; name another"):
            client.collect(images(5))
        with pytest.raises(TapeError, match=r"vision\.example"):
            client.analyze(png(1))
        assert not service.requests
        assert client.stats.tape_failures == 0
    client, service = connect(cache=Tape(place, mode="none"))
    assert texts(client.collect(images(3))) == {f"key {number}": str(number) for number in range(3)}
    marker.write_bytes(own)
    client, service = connect(cache=place)
    client.collect(images(5))
    assert sent(service) == [3, 4]


def test_only_successes_are_recorded(connect: Connect, way: Way, place: Path) -> None:
    def script(request: BatchAnalyzeRequest) -> Reply:
        response = answer(request)
        if 1 in numbers_of(request):
            if not way.has_batches:
                return ServiceError(Code.INVALID_ARGUMENT, "unreadable")
            number = numbers_of(request).index(1)
            response.results[number].CopyFrom(AnalyzeResult(error=Status(code=3, message="unreadable")))
        return response

    for times in (1, 2):
        client, service = connect(script, cache=place)
        results = texts(client.collect(images(3)))
        assert results == {"key 0": "0", "key 1": "INVALID_ARGUMENT: unreadable", "key 2": "2"}
        assert sent(service) == ([0, 1, 2] if times == 1 else [1])


def test_a_damaged_answer_is_not_recorded(connect: Connect, way: Way, place: Path) -> None:
    if way.transport != "grpc" or not way.has_batches:
        pytest.skip("only bytes can be damaged")
    damaged = BatchAnalyzeResponse(results=[AnalyzeResult()]).SerializeToString()[:0] + b"\x0a\x04\x12\x7f\x7f\x7f"
    client, _ = connect(lambda _: damaged, cache=place)
    [result] = client.collect([png(1)])
    assert not result.check().ok
    client, service = connect(cache=place)
    assert client.analyze(png(1)).text == "1"
    assert sent(service) == [1]


def test_an_answer_is_on_the_tape_when_its_result_comes(connect: Connect, place: Path) -> None:
    client, _ = connect(cache=place, limits=Limits(calls_in_flight=2))
    on_tape: list[bool] = []

    def look(_: ImageResult) -> None:
        on_tape.append(sum(1 for file in place.rglob("*") if len(file.name) == 64) > len(on_tape))

    client.collect(images(20), on_result=look)
    assert on_tape == [True] * 20


def test_an_image_that_comes_again_is_not_sent_again_once_it_was_read(connect: Connect, place: Path) -> None:
    was_read = threading.Event()

    def twice() -> Iterator[Image]:
        yield Image("first", png(1))
        assert was_read.wait(30)
        yield Image("second", png(1))

    client, service = connect(cache=place)
    if isinstance(client, SyncDriver):  # It pulls in the thread of the results.
        assert texts([client.analyze(png(1)), client.analyze(png(1))]) == {"#0": "1"}
    else:
        assert texts(client.collect(twice(), on_result=lambda _: was_read.set())) == {"first": "1", "second": "1"}
    assert sent(service) == [1]


def test_images_that_are_alike_in_one_stream_get_their_results_each(connect: Connect, place: Path) -> None:
    client, _ = connect(cache=place)
    results = client.collect([Image(f"copy {number}", png(1)) for number in range(40)], ordered=True)
    assert [result.key for result in results] == [f"copy {number}" for number in range(40)]
    assert {result.text for result in results} == {"1"}


def test_boxes_are_in_the_pixels_of_the_picture(connect: Connect, place: Path) -> None:
    picture = Pictures.new("L", (64, 32))
    picture.getexif()[0x0112] = 6  # It is sent turned.

    def script(request: BatchAnalyzeRequest) -> BatchAnalyzeResponse:
        response = BatchAnalyzeResponse(results=[read(png(1)) for _ in request.analyze_specs])
        for result in response.results:
            page = result.results[0].text_detection.pages[0]
            page.width, page.height = 32, 64
            for x, y in ((1, 2), (1, 6), (9, 6), (9, 2)):
                page.blocks[0].lines[0].words[0].bounding_box.vertices.add(x=x, y=y)
        return response

    client, _ = connect(script, cache=place)
    fresh = client.analyze(picture)
    client, service = connect(script, cache=place)
    found = client.analyze(picture)
    assert found.transport == "tape"
    assert not service.requests
    assert [word.box for word in found.words()] == [word.box for word in fresh.words()]
    assert found.fitted == fresh.fitted
    assert fresh.fitted is not None


class Far(Tape):
    """A tape that takes its time, and knows how many images it was asked about each time."""

    def __init__(self, place: Path) -> None:
        super().__init__(place)
        self.asked: list[int] = []

    def find(self, digests: Sequence[str]) -> Sequence[Recording | None]:
        self.asked.append(len(digests))
        threading.Event().wait(0.006)
        return super().find(digests)


@pytest.mark.parametrize("step", [1, 3])
def test_a_tape_that_is_far_away_is_asked_about_many_images_at_once(
    connect: Connect, way: Way, place: Path, step: int
) -> None:
    connect(cache=place)[0].collect(images(120)[::step])
    tape = Far(place)
    client, service = connect(cache=tape)
    results = client.collect(iter(images(120)), ordered=True)
    assert [(result.key, result.text) for result in results] == [(f"key {each}", str(each)) for each in range(120)]
    assert sent(service) == [number for number in range(120) if number % step]
    assert sum(tape.asked) == 120
    assert tape.asked[0] <= way.most_images
    assert len(tape.asked) <= 12


class Torn(Tape):
    """A tape that fails."""

    kind: type[Exception] = TapeError

    def find(self, digests: Sequence[str]) -> Sequence[Recording | None]:
        message = f"no way to read {len(digests)}"
        raise self.kind(message)

    def record(self, digest: str, recording: Recording, *, service: str | None = None) -> None:
        message = f"no room for {digest} of {recording.api}, by {service}"
        raise self.kind(message)


@pytest.mark.parametrize(("kind", "name"), [(TapeError, ""), (ZeroDivisionError, "ZeroDivisionError: ")])
def test_a_tape_that_fails_is_reported_once_and_nothing_is_lost(
    connect: Connect, place: Path, caplog: pytest.LogCaptureFixture, kind: type[Exception], name: str
) -> None:
    tape = Torn(place)
    tape.kind = kind
    client, service = connect(cache=tape)
    with caplog.at_level(logging.WARNING):
        results = client.collect(images(20), ordered=bool(name))
    assert texts(results) == {f"key {number}": str(number) for number in range(20)}
    assert sent(service) == [*range(20)]
    assert (client.stats.tape_failures, client.stats.images_from_tape) == (40, 0)
    [line] = [record.getMessage() for record in caplog.records if record.name == "vision_grpc.tape"]
    assert line.startswith(f"results go on without the tape: {name}no way to read ")


def test_what_cannot_be_looked_up_is_not_sent_with_the_mode_none(
    connect: Connect, place: Path, caplog: pytest.LogCaptureFixture
) -> None:
    client, service = connect(cache=Torn(place, mode="none"))
    with caplog.at_level(logging.WARNING):
        results = client.collect(images(3))
    [line] = [record.getMessage() for record in caplog.records if record.name == "vision_grpc.tape"]
    assert line.startswith("nothing is sent, as the mode of the tape is none: no way to read ")
    assert all(
        text.startswith(f"FAILED_PRECONDITION: '{key}': no way to read ") for key, text in texts(results).items()
    )
    assert not service.requests


class Stuck(Tape):
    """A tape that does not come back before it is let go."""

    def __init__(self, place: Path, *, reads: bool) -> None:
        super().__init__(place)
        self.let_go = threading.Event()
        self._reads = reads

    def find(self, digests: Sequence[str]) -> Sequence[Recording | None]:
        assert self._reads or self.let_go.wait(60)
        return [None] * len(digests)

    def record(self, digest: str, recording: Recording, *, service: str | None = None) -> None:
        assert self.let_go.wait(60)
        super().record(digest, recording, service=service)


@pytest.mark.parametrize("reads", [False, True])
def test_a_tape_that_hangs_is_left_alone(
    connect: Connect, place: Path, monkeypatch: pytest.MonkeyPatch, *, reads: bool
) -> None:
    monkeypatch.setattr(recorder, "WITHIN_S", 0.1)
    tape = Stuck(place, reads=reads)
    try:
        client, service = connect(cache=tape)
        results = client.collect(images(40))
    finally:
        tape.let_go.set()
    assert texts(results) == {f"key {number}": str(number) for number in range(40)}
    assert sent(service) == [*range(40)]
    assert client.stats.tape_failures >= 40
