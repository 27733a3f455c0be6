import time
from pathlib import Path

import pytest
from journaled import SETTINGS, failed, read

from vision_grpc.bulk.admission import Admission, Place
from vision_grpc.bulk.journal import Journal
from vision_grpc.bulk.journal.recorded import Recorded
from vision_grpc.bulk.progress import Progress
from vision_grpc.errors import Code
from vision_grpc.results import ImageError
from vision_grpc.sources.item import Entry, Fault, Item, Origin, Skipped


def item(key: str) -> Item:
    return Item(key, lambda _: b"")


def admit(places: list[Place], recorded: Recorded | None = None) -> tuple[list[str], Progress, list[Fault]]:
    """Return the keys that are sent, the counts and the faults."""
    progress, faults = Progress(time.monotonic()), list[Fault]()
    admission = Admission(places, lambda: recorded, progress, faults.append)
    return [each.key for each in admission.items()], progress, faults


def test_what_is_no_image_is_counted() -> None:
    fault = Fault("c", ImageError(Code.NOT_FOUND, "c: gone"))
    entries: list[Entry] = [item("a"), Skipped("b.webp", ".webp", can_be_fitted=True), fault, item("d")]
    keys, progress, faults = admit([Place("x", entries)])
    assert keys == ["a", "d"]
    assert progress.skipped[".webp"].count == 1
    assert faults == [fault]
    assert progress.faults.count == 1
    assert progress.is_listed


def test_the_second_image_of_a_key_is_a_fault_that_names_both_places() -> None:
    places = [Place("x", [item("a"), item("b")]), Place("y", []), Place("two words", [item("c"), item("b"), item("b")])]
    keys, progress, faults = admit(places)
    assert keys == ["a", "b", "c"]
    assert (progress.doubles.count, progress.faults.count) == (2, 0)
    assert [fault.error.code for fault in faults] == [Code.ALREADY_EXISTS] * 2
    message = "b: two images have this key, number 2 of x and number 2 of 'two words'; the second is left out"
    assert faults[0].error.message.startswith(message)
    assert "number 2 of x and number 3 of 'two words'" in faults[1].error.message
    _, _, faults = admit([Place("x", [item("a"), item("a")])])
    assert faults[0].error.message.startswith("a: two images have this key, number 1 and number 2 of x; ")


def test_in_containers_keys_may_say_more() -> None:
    for place, advice in (
        ("b.tar#a/1.jpg", 'member_keys="path"'),
        ("b.tar#a/1.pdf#page=2", 'member_keys="path"'),
        ("b.parquet#row=0#page=2", 'key_column="row-number"'),
        ("b.parquet#row=0", 'key_column="row-number"'),
    ):
        second = item("a/1")
        second.place = place
        _, _, faults = admit([Place("a.tar", iter([item("a/1")])), Place("b", iter([second]))])
        assert [fault.error.message.rpartition("; ")[2] for fault in faults] == [f"set {advice}"]


def test_what_is_twice_in_one_file_is_not_advised_to_have_the_key_that_it_has() -> None:
    second = item("a.tar#a/1.jpg")
    second.place = second.key
    _, _, (fault,) = admit([Place("a.tar", iter([item("a.tar#a/1.jpg"), second]))])
    assert "leave out the copy" in fault.error.message
    assert "set " not in fault.error.message


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ([1, 2, 3, 4], "line 2 and line 4 of list"),
        ([3, 5, 6, 10], "line 5 and line 10 of list"),
        # A folder in a list.
        ([1, 2, 2, 2], "line 2 and line 2 of list"),
        ([1, 1, 1, 2], "line 1 and line 2 of list"),
        ([4, 5, 5, 6], "line 5 and line 6 of list"),
        ([1, 3, 3, 3], "line 3 and line 3 of list"),
    ],
)
def test_in_a_list_the_lines_are_named(lines: list[int], told: str) -> None:
    listed = [item(key) for key in ("a", "b", "c", "b")]
    for image, line in zip(listed, lines, strict=True):
        image.origin = Origin("list", line)
    _, _, (fault,) = admit([Place("folder", [item("x")]), Place("list", listed)])
    assert f"two images have this key, {told}; " in fault.error.message
    _, _, (fault,) = admit([Place("folder", [item("b")]), Place("list", listed[:2])])
    assert f"number 1 of folder and line {lines[1]} of list; " in fault.error.message


def test_what_is_done_is_left_out_each_time(tmp_path: Path) -> None:
    with Journal.open(tmp_path / "j.jsonl", SETTINGS) as journal:
        journal.write(read("a", "text"))
        journal.write(failed("b"))
    with Journal.open(tmp_path / "j.jsonl", SETTINGS) as journal:
        keys, progress, faults = admit([Place("x", [item("a"), item("b"), item("c"), item("a")])], journal.done)
    assert "a" not in keys
    assert "c" in keys
    assert progress.earlier_read == 1
    assert [fault.name for fault in faults] == ["a"]


def test_each_image_is_told_of_in_the_order_of_the_sources(tmp_path: Path) -> None:
    with Journal.open(tmp_path / "j.jsonl", SETTINGS) as journal:
        journal.write(read("b", "text"))
    told = list[str]()
    with Journal.open(tmp_path / "j.jsonl", SETTINGS) as journal:
        places = [Place("x", [item("c"), item("b"), item("c"), item("a")])]
        progress = Progress(time.monotonic())
        admission = Admission(places, lambda: journal.done, progress, lambda _: None, on_image=told.append)
        assert [each.key for each in admission.items()] == ["c", "a"]
    assert told == ["c", "b", "a"]


def test_without_images_nothing_is_opened() -> None:
    def refuse() -> None:
        raise AssertionError

    admission = Admission([Place("x", [])], refuse, Progress(time.monotonic()), print)
    assert [*admission.items()] == []
