import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_grpc.bulk.keys import KeyTable
from vision_grpc.texts.strict import bytes_of_key

_KEYS = st.one_of(st.text(max_size=8), st.binary(max_size=4).map(lambda name: name.decode("utf-8", "surrogateescape")))


@given(st.lists(st.tuples(_KEYS, st.integers(0, 2**32 - 1), st.booleans())))
def test_a_table_is_a_dictionary_of_small_numbers(steps: list[tuple[str, int, bool]]) -> None:
    table, model = KeyTable(), dict[str, int]()
    for key, number, replaces in steps:
        before = model.get(key)
        assert table.get(key) == before
        if replaces:
            assert table.put(key, number) == before
            model[key] = number
        else:
            assert table.add(key, number) == before
            model.setdefault(key, number)
        assert table.get(key) == model[key]
        assert (key in table, len(table)) == (True, len(model))


def test_many_keys_stay_apart_while_the_table_grows() -> None:
    table = KeyTable()
    for number in range(20_000):
        assert table.add(f"scans/{number}.png", number) is None
    assert len(table) == 20_000
    assert all(table.get(f"scans/{number}.png") == number for number in range(20_000))
    assert not any(f"scans/{number}.jpg" in table for number in range(20_000))


def test_a_key_takes_less_than_forty_bytes_whatever_its_length() -> None:
    tracemalloc.start()
    try:
        table = KeyTable()
        for number in range(10_000):
            table.add(f"{'long/' * 40}{number}", number)
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken < 40 * 10_000


@pytest.mark.parametrize(
    ("key", "content"),
    [
        ("скан.png", "скан.png".encode()),
        ("caf\udce9.png", b"caf\xe9.png"),
        ("\0", b"\0"),
        ("", b""),
        # No file has such a name.
        ("\ud800", b"\xed\xa0\x80"),
        ("\ud800\udce9", b"\xed\xa0\x80\xed\xb3\xa9"),
    ],
)
def test_the_bytes_of_a_key_are_those_of_its_file(key: str, content: bytes) -> None:
    assert bytes_of_key(key) == content
    table = KeyTable()
    assert table.add(key, 1) is None
    assert table.get(key) == 1


def test_a_name_that_looks_like_an_escaped_one_is_another_key() -> None:
    table = KeyTable()
    table.add("caf\udce9.png", 1)
    assert r"caf\xe9.png" not in table
    assert r"caf\udce9.png" not in table
