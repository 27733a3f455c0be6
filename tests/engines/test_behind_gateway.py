"""Workers that are killed behind a gateway with a tape: no image is read twice."""

from pathlib import Path

import pytest
from counted_ocr import CountedOcr
from engine_runs import Engine

from vision_grpc.auth import Anonymous
from vision_grpc.gateway import Gateway

pytestmark = [pytest.mark.environment, pytest.mark.timeout(600)]

_IMAGES = 3_000


def test_a_worker_that_is_killed_behind_a_gateway_with_a_tape_is_billed_nothing_twice(
    engine: Engine, tmp_path: Path
) -> None:
    service = CountedOcr()
    service.hold_after(_IMAGES // 3)
    with (
        service.serving(),
        Gateway(service.address, insecure=True, credentials=Anonymous(), cache=tmp_path / "tape") as gateway,
    ):
        settings = {"endpoint": f"http://{gateway.grpc_endpoint}", "api": "vision/v1"}
        run = engine.start("plain", settings, images=_IMAGES, size=20_000, parts=4)
        service.is_holding.wait()
        run.kill_a_worker(int(gateway.grpc_endpoint.rpartition(":")[2]))
        service.let_go()
        rows = run.finish()
    expected = [(str(number), f"number {number}", None) for number in range(_IMAGES)]
    assert sorted(map(tuple, (row[:3] for row in rows))) == sorted(expected)
    assert service.times == dict.fromkeys(range(_IMAGES), 1)
