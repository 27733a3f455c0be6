"""A shell for `Run` without clock, socket or thread: it records what the run asks for, and time is a number."""

import random
from collections.abc import Callable

from vision_grpc.errors import VisionError
from vision_grpc.messages import AnalyzeResult, RetryInfo, Status
from vision_grpc.results import Answer
from vision_grpc.session.monitor import Monitor
from vision_grpc.stream.effects import Effect, Finish, Pull, Send
from vision_grpc.stream.retry import RetryBudget
from vision_grpc.stream.run import Plan, Run
from vision_grpc.stream.throttle import Throttle

FINE = AnalyzeResult()


def status(code: int, asked_s: int = 0) -> AnalyzeResult:
    """Return the result of an image that failed, perhaps with a wait that the service asks for."""
    status = Status(code=code)
    if asked_s:
        info = RetryInfo()
        info.retry_delay.seconds = asked_s
        status.details.add().Pack(info)
    return AnalyzeResult(error=status)


def authorization_of(call_id: int) -> str:
    """Return the authorization of a call: each call has another."""
    return f"Bearer {call_id}"


class Simulation:
    """A run, the time and the calls in flight; it keeps a record, so that everything can be played again."""

    def __init__(self, plan: Plan, *, seed: int = 7) -> None:
        self.now = 0.0
        self.calls: dict[int, Send] = {}
        self.wanted = 0
        self.ended_by: VisionError | None = None
        self.effects: list[Effect] = []
        self._plan = plan
        self._seed = seed
        self._record: list[Callable[[Run], Effect | None]] = []
        self._start()

    def _start(self) -> None:
        self.throttle = Throttle(self._plan.limits, most_images=8)
        self.monitor = Monitor(None)
        rng = random.Random(self._seed)  # noqa: S311 - no secret
        self.run = Run(self._plan, self.throttle, RetryBudget(self._plan.retry), rng, self.monitor)

    def report(self, event: Callable[[Run], None]) -> None:
        """Report an event to the run."""
        event(self.run)
        self._record.append(event)

    def end(self, send: Send, outcome: Answer | VisionError) -> None:
        """Report the end of a call to the run."""
        now = self.now
        self.calls.pop(send.call_id)
        if isinstance(outcome, Answer):
            self.report(lambda run: run.succeeded(send.call_id, outcome, now, lambda: send.contents))
        else:
            self.report(lambda run: run.failed(send.call_id, outcome, now, lambda: send.contents))

    def forget(self, send: Send) -> None:
        """Report to the run that nothing waits for a call any more."""
        now = self.now
        self.calls.pop(send.call_id)
        self.report(lambda run: run.forgotten(send.call_id, now, lambda: send.contents))

    def next(self) -> Effect:
        """Carry out what comes next, as a shell would."""
        now = self.now

        def ask(run: Run) -> Effect:
            try:
                return run.next(now)
            except VisionError as error:
                self.ended_by = error
                return Finish()

        effect = ask(self.run)
        self._record.append(ask)
        self.effects.append(effect)
        if isinstance(effect, Send):
            call_id = effect.call_id
            self.calls[call_id] = effect
            self.report(lambda run: run.authorized(call_id, authorization_of(call_id), now))
        elif isinstance(effect, Pull):
            self.wanted = effect.images
        return effect

    def play_again(self) -> list[Effect]:
        """Return the effects of the same events at the same times on a new run."""
        self._start()
        return [effect for event in self._record if (effect := event(self.run)) is not None]
