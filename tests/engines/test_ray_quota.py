"""A quota in a named actor of Ray."""

import time

import pytest
from engine_runs import Engine
from scripted_service import Reply, answer, serve_grpc

from vision_grpc.contract.sizes import MOST_IMAGES
from vision_grpc.messages import BatchAnalyzeRequest

pytestmark = [pytest.mark.environment, pytest.mark.timeout(600)]

_REQUESTS_PER_S = 20


_IMAGES = 1024


@pytest.mark.parametrize("engine", ["ray"], indirect=True)
def test_actors_keep_within_a_shared_quota(engine: Engine) -> None:
    came_at: list[float] = []

    def script(request: BatchAnalyzeRequest) -> Reply:
        came_at.append(time.monotonic())
        return answer(request)

    with serve_grpc(script) as service:
        settings = {"endpoint": f"http://{service.address}"}
        rows = engine.read("plain", settings, images=_IMAGES, size=1_000, parts=8, requests_per_s=_REQUESTS_PER_S)
    assert sorted(int(key) for key, *_ in rows) == [*range(_IMAGES)]
    assert len(came_at) >= _IMAGES / MOST_IMAGES
    # No second has more than one request over the quota, but for what a busy machine delays.
    window = _REQUESTS_PER_S + 1
    assert [late for early, late in zip(came_at, came_at[window:], strict=False) if late - early < 0.9] == []


@pytest.mark.parametrize("engine", ["ray"], indirect=True)
def test_workers_share_a_quota(engine: Engine) -> None:
    missing, quota, *times, other, smaller, made_again, closed = engine.run("ray_quota.py")
    assert missing == [
        "FAILED_PRECONDITION: there is no quota 'ours' in this cluster: say requests_per_s or images_per_s"
    ]
    assert quota == [_REQUESTS_PER_S]
    leaves = sorted(time for each in times for time in each)
    assert len(leaves) == 60
    # No second has more than one request over the quota.
    window = _REQUESTS_PER_S + 1
    assert all(later - earlier >= 1.0 for earlier, later in zip(leaves, leaves[window:], strict=False))
    assert other[0].startswith(
        "FAILED_PRECONDITION: RayQuota('ours', requests_per_s=5): another client has made it as RayQuota('ours'"
    )
    assert smaller == [5]
    assert made_again == [1]
    assert closed == ["CANCELLED: the quota 'slow' was closed"]
