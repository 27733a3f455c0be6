from collections import Counter
from collections.abc import Hashable, Iterable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_grpc.config import Limits
from vision_grpc.contract.sizes import MOST_IMAGES
from vision_grpc.stream.batch import Batch
from vision_grpc.stream.batch_size import BATCH_BYTES, BatchSize
from vision_grpc.stream.batching import Batcher

_LARGEST = 1_048_576
_FOLD = 4096  # Images of a few KB stand for ones of a few MB: the budget is scaled with them.
_MOST_GATHERED = 8 * MOST_IMAGES

_configs = st.sampled_from([None, None, "ru", "en", "he"]) | st.integers(0, 1_000)


def _batcher(limits: Limits | None = None, most_images: int = MOST_IMAGES) -> Batcher:
    limits = limits or Limits()
    return Batcher(BatchSize(limits, most_images), limits.bytes_in_flight // 2)


def _add(batcher: Batcher, number: int, *, size: int = 1, config: Hashable = None) -> Sequence[Batch]:
    # Only sizes count: no bytes are needed.
    return batcher.add((number, str(number), size), b"", config, 0.0)


def _flush(batcher: Batcher) -> list[Batch]:
    batches = []
    while batcher.first is not None:
        batches.append(batcher.flush())
    return batches


def _numbers(batches: Iterable[Batch]) -> list[int]:
    return [number for batch in batches for number, _, _ in batch.entries]


@given(
    sizes=st.lists(st.integers(1, 2 * BATCH_BYTES // _FOLD), max_size=60),
    most_images=st.integers(1, MOST_IMAGES),
    most_bytes=st.integers(1, BATCH_BYTES),
)
def test_batches_keep_the_order_and_both_limits(sizes: list[int], most_images: int, most_bytes: int) -> None:
    batcher = _batcher(Limits(bytes_in_flight=most_bytes), most_images)
    images = [size * _FOLD for size in sizes]
    batches = [batch for number, size in enumerate(images) for batch in _add(batcher, number, size=size)]
    batches += _flush(batcher)
    assert _numbers(batches) == list(range(len(images)))
    for batch in batches:
        assert batch.content_bytes == sum(size for _, _, size in batch.entries)
        assert len(batch.entries) == len(batch.contents) <= most_images
        assert len(batch.entries) <= 1 or batch.content_bytes <= most_bytes


@given(
    images=st.lists(st.tuples(st.integers(1, 2 * BATCH_BYTES // _FOLD), _configs), max_size=200),
    most_images=st.integers(1, MOST_IMAGES),
    most_bytes=st.integers(1, BATCH_BYTES),
)
def test_images_of_many_configs_gather_side_by_side_within_bounds(
    images: list[tuple[int, Hashable]], most_images: int, most_bytes: int
) -> None:
    batcher = _batcher(Limits(bytes_in_flight=most_bytes), most_images)
    configs = [config for _, config in images]
    batches: list[Batch] = []
    for number, (size, config) in enumerate(images):
        batches += _add(batcher, number, size=size * _FOLD, config=config)
        waiting = sorted(map(int, batcher.keys()))
        assert sorted(_numbers(batches) + waiting) == list(range(number + 1))
        assert len(batcher) == len(waiting)
        assert not waiting or number - waiting[0] < 8 * most_images
        held = sum(images[each][0] * _FOLD for each in waiting)
        assert held <= most_bytes // 2 or len({configs[each] for each in waiting}) == 1
    batches += _flush(batcher)
    assert len(batcher) == 0
    assert sorted(_numbers(batches)) == list(range(len(images)))
    for batch in batches:
        numbers = _numbers([batch])
        assert {configs[number] for number in numbers} == {batch.config}
        assert numbers == sorted(numbers)
        assert len(numbers) <= most_images
        assert len(numbers) <= 1 or batch.content_bytes <= most_bytes


@pytest.mark.parametrize(("configs", "images_a_batch"), [(1, 8), (2, 8), (5, 8), (8, 8), (16, 4), (32, 2), (1_000, 1)])
def test_configs_in_turn_share_few_requests(configs: int, images_a_batch: int) -> None:
    batcher = _batcher()
    batches = [batch for number in range(4_000) for batch in _add(batcher, number, config=number % configs)]
    assert Counter(len(batch.entries) for batch in batches).most_common(1)[0][0] == images_a_batch
    assert len(batcher) <= _MOST_GATHERED


def test_an_image_of_a_rare_config_does_not_wait_for_ever() -> None:
    batcher = _batcher()
    left = [_add(batcher, 0, config="rare")]
    left += [_add(batcher, number) for number in range(1, 2 * _MOST_GATHERED)]
    [at] = [number for number, batches in enumerate(left) if any(batch.config == "rare" for batch in batches)]
    assert at <= _MOST_GATHERED


@given(st.lists(st.integers(1, 2 * BATCH_BYTES // _FOLD), max_size=20))
def test_what_waits_is_what_has_not_left(sizes: list[int]) -> None:
    batcher = _batcher()
    gone: list[Batch] = []
    for number, size in enumerate(sizes):
        gone += _add(batcher, number, size=size * _FOLD)
        assert [*_numbers(gone), *map(int, batcher.keys())] == list(range(number + 1))
        assert batcher.room == MOST_IMAGES - len(batcher) > 0


def test_a_batch_leaves_as_soon_as_it_is_full() -> None:
    batcher = _batcher()
    sent = [_add(batcher, number) for number in range(MOST_IMAGES)]
    assert [_numbers(batches) for batches in sent] == [[]] * (MOST_IMAGES - 1) + [list(range(MOST_IMAGES))]
    assert batcher.first is None


@pytest.mark.parametrize(
    ("limits", "images"),
    [
        (Limits(), 4),
        (Limits(images_per_s=100), 4),
        (Limits(requests_per_s=10), 8),
        (Limits(bytes_in_flight=2 * _LARGEST), 2),
        (Limits(bytes_in_flight=2 * _LARGEST, requests_per_s=10), 2),
    ],
)
def test_images_of_the_documented_size_are_cut_by_bytes(limits: Limits, images: int) -> None:
    batcher = _batcher(limits)
    batches = [batch for number in range(MOST_IMAGES) for batch in _add(batcher, number, size=_LARGEST)]
    assert {len(batch.entries) for batch in [*batches, *_flush(batcher)]} == {images}
