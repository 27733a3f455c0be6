from hypothesis import given
from hypothesis import strategies as st

from vision_grpc.stream.ordering import Sequencer


@given(order=st.permutations(range(8)), taken=st.integers(0, 8))
def test_what_comes_in_any_order_goes_on_in_that_of_the_positions(order: list[int], taken: int) -> None:
    sequencer: Sequencer[str] = Sequencer()
    gone: list[str] = []
    for position in order[:taken]:
        gone += sequencer.add(position, str(position))
        assert gone == [str(number) for number in range(len(gone))]
        assert str(len(gone)) not in map(str, order[: order.index(position) + 1])
    held_back = sorted(set(order[:taken]) - set(map(int, gone)))
    assert len(sequencer) == len(held_back)
    assert sequencer.flush() == [str(position) for position in held_back]
    assert len(sequencer) == 0
