"""Several client processes share a quota that the service behind it enforces.

A busy machine delays requests more than a network does: the bounds are wider than what docs/shared-quota.md says.
"""

import subprocess
import time
from collections.abc import Sequence

import pytest
from command_line import finish
from many_clients import HiddenQuota, Outcome, run_clients
from quota_service import quota_service

_PATIENCE_S = 60.0


def check_whole(outcome: Outcome, clients: int, requests: int) -> None:
    """Each image was read, and came once."""
    assert outcome.lost == []
    assert outcome.texts == {
        str(1000 * client + image): 1 for client in range(clients) for image in range(8 * requests)
    }


def until(hidden: HiddenQuota, arrivals: int) -> None:
    """Wait until so many requests have come."""
    ends_at = time.monotonic() + _PATIENCE_S
    while len(hidden.arrivals) < arrivals:
        assert time.monotonic() < ends_at
        time.sleep(0.01)


@pytest.mark.parametrize(("per_s", "requests"), [(5, 3), (20, 12)])
def test_the_quota_holds_and_is_used(per_s: int, requests: int) -> None:
    with quota_service("--rps", per_s) as (_, address):
        outcome = run_clients(address, per_s, requests=[requests] * 4, share=per_s / 4)
    check_whole(outcome, 4, requests)
    assert outcome.refused <= 0.25
    assert outcome.quota.most_in_a_second() <= 1.4 * per_s + 1
    assert outcome.used(per_s) > 0.3


def test_the_service_is_killed_and_comes_back() -> None:
    marks: list[float] = []
    with quota_service("--rps", 20) as (first, address):

        def kill_and_restart(hidden: HiddenQuota, clients: Sequence[subprocess.Popen[str]]) -> None:
            until(hidden, 12)
            first.kill()
            finish(first)
            until(hidden, 25)
            with quota_service("--rps", 20, "--port", address.rpartition(":")[2]):
                marks.append(time.monotonic())
                for client in clients:
                    assert client.stdin is not None
                    client.wait(_PATIENCE_S)

        outcome = run_clients(address, 20, requests=[15] * 4, share=5, meanwhile=kill_and_restart)
    check_whole(outcome, 4, 15)
    assert outcome.refused <= 0.25
    assert outcome.quota.most_in_a_second() <= 1.4 * 20 + 1
    assert max(outcome.quota.arrivals) > marks[0]


def test_a_killed_client_leaves_its_part_to_the_others() -> None:
    with quota_service("--rps", 20) as (_, address):

        def kill_one(hidden: HiddenQuota, clients: Sequence[subprocess.Popen[str]]) -> None:
            until(hidden, 12)
            clients[0].kill()

        outcome = run_clients(address, 20, requests=[90, 12, 12, 12], share=5, meanwhile=kill_one)
    read_by_others = {key for key in outcome.texts if int(key) >= 1000}
    assert len(read_by_others) == 3 * 8 * 12
    assert outcome.lost == []
    assert outcome.used(20) > 0.3
