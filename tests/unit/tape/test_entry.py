import json
import zlib
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from taped import digest_of, recording

from vision_grpc.tape.entry import EntryError, NewerEntryError, pack, read_header, unpack
from vision_grpc.tape.recording import Recording

DIGEST = digest_of(1)
ENTRY = pack(DIGEST, recording())


def made(header: object, body: bytes = b"") -> bytes:
    """Return an entry with a good checksum, whatever is in it."""
    rest = json.dumps(header).encode() + b"\n" + body
    return b"vision-grpc tape entry 1\n%b\n%b" % (sha256(rest).hexdigest().encode(), rest)


def header(**changed: object) -> dict[str, Any]:
    names = ("digest", "api", "model", "recorded_at", "request_id")
    values = dict(zip(names, (DIGEST, "vision/v1", "page", 1.5, None), strict=True))
    return values | {"languages": ["ru"], "message": "AnalyzeResult", "lengths": [3]} | changed


recordings = st.builds(
    Recording,
    st.lists(st.binary(), min_size=1),
    st.booleans(),
    st.text(),
    st.text(),
    st.lists(st.text()).map(tuple),
    st.floats(allow_nan=False, allow_infinity=False),
    st.none() | st.text(),
)


@given(recordings)
def test_what_was_packed_comes_out(recorded: Recording) -> None:
    data = pack(DIGEST, recorded)
    assert unpack(DIGEST, data) == recorded
    read = read_header(data)
    assert read is not None
    assert (read.api, read.model) == (recorded.api, recorded.model)


@given(st.data())
def test_an_altered_entry_is_absent_or_the_same(data: st.DataObject) -> None:
    """Whatever is cut, flipped, put in, left out or swapped, and wherever."""
    altered = bytearray(ENTRY)
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(altered)))
        end = data.draw(st.integers(start, min(len(altered), start + 20)) | st.just(len(altered)))
        altered[start:end] = data.draw(st.binary(max_size=20) | st.just(altered[start:end][::-1]))
    if altered != ENTRY:
        with pytest.raises(EntryError):
            unpack(DIGEST, bytes(altered))


@pytest.mark.parametrize(
    "alter",
    [
        lambda position: ENTRY[:position],
        lambda position: ENTRY[:position] + ENTRY[position + 1 :],
        lambda position: ENTRY[:position] + bytes([ENTRY[position] ^ 1]) + ENTRY[position + 1 :],
        lambda position: ENTRY[:position] + b"\n" + ENTRY[position:],
    ],
    ids=["cut", "left out", "flipped", "put in"],
)
def test_each_byte_counts(alter: Callable[[int], bytes]) -> None:
    for position in range(len(ENTRY)):
        if (altered := alter(position)) != ENTRY:
            with pytest.raises(EntryError):
                unpack(DIGEST, altered)


@given(st.binary())
def test_any_bytes_have_a_reason(data: bytes) -> None:
    with pytest.raises(EntryError, match="it "):
        unpack(DIGEST, data)
    with pytest.raises(EntryError, match="it "):
        read_header(data)


def test_an_entry_under_another_name_is_none() -> None:
    with pytest.raises(EntryError, match="under another name"):
        unpack(digest_of(2), ENTRY)


@pytest.mark.parametrize("version", [2, 10, 999_999_999])
def test_an_entry_of_a_later_version_is_told_apart(version: int) -> None:
    with pytest.raises(NewerEntryError, match=f"it is of version {version}, and this package reads 1"):
        unpack(DIGEST, ENTRY.replace(b"entry 1\n", b"entry %d\n" % version))


def test_an_entry_of_a_version_that_never_was_is_damaged() -> None:
    with pytest.raises(EntryError, match="it is of version 0, and this package reads 1"):
        unpack(DIGEST, ENTRY.replace(b"entry 1\n", b"entry 0\n"))


def test_a_header_may_have_fields_of_later_versions() -> None:
    assert unpack(DIGEST, made(header(camera="x"), zlib.compress(b"abc"))).messages == [b"abc"]


@pytest.mark.parametrize(
    ("changed", "body"),
    [
        ({"lengths": []}, zlib.compress(b"abc")),
        ({"lengths": [4, -1]}, zlib.compress(b"abc")),
        ({"lengths": [1 << 40]}, zlib.compress(b"abc")),
        ({"lengths": [2]}, zlib.compress(b"abc")),
        ({"lengths": [4]}, zlib.compress(b"abc")),
        ({}, b"not compressed"),
        ({}, zlib.compress(b"abc")[:-1]),
        ({}, zlib.compress(b"abc") + b"more"),
        ({}, zlib.compress(bytes(100_000_000))),
        ({"languages": "ru"}, zlib.compress(b"abc")),
        ({"message": "Struct"}, zlib.compress(b"abc")),
        ({"digest": None}, zlib.compress(b"abc")),
    ],
)
def test_a_header_that_lies_is_found_out(changed: dict[str, object], body: bytes) -> None:
    with pytest.raises(EntryError, match=r"header|messages"):
        unpack(DIGEST, made(header(**changed), body))


@pytest.mark.parametrize("told", [[], "text", None, {}])
def test_a_header_of_another_form_is_found_out(told: Sequence[object] | str | None) -> None:
    with pytest.raises(EntryError, match="its header is not that of an entry"):
        unpack(DIGEST, made(told))


def test_people_can_read_what_an_entry_is() -> None:
    first, checksum, line = ENTRY.split(b"\n")[:3]
    assert first == b"vision-grpc tape entry 1"
    assert len(checksum) == 64
    assert (
        json.loads(line).items() >= {"digest": DIGEST, "api": "vision/v1", "model": "page", "request_id": "r-1"}.items()
    )


def test_pages_are_compressed() -> None:
    page = recording(" ".join(["word"] * 300))
    assert len(pack(DIGEST, page)) < 0.5 * len(page.messages[0])
