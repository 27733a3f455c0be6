"""Clients that know no quota, before a service that has one: in virtual time, with the core that real clients have."""

import heapq
import math
import random
from collections import deque
from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Literal, NamedTuple, TypeAlias

from images_in_bytes import png
from run_simulation import FINE, config_of

from vision_grpc.config import Limits, RetryPolicy, Timeouts
from vision_grpc.errors import Code, ServiceError
from vision_grpc.results import Answer
from vision_grpc.results.outcomes import MessageOutcome
from vision_grpc.session.monitor import Monitor
from vision_grpc.sources.image import Image
from vision_grpc.stream.effects import Emit, Finish, Pull, Send, Wait
from vision_grpc.stream.plan import Plan
from vision_grpc.stream.run import Run
from vision_grpc.stream.shared import Shared

Kind: TypeAlias = Literal["bucket", "window", "jittered"]
"""A bucket of one second that says exactly how long to wait; a window that slides, and says "1 s" each time; a bucket
that says nothing, and calls whose ways differ more."""

_WAY_S = 0.01
_JITTER_S = {"bucket": 0.01, "window": 0.01, "jittered": 0.1}
"""The way of a call takes up to so much longer than that of another."""
_STOPS_EVERY_S = 20.0
_IMAGE = Image("key", png(0))
_ANSWER = Answer([MessageOutcome(FINE)], "id", "grpc")


class Case(NamedTuple):
    """A service and those who call it, each image in a call of its own."""

    kind: Kind
    per_s: float
    clients: int
    latency_s: float
    later_per_s: float | None = None
    """The quota from the middle of the time on, if it is another."""
    starts_within_s: float = 2.0
    stops_s: float = 0.0
    """How long each client stops, every 20 s or so, as a process does that collects garbage or is suspended."""
    closed: tuple[float, float] | None = None
    """From when until when all calls are refused."""


class Outcome(NamedTuple):
    """What came of it. Shares are of the time after the first seconds."""

    lost: int
    refused: float
    """The share of requests that were refused."""
    used: float
    """The share that was let through of what the quota, and the windows of the clients, allow."""
    fairness: float
    """What the slowest client got, over what the average one got."""
    learned_per_s: list[float | None]
    asked: int
    """How many calls were made, by all clients together."""

    @property
    def is_good(self) -> bool:
        """Whether it is as it should be."""
        return self.lost == 0 and self.refused <= 0.1 and self.used >= 0.8


class _Quota:
    """Lets calls in by the time at which they arrive."""

    def __init__(self, kind: Kind, per_s: float, closed: tuple[float, float]) -> None:
        self._kind = kind
        self._closes_at, self._opens_at = closed
        self._per_s = per_s
        self._most = max(1, int(per_s))
        self._left = float(self._most)
        self._filled_at = 0.0
        self._log: deque[float] = deque()

    def becomes(self, per_s: float) -> None:
        """Let another number of calls in from now on."""
        self._per_s, self._most = per_s, max(1, int(per_s))

    def refuses(self, now: float) -> ServiceError | None:
        if self._closes_at <= now < self._opens_at:
            asked_s = {"bucket": 0.7, "window": 1.0, "jittered": None}[self._kind]
            return ServiceError(Code.RESOURCE_EXHAUSTED, "closed", retry_after_s=asked_s)
        return self._slide(now) if self._kind == "window" else self._take(now)

    def _slide(self, now: float) -> ServiceError | None:
        while self._log and self._log[0] <= now - max(1.0, 1 / self._per_s):
            self._log.popleft()
        if len(self._log) >= self._most:
            return ServiceError(Code.RESOURCE_EXHAUSTED, "quota", retry_after_s=1.0)
        self._log.append(now)
        return None

    def _take(self, now: float) -> ServiceError | None:
        self._left = min(self._most, self._left + (now - self._filled_at) * self._per_s)
        self._filled_at = now
        missing = 1.0 - self._left
        if missing > 1e-9:
            asked_s = missing / self._per_s if self._kind == "bucket" else None
            return ServiceError(Code.RESOURCE_EXHAUSTED, "quota", retry_after_s=asked_s)
        self._left -= 1.0
        return None


class _Client:
    """One client with one stream."""

    def __init__(self, seed: int) -> None:
        plan = Plan(Limits(), RetryPolicy(), Timeouts())
        self.monitor = Monitor(None)
        rng = random.Random(seed)  # noqa: S311 - no secret
        shared = Shared.of(plan.limits, plan.retry, most_images=1, rng=rng)
        self.run = Run(plan, shared, rng, self.monitor, config_of)
        self.let_in = self.refused = self.lost = self.waits = 0
        self.stopped_until = -math.inf
        self.is_over = False


