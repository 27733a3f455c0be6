"""Images are looked up ahead where that takes long, and sent no faster for it."""

from collections.abc import Iterator, Sequence

from hypothesis import given
from hypothesis import strategies as st

from vision_grpc import Image, ImageResult
from vision_grpc.session.look_ahead import MOST_IMAGES, LookAhead
from vision_grpc.sources.image import HAVE_RESULTS, Pulled, Recalled

_SLOW_S, _QUICK_S = 0.03, 0.0001


def place(number: int, *, is_known: bool) -> Pulled:
    key = str(number)
    return Recalled(key, ImageResult(key)) if is_known else Image(key, b"1234")


@given(
    known=st.lists(st.booleans(), max_size=150),
    wishes=st.lists(st.integers(1, 8), min_size=150, max_size=150),
    waits=st.lists(st.sampled_from([_SLOW_S, _QUICK_S]), min_size=150, max_size=150),
)
def test_all_come_in_order_and_no_more_to_be_sent_than_are_wanted(
    known: list[bool], wishes: list[int], waits: list[float]
) -> None:
    ahead, source, came = LookAhead(1 << 20), iter(enumerate(known)), list[str]()
    for wish, wait_s in zip(wishes, waits, strict=True):
        lacking = ahead.want(wish)
        assert (lacking == 0) is not ahead.is_empty
        assert lacking <= max(wish, MOST_IMAGES)
        images = [(number, is_known) for _, (number, is_known) in zip(range(lacking), source, strict=False)]
        if lacking:
            pulled: list[Pulled] = [Image(str(number), b"1234") for number, _ in images]
            ahead.looked_up(pulled, [place(number, is_known=is_known) for number, is_known in images], wait_s)
        assert ahead.has_ready is not ahead.is_empty
        taken = ahead.take()
        assert sum(not isinstance(image, HAVE_RESULTS) for image in taken) <= wish
        assert taken or not images
        came += [image.key for image in taken]
    # Each wish has brought at least one.
    assert came == [str(number) for number in range(len(known))]
    assert ahead.is_empty


def test_it_grows_while_looking_up_takes_long_and_within_its_bytes() -> None:
    def asked(most_bytes: int, size: int, waits: Sequence[float]) -> Iterator[int]:
        ahead = LookAhead(most_bytes)
        for wait_s in waits:
            count = ahead.want(1)
            yield count
            pulled: list[Pulled] = [Image(str(number), b"." * size) for number in range(count)]
            ahead.looked_up(pulled, [place(number, is_known=True) for number in range(count)], wait_s)
            assert len(ahead.take()) == count

    assert [*asked(1 << 20, 10, [_SLOW_S] * 5)] == [1, 4, 16, 32, 32]
    assert [*asked(1 << 20, 100_000, [_SLOW_S] * 5)] == [1, 4, 10, 10, 10]
    assert [*asked(1 << 20, 2_000_000, [_SLOW_S] * 3)] == [1, 1, 1]
    assert [*asked(1 << 20, 0, [_SLOW_S] * 3)] == [1, 4, 16]
    assert [*asked(1 << 20, 10, [_QUICK_S] * 3)] == [1, 1, 1]
    assert [*asked(1 << 20, 10, [_SLOW_S, _SLOW_S, _QUICK_S, _SLOW_S])] == [1, 4, 16, 1]
