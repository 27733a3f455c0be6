"""What the service remembers of operations: owners, results, budgets, ends."""

import gc

import pytest
from images_in_bytes import png

from vision_grpc.errors import Code, ServiceError
from vision_grpc.local.calls.fate import NO_FATE, Fate
from vision_grpc.local.calls.reply import CutStreamError
from vision_grpc.local.ocr_v1.operation import DeferredFile, Owner, StoredPages
from vision_grpc.local.ocr_v1.operations import NOT_READY, Operations
from vision_grpc.messages import OcrTextAnnotation, RecognizeTextRequest, Status

_ME = Owner("aje1", "b1g1")
_TEXT = OcrTextAnnotation(full_text="x" * 98)
"""100 bytes."""
_BROKEN = Status(code=Code.INVALID_ARGUMENT, message="broken")


class Remembered:
    """Operations by a clock that stands still."""

    def __init__(self, *, most: int = 100, most_bytes: int = 1_000_000, kept_s: float = 60.0) -> None:
        self.now = 50.0
        self.all = Operations(
            most=most,
            most_bytes=most_bytes,
            kept_s=kept_s,
            clock=lambda: self.now,
            wall_clock=lambda: 1_000_000 + self.now,
        )

    def accept(self, *, pages: int | None = 1, fate: Fate = NO_FATE, test_id: str = "", size: int = 50) -> DeferredFile:
        """Return a file that is open."""
        request = RecognizeTextRequest(content=png(1, size=size))
        file = self.all.accept(request, _ME, test_id=test_id, fate=fate)
        if pages is not None:
            self.all.opened(file, pages)
        return file

    def read(self, **wishes: int) -> DeferredFile:
        """Return a file that has been read."""
        file = self.accept(**wishes)  # type: ignore[arg-type]
        for number in range(len(file.pages)):
            self.all.add(file, number, [_TEXT])
        return file

    def knows(self, file: DeferredFile) -> bool:
        try:
            self.all.find(file.id, _ME)
        except ServiceError as error:
            if error.code is not Code.NOT_FOUND or "there is no operation" not in error.message:
                raise
            return False
        return True

    def code(self, file: DeferredFile) -> tuple[Code, str]:
        try:
            self.all.result(file)
        except ServiceError as error:
            return error.code, error.message
        return Code.OK, ""


def test_pages_may_come_in_any_order() -> None:
    service = Remembered()
    file = service.accept(pages=3)
    for number in (2, 0, 1):
        assert service.code(file) == (Code.NOT_FOUND, NOT_READY)
        service.all.add(file, number, [OcrTextAnnotation(width=number)])
    pages = service.all.result(file)
    assert [(page.page, page.text_annotation.width) for page in pages] == [(0, 0), (1, 1), (2, 2)]
    assert [page.page for page in pages[1:]] == [1, 2]
    assert (pages[-1].page, len(pages)) == (2, 3)


def test_an_engine_may_make_several_pages_of_one() -> None:
    service = Remembered()
    file = service.accept(pages=2)
    service.all.add(file, 0, [OcrTextAnnotation(width=1), OcrTextAnnotation(width=2)])
    service.all.add(file, 1, [OcrTextAnnotation(width=3)])
    pages = service.all.result(file)
    assert [(page.page, page.text_annotation.width) for page in pages] == [(0, 1), (1, 2), (2, 3)]


def test_a_page_that_fails_ends_the_file_when_the_pages_before_it_are_there() -> None:
    service = Remembered()
    file = service.accept(pages=4)
    service.all.add(file, 0, [_TEXT])
    service.all.add(file, 3, [_TEXT])
    service.all.fail(file, _BROKEN, 2)
    service.all.fail(file, Status(code=Code.INTERNAL, message="a page that nobody wants"), 3)
    assert [file.wants(number) for number in range(4)] == [True, True, False, False]
    assert service.code(file) == (Code.NOT_FOUND, NOT_READY)
    service.all.add(file, 1, [_TEXT])
    with pytest.raises(CutStreamError, match="broken") as caught:
        service.all.result(file)
    assert [page.page for page in caught.value.messages] == [0, 1]  # type: ignore[attr-defined]
    assert file.message(service.now).error == _BROKEN
    service.all.fail(file, Status(code=Code.INTERNAL), 0)
    assert file.error == _BROKEN


def test_a_file_that_cannot_be_opened_fails() -> None:
    service = Remembered()
    file = service.accept(pages=None)
    service.all.fail(file, _BROKEN)
    assert service.code(file) == (Code.INVALID_ARGUMENT, "broken")
    assert file.request is None
    service.all.opened(file, 3)
    assert not file.wants(0)


def test_what_is_told_of_an_operation() -> None:
    service = Remembered()
    file = service.accept(fate=Fate(ready_after_s=10))
    assert len({service.accept().id for _ in range(50)}) == 50
    told = file.message(service.now)
    assert (told.done, told.WhichOneof("result"), told.created_at.seconds) == (False, None, 1_000_050)
    service.now += 3
    service.all.add(file, 0, [_TEXT])
    assert file.message(service.now).modified_at == told.created_at
    service.now += 6.99
    assert service.code(file) == (Code.NOT_FOUND, NOT_READY)
    service.now += 0.02
    told = file.message(service.now)
    assert (told.done, told.WhichOneof("result")) == (True, "response")
    assert (told.created_at.seconds, told.modified_at.seconds) == (1_000_050, 1_000_060)
    assert service.code(file) == (Code.OK, "")


