"""A shared quota between real processes: the service, what asks it, and what is there when it is not."""

import json
import multiprocessing
import os
import re
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import grpc
import pytest
from command_line import finish, options_to, run
from grpc_health.v1 import health_pb2
from images_in_bytes import write_images
from quota_service import RateLimits, quota_service, scripted_quota_service
from scripted_service import answer, numbers_of, serve_grpc

from vision_grpc.errors import TransportError
from vision_grpc.quota import EnvoyQuota, SharedQuota, Usage
from vision_grpc.quota.look import look_at_usage
from vision_grpc_pb.google.protobuf.duration_pb2 import Duration
from vision_grpc_pb.vision_grpc.envoy.v1.rate_limit_pb2 import RateLimitResponse
from vision_grpc_pb.vision_grpc.quota.v1.quota_service_pb2 import ReserveRequest, ReserveResponse

DEADLINE_S = 30.0
_OK = RateLimitResponse(overall_code=RateLimitResponse.CODE_OK)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A service with a high quota."""
    with quota_service("--rps", 100, "--images-per-second", 800) as (_, address):
        yield address


def until_usage(address: str, waiting: int) -> Usage:
    """Return who takes what, once so many requests wait."""
    ends_at = time.monotonic() + DEADLINE_S
    while time.monotonic() < ends_at:
        usage = look_at_usage(address)
        if sum(each.waiting for each in usage.clients) == waiting:
            return usage
    message = f"no {waiting} requests wait"
    raise AssertionError(message)


def test_requests_are_permitted_just_before_they_may_leave(address: str) -> None:
    with closing(SharedQuota(address, client="paced")) as quota:
        times: list[float] = []
        while len(times) < 40:
            grant = quota.reserve(8, 8)
            assert not grant.is_alone
            assert all(wait_s < 0.5 for wait_s in grant.waits_s)
            times += [time.monotonic() + wait_s for wait_s in grant.waits_s]
    # The first of them may have come late, on a busy machine; the pace shows from any of them on.
    assert times[-1] - times[0] >= 0.9 * 39 * 1.05 / 100
    usage = look_at_usage(address)
    assert (usage.requests_per_s, usage.images_per_s) == (100, 800)
    assert next(each for each in usage.clients if each.client == "paced").requests >= 40


def test_a_blocked_reserve_ends_when_the_quota_is_closed() -> None:
    with quota_service("--rps", 0.01) as (_, address), ThreadPoolExecutor(1) as threads:
        quota = SharedQuota(address)
        blocked = threads.submit(quota.reserve, 1, 1)
        until_usage(address, waiting=1)
        quota.close()
        quota.close()
        with pytest.raises(TransportError, match="the quota was closed"):
            blocked.result(DEADLINE_S)
        until_usage(address, waiting=0)


def _reserve(address: str, name: str, ready: "multiprocessing.synchronize.Event") -> None:
    ready.set()
    quota = SharedQuota(address, client=name)
    while True:
        quota.reserve(8, 1)


def test_a_killed_client_leaves_its_part_to_the_others() -> None:
    context = multiprocessing.get_context("spawn")
    with quota_service("--rps", 0.01) as (_, address):
        ready = context.Event()
        client = context.Process(target=_reserve, args=(address, "mortal", ready), daemon=True)
        client.start()
        assert ready.wait(DEADLINE_S)
        until_usage(address, waiting=8)
        assert client.pid is not None
        os.kill(client.pid, signal.SIGKILL)
        client.join()
        until_usage(address, waiting=0)


def test_a_client_goes_on_alone_and_comes_back() -> None:
    with quota_service("--rps", 20) as (process, address):
        quota = SharedQuota(address, share_requests_per_s=1)
        assert quota.reserve(1, 1).requests_per_s == 20
        process.kill()
        finish(process)
        alone = [quota.reserve(1, 1) for _ in range(10)]
        # What was granted before may still come.
        assert [grant.requests_per_s for grant in alone if grant.is_alone] == [20] * sum(
            each.is_alone for each in alone
        )
        assert alone[-1].is_alone
        begun = time.monotonic()
        assert sum(quota.reserve(1, 1).is_alone for _ in range(10)) == 10
        assert time.monotonic() - begun >= 8 * 1.05 / 20
    with quota_service("--rps", 20, "--port", address.rpartition(":")[2]), closing(quota):
        ends_at = time.monotonic() + DEADLINE_S
        while quota.reserve(1, 1).is_alone:
            assert time.monotonic() < ends_at


def test_before_any_service_was_reached_the_stated_share_holds() -> None:
    with closing(SharedQuota("127.0.0.1:9", share_requests_per_s=50)) as quota:
        grants = [quota.reserve(8, 8) for _ in range(5)]
    assert all(grant.is_alone and grant.requests_per_s == 50 and len(grant.waits_s) == 1 for grant in grants)


_FAR, _PAST = Duration(seconds=10**9), Duration(seconds=-(10**9))


@pytest.mark.parametrize(
    "lie",
    [
        ReserveResponse(waits=[_FAR], images=8, requests_per_second=50),
        ReserveResponse(waits=[Duration(seconds=21)], images=8),
        ReserveResponse(waits=[Duration()], images=8, requests_per_second=0),
        ReserveResponse(waits=[Duration()], images=8, requests_per_second=-5),
        ReserveResponse(waits=[Duration()], images=8, requests_per_second=float("nan")),
        ReserveResponse(waits=[Duration()], images=8, images_per_second=float("inf")),
        ReserveResponse(waits=[Duration()], images=8, requests_per_second=1e-300),
    ],
    ids=["far", "a bit far", "zero", "negative", "nan", "inf", "tiny"],
)
def test_a_service_that_says_what_cannot_be_is_not_waited_for(lie: ReserveResponse) -> None:
    asked: list[int] = []

    def reply(request: ReserveRequest) -> ReserveResponse:
        asked.append(request.requests)
        return lie

    with scripted_quota_service(reply) as elsewhere, closing(SharedQuota(elsewhere, share_requests_per_s=20)) as quota:
        begun = time.monotonic()
        grants = [quota.reserve(1, 8) for _ in range(6)]
        took_s = time.monotonic() - begun
    assert all(grant.is_alone and grant.requests_per_s == 20 for grant in grants)
    assert took_s > 4 * 1.05 / 20, "there is no burst"
    assert asked[0] == 1
    assert set(asked[1:]) <= {0}, "it is looked for without taking from its quota"


@pytest.mark.parametrize(
    ("answer", "waits_s", "images"),
    [
        (ReserveResponse(waits=[_PAST], images=8), [0.0], 8),
        (ReserveResponse(waits=[Duration(nanos=-5)], held=_FAR, images=8), [0.0], 8),
        (ReserveResponse(waits=[Duration()] * 1_000, images=8), [0.0] * 2, 8),
        (ReserveResponse(waits=[Duration()], images=2**32 - 1), [0.0], 8),
        (ReserveResponse(waits=[Duration()]), [0.0], 8),
    ],
    ids=["past", "held long", "many", "large", "no size"],
)
def test_of_an_answer_that_says_too_much_the_client_takes_what_it_asked_for(
    answer: ReserveResponse, waits_s: list[float], images: int
) -> None:
    with scripted_quota_service(lambda _: answer) as elsewhere, closing(SharedQuota(elsewhere)) as quota:
        grant = quota.reserve(2, 8)
    assert not grant.is_alone
    assert grant.waits_s == waits_s
    assert grant.images == images


def test_a_slow_service_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vision_grpc.quota.shared._PROBE_S", 0.2)
    is_slow, ended = threading.Event(), threading.Event()
    is_slow.set()

    def reply(_: ReserveRequest) -> ReserveResponse:
        if is_slow.is_set():
            ended.wait(0.4)
        return ReserveResponse(waits=[Duration()], images=8, requests_per_second=30)

    with scripted_quota_service(reply) as elsewhere, closing(SharedQuota(elsewhere, share_requests_per_s=20)) as quota:
        grants = [quota.reserve(1, 8) for _ in range(20)]
        assert all(grant.is_alone for grant in grants)
        assert {grant.requests_per_s for grant in grants} <= {20, 30}, "what it says counts, however late"
        is_slow.clear()
        ended.set()
        ends_at = time.monotonic() + DEADLINE_S
        while quota.reserve(1, 8).is_alone:
            assert time.monotonic() < ends_at


def test_a_service_that_is_frozen_is_noticed_before_its_answer_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vision_grpc.quota.shared._LOOK_S", 0.1)
    monkeypatch.setattr("vision_grpc.quota.shared._PROBE_S", 0.3)
    with (
        quota_service("--rps", 0.01) as (process, address),
        closing(SharedQuota(address, share_requests_per_s=20)) as quota,
        ThreadPoolExecutor(1) as threads,
    ):
        waits = threads.submit(quota.reserve, 1, 8)
        until_usage(address, waiting=1)
        process.send_signal(signal.SIGSTOP)
        try:
            assert waits.result(DEADLINE_S).is_alone
        finally:
            process.send_signal(signal.SIGCONT)


def test_a_wait_alone_ends_when_the_quota_is_closed() -> None:
    quota = SharedQuota("127.0.0.1:9", share_requests_per_s=0.001)
    assert quota.reserve(1, 1).is_alone
    with ThreadPoolExecutor(1) as threads:
        blocked = threads.submit(quota.reserve, 1, 1)
        assert not blocked.done()
        quota.close()
        with pytest.raises(TransportError, match="closed"):
            blocked.result(DEADLINE_S)


def test_a_request_that_never_fits_is_made_smaller(address: str) -> None:
    with closing(SharedQuota(address)) as quota:
        assert quota.reserve(1, 801).images == 800
        assert quota.reserve(1, 8).images == 8


def test_another_service_is_an_error() -> None:
    with RateLimits(_OK).running() as elsewhere:
        with closing(SharedQuota(elsewhere)) as quota, pytest.raises(TransportError, match="refuses: "):
            quota.reserve(1, 1)
        with pytest.raises(TransportError, match="not a service of `vision-grpc quota`"):
            look_at_usage(elsewhere)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_a_forked_child_asks_for_itself(address: str) -> None:
    with closing(SharedQuota(address)) as quota:
        quota.reserve(1, 1)
        if (child := os.fork()) == 0:
            try:
                os._exit(0 if not quota.reserve(1, 1).is_alone else 1)
            finally:
                os._exit(2)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert not quota.reserve(1, 1).is_alone
    assert {f"{os.uname().nodename[:80]}:{pid}" for pid in (os.getpid(), child)} <= {
        each.client for each in look_at_usage(address).clients
    }


def test_kubernetes_probes_it(address: str) -> None:
    with grpc.insecure_channel(address) as channel:
        check: Any = channel.unary_unary("/grpc.health.v1.Health/Check")
        for name in ("", "vision_grpc.quota.v1.QuotaService"):
            answer = check(health_pb2.HealthCheckRequest(service=name).SerializeToString())
            assert health_pb2.HealthCheckResponse.FromString(answer).status == health_pb2.HealthCheckResponse.SERVING


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_those_who_wait_go_on_without(how: signal.Signals) -> None:
    with quota_service("--rps", 0.01) as (process, address), closing(SharedQuota(address)) as quota:
        with ThreadPoolExecutor(1) as threads:
            blocked = threads.submit(quota.reserve, 1, 1)
            until_usage(address, waiting=1)
            process.send_signal(how)
            assert blocked.result(DEADLINE_S).is_alone
        finished = finish(process)
    assert finished.code == 0
    assert f"{how.name}: the service ends" in finished.complaints[-1]


def test_it_logs_who_takes_what() -> None:
    with quota_service("--rps", 50, "--log-every", 0.2, "--log-format", "json") as (process, address):
        with closing(SharedQuota(address, client="taker")) as quota:
            quota.reserve(1, 8)
        lines = [json.loads(process.stderr.readline()) for _ in range(2)] if process.stderr else []
    assert lines[0]["message"].startswith("handing out 50 requests/s on 127.0.0.1:")
    told = r"[\d.]+ requests/s and [\d.]+ images/s were permitted in the last minute, of 50 requests/s: taker [\d.]+/s"
    assert re.fullmatch(told, lines[1]["message"])


def test_it_shows_who_takes_what(address: str) -> None:
    with closing(SharedQuota(address, client="shown here")) as quota:
        quota.reserve(1, 8)
    table = run("quota", "--show", address)
    assert table.text.startswith("100 requests/s and 800 images/s, handed out for ")
    assert "'shown here'" in table.text
    shown = json.loads(run("quota", "--show", address, "--json").text)
    assert {"requests_per_s", "images_per_s", "up_s", "clients", "other_requests", "other_images"} == set(shown)
    [client] = [each for each in shown["clients"] if each["client"] == "shown here"]
    assert (client["requests"], client["images"], client["waiting"]) == (1, 8, 0)


def test_runs_of_the_command_line_share_it(tmp_path: Path) -> None:
    write_images(tmp_path / "scans", 12)
    with serve_grpc(answer) as service, quota_service("--rps", 100, "--images-per-second", 4) as (_, address):
        analyze = ["analyze", *options_to(service.address), "scans", "--shared-quota"]
        assert run(*analyze, address, cwd=tmp_path).code == 0
        assert max(len(numbers_of(request)) for request in service.requests) <= 4
        usage = look_at_usage(address)
        refused = run(*analyze, "a b", cwd=tmp_path)
    assert [each.images for each in usage.clients] == [12]
    assert refused.code == 2
    assert "--shared-quota: " in refused.complaints[0]


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ((), "say what the quota is: --rps N, --images-per-second N, or both"),
        (("--rps", "0"), "not a number of requests a second above 0"),
        (("--rps", "1", "--json"), "--json goes with --show"),
        (("--show", "127.0.0.1:9", "--rps", "1", "--port", "1"), "drop --rps, --port"),
        (("--show", "127.0.0.1:9"), "no quota service was reached at 127.0.0.1:9: "),
        (("--show", "a b"), "neither host:port nor a URL"),
        (("--rps", "1", "--host", "192.0.2.1"), "cannot listen on 192.0.2.1:0: "),
        (("--rps", "1", "--host", "no such host"), "there is no such host"),
    ],
)
def test_nonsense_on_the_command_line_is_refused(options: tuple[str, ...], complaint: str) -> None:
    finished = run("quota", *options)
    assert finished.code == 2
    assert complaint in finished.complaints[0]


def test_two_services_share_no_port(address: str) -> None:
    finished = run("quota", "--rps", "1", "--port", address.rpartition(":")[2])
    assert finished.code == 2
    assert "in use; free the port or choose another" in finished.complaints[0]


def over_limit(after_s: float) -> RateLimitResponse:
    answer = RateLimitResponse(overall_code=RateLimitResponse.CODE_OVER_LIMIT)
    over = answer.statuses.add(code=RateLimitResponse.CODE_OVER_LIMIT)
    over.duration_until_reset.FromNanoseconds(round(after_s * 1e9))
    answer.statuses.add(code=RateLimitResponse.CODE_OK).duration_until_reset.FromSeconds(3600)
    return answer


def test_a_rate_limit_service_is_asked_for_each_request_and_waited_for() -> None:
    passes = RateLimitResponse(overall_code=RateLimitResponse.CODE_OK)
    limit = passes.statuses.add(code=RateLimitResponse.CODE_OK).current_limit
    limit.requests_per_unit, limit.unit = 600, limit.UNIT_MINUTE
    limits = RateLimits(over_limit(0.2), passes)
    descriptor = {"api": "ocr", "user": ""}
    with limits.running() as address, closing(EnvoyQuota(address, domain="vision", descriptors=descriptor)) as quota:
        begun = time.monotonic()
        grant = quota.reserve(5, 8)
        assert time.monotonic() - begun >= 0.2
    assert grant == ([0.0], 10.0, False, 8)
    assert len(limits.requests) == 2
    [request] = {each.SerializeToString(): each for each in limits.requests}.values()
    assert (request.domain, request.hits_addend) == ("vision", 1)
    assert [(entry.key, entry.value) for entry in request.descriptors[0].entries] == [("api", "ocr"), ("user", "")]


def test_a_rate_limit_service_may_count_images() -> None:
    limits = RateLimits(_OK)
    descriptors = [{"api": "ocr"}, {"account": "b1g"}]
    with limits.running() as address:
        quota = EnvoyQuota(address, domain="vision", descriptors=descriptors, counts="images")
        assert quota.reserve(1, 8).waits_s == [0.0]
        quota.close()
    assert limits.requests[0].hits_addend == 8
    assert len(limits.requests[0].descriptors) == 2


def test_a_rate_limit_of_few_images_makes_requests_small() -> None:
    refused = over_limit(3600)
    limit = refused.statuses[0].current_limit
    limit.requests_per_unit, limit.unit = 5, limit.UNIT_SECOND
    limits = RateLimits(refused, _OK)
    with limits.running() as address:
        quota = EnvoyQuota(address, domain="vision", descriptors={"api": "ocr"}, counts="images")
        with closing(quota):
            assert quota.reserve(1, 8).images == 5
    assert [request.hits_addend for request in limits.requests] == [8, 5]


@pytest.mark.parametrize("failure", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN])
def test_a_rate_limit_service_that_fails_leaves_the_client_alone_for_a_while(failure: grpc.StatusCode) -> None:
    limits = RateLimits(failure, _OK)
    with limits.running() as address:
        quota = EnvoyQuota(address, domain="vision", descriptors={"api": "ocr"}, share_requests_per_s=20)
        with closing(quota):
            grants = [quota.reserve(1, 1)]
            while grants[-1].is_alone:
                grants.append(quota.reserve(1, 1))
    assert 2 < len(grants) < 40
    assert all(each.requests_per_s == 20 for each in grants[:-1])
    assert len(limits.requests) == 2


def test_a_rate_limit_service_that_refuses_the_question_is_an_error() -> None:
    with RateLimits(grpc.StatusCode.INVALID_ARGUMENT).running() as address:
        quota = EnvoyQuota(address, domain="vision", descriptors={"api": "ocr"})
        with closing(quota), pytest.raises(TransportError, match="refuses: as the test says"):
            quota.reserve(1, 1)


def test_a_wait_for_a_rate_limit_ends_when_the_quota_is_closed() -> None:
    asked = threading.Event()

    class Watched(RateLimits):
        def should_rate_limit(self, request, context):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
            asked.set()
            return super().should_rate_limit(request, context)

    with Watched(over_limit(3600)).running() as address, ThreadPoolExecutor(1) as threads:
        quota = EnvoyQuota(address, domain="vision", descriptors={"api": "ocr"})
        blocked = threads.submit(quota.reserve, 1, 1)
        assert asked.wait(DEADLINE_S)
        quota.close()
        with pytest.raises(TransportError, match="closed"):
            blocked.result(DEADLINE_S)
