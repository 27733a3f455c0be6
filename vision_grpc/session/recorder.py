"""What a stream does with the tape of its client: it looks images up as they come, and records what was read.

Both block, so they are done in threads. Whatever is wrong with the tape, the stream goes on as it would without one.
"""

from collections.abc import Callable, Sequence
from contextvars import Context
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from vision_grpc.errors import Code, MachineError, VisionError
from vision_grpc.results import ImageError, ImageResult
from vision_grpc.session.errand import Errand
from vision_grpc.session.monitor import Monitor
from vision_grpc.session.process import Process
from vision_grpc.session.templates import Templates, TextConfig
from vision_grpc.sources.image import HAVE_RESULTS, FittedImage, Image, PendingOperation, Pulled, Recalled, Rejection
from vision_grpc.tape import Recording, Tape, digest
from vision_grpc.tape.errors import OtherServiceError, TapeError
from vision_grpc.texts.quoting import quote_name
from vision_grpc.threads import DaemonThreads

if TYPE_CHECKING:
    from concurrent.futures import Future

WITHIN_S = 30.0
"""How long a stream waits for the tape at most."""

_PART = 0.25
"""The part of the time that is left until a deadline that it waits at most: the rest is for sending."""

_REST, _LONGEST_REST_S = 10, 300.0
"""A tape that was late is left alone for so many times what was waited, and for longer if it is late again."""

_THREADS = 8
"""How many answers are recorded at the same time."""

_DEFAULT_MODEL = "page"
_NOT_THERE = "it is not on the tape, whose mode is none: record it with the mode once"
_T = TypeVar("_T")


class TapeInUse:
    """The tape of a client, and how well it does in all its streams together."""

    def __init__(self, tape: Tape, service: str, monitor: Monitor) -> None:
        self.tape = tape
        self.service = service
        """The name of what answers; see `Tape.record`."""
        self._monitor = monitor
        self._rest_s, self._rests_until = 0.0, 0.0
        self._lateness = ""

    @property
    def is_resting(self) -> bool:
        """Whether it is left alone, as it was late."""
        return monotonic() < self._rests_until

    def recorder(self, api: str, templates: Templates, context: Context, deadline: float | None) -> "Recorder":
        """Return the tape for one stream."""
        return Recorder(self, api, templates, context, deadline)

    def answered(self, found: int) -> None:
        """Take that it answered in time, and count the images whose answers it had."""
        self._rest_s = 0.0
        if found:
            self._monitor.found_on_tape(found)

    def failed(self, images: int, error: VisionError) -> None:
        """Count images that could not be looked up, or whose answers could not be recorded."""
        self._monitor.tape_failed(images, error, sends=self.tape.mode != "none")

    def was_late(self, images: int, waited_s: float) -> VisionError:
        """Count images for which it was late after so many seconds, or is left alone; return what to say of that."""
        if waited_s > 0 and not self.is_resting:
            self._rest_s = min(_LONGEST_REST_S, max(_REST * waited_s, 2 * self._rest_s))
            self._rests_until = monotonic() + self._rest_s
            self._lateness = (
                f"the tape did not answer within {waited_s:.3g} s, and is left alone for {self._rest_s:.3g} s"
            )
        error = TapeError(self._lateness or "the tape was not waited for: the deadline is over")
        self.failed(images, error)
        return error


class _Question(NamedTuple):
    """What is asked about an image."""

    digest: str
    config: TextConfig


