"""Operations of earlier runs and of this one: what is fetched, what is sent again, and what it may cost."""

from collections.abc import Callable
from typing import Any

import pytest

from vision_grpc.bulk.budget import Budget
from vision_grpc.bulk.ending import Ending
from vision_grpc.bulk.journal import Accepted
from vision_grpc.bulk.operations import KEPT_S, Operations, hash_of
from vision_grpc.bulk.outgoing import Outgoing
from vision_grpc.errors import Code
from vision_grpc.results import ImageError, ImageResult
from vision_grpc.sources.fit import Change, Origin
from vision_grpc.sources.image import PendingOperation
from vision_grpc.sources.item import Item, Read

_NOW = 1_700_000_000.0
_CONTENT = b"the content that was sent"
_GONE = ImageError(Code.NOT_FOUND, "no such file")
_CHANGE = Change(Origin("TIFF", (30, 40)), (15, 20), "PNG")


def accepted(key: str, **values: Any) -> Accepted:  # noqa: ANN401 - of any field
    return Accepted(key, f"op-{key}", _NOW - 60, hash_of(_CONTENT))._replace(**values)


def operations(*earlier: Accepted, record: Callable[[Accepted], None] = lambda _: None) -> Operations:
    return Operations({each.key: each for each in earlier}, record, clock=lambda: _NOW)


def item(key: str = "a", *, is_passing: bool = False) -> Item:
    return Item(key, lambda _: _CONTENT, is_passing=is_passing)


def failed(key: str, code: Code, *, is_open: bool = False) -> ImageResult:
    return ImageResult(key, error=ImageError(code, "failed", is_open=is_open), operation_id=f"op-{key}")


@pytest.mark.parametrize("read", [_CONTENT, _GONE])
def test_what_an_earlier_run_has_sent_is_fetched(read: Read) -> None:
    earlier = operations(accepted("a"))
    outgoing = Outgoing(most_images=0, budget=Budget(0), operations=earlier)
    assert outgoing.claim(item()) is None
    assert outgoing.take_up(item(), read) == PendingOperation("a", "op-a")
    assert (earlier.tally.fetched, earlier.tally.unread) == (1, read is _GONE)
    assert (earlier.pending, earlier.units) == (1, 1)
    outgoing.finish(ImageResult("a"))
    assert (len(outgoing), earlier.pending, earlier.units) == (0, 0, 0)


def test_a_file_that_has_changed_is_sent_again_and_both_may_be_billed() -> None:
    earlier, budget = operations(accepted("a", units=3)), Budget(10, spent=3)
    outgoing = Outgoing(budget=budget, operations=earlier)
    outgoing.claim(item())
    assert outgoing.take_up(item(), b"another content") is None
    assert outgoing.admit(item(), b"another content") == b"another content"
    assert (earlier.tally.changed, earlier.tally.fetched, outgoing.lost) == (1, 0, 3)
    assert (budget.spent, budget.left) == (3, 6)
    outgoing.accept("a", "op-2")
    assert earlier.pending == 1
    assert (budget.spent, budget.left) == (4, 6)


@pytest.mark.parametrize(
    ("outgoing", "limit"),
    [
        (Outgoing(most_images=0, operations=operations(accepted("a"))), Ending.LIMIT),
        (Outgoing(budget=Budget(1, spent=1), operations=operations(accepted("a"))), Ending.BUDGET),
    ],
)
def test_a_file_that_has_changed_counts_as_sent(outgoing: Outgoing, limit: Ending) -> None:
    outgoing.claim(item())
    assert outgoing.take_up(item(), b"another content") is None
    assert outgoing.admit(item(), b"another content") is None
    assert (outgoing.held_back, len(outgoing)) == (limit, 0)


def test_a_line_without_a_hash_stands_for_any_content() -> None:
    assert operations(accepted("a", content_hash=None)).take_up("a", b"another content") is not None


@pytest.mark.parametrize(("age_s", "is_kept"), [(0.0, True), (KEPT_S - 1, True), (KEPT_S, False), (-60.0, True)])
def test_a_result_is_asked_for_as_long_as_the_service_keeps_it(age_s: float, *, is_kept: bool) -> None:
    earlier = operations(accepted("a", accepted_at=_NOW - age_s, units=2))
    assert [earlier.is_earlier("a"), earlier.is_earlier("a")] == [is_kept, is_kept]
    assert (earlier.tally.expired, earlier.lost, earlier.pending) == ((0, 0, 1) if is_kept else (1, 2, 0))


def test_what_was_done_to_a_file_is_known_though_it_is_gone() -> None:
    outgoing = Outgoing(operations=operations(accepted("a", fitted=_CHANGE.to_dict())))
    outgoing.claim(item())
    outgoing.take_up(item(), _GONE)
    assert outgoing["a"].change == _CHANGE


def test_a_change_that_somebody_has_edited_is_left_out() -> None:
    outgoing = Outgoing(operations=operations(accepted("a", fitted={"format": "TIFF"})))
    outgoing.claim(item())
    assert outgoing.take_up(item(), _CONTENT) is not None
    assert outgoing["a"].change is None


