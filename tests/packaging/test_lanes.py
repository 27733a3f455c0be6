"""What scripts/matrix says of lanes that could not be tried."""

from pathlib import Path

from lanes.lane import Lane
from lanes.run import run


def test_a_lane_without_its_python_is_skipped(tmp_path: Path) -> None:
    outcome = run(Lane(name="later", python="3.99"), {"wheel": tmp_path}, tmp_path)
    assert (outcome.skipped, outcome.problem) == ("no Python 3.99 on this machine", "")


def test_a_lane_whose_packages_do_not_go_together_has_failed(tmp_path: Path) -> None:
    lane = Lane(name="odd", python=None, beside=("grpcio<1", "grpcio>1"), programs=())
    outcome = run(lane, {"wheel": tmp_path / "vision_grpc-0.1.0-py3-none-any.whl"}, tmp_path)
    assert outcome.skipped == ""
    assert outcome.problem