class Recorder:
    """The tape in one stream. The shell waits for its errands; where one is late, the stream goes on without it."""

    def __init__(
        self, in_use: TapeInUse, api: str, templates: Templates, context: Context, deadline: float | None
    ) -> None:
        self._in_use = in_use
        self._tape, self._service = in_use.tape, in_use.service
        self._api = api
        self._templates = templates
        self._context = context
        self.deadline = deadline
        """Until when the results are waited for (monotonic seconds), which the tape may take a part of."""
        self._threads: list[DaemonThreads] = []
        self._new: list[tuple[_Question, ImageResult]] = []
        self._process = Process()

    # Images that come

    def look_up(self, images: Sequence[Pulled]) -> Errand[Sequence[Pulled]]:
        """Return the errand that puts the answers of the tape in the place of images."""
        if not images:
            return Errand([], 0.0, lambda: images)
        try:
            futures = self._submit([partial(self._find, images)])
        except MachineError as error:
            self._in_use.failed(len(images), error)
            unfound = [self._unfound(image, error) for image in images]
            return Errand([], 0.0, lambda: unfound)
        within_s = self._within_s if futures else 0.0
        return Errand(futures, within_s, partial(self._looked_up, images, futures, within_s))

    def _looked_up(
        self, images: Sequence[Pulled], futures: "Sequence[Future[Sequence[Pulled]]]", within_s: float
    ) -> Sequence[Pulled]:
        done = [future.result() for future in futures if future.done()]
        if not done:
            error = self._in_use.was_late(len(images), within_s)
            return [self._unfound(image, error) for image in images]
        [placed] = done
        self._in_use.answered(sum([isinstance(image, Recalled) for image in placed]))
        return placed

    def _find(self, images: Sequence[Pulled]) -> Sequence[Pulled]:
        questions = [self._question_of(image) if isinstance(image, Image) else None for image in images]
        digests = [question.digest for question in questions if question is not None]
        recordings: Sequence[Recording | None] = [None] * len(digests)
        error: VisionError | None = None
        if digests:
            try:
                recordings = self._look(digests)
            except OtherServiceError:
                raise  # The stream ends before anything is sent.
            except Exception as failure:  # noqa: BLE001 - images must not suffer from any error of a tape
                error = _explain(failure)
                self._in_use.failed(len(digests), error)
        found = iter(recordings)
        return [
            self._place(image, question, None if question is None else next(found), error)
            for image, question in zip(images, questions, strict=True)
        ]

    def _look(self, digests: Sequence[str]) -> Sequence[Recording | None]:
        """Return what is on the tape; with the mode none, whichever service has answered."""
        if self._tape.mode != "none":
            self._tape.check_service(self._service)
        return [None] * len(digests) if self._tape.mode == "all" else self._tape.find(digests)

    def _question_of(self, image: Image) -> _Question | None:
        """Return what is asked about an image, None where that is not allowed: the stream gives it an error."""
        config = self._templates.own
        if not (image.languages is None and image.model is None):
            asked = self._templates.config_of(image)
            if isinstance(asked, ImageError):
                return None
            config = config if asked is None else asked
        config = config._replace(model=config.model or _DEFAULT_MODEL)
        return _Question(digest(image.content, self._api, *config), config)

    def _place(
        self, image: Pulled, question: _Question | None, recording: Recording | None, error: VisionError | None
    ) -> Pulled:
        """Return what the stream gets of an image: the answer, or the image, of whose answer a note is taken."""
        if question is None or not isinstance(image, Image):
            return image if isinstance(image, Image) else self._unfound(image, error)
        restore = image.restore if isinstance(image, FittedImage) else None
        if recording is not None:
            result = recording.result(image.key)
            return Recalled(image.key, result if restore is None else restore(result))
        if self._tape.mode == "none":
            return self._unfound(image, error)
        noted = FittedImage(*image)
        noted.restore = partial(self._note, question, restore)
        return noted

    def _unfound(self, image: Pulled, error: VisionError | None) -> Pulled:
        """Return what the stream gets of what is not on the tape: with the mode none, nothing is sent for it."""
        if self._tape.mode != "none" or isinstance(image, HAVE_RESULTS):
            return image
        is_open = isinstance(image, PendingOperation)
        code, fault = (Code.NOT_FOUND, _NOT_THERE) if error is None else (error.code, str(error))
        return Rejection(image.key, ImageError(code, f"{quote_name(image.key)}: {fault}", is_open=is_open))

    # Answers that go

    def _note(
        self, question: _Question, restore: Callable[[ImageResult], ImageResult] | None, result: ImageResult
    ) -> ImageResult:
        """Take note of a result, whose boxes are still those of what was sent; return it for the caller."""
        if result.error is None and result.outcome is not None:
            self._new.append((question, result))
        return result if restore is None else restore(result)

    @property
    def has_new(self) -> bool:
        """Whether there are answers to record."""
        return bool(self._new)

    def record(self) -> Errand[None]:
        """Return the errand that records the new answers."""
        new, self._new = self._new, []
        shares = [new[start::_THREADS] for start in range(min(_THREADS, len(new)))]
        try:
            futures = self._submit([partial(self._record, share) for share in shares])
        except MachineError as error:
            self._in_use.failed(len(new), error)
            return Errand([], 0.0, lambda: None)
        within_s = self._within_s if futures else 0.0
        return Errand(futures, within_s, partial(self._recorded, len(new), futures, within_s))

    def _recorded(self, images: int, futures: "Sequence[Future[int]]", within_s: float) -> None:
        settled = sum(future.result() for future in futures if future.done())
        if settled < images:
            self._in_use.was_late(images - settled, within_s)

    def _record(self, new: Sequence[tuple[_Question, ImageResult]]) -> int:
        for question, result in new:
            languages, model = question.config
            try:
                recording = Recording.of(result, api=self._api, model=model, languages=languages)
                if recording is not None:  # Else it is damaged.
                    self._tape.record(question.digest, recording, service=self._service)
            except Exception as failure:  # noqa: BLE001 - as above
                self._in_use.failed(1, _explain(failure))
        return len(new)

    def close(self) -> None:
        """Let the threads end, after the answers that came and are not recorded."""
        if self._process.has_threads:
            if self._new:
                self.record()
            for thread in self._threads:
                thread.end()

    @property
    def _within_s(self) -> float:
        if self.deadline is None:
            return WITHIN_S
        left_s = max(0.0, self.deadline - monotonic())
        return min(WITHIN_S, left_s if self._tape.mode == "none" else _PART * left_s)

    def _submit(self, jobs: Sequence[Callable[[], _T]]) -> "list[Future[_T]]":
        """Return the futures of jobs, none while the tape rests; raises MachineError where there is no thread left."""
        if self._in_use.is_resting:
            return []
        while len(self._threads) < len(jobs):  # Each takes 0.1 ms to start: a stream of one image has one.
            self._threads.append(DaemonThreads("vision-grpc-tape"))
        # Logs see the context variables of where the stream was made.
        return [
            thread.submit(partial(self._context.copy().run, job))
            for thread, job in zip(self._threads, jobs, strict=False)
        ]


def _explain(failure: Exception) -> VisionError:
    """Return what to say of an error of a tape, which may be a bug of it."""
    if isinstance(failure, VisionError):
        return failure
    error = TapeError(f"{type(failure).__name__}: {failure}")
    error.__cause__ = failure
    return error
