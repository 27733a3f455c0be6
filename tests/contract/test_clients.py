"""What every client does over every transport: one text of tests for all of them."""

import math
import threading
from base64 import b64encode
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path

import pytest
from drivers import Connect, Way
from images_in_bytes import png
from scripted_service import Reply, answer, numbers_of

from vision_grpc import Image, InvalidRequestError, Limits
from vision_grpc.config import Timeouts
from vision_grpc.contract.sizes import MOST_IMAGES
from vision_grpc.errors import AuthError, Code, DeadlineError, ImageFailedError
from vision_grpc.local.faults.kinds.times import Hang
from vision_grpc.messages import BatchAnalyzeRequest, BatchAnalyzeResponse, Feature
from vision_grpc.sources.feeder import AHEAD_IMAGES

pytestmark = pytest.mark.usefixtures("patient_sources")


def test_each_image_gets_its_own_text(connect: Connect, way: Way) -> None:
    client, service = connect()
    results = client.collect(Image(f"key {number}", png(number)) for number in range(100))
    assert {result.key: result.text for result in results} == {f"key {number}": str(number) for number in range(100)}
    assert len(results) == 100
    assert all(result.ok and result.attempts == 1 and result.transport == way.transport for result in results)
    assert all(result.request_id for result in results)
    assert sorted(map(numbers_of, service.requests)) == way.batches(range(100))


def test_results_come_in_order_when_that_is_wanted(connect: Connect) -> None:
    first_call = threading.Event()

    def script(request: BatchAnalyzeRequest) -> Reply:
        # The first call is answered last, where calls run side by side.
        if 0 in numbers_of(request):
            first_call.wait(0.05)
        return answer(request)

    client, _ = connect(script)
    results = client.collect((png(number) for number in range(60)), ordered=True)
    assert [result.text for result in results] == [str(number) for number in range(60)]
    assert [result.key for result in results] == [f"#{number}" for number in range(60)]


def test_no_images_make_no_request(connect: Connect) -> None:
    client, service = connect()
    assert client.collect([]) == []
    assert service.requests == []


def test_equal_keys_are_no_hindrance(connect: Connect) -> None:
    client, _ = connect()
    results = client.collect([Image("same", png(number)) for number in range(20)])
    assert {result.key for result in results} == {"same"}
    assert sorted(int(result.text) for result in results) == list(range(20))


def test_sources_of_all_kinds_may_be_mixed(connect: Connect, way: Way, tmp_path: Path) -> None:
    path = tmp_path / "page.png"
    path.write_bytes(png(1))
    folder = tmp_path / "folder.png"
    folder.mkdir()
    images: list[Path | str | bytes | Image] = [
        path,
        str(path),
        png(2),
        Image("mine", png(3)),
        tmp_path / "no.png",
        folder,
        b"GIF89a",
    ]
    client, service = connect()
    results = client.collect(images, ordered=True)
    assert [result.key for result in results] == [
        str(path), str(path), "#2", "mine", str(tmp_path / "no.png"), str(folder), "#6",
    ]  # fmt: skip
    assert [result.text for result in results] == ["1", "1", "2", "3", "", "", ""]
    codes = [result.error.code for result in results if result.error]
    assert codes == [Code.NOT_FOUND, Code.INVALID_ARGUMENT, Code.INVALID_ARGUMENT]
    assert [result.attempts for result in results] == [1, 1, 1, 1, 0, 0, 0]
    assert sorted(map(numbers_of, service.requests)) == way.batches([1, 1, 2, 3])


