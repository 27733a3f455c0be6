"""Which way is taken, under every order of what may happen to calls."""

import logging

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from vision_grpc.errors import PathError
from vision_grpc.transport.protocol_choice import PROBE_INTERVAL_S, ProtocolChoice

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
        self.expected: list[int] = []
        self.is_told = False
        self.listener = _Listener()
        logging.getLogger(_LOGGER).addHandler(self.listener)

    @rule(seconds=st.sampled_from([0.0, 1.0, PROBE_INTERVAL_S - 1, PROBE_INTERVAL_S, 10 * PROBE_INTERVAL_S]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def a_call_begins(self) -> None:
        reason = self.choice.fallback_reason(self.now)
        if self.reason is None:
            assert reason is None
        elif self.now >= self.not_before:
            assert reason is None, "it is time to look whether gRPC is back"
            self.not_before = self.now + PROBE_INTERVAL_S
        else:
            assert reason == self.reason

    @rule()
    def grpc_does_not_get_through(self) -> None:
        self.reasons += 1
        self.reason = f"reason {self.reasons}"
        self.not_before = self.now + PROBE_INTERVAL_S
        self.choice.grpc_failed(PathError(self.reason), self.now)

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
        self.not_before = self.now
        self.choice.rest_failed(self.now)

    @invariant()
    def each_switch_is_logged_once(self) -> None:
        assert self.listener.levels == self.expected

    def teardown(self) -> None:
        logging.getLogger(_LOGGER).removeHandler(self.listener)


TestChoice = ChoiceMachine.TestCase
