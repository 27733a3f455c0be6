import math

import pytest

from vision_grpc.network.deadline import LONGEST_S, Deadline


def test_what_is_left_shrinks_to_nothing() -> None:
    assert 59 < Deadline.after(60).left_s <= 60
    assert Deadline.after(0).left_s == Deadline.after(-5).left_s == 0
    assert Deadline.after(-5).timeout_s == 0


@pytest.mark.parametrize("timeout_s", [1e12, math.inf])
def test_no_library_is_given_more_time_than_it_can_hold(timeout_s: float) -> None:
    deadline = Deadline.after(timeout_s)
    assert deadline.left_s <= LONGEST_S
    assert deadline.timeout_s == timeout_s


def test_nan_is_not_a_time() -> None:
    with pytest.raises(ValueError, match="NaN"):
        Deadline.after(math.nan)


def test_the_earlier_of_two_deadlines_counts() -> None:
    deadline = Deadline.after(60)
    assert deadline.within(100) is deadline
    assert deadline.within(1).left_s <= 1
