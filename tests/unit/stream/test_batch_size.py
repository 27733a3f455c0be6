"""A limit of size that the service has and nobody was told."""

from collections.abc import Callable, Sequence

import pytest
from images_in_bytes import png
from run_simulation import Ending, Simulation, answer_to, plan_of, play_in_time

from vision_grpc.config import Limits
from vision_grpc.errors import Code, RequestTooLargeError
from vision_grpc.sources.image import Image
from vision_grpc.stream.batch import Batch
from vision_grpc.stream.batch_size import BATCH_BYTES, BatchSize
from vision_grpc.stream.effects import Send

_TOO_LARGE = RequestTooLargeError(Code.RESOURCE_EXHAUSTED, "message larger than max")
_IMAGE_BYTES = 10_000


def _calls(images: Sequence[Image], is_too_large: Callable[[Send], bool]) -> list[Send]:
    """Return the calls of a stream whose images all succeed."""

    def world(send: Send, now: float) -> Ending:
        return Ending(now + 0.1, _TOO_LARGE if is_too_large(send) else answer_to(send))

    played = play_in_time(Simulation(plan_of()), images, world)
    assert sorted(int(result.key) for result in played.results if result.ok) == list(range(len(images)))
    return played.calls


def _more_bytes_than(limit: int) -> Callable[[Send], bool]:
    return lambda send: sum(map(len, send.contents)) > limit


@pytest.mark.parametrize(("fit", "most"), [(1, 400), (2, 200), (3, 200), (4, 100), (7, 100), (8, 50)])
def test_a_limit_in_bytes_is_learned(fit: int, most: int) -> None:
    images = [Image(str(number), png(number, size=_IMAGE_BYTES)) for number in range(400)]
    calls = _calls(images, _more_bytes_than(fit * _IMAGE_BYTES))
    # Each time, the window was full of calls as the first was refused.
    assert len(calls) <= most + 3 * Limits().calls_in_flight


def test_a_limit_in_images_is_learned() -> None:
    sizes = [500, 9_000, 2_000]
    images = [Image(str(number), png(number, size=sizes[number % 3])) for number in range(400)]
    calls = _calls(images, lambda send: len(send.contents) > 2)
    assert len(calls) < 230


def test_one_image_that_is_too_large_makes_no_other_request_smaller() -> None:
    images = [Image(str(number), png(number, size=_IMAGE_BYTES)) for number in range(400)]
    guilty = images[100].content
    refused = 0

    def world(send: Send, now: float) -> Ending:
        nonlocal refused
        is_guilty = guilty in send.contents
        refused += is_guilty
        return Ending(now + 0.1, _TOO_LARGE if is_guilty else answer_to(send))

    played = play_in_time(Simulation(plan_of()), images, world)
    assert [result.key for result in played.results if not result.ok] == ["100"]
    assert refused == 4
    assert len(played.calls) == 50 + 2 * 3


def test_all_streams_of_a_client_know_the_limit() -> None:
    simulation = Simulation(plan_of())
    images = [Image(str(number), png(number, size=_IMAGE_BYTES)) for number in range(40)]
    simulation.shared.batch_size.refused(8, 8 * _IMAGE_BYTES)
    calls = play_in_time(simulation, images, lambda send, now: Ending(now + 0.1, answer_to(send))).calls
    assert [len(send.contents) for send in calls] == [4] * 10


def test_what_was_taken_is_the_least_that_may_follow() -> None:
    size = BatchSize(Limits(), 8)
    size.taken(8, 5_000)
    size.refused(8, 4_000)
    assert (size.images, size.content_bytes) == (8, BATCH_BYTES)
    size.refused(8, 6_000)
    assert (size.images, size.content_bytes) == (8, 5_000)
    # It was under way meanwhile.
    size.taken(8, 7_000)
    assert (size.images, size.content_bytes) == (8, 7_000)


def test_a_request_may_always_have_one_image() -> None:
    size = BatchSize(Limits(), 8)
    for images in (8, 4, 2, 2, 2):
        size.refused(images, 100)
    assert size.fits(1, 1_000_000)
    assert not size.fits(2, 100)


def test_the_halves_of_a_batch_know_which_authorization_was_refused() -> None:
    entries = [(number, str(number), 1) for number in range(3)]
    batch = Batch(entries, [b"a", b"b", b"c"], 3, refused="Bearer stale", config="ru")
    halves = batch.halves()
    assert [len(half.entries) for half in halves] == [1, 2]
    assert {(half.refused, half.config) for half in halves} == {("Bearer stale", "ru")}
