"""A shell for `Run` without clock, socket or thread: it records what the run asks for, and time is a number."""

import heapq
import random
from collections.abc import Callable, Sequence
from typing import NamedTuple

from images_in_bytes import number_in, png

from vision_grpc.config import Limits, RetryPolicy, Timeouts
from vision_grpc.errors import Code, VisionError
from vision_grpc.messages import AnalyzeResult, RetryInfo, Status
from vision_grpc.results import Answer, ImageError, ImageResult
from vision_grpc.results.outcomes import MessageOutcome
from vision_grpc.session.monitor import Monitor
from vision_grpc.sources.image import Image
from vision_grpc.stream.batch import Config
from vision_grpc.stream.effects import Effect, Emit, Fetch, Finish, Pull, Send, Wait
from vision_grpc.stream.permits import Permit, Permits, Place, Question
from vision_grpc.stream.plan import Plan
from vision_grpc.stream.run import Run
from vision_grpc.stream.shared import Shared

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


def config_of(image: Image) -> Config | ImageError:
    """Return what is asked about an image that says so itself; its model may be one that cannot be asked for."""
    if image.model == "impossible":
        return ImageError(Code.INVALID_ARGUMENT, "impossible")
    return None if image.languages is None else tuple(image.languages)


class NotingPermits(Permits):
    """Remembers what was used."""

    def __init__(self) -> None:
        super().__init__(lambda: None)
        self.uses: list[Permit | None] = []

    def used(self, place: Place, now: float) -> None:
        """Note the permit of a stream."""
        self.uses.append(place.permit)
        super().used(place, now)


class Simulation:
    """A run, the time and the calls in flight; it keeps a record, so that everything can be played again."""

    def __init__(self, plan: Plan, *, seed: int = 7, most_images: int = 8, shares_quota: bool = False) -> None:
        """With `shares_quota`, each call needs a permit."""
        self.now = 0.0
        self.calls: dict[int, Send] = {}
        self.questions: dict[int, Fetch] = {}
        self.wanted = 0
        self.ended_by: VisionError | None = None
        self.effects: list[Effect] = []
        self.plan = plan
        self._seed = seed
        self._most_images = most_images
        self._shares_quota = shares_quota
        self._record: list[Callable[[Run], Effect | None]] = []
        self._start()

    def _start(self) -> None:
        self.permits = NotingPermits() if self._shares_quota else None
        rng = random.Random(self._seed)  # noqa: S311 - no secret
        self.shared = Shared.of(self.plan.limits, self.plan.retry, self._most_images, self.permits, rng)
        self.throttle = self.shared.throttle
        self.monitor = Monitor(None)
        self.run = Run(self.plan, self.shared, rng, self.monitor, config_of)

    def report(self, event: Callable[[Run], None]) -> None:
        """Report an event to the run."""
        event(self.run)
        self._record.append(event)

    def end(self, send: Send | Fetch, outcome: Answer | VisionError) -> None:
        """Report the end of a call, for images or about an operation, to the run."""
        now = self.now
        (self.calls if isinstance(send, Send) else self.questions).pop(send.call_id)
        if isinstance(outcome, Answer):
            self.report(lambda run: run.succeeded(send.call_id, outcome, now, lambda: send.contents))
        else:
            self.report(lambda run: run.failed(send.call_id, outcome, now, lambda: send.contents))

    def forget(self, send: Send) -> None:
        """Report to the run that nothing waits for a call any more."""
        now = self.now
        self.calls.pop(send.call_id)
        self.report(lambda run: run.forgotten(send.call_id, now, lambda: send.contents))

    def grant(self, times: Sequence[float], images: int, requests_per_s: float) -> None:
        """Let permits come for calls with so many images."""

        def grant(_: Run) -> None:
            assert self.permits is not None
            self.permits.granted(times, images, requests_per_s)

        self.report(grant)

    def refuse(self, why: VisionError) -> None:
        """Let the quota fail while a call waits for a permit."""

        def fail(_: Run) -> None:
            assert self.permits is not None
            self.permits.failed(lambda: why)

        self.report(fail)

    def question(self) -> Question | None:
        """Return what the quota is asked for."""
        return None if self.permits is None else self.permits.question(self.now)

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
        if isinstance(effect, Send | Fetch):
            call_id = effect.call_id
            if isinstance(effect, Send):
                self.calls[call_id] = effect
            else:
                self.questions[call_id] = effect
            self.report(lambda run: run.authorized(call_id, authorization_of(call_id), now))
        elif isinstance(effect, Pull):
            self.wanted = effect.images
        return effect

    def play_again(self) -> list[Effect]:
        """Return the effects of the same events at the same times on a new run."""
        self._start()
        return [effect for event in self._record if (effect := event(self.run)) is not None]


