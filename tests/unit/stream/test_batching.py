import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_grpc.config import Limits
from vision_grpc.contract.sizes import MOST_IMAGES
from vision_grpc.sources.image import Image
from vision_grpc.stream.batch_size import BATCH_BYTES, BatchSize
from vision_grpc.stream.batching import Batcher

_LARGEST = 1_048_576
_FOLD = 4096  # Images of a few KB stand for ones of a few MB: the budget is scaled with them.


@given(
    sizes=st.lists(st.integers(1, 2 * BATCH_BYTES // _FOLD), max_size=60),
    most_images=st.integers(1, MOST_IMAGES),
    most_bytes=st.integers(1, BATCH_BYTES),
)
def test_batches_keep_the_order_and_both_limits(sizes: list[int], most_images: int, most_bytes: int) -> None:
    batcher: Batcher[_Sized] = Batcher(BatchSize(Limits(bytes_in_flight=most_bytes), most_images))
    images = [_Sized(size * _FOLD) for size in sizes]
    batches = [batch for image in images if (batch := batcher.add(image, len(image.content)))]
    batches.append(batcher.flush())
    assert [image for batch in batches for image in batch] == images
    for batch in batches:
        assert len(batch) <= most_images
        assert len(batch) <= 1 or sum(len(image.content) for image in batch) <= most_bytes


@given(st.lists(st.integers(1, 2 * BATCH_BYTES // _FOLD), max_size=20))
def test_what_waits_is_what_has_not_left(sizes: list[int]) -> None:
    batcher: Batcher[_Sized] = Batcher(BatchSize(Limits(), MOST_IMAGES))
    gone: list[_Sized] = []
    images = [_Sized(size * _FOLD) for size in sizes]
    for number, image in enumerate(images, 1):
        gone += batcher.add(image, len(image.content))
        assert [*gone, *batcher.waiting] == images[:number]
        assert batcher.room == MOST_IMAGES - len(batcher.waiting) > 0


def test_a_batch_leaves_as_soon_as_it_is_full() -> None:
    batcher: Batcher[Image] = Batcher(BatchSize(Limits(), MOST_IMAGES))
    sent = [batcher.add(Image(str(number), b"x"), 1) for number in range(MOST_IMAGES)]
    assert [len(batch) for batch in sent] == [0] * (MOST_IMAGES - 1) + [MOST_IMAGES]
    assert batcher.flush() == []


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
    batcher: Batcher[int] = Batcher(BatchSize(limits, MOST_IMAGES))
    batches = [batch for number in range(MOST_IMAGES) if (batch := batcher.add(number, _LARGEST))]
    assert {len(batch) for batch in [*batches, batcher.flush()] if batch} == {images}


class _Content:
    """Of a given length, without the bytes."""

    def __init__(self, size: int) -> None:
        self._size = size

    def __len__(self) -> int:
        return self._size


class _Sized:
    def __init__(self, size: int) -> None:
        self.content: bytes = _Content(size)  # type: ignore[assignment]
