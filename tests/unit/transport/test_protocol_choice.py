"""Which way is taken, under every order of what may happen to calls."""

import logging
from itertools import pairwise

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from vision_grpc.errors import DeadlineError, PathError
from vision_grpc.transport.protocol_choice import FIRST_PROBE_S, PROBE_INTERVAL_S, ProtocolChoice

_LOGGER = "vision_grpc.transport"


class _Listener(logging.Handler):
    """Keeps the levels of what the choice logs."""

    def __init__(self) -> None:
        super().__init__()
        self.levels: list[int] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.levels.append(record.levelno)


class ChoiceMachine(RuleBasedStateMachine):
    """Calls begin and end in any order; a late one may tell of a way that has changed since."""

    def __init__(self) -> None:
        super().__init__()
        self.choice = ProtocolChoice()
        self.now = 0.0
        self.reason: str | None = None
        self.reasons = 0
        self.not_before = 0.0
        self.interval = FIRST_PROBE_S
        self.expected: list[int] = []
        self.is_told = False
        self.listener = _Listener()
        logging.getLogger(_LOGGER).addHandler(self.listener)

    @rule(seconds=st.sampled_from([0.0, 1.0, FIRST_PROBE_S, 60.0, PROBE_INTERVAL_S, 10 * PROBE_INTERVAL_S]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def a_call_begins(self) -> None:
        reason = self.choice.fallback_reason(self.now)
        if self.reason is None:
            assert reason is None
        elif self.now >= self.not_before:
            assert reason is None, "it is time to look whether gRPC is back"
            self.interval = min(2 * self.interval, PROBE_INTERVAL_S)
            self.not_before = self.now + self.interval
        else:
            assert reason == self.reason

    @rule(lasting=st.sampled_from([False, False, True]), silent=st.booleans())
    def grpc_does_not_get_through(self, *, lasting: bool, silent: bool) -> None:
        self.reasons += 1
        if self.reason is None:
            self.interval = FIRST_PROBE_S
        if lasting or silent:
            self.interval = PROBE_INTERVAL_S
        self.reason = f"reason {self.reasons}"
        self.not_before = self.now + self.interval
        error = DeadlineError(self.reason) if silent else PathError(self.reason, lasting=lasting)
        self.choice.grpc_failed(error, self.now)

    @rule()
    def grpc_gets_through(self) -> None:
        if self.is_told:
            self.expected.append(logging.INFO)
        self.reason, self.is_told = None, False
        self.choice.grpc_worked()

    @rule()
    def rest_gets_through(self) -> None:
        if self.reason is not None and not self.is_told:
            self.expected.append(logging.WARNING)
            self.is_told = True
        self.choice.rest_worked()

    @rule()
    def rest_does_not_get_through(self) -> None:
        self.interval = FIRST_PROBE_S
        self.not_before = self.now
        self.choice.rest_failed(self.now)

    @invariant()
    def each_switch_is_logged_once(self) -> None:
        assert self.listener.levels == self.expected

    def teardown(self) -> None:
        logging.getLogger(_LOGGER).removeHandler(self.listener)


TestChoice = ChoiceMachine.TestCase


def test_after_a_short_outage_grpc_is_back_soon_and_after_a_long_one_it_is_asked_for_rarely() -> None:
    choice, now, probes = ProtocolChoice(), 0.0, list[float]()
    choice.grpc_failed(PathError("refused"), now)
    while now < 2_000:
        if choice.fallback_reason(now) is None:
            probes.append(now)
            choice.grpc_failed(PathError("refused"), now)
        now += 1.0
    assert probes[:7] == [5, 15, 35, 75, 155, 315, 615]
    assert {later - earlier for earlier, later in pairwise(probes[6:])} == {PROBE_INTERVAL_S}