class World:
    """Clients that have more images than there is time for."""

    def __init__(self, case: Case, *, seconds: float, settles_s: float, seed: int) -> None:
        self._case = case
        self._seconds = seconds
        self._settles_s = settles_s
        self._chance = random.Random(seed)  # noqa: S311 - no secret
        self._quota = _Quota(case.kind, case.per_s, case.closed or (math.inf, math.inf))
        self._numbers = count()
        self._events: list[tuple[float, int, Callable[[float], None]]] = []
        self.clients = [_Client(1000 * seed + number) for number in range(case.clients)]

    def play(self) -> Outcome:
        """Let time pass until all clients have ended."""
        case = self._case
        for client in self.clients:
            self._at(self._chance.uniform(0.0, case.starts_within_s), partial(self._go_on, client))
            if case.stops_s:
                self._at(self._chance.uniform(0.0, _STOPS_EVERY_S), partial(self._stop, client))
        if case.later_per_s is not None:
            self._at(self._seconds / 2, partial(self._change, case.later_per_s))
        while self._events:
            now, _, happen = heapq.heappop(self._events)
            happen(now)
        assert all(client.is_over for client in self.clients)
        let_in = [client.let_in for client in self.clients]
        refused = sum(client.refused for client in self.clients)
        call_s = case.latency_s + _WAY_S + self._most_jitter_s / 2
        allowed_per_s = min(case.per_s, case.clients * Limits().calls_in_flight / call_s)
        return Outcome(
            lost=sum(client.lost for client in self.clients),
            refused=refused / (refused + sum(let_in)),
            used=sum(let_in) / (allowed_per_s * (self._seconds - self._settles_s)),
            fairness=min(let_in) * len(let_in) / max(1, sum(let_in)),
            learned_per_s=[client.monitor.stats().learned_requests_per_s for client in self.clients],
            asked=refused + sum(let_in),
        )

    @property
    def _most_jitter_s(self) -> float:
        return _JITTER_S[self._case.kind]

    def _at(self, time: float, happen: Callable[[float], None]) -> None:
        heapq.heappush(self._events, (time, next(self._numbers), happen))

    def _change(self, per_s: float, _: float) -> None:
        self._quota.becomes(per_s)

    def _stop(self, client: _Client, now: float) -> None:
        client.stopped_until = now + self._case.stops_s
        if now < self._seconds:
            self._at(now + _STOPS_EVERY_S * self._chance.uniform(0.5, 1.5), partial(self._stop, client))

    def _go_on(self, client: _Client, now: float) -> None:
        """Carry out what comes next, as a shell would."""
        if now < client.stopped_until:
            self._at(client.stopped_until, partial(self._go_on, client))
            return
        while not isinstance(effect := client.run.next(now), Finish):
            if isinstance(effect, Emit):
                client.lost += sum(not result.ok for result in effect.results)
            elif isinstance(effect, Send):
                client.run.authorized(effect.call_id, None, now)
                arrives_at = now + _WAY_S + self._chance.uniform(0.0, self._most_jitter_s)
                self._at(arrives_at, partial(self._arrive, client, effect))
            elif isinstance(effect, Pull):
                is_over = now >= self._seconds
                client.run.pulled([] if is_over else [_IMAGE] * effect.images, exhausted=is_over)
            else:
                assert isinstance(effect, Wait)
                client.waits += 1
                if effect.until is not None:
                    self._at(effect.until, partial(self._wake, client, client.waits))
                return
        client.is_over = True

    def _wake(self, client: _Client, wait: int, now: float) -> None:
        if wait == client.waits:  # Else something has happened meanwhile.
            self._go_on(client, now)

    def _arrive(self, client: _Client, send: Send, now: float) -> None:
        error = self._quota.refuses(now)
        if self._settles_s <= now < self._seconds:
            client.refused += error is not None
            client.let_in += error is None
        takes_s = self._case.latency_s * self._chance.uniform(0.7, 1.3) if error is None else _WAY_S
        self._at(now + takes_s, partial(self._end, client, send, error))

    def _end(self, client: _Client, send: Send, error: ServiceError | None, now: float) -> None:
        if now < client.stopped_until:
            self._at(client.stopped_until, partial(self._end, client, send, error))
        elif error is None:
            client.run.succeeded(send.call_id, _ANSWER, now, lambda: send.contents)
            self._go_on(client, now)
        else:
            client.run.failed(send.call_id, error, now, lambda: send.contents)
            self._go_on(client, now)


def play(case: Case, seconds: float = 140.0, *, settles_s: float = 20.0, seed: int = 7) -> Outcome:
    """Return what comes of a case in so many seconds; the first ones do not count."""
    return World(case, seconds=seconds, settles_s=settles_s, seed=seed).play()
