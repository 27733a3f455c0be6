"""Takes a `RayQuota` from two workers and from here, and prints as JSON when each request might leave.

The other lines are what is said of quotas that cannot be used.
"""

import json
import os
import pickle
import sys
import threading
import time

import ray

from vision_grpc import VisionError
from vision_grpc.ray import RayQuota

_REQUESTS_PER_S = 20
_REQUESTS = 20


def show(line: list[object]) -> None:
    """Print a line."""
    print(json.dumps(line))  # noqa: T201


def take(quota: RayQuota) -> list[object]:
    """Return the times of requests."""
    times: list[object] = []
    while len(times) < _REQUESTS:
        grant = quota.reserve(2, 8)
        came_at = time.time()
        times += [came_at + wait_s for wait_s in grant.waits_s]
        time.sleep(max(grant.waits_s))
    return times


def refusal(quota: RayQuota) -> str:
    """Return what is said of a quota that cannot be used."""
    try:
        return f"permitted: {quota.reserve(1, 8)}"
    except VisionError as error:
        return str(error)


def main() -> None:
    """Take it."""
    ray.init(
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        configure_logging=False,
        _node_ip_address="127.0.0.1",
        runtime_env={"env_vars": {"PYTHONPATH": os.pathsep.join(sys.path)}},
    )
    show([refusal(RayQuota("ours"))])
    quota = pickle.loads(pickle.dumps(RayQuota("ours", requests_per_s=_REQUESTS_PER_S)))  # noqa: S301 - our own
    show([quota.usage().requests_per_s])
    worker = ray.remote(num_cpus=0.2)(take)
    running = [worker.remote(quota) for _ in range(2)]
    show(take(RayQuota("ours")))
    for times in ray.get(running):
        show(times)
    show([refusal(RayQuota("ours", requests_per_s=5))])
    show([RayQuota("small", images_per_s=5).reserve(1, 8).images])
    ray.kill(ray.get_actor("ours", namespace="vision_grpc"))
    # It is made again.
    show([len(quota.reserve(1, 8).waits_s)])
    slow = RayQuota("slow", requests_per_s=0.001)
    threading.Timer(0.5, slow.close).start()
    show([refusal(slow)])


main()