@pytest.mark.parametrize("begun", [False, True])
def test_a_cancelled_operation_has_no_result(*, begun: bool) -> None:
    service = Remembered()
    file = service.accept(pages=2 if begun else None)
    if begun:
        service.all.add(file, 0, [_TEXT])
    service.all.cancel(file)
    service.all.cancel(file)
    assert (file.request, file.wants(1), service.code(file)[0]) == (None, False, Code.CANCELLED)
    assert service.all.usage == (0, 1, 0)


def test_an_operation_that_is_late_can_be_cancelled_and_one_that_is_done_cannot() -> None:
    service = Remembered()
    late, done = service.accept(fate=Fate(ready_after_s=10)), service.read()
    service.all.add(late, 0, [_TEXT])
    service.all.cancel(late)
    service.all.cancel(done)
    assert [service.code(file)[0] for file in (late, done)] == [Code.CANCELLED, Code.OK]
    assert service.all.usage == (0, 2, 100)


@pytest.mark.parametrize(
    ("owner", "asking", "may"),
    [
        (_ME, _ME, True),
        (_ME, Owner("aje1", ""), True),
        (Owner("aje1", ""), _ME, True),
        (_ME, Owner("aje1", "b1g2"), False),
        (_ME, Owner("aje2", "b1g1"), False),
        (_ME, Owner("", "b1g1"), False),
    ],
)
def test_who_may_ask(owner: Owner, asking: Owner, *, may: bool) -> None:
    service = Remembered()
    file = service.all.accept(RecognizeTextRequest(), owner, test_id="", fate=NO_FATE)
    if may:
        assert service.all.find(file.id, asking) is file
        return
    with pytest.raises(ServiceError) as caught:
        service.all.find(file.id, asking)
    assert caught.value.code is Code.PERMISSION_DENIED


def test_results_expire_and_their_bytes_are_free() -> None:
    service = Remembered(kept_s=60)
    first, forgotten = service.read(), service.accept()
    service.now += 59.9
    assert service.knows(first)
    service.now += 0.1
    assert not service.knows(first)
    assert service.knows(forgotten), "it is not read yet"
    assert service.all.usage.ended == 0


def test_a_result_can_be_ordered_to_expire_at_once() -> None:
    service = Remembered()
    file = service.accept(fate=Fate(kept_s=0))
    assert service.knows(file)
    service.all.add(file, 0, [_TEXT])
    assert not service.knows(file)


def test_a_result_that_never_gets_ready_does_not_keep_others_from_expiring() -> None:
    service = Remembered(kept_s=60)
    stuck, other = service.accept(fate=Fate(ready_after_s=float("inf"))), service.read()
    service.all.add(stuck, 0, [_TEXT])
    service.now += 1e6
    assert service.code(stuck) == (Code.NOT_FOUND, NOT_READY)
    assert not service.knows(other)


def test_an_operation_that_is_lost_is_not_read() -> None:
    service = Remembered()
    file = service.accept(pages=None, fate=Fate(is_lost=True))
    assert file.is_over
    assert not service.knows(file)
    assert service.all.usage == (0, 0, 0)


def test_an_operation_that_is_to_fail_is_not_read() -> None:
    service = Remembered()
    file = service.accept(pages=None, fate=Fate(error=_BROKEN, ready_after_s=5))
    assert file.is_over
    assert service.code(file) == (Code.NOT_FOUND, NOT_READY)
    service.now += 5
    assert service.code(file) == (Code.INVALID_ARGUMENT, "broken")


def test_results_that_nobody_asks_for_go_first() -> None:
    service = Remembered(most=3)
    first, second, third = service.read(), service.read(), service.read()
    service.all.find(first.id, _ME)
    fourth = service.read()
    assert [service.knows(file) for file in (first, second, third, fourth)] == [True, False, True, True]


def test_results_have_room_for_so_many_bytes() -> None:
    service = Remembered(most_bytes=250)
    first, second = service.read(), service.read()
    assert service.all.usage.bytes == 200
    third = service.read(pages=1)
    assert [service.knows(file) for file in (first, second, third)] == [False, True, True]
    large = service.read(pages=9)
    assert [service.knows(file) for file in (second, third, large)] == [False, False, True], "the last one stays"


@pytest.mark.parametrize("limits", [{"most": 2}, {"most_bytes": 130}])
def test_files_that_wait_are_not_forgotten_and_new_ones_are_refused(limits: dict[str, int]) -> None:
    service = Remembered(**limits)
    first, _ = service.accept(), service.accept()
    with pytest.raises(ServiceError, match="2 files wait to be read in the background") as caught:
        service.accept()
    assert (caught.value.code, caught.value.retry_after_s) == (Code.RESOURCE_EXHAUSTED, 1)
    service.all.cancel(first)
    service.accept()


def test_one_file_alone_may_be_larger_than_the_room() -> None:
    service = Remembered(most_bytes=100)
    assert service.knows(service.read(size=5000))


def test_the_operations_of_a_test_are_forgotten() -> None:
    service = Remembered()
    mine, other, done = service.accept(test_id="a"), service.accept(test_id="b"), service.read()
    assert service.all.forget("a") == 1
    assert [service.knows(file) for file in (mine, other, done)] == [False, True, True]
    assert mine.is_over
    service.all.add(mine, 0, [_TEXT])
    assert service.all.forget() == 2
    assert service.all.usage == (0, 0, 0)


def test_no_pages_are_no_result() -> None:
    assert list(StoredPages([])) == []


def test_what_is_forgotten_for_others_holds_no_memory() -> None:
    remembered = Remembered(most=3, kept_s=3 * 86_400)
    for _ in range(500):
        remembered.read(test_id="held")  # type: ignore[arg-type]
    held = [each for each in gc.get_objects() if isinstance(each, DeferredFile) and each.test_id == "held"]
    assert len(held) == 3
    assert len(remembered.all._expiries) < 300
