"""Tapes, and recordings to put on them."""

import os
import time
from collections.abc import Iterator, Sequence
from hashlib import sha256
from itertools import count
from pathlib import Path

import pytest

from vision_grpc.messages import AnalyzeResult
from vision_grpc.tape import Recording, Tape
from vision_grpc.testing import text_annotation

_numbers = count()


def digest_of(number: int) -> str:
    """Return the digest of an image."""
    return sha256(b"%d" % number).hexdigest()


def recording(text: str = "Hello world", *, api: str = "vision/v1", model: str = "page") -> Recording:
    """Return a recording of a page."""
    result = AnalyzeResult()
    result.results.add(text_detection=text_annotation(text))
    # Whole seconds: so that all entries are of one size.
    at = float(int(time.time()))
    return Recording(
        [result.SerializeToString()],
        has_pages=False,
        api=api,
        model=model,
        languages=("ru", "en"),
        recorded_at=at,
        request_id="r-1",
    )


def texts(tape: Tape, numbers: Sequence[int]) -> list[str | None]:
    """Return what is on a tape."""
    found = tape.find([*map(digest_of, numbers)])
    return [None if each is None else each.result("").text for each in found]


def entry_of(tape: Tape, number: int = 0) -> Path:
    """Return the file of an entry."""
    digest = digest_of(number)
    return Path(tape.location, digest[:2], digest)


def grow_older(tape: Tape, number: int, age_s: float) -> None:
    """Let the file of an entry have been written earlier."""
    at = time.time() - age_s
    os.utime(entry_of(tape, number), (at, at))


@pytest.fixture(params=["folder", "store"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where there may be a tape: a folder, and a store in memory."""
    if request.param == "store":
        pytest.importorskip("obstore")
        yield f"memory:///tape-{next(_numbers)}"
    else:
        yield str(tmp_path / "tape")
