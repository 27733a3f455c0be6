"""The arithmetic of docs/scale.md, beside what the page says and what images take."""

from pathlib import Path

import pytest
from benchmarks.answers import text_page
from scale_table import SIZES, tables, workers

from vision_grpc.bulk.journal import LineWriter
from vision_grpc.results import ImageResult
from vision_grpc.results.outcomes import WireOutcome
from vision_grpc.tape.entry import pack
from vision_grpc.tape.recording import Recording

_PAGE = Path(__file__).parents[2] / "docs" / "scale.md"
_A_DIGEST = "0" * 64


@pytest.mark.parametrize("number", range(3))
def test_the_page_has_the_tables(number: int) -> None:
    assert f"\n\n{tables()[number]}\n\n" in _PAGE.read_text()


def test_answers_take_as_many_bytes() -> None:
    wire = text_page().SerializeToString()
    result = ImageResult("scans/0123456.png", WireOutcome(wire, has_error=False), attempts=1, transport="grpc")
    recording = Recording.of(result, api="vision/v1", model="page", languages=["ru", "en"])
    assert recording is not None
    measured = {
        "wire": len(wire),
        "journal": len(LineWriter().render(result, finished_at=0)),
        "tape": len(pack(_A_DIGEST, recording)),
        "text": len(result.text.encode()),
    }
    # How far zlib compresses differs from one build to the next.
    tolerance = {"tape": 0.3}
    for name, size in measured.items():
        assert getattr(SIZES, name) == pytest.approx(size, rel=tolerance.get(name, 0.03)), name


def test_workers_are_as_many_as_the_scarcest_thing_needs() -> None:
    assert [workers(rate) for rate in (0.1, 1, 80, 512, 513, 625, 626)] == [1, 1, 1, 1, 2, 2, 2]
    assert workers(10_000) == 20