def test_a_file_that_vanishes_after_listing_fails_alone(connect: Connect, tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.png" for number in range(12)]
    for number, path in enumerate(paths):
        path.write_bytes(png(number))

    def listing() -> Iterator[Path]:
        for path in paths:
            if path.stem == "5":
                path.unlink()
            yield path

    client, _ = connect()
    results = client.collect(listing(), ordered=True)
    assert [result.ok for result in results] == [number != 5 for number in range(12)]
    assert results[5].error is not None
    assert results[5].error.code is Code.NOT_FOUND


def test_one_image(connect: Connect) -> None:
    client, service = connect()
    assert client.analyze(png(7), languages=["ru", "en"], model="line").text == "7"
    [request] = service.requests
    [spec] = request.analyze_specs
    assert spec.content == png(7)
    [feature] = spec.features
    assert feature.type == Feature.TEXT_DETECTION
    assert list(feature.text_detection_config.language_codes) == ["ru", "en"]
    assert feature.text_detection_config.model == "line"


@pytest.mark.parametrize(
    "languages",
    [["ru, en"], ["ru,en"], [" ru ,\ten\n"], ["ru", " en"], ["RU", "en", "ru"], ["ru", "", "en"], ["ru,,en,"],
     ("'ru'", "\ufeffen"), ['"ru, en"']],
)  # fmt: skip
def test_languages_are_cleaned(connect: Connect, languages: Sequence[str]) -> None:
    client, service = connect()
    client.analyze(png(7), languages=languages)
    [feature] = service.requests[0].analyze_specs[0].features
    assert list(feature.text_detection_config.language_codes) == ["ru", "en"]


@pytest.mark.parametrize("image", [png(7) * 30_000, b"a picture"])
def test_base64_in_place_of_an_image_is_named_and_not_repeated(connect: Connect, image: bytes) -> None:
    client, _ = connect()
    base64 = b64encode(image).decode()
    for wrong in (base64, base64.encode(), f"data:image/png;base64,{base64}", Image("key", base64.encode())):
        result = client.analyze(wrong)
        assert result.error is not None
        with pytest.raises(ImageFailedError) as caught:
            result.raise_for_error()
        for told in (result.error.message, str(caught.value)):
            assert len(told) < 300
            assert base64[20:40] not in told or len(base64) < 40


def test_an_unreadable_image_is_a_result(connect: Connect) -> None:
    client, service = connect()
    result = client.analyze(b"no image")
    assert result.error is not None
    assert result.error.code is Code.INVALID_ARGUMENT
    assert service.requests == []


def test_a_wish_that_breaks_the_contract_is_refused_before_anything_is_sent(connect: Connect) -> None:
    client, service = connect()
    for call in (lambda: client.analyze(png(1), model="m" * 51), lambda: client.collect([], model="m" * 51)):
        with pytest.raises(InvalidRequestError, match="model: is 51 characters long, must be at most 50"):
            call()
    assert service.requests == []


def test_early_close_stops_an_endless_source(connect: Connect) -> None:
    pulled = count()
    client, _ = connect(limits=Limits(calls_in_flight=2))
    results = client.take((png(next(pulled)) for _ in count()), 3)
    assert [result.ok for result in results] == [True] * 3
    assert next(pulled) <= 4 * MOST_IMAGES + AHEAD_IMAGES


def test_the_reader_sets_the_pace(connect: Connect) -> None:
    """While a result is not taken, what is pulled stays within the window, the batches around it and the read-ahead."""
    pulled = count()
    limits = Limits(calls_in_flight=1)
    client, service = connect(limits=limits)
    client.take((png(next(pulled)) for _ in count()), 1)
    assert len(service.requests) <= 2
    assert next(pulled) <= 3 * MOST_IMAGES + AHEAD_IMAGES


@pytest.mark.parametrize("come_before", [0, 3, 20])
def test_a_source_that_raises_does_so_after_the_results_of_what_came_before(connect: Connect, come_before: int) -> None:
    seen: list[str] = []

    def images() -> Iterator[bytes]:
        for number in range(come_before):
            yield png(number)
        message = "the disk is gone"
        raise OSError(message)

    client, service = connect()
    with pytest.raises(OSError, match="the disk is gone"):
        client.collect(images(), on_result=lambda result: seen.append(result.text))
    assert sorted(map(int, seen)) == list(range(come_before))
    assert sum(len(request.analyze_specs) for request in service.requests) == come_before


def test_what_is_no_image_ends_the_stream_as_the_callers_error(connect: Connect) -> None:
    client, _ = connect()
    with pytest.raises(TypeError):
        client.collect([png(1), 5])  # type: ignore[list-item]


def test_what_is_not_iterable_is_refused(connect: Connect) -> None:
    client, _ = connect()
    with pytest.raises(TypeError):
        client.collect(5)  # type: ignore[arg-type]


def test_a_closed_client_says_so(connect: Connect) -> None:
    client, service = connect()
    with pytest.raises(RuntimeError, match="closed"):
        client.after_close(png(1))
    assert service.requests == []


def test_without_a_token_nothing_is_sent(connect: Connect, way: Way) -> None:
    client, service = connect(credentials=_Broke())
    with pytest.raises(AuthError, match="no token today") as caught:
        client.collect([Image("a", png(1)), Image("b", png(2))])
    assert caught.value.__notes__ == [f"without a result: {'a, b' if way.has_batches else 'a'}"]
    with pytest.raises(AuthError, match="no token today"):
        client.analyze(png(1))
    assert service.requests == []


class _Broke:
    is_service_account = False

    def authorization(self, *, refused: str | None = None, timeout_s: float = 1) -> str:  # noqa: ARG002
        message = "no token today"
        raise AuthError(message)

    async def authorization_async(self, *, refused: str | None = None, timeout_s: float = 1) -> str:
        return self.authorization(refused=refused, timeout_s=timeout_s)


# Calls side by side


def test_calls_run_side_by_side_up_to_the_window(connect: Connect, way: Way) -> None:
    if not way.is_real:
        pytest.skip("in memory, a call is over before the next begins")
    window = 3
    together = threading.Barrier(window)
    lock = threading.Lock()
    under_way = [0]
    most = [0]

    def script(request: BatchAnalyzeRequest) -> BatchAnalyzeResponse:
        with lock:
            under_way[0] += 1
            most[0] = max(most[0], under_way[0])
        together.wait(timeout=20)
        with lock:
            under_way[0] -= 1
        return answer(request)

    client, _ = connect(script, limits=Limits(calls_in_flight=window))
    results = client.collect(png(number) for number in range(4 * window * way.most_images))
    assert all(result.ok for result in results)
    assert most[0] == window


def test_each_attempt_has_an_id_of_its_own(connect: Connect, way: Way) -> None:
    if not way.is_real:
        pytest.skip("a handler sees requests, not metadata")
    client, service = connect()
    client.collect(png(number) for number in range(40))
    assert len(set(service.client_request_ids)) == len(service.requests) == len(way.batches(range(40)))


def test_a_stream_has_its_time(connect: Connect) -> None:
    client, _ = connect(lambda _: Hang(), timeouts=Timeouts(call_s=0.5, total_s=0.5))
    results = client.collect([png(1), png(2)])
    assert [result.error.code for result in results if result.error] == [Code.DEADLINE_EXCEEDED] * 2


def test_analyze_has_its_time(connect: Connect) -> None:
    client, _ = connect(lambda _: Hang())
    with pytest.raises(DeadlineError):
        client.analyze(png(1), timeout=0.5)


def test_a_time_that_is_none_is_refused(connect: Connect) -> None:
    client, service = connect()
    with pytest.raises(ValueError, match="NaN"):
        client.analyze(png(1), timeout=math.nan)
    assert not service.requests


# What goes with a call


@pytest.mark.parametrize(("data_logging", "told"), [(True, "true"), (False, "false"), (None, None)])
def test_data_logging_is_told_with_every_call_when_wanted(
    data_logging: bool | None,  # noqa: FBT001 - the option itself
    told: str | None,
    connect: Connect,
    way: Way,
) -> None:
    if not way.is_real:
        pytest.skip("in memory, nothing goes with a call")
    client, service = connect(data_logging=data_logging)
    client.collect(map(png, range(9)))
    assert service.data_logging == [told] * len(way.batches(range(9)))
