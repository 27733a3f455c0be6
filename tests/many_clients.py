"""Several client processes with a shared quota, against a service with a hidden one."""

import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from scripted_service import Reply, answer, serve_grpc

from vision_grpc.errors import Code, ServiceError
from vision_grpc.messages import BatchAnalyzeRequest

_PROGRAM = Path(__file__).parent / "programs" / "one_of_many.py"
_BATCH = 8


class HiddenQuota:
    """Admits so many requests in any second, as they arrive, and notes when they do."""

    def __init__(self, per_s: float, latency_s: float = 0.05) -> None:
        self._per_s = per_s
        self._latency_s = latency_s
        self._lock = threading.Lock()
        self._admitted: deque[float] = deque()
        self.arrivals: list[float] = []
        self.refused = 0

    def __call__(self, request: BatchAnalyzeRequest) -> Reply:
        with self._lock:
            now = time.monotonic()
            self.arrivals.append(now)
            while self._admitted and self._admitted[0] <= now - 1:
                self._admitted.popleft()
            if len(self._admitted) >= self._per_s:
                self.refused += 1
                return ServiceError(Code.RESOURCE_EXHAUSTED, "the quota is used up", retry_after_s=1)
            self._admitted.append(now)
        time.sleep(self._latency_s)
        return answer(request)

    def most_in_a_second(self) -> int:
        """The most requests that came in any second."""
        times = sorted(self.arrivals)
        return max(sum(begun <= at < begun + 1 for at in times) for begun in times)


@dataclass
class Outcome:
    """What came of a run."""

    quota: HiddenQuota
    texts: Counter[str] = field(default_factory=Counter[str])
    lost: list[str] = field(default_factory=list[str])
    logs: list[str] = field(default_factory=list[str])
    requests_by_client: list[int] = field(default_factory=list[int])

    @property
    def refused(self) -> float:
        """The part of the requests that were refused."""
        return self.quota.refused / len(self.quota.arrivals)

    def used(self, per_s: float) -> float:
        """The part of the quota that was used, from the first request to the last."""
        times = self.quota.arrivals
        return (len(times) - self.quota.refused - 1) / (per_s * (max(times) - min(times)))


def run_clients(
    quota_address: str,
    per_s: float,
    *,
    requests: Sequence[int],
    share: float = 1.0,
    meanwhile: Callable[["HiddenQuota", Sequence[subprocess.Popen[str]]], None] = lambda _quota, _clients: None,
) -> Outcome:
    """Let a client for each number of requests, of eight images each, read all its images."""
    hidden = HiddenQuota(per_s)
    outcome = Outcome(hidden)
    paths = os.pathsep.join(filter(None, [str(_PROGRAM.parents[1]), os.environ.get("PYTHONPATH", "")]))
    with serve_grpc(hidden) as service:
        clients = [
            subprocess.Popen(
                [
                    *(sys.executable, "-P", str(_PROGRAM), service.address, quota_address, str(share)),
                    *(str(1000 * number), str(count * _BATCH)),
                ],
                env=os.environ | {"PYTHONPATH": paths},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for number, count in enumerate(requests)
        ]
        try:
            for client in clients:
                assert client.stdout is not None
                assert client.stdout.readline() == "ready\n"
            for client in clients:
                assert client.stdin is not None
                client.stdin.write("\n")
                client.stdin.flush()
            meanwhile(hidden, clients)
            for client in clients:
                printed, log = client.communicate(timeout=100)
                outcome.logs.append(log)
                for line in printed.splitlines():
                    key, is_ok, text = json.loads(line)
                    outcome.texts[key] += 1
                    if not is_ok or text != key:
                        outcome.lost.append(f"{key}: {text}")
        finally:
            for client in clients:
                client.kill()
                client.wait()
    return outcome
