from hypothesis import given
from hypothesis import strategies as st

from vision_grpc.bulk.budget import AHEAD, Budget


def test_no_more_is_reserved_than_there_is() -> None:
    budget = Budget(3, spent=1)
    assert [budget.reserve(), budget.reserve(), budget.reserve()] == [True, True, False]
    assert budget.left == 0


def test_what_is_not_billed_is_given_back() -> None:
    budget = Budget(1)
    assert budget.reserve()
    budget.settle(billed=False)
    assert budget.reserve()
    budget.settle(billed=True)
    assert not budget.reserve()
    assert budget.spent == 1


def test_a_lost_answer_is_spent_and_another_attempt_needs_a_unit_of_its_own() -> None:
    budget = Budget(3)
    assert budget.reserve()
    assert budget.reserve()
    budget.lose(1)
    assert not budget.is_exceeded
    budget.lose(1)
    assert budget.is_exceeded
    budget.release()
    assert (budget.spent, budget.left) == (2, 1)


@given(
    st.integers(1, 300),
    st.integers(0, 300),
    st.lists(st.sampled_from(["reserve", "bill", "refuse", "lose"]), max_size=400),
)
def test_what_is_on_record_is_never_less_than_what_may_be_billed(most: int, spent: int, events: list[str]) -> None:
    records = [spent]
    budget = Budget(most, spent=spent, record=records.append)
    out = billed = 0
    most_needed = spent
    for event in events:
        if event == "reserve":
            out += budget.reserve()
        elif out and event in {"bill", "refuse"}:
            out -= 1
            billed += event == "bill"
            budget.settle(billed=event == "bill")
        elif out and event == "lose" and not budget.is_exceeded:
            budget.lose(1)
            if not budget.is_exceeded:
                # It is sent again.
                billed += 1
        if not budget.is_exceeded:
            assert spent + billed + out <= records[-1] <= max(most, spent)
        most_needed = max(most_needed, budget.spent + out)
        assert records[-1] <= most_needed + AHEAD
