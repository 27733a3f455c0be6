"""A stream before a quota that it does not know, in every order of events that hypothesis thinks of."""

from collections import Counter

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from run_simulation import FINE, Simulation, answer_to, images_of, plan_of, status

from vision_grpc.config import Limits, RetryPolicy, Timeouts
from vision_grpc.errors import Code, ServiceError
from vision_grpc.results import Answer, ImageResult
from vision_grpc.results.outcomes import MessageOutcome
from vision_grpc.stream.effects import Emit, Finish, Pull, Send, Wait

_ROUNDING_S = 1e-6
_CALL_S = 0.2
_quotas = st.sampled_from([0.1, 0.7, 1.0, 3.0, 20.0, 200.0])


class HiddenQuotaMachine(RuleBasedStateMachine):
    """A service that lets a bucket of calls through, or part of the images of a call, and a shell that may stop."""

    @initialize(
        stated=st.none() | st.floats(0.5, 20),
        attempts=st.integers(1, 3),
        budget=st.sampled_from([0.0, 100.0]),
        images=st.integers(1, 120),
        per_s=_quotas,
    )
    def begin(self, stated: float | None, attempts: int, budget: float, images: int, per_s: float) -> None:
        self.stated, self.per_s, self.attempts = stated, per_s, attempts
        retry = RetryPolicy(attempts=attempts, budget=budget)
        limits = Limits(requests_per_s=stated)
        self.simulation = Simulation(plan_of(limits, retry, Timeouts(total_s=1e6)), most_images=2)
        self.source = images_of(images)
        self.images = images
        self.tokens, self.filled_at = 1.0, 0.0
        self.endings: list[tuple[float, Send, Answer | ServiceError]] = []
        self.asked_s: float | None = None
        self.refuses_images = False
        self.results: list[ImageResult] = []
        self.sent_at: list[float] = []
        self.is_over = False

    @rule(per_s=_quotas, asked_s=st.none() | st.sampled_from([0.0, 0.3, 1.0, 30.0]), refuses_images=st.booleans())
    def the_service_changes(self, per_s: float, asked_s: float | None, *, refuses_images: bool) -> None:
        self.per_s, self.asked_s, self.refuses_images = per_s, asked_s, refuses_images

    @rule(seconds=st.floats(0, 20))
    def the_shell_stops(self, seconds: float) -> None:
        """As a process does that is stopped, or collects garbage."""
        self.simulation.now += seconds

    @rule(effects=st.integers(1, 100))
    def the_shell_goes_on(self, effects: int) -> None:
        for _ in range(effects):
            self.step()

    def step(self) -> None:
        """Carry out one effect."""
        if self.is_over:
            return
        effect, simulation = self.simulation.next(), self.simulation
        if isinstance(effect, Emit):
            self.results += effect.results
        elif isinstance(effect, Pull):
            batch, self.source = self.source[: effect.images], self.source[effect.images :]
            simulation.run.pulled(batch, exhausted=not self.source)
        elif isinstance(effect, Send):
            self.sent_at.append(simulation.now)
            self.endings.append((simulation.now + _CALL_S, effect, self.outcome(effect)))
        elif isinstance(effect, Wait):
            ends = [self.endings[0][0]] if self.endings else []
            simulation.now = max(simulation.now, min([*ends, *([] if effect.until is None else [effect.until])]))
            if ends and ends[0] <= simulation.now:
                _, send, outcome = self.endings.pop(0)
                simulation.end(send, outcome)
        else:
            assert isinstance(effect, Finish)
            self.is_over = True

    def outcome(self, send: Send) -> Answer | ServiceError:
        now = self.simulation.now
        self.tokens = min(max(1.0, self.per_s), self.tokens + (now - self.filled_at) * self.per_s)
        self.filled_at = now
        if self.tokens >= 1:
            self.tokens -= 1
            return answer_to(send)
        if self.refuses_images and len(send.contents) > 1:
            return Answer([MessageOutcome(FINE), MessageOutcome(status(Code.RESOURCE_EXHAUSTED))], "id", "grpc")
        return ServiceError(Code.RESOURCE_EXHAUSTED, "quota", retry_after_s=self.asked_s)

    @invariant()
    def the_stated_quota_is_kept(self) -> None:
        if self.stated is not None and self.sent_at:
            last_second = [at for at in self.sent_at if at > self.sent_at[-1] - 1 + _ROUNDING_S]
            assert len(last_second) <= max(1, -(-self.stated // 1))

    @invariant()
    def the_rate_is_bounded(self) -> None:
        per_s = self.simulation.throttle.learned_per_s
        assert per_s is None or 1 / 50 <= per_s <= 1e4

    def teardown(self) -> None:
        """Let the service have enough for all: then each image has one result, and no refusal has cost an attempt."""
        self.per_s, self.refuses_images = 200.0, False
        for _ in range(20_000):
            self.step()
        assert self.is_over
        assert Counter(result.key for result in self.results) == Counter(map(str, range(self.images)))
        assert all(result.ok for result in self.results)


HiddenQuotaMachine.TestCase.settings = settings(max_examples=30)
TestHiddenQuota = HiddenQuotaMachine.TestCase