def test_what_is_accepted_is_on_record_with_all_that_the_next_run_needs() -> None:
    journal: list[Accepted] = []
    outgoing = Outgoing(operations=operations(record=journal.append))
    outgoing.claim(item())
    assert outgoing.admit(item(), _CONTENT, _CHANGE) == _CONTENT
    outgoing.accept("a", "op-1")
    [line] = journal
    assert line._replace(accepted_at=0) == Accepted("a", "op-1", 0, hash_of(_CONTENT), _CHANGE.to_dict())
    assert isinstance(outgoing["a"].sent.item.read(None), ImageError)  # type: ignore[arg-type] # Its bytes are released.


@pytest.mark.parametrize(("code", "billed"), [(Code.UNAVAILABLE, 0), (Code.INTERNAL, 0), (Code.NOT_FOUND, 1)], ids=str)
def test_an_operation_that_came_to_nothing_is_as_if_it_had_never_been(code: Code, billed: int) -> None:
    earlier, budget = operations(accepted("a")), Budget(5, spent=1)
    outgoing = Outgoing(budget=budget, operations=earlier)
    outgoing.claim(item())
    outgoing.take_up(item(), _CONTENT)
    again = outgoing.send_again(failed("a", code))
    assert again is not None
    assert (earlier.tally.failed, earlier.tally.fetched, earlier.pending) == (1, 0, 0)
    # Of an operation that is unknown, nobody knows whether it was carried out.
    assert (budget.spent, outgoing.lost) == (billed, billed)
    assert outgoing.claim(again) is None
    assert outgoing.take_up(again, _CONTENT) is None
    assert outgoing.admit(again, _CONTENT) == _CONTENT


@pytest.mark.parametrize("code", [Code.INVALID_ARGUMENT, Code.CANCELLED])
def test_an_operation_that_failed_for_good_is_a_result(code: Code) -> None:
    outgoing = Outgoing(operations=operations(accepted("a")))
    outgoing.claim(item())
    outgoing.take_up(item(), _CONTENT)
    assert outgoing.send_again(failed("a", code)) is None


def test_what_passes_is_left_to_the_next_run() -> None:
    outgoing = Outgoing(operations=operations(accepted("a")))
    outgoing.claim(item(is_passing=True))
    outgoing.take_up(item(is_passing=True), _CONTENT)
    assert outgoing.send_again(failed("a", Code.UNAVAILABLE)) is None


def test_operations_that_are_named_by_hand_are_not_sent_again() -> None:
    by_hand = Operations({"a": accepted("a")}, lambda _: None, sends_again=False, clock=lambda: _NOW)
    outgoing = Outgoing(operations=by_hand)
    outgoing.claim(item())
    outgoing.take_up(item(), _CONTENT)
    assert outgoing.send_again(failed("a", Code.UNAVAILABLE)) is None


def test_the_budget_counts_what_is_accepted_until_its_result_says_better() -> None:
    budget = Budget(20)
    outgoing = Outgoing(budget=budget, operations=operations())
    for key in ("a", "b"):
        outgoing.claim(item(key))
        outgoing.admit(item(key), _CONTENT)
    assert (budget.spent, budget.left) == (0, 18)
    outgoing.accept("a", "op-a")
    outgoing.accept("b", "op-b")
    budget.release()
    assert (budget.spent, budget.left) == (2, 18)
    assert outgoing.settle(failed("a", Code.INVALID_ARGUMENT)) == 0
    assert (budget.spent, budget.left) == (1, 19)


def test_documents_are_reserved_by_page_where_there_is_a_page_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vision_grpc.bulk.outgoing.most_units_of", lambda _: 12)
    budget = Budget(20)
    outgoing = Outgoing(most_images=5, budget=budget, has_pages=True)
    outgoing.claim(item("a"))
    assert outgoing.admit(item("a"), _CONTENT) == _CONTENT
    assert budget.left == 8
    outgoing.claim(item("b"))
    assert outgoing.admit(item("b"), _CONTENT) is None
    assert (budget.left, outgoing.held_back) == (8, Ending.BUDGET)


@pytest.mark.parametrize("code", [Code.DEADLINE_EXCEEDED, Code.PERMISSION_DENIED, Code.UNAVAILABLE])
def test_what_may_still_end_well_is_left_to_the_next_run(code: Code) -> None:
    journal: list[Accepted] = []
    earlier, budget = operations(accepted("a"), record=journal.append), Budget(5, spent=1)
    outgoing = Outgoing(budget=budget, operations=earlier)
    outgoing.claim(item())
    outgoing.take_up(item(), _CONTENT)
    result = failed("a", code, is_open=True)
    assert outgoing.send_again(result) is None
    outgoing.settle(result)
    outgoing.finish(result)
    # After the line of the failure, so that the last one of the key says that it is accepted.
    assert journal == [accepted("a")]
    assert (earlier.pending, budget.spent) == (1, 1)


def test_files_that_no_image_of_this_run_is_are_known_at_its_end() -> None:
    earlier = operations(accepted("a"), accepted("deleted"))
    outgoing = Outgoing(operations=earlier)
    outgoing.claim(item())
    outgoing.take_up(item(), _CONTENT)
    assert (earlier.pending, earlier.unmet) == (2, 1)
    outgoing.finish(ImageResult("a"))
    assert (earlier.pending, earlier.unmet) == (1, 1)


def test_a_change_that_somebody_has_written_badly_is_passed_over() -> None:
    earlier = operations(accepted("a", fitted={"format": "PNG", "width": 1, "height": 1, "points": []}))
    outgoing = Outgoing(operations=earlier)
    outgoing.claim(item())
    assert outgoing.take_up(item(), _CONTENT) is not None
    assert outgoing["a"].change is None