class Played(NamedTuple):
    """What a stream did: its results, its calls, and when each of these left."""

    results: list[ImageResult]
    calls: list[Send]
    times: list[float]


class PlayedService(NamedTuple):
    """A service that answers each call at once, as a function says."""

    reply: Callable[[Send], Answer | VisionError]

    def play(self, plan: Plan, images: Sequence[Image]) -> Played:
        """Return results, calls and their times of a stream over the images, each call answered at once."""
        return self.play_on(Simulation(plan), images)

    def play_on(self, simulation: Simulation, images: Sequence[Image]) -> Played:
        """As `play`, on an existing run."""
        results, calls, times = played = Played([], [], [])
        left = list(images)
        while not isinstance(effect := simulation.next(), Finish):
            if isinstance(effect, Emit):
                results.extend(effect.results)
            elif isinstance(effect, Send):
                calls.append(effect)
                times.append(simulation.now)
                simulation.end(effect, self.reply(effect))
            elif isinstance(effect, Pull):
                batch, left = left[: effect.images], left[effect.images :]
                simulation.run.pulled(batch, exhausted=not left)
            else:
                assert isinstance(effect, Wait)
                assert effect.until is not None
                simulation.now = effect.until
        return played


class Ending(NamedTuple):
    """How a call ends."""

    at: float
    outcome: Answer | VisionError


def play_in_time(simulation: Simulation, images: Sequence[Image], world: Callable[[Send, float], Ending]) -> Played:
    """Return what happens where calls take time; `world` says how one ends that leaves at a time."""
    played, left = Played([], [], []), list(images)
    endings: list[tuple[float, int, Send, Answer | VisionError]] = []
    while not isinstance(effect := simulation.next(), Finish):
        if isinstance(effect, Emit):
            played.results.extend(effect.results)
        elif isinstance(effect, Send):
            played.calls.append(effect)
            played.times.append(simulation.now)
            at, outcome = world(effect, simulation.now)
            heapq.heappush(endings, (at, effect.call_id, effect, outcome))
        elif isinstance(effect, Pull):
            batch, left = left[: effect.images], left[effect.images :]
            simulation.run.pulled(batch, exhausted=not left)
        else:
            assert isinstance(effect, Wait)
            if endings and (effect.until is None or endings[0][0] <= effect.until):
                simulation.now, _, send, outcome = heapq.heappop(endings)
                simulation.end(send, outcome)
            else:
                assert effect.until is not None
                simulation.now = effect.until
    return played


def plan_of(limits: Limits | None = None, retry: RetryPolicy | None = None, timeouts: Timeouts | None = None) -> Plan:
    """Return a plan; what is not given is the default."""
    return Plan(limits or Limits(), retry or RetryPolicy(), timeouts or Timeouts())


def images_of(number: int) -> list[Image]:
    """Return so many images, whose keys are their numbers."""
    return [Image(str(index), png(index)) for index in range(number)]


def answer_to(send: Send, result: AnalyzeResult = FINE) -> Answer:
    """Return an answer that says the same of each image."""
    return Answer([MessageOutcome(result) for _ in send.contents], "id", "grpc")


def numbers_in(send: Send) -> list[int]:
    """Return the numbers of the images of a call."""
    return [number_in(content) for content in send.contents]
