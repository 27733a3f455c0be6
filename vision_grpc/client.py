"""The client for threads."""

import time
import traceback
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from contextvars import Context, copy_context
from functools import partial
from queue import SimpleQueue
from types import TracebackType
from typing import TYPE_CHECKING, Self, cast

from google.protobuf.message import Message

from vision_grpc.api.api import Api, Model, Reply
from vision_grpc.errors import VisionError
from vision_grpc.messages import (
    BatchAnalyzeRequest,
    BatchAnalyzeResponse,
    Operation,
    RecognizeTextRequest,
    RecognizeTextResponse,
)
from vision_grpc.network.deadline import Deadline
from vision_grpc.results import ImageResult
from vision_grpc.session.arguments import check_stream
from vision_grpc.session.calls import Calls, end
from vision_grpc.session.errand import await_errand
from vision_grpc.session.intake import Intake
from vision_grpc.session.session import Session, single
from vision_grpc.session.stop import Stop
from vision_grpc.session.templates import Templates
from vision_grpc.sources.files import ImageSource, check_many
from vision_grpc.sources.supply import supply
from vision_grpc.stream.bare_call import BareCall
from vision_grpc.stream.effects import Emit, Fetch, Finish, Forget, Pull, Send
from vision_grpc.stream.plan import Plan
from vision_grpc.stream.run import Run
from vision_grpc.transport import Transport

if TYPE_CHECKING:
    from vision_grpc.session.recorder import Recorder


class VisionClient(Session):
    """A connection to the Vision service, usable from several threads."""

    def analyze(
        self,
        image: ImageSource,
        *,
        languages: Sequence[str] = ("*",),
        model: Model | None = None,
        timeout: float | None = None,
    ) -> ImageResult:
        """Return the text of one image: a path, bytes, an open file, a picture of Pillow, an `Image` or an `Item`.

        A file is read from where it stands, and stays open. The boxes of a picture are in its own pixels.
        `languages` are a list of ISO 639-1 codes, or `*` alone to detect them; `model` is `page` or `line`
        (None: the service's default, `page`); `timeout` bounds all attempts together, in seconds.
        Those of the image itself come first. An image that cannot be read, here or by the service, and
        one whose own languages or model break the contract, is a result with an `error`.

        Raises:
            TypeError: an argument is of the wrong type; ValueError: the timeout is NaN.
            InvalidRequestError: languages, model or folder break the contract; nothing was sent.
            AuthError: no usable token could be obtained.
            TransportError: the service was not reached; DeadlineError: not in time.
            ServiceError: the service refused the call, for its credentials or quota for example.
            ProtocolError: the answer breaks the contract.
        """
        stream = self._stream([image], self._templates(languages, model), self._plan(timeout=timeout), copy_context())
        return single([*stream])

    def analyze_many(
        self,
        images: Iterable[ImageSource],
        *,
        languages: Sequence[str] = ("*",),
        model: Model | None = None,
        ordered: bool = False,
        stop: Stop | None = None,
        deferred: bool | None = None,
    ) -> Generator[ImageResult, None, None]:
        """Yield one result per image, in the order they finish or, when `ordered`, in the order of the images.

        Images are pulled and sent as results are read, in the thread that reads: reading slowly pauses
        sending, and no result comes out while `images` blocks, unless it is of `read_ahead`. An image
        that cannot be read, whose own languages or model break the contract, or whose call fails for good,
        is a result with an `error`; the stream goes on. An exception of `images` is raised after the
        results of the images before it. `close()` stops sending at once; `contextlib.closing` calls it.
        After `stop.ask()` nothing more is sent, and the stream ends with the results of the calls in flight.

        With `deferred`, each file is sent to an operation of the service, whose result is fetched when it is
        ready, and the stream waits for those, too. None does so where the API has operations (ocr/v1), True
        demands them, and with False each call waits for its answer. A `PendingOperation` among the images is a
        file that was accepted before.

        Raises:
            TypeError: at once, when an argument is of the wrong type; while reading, for what is not an image.
            InvalidRequestError: at once, when languages, model or folder break the contract.
            AuthError: while reading, when no usable token could be obtained, after the results of what
                had been sent; its notes name the images that have no result.
        """
        check_many(images)
        check_stream(ordered=ordered, stop=stop)
        plan = self._plan(ordered=ordered, deferred=self._is_deferred(deferred))
        return self._stream(images, self._templates(languages, model), plan, copy_context(), stop)

    def batch_analyze(self, request: BatchAnalyzeRequest, *, timeout: float | None = None) -> BatchAnalyzeResponse:
        """Return the service's answer to a request that you made: the bare call, without retries.

        The request is checked against the constraints in the protos and sent as it is. It is sent a
        second time only with a fresh token where the service refused the first, and over REST where
        gRPC does not get through. Quotas and counts are for streams.

        Raises:
            TypeError: it is not a request; ValueError: the timeout is NaN.
            InvalidRequestError: it breaks the contract; nothing was sent.
            AuthError, TransportError, ServiceError, ProtocolError: as `analyze`.
        """
        self._check_request(request, "batch_analyze", is_streamed=False)
        return cast("BatchAnalyzeResponse", self._call_bare(self._api, request, timeout))

    def recognize(self, request: RecognizeTextRequest, *, timeout: float | None = None) -> list[RecognizeTextResponse]:
        """Return the pages that ocr/v1 answers a request of your own with: its bare call, as `batch_analyze` is.

        Raises:
            TypeError, InvalidRequestError, AuthError, TransportError, ServiceError, ProtocolError: as `batch_analyze`.
        """
        self._check_request(request, "recognize", is_streamed=True)
        return cast("list[RecognizeTextResponse]", self._call_bare(self._api, request, timeout))

    def operation(self, operation_id: str, *, timeout: float | None = None) -> Operation:
        """Return what the service says of an operation: whether it is done, and how it ended. Its result is not in it.

        Raises:
            TypeError: the API has no operations, or the id is not text.
            InvalidRequestError, AuthError, TransportError, ServiceError, ProtocolError: as `batch_analyze`; an
                operation that the service does not know is a ServiceError with the code NOT_FOUND.
        """
        api, request = self._operation_call("status", operation_id)
        return cast("Operation", self._call_bare(api, request, timeout))

    def cancel_operation(self, operation_id: str, *, timeout: float | None = None) -> Operation:
        """Ask the service to end an operation; return what it then says of it. Raises as `operation`."""
        api, request = self._operation_call("cancel", operation_id)
        return cast("Operation", self._call_bare(api, request, timeout))

    def close(self) -> None:
        """End the connection; calls under way fail. Closing again does nothing."""
        self._closed = True
        if self._process.has_threads:
            try:
                self._connections.close()
            finally:
                if self._feed is not None:
                    self._feed.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _stream(
        self,
        images: Iterable[ImageSource],
        templates: Templates,
        plan: Plan,
        context: Context,
        stop: Stop | None = None,
    ) -> Generator[ImageResult, None, None]:
        self._connection()  # After a fork, what follows is new.
        run = self._run(plan, templates, context)
        recorder = self._recorder(plan, templates, context)
        calls = Calls(run, self._methods(templates, plan), stop=stop)
        source = supply(images, plan.limits, calls.wake)
        intake = Intake(source, recorder, plan.limits)
        try:
            with self._interruptible():
                while not isinstance(effect := run.next(time.monotonic()), Finish):
                    if isinstance(effect, Emit):
                        for result in effect.results:
                            yield result
                            calls.check_stream()
                    elif isinstance(effect, Send | Fetch):
                        self._start(run, effect, calls)
                    elif isinstance(effect, Pull):
                        intake.want(effect.images)
                    elif isinstance(effect, Forget):
                        calls.forget(effect)
                    else:
                        calls.wait(source.wakes_at(effect.until))
                    if intake.has_news:
                        run.pulled(await_errand(intake.take()), exhausted=intake.exhausted)
                    _harvest(calls, recorder)
        except Exception as error:
            run.abandoned(error, intake.left())
            raise
        finally:
            end(calls, recorder)
            source.close()
        if source.error is not None:
            raise source.error

    def _start(self, run: Run, effect: Send | Fetch, calls: Calls) -> None:
        deadline = Deadline(effect.deadline, effect.timeout_s)
        try:
            authorization = self._authorization(deadline, refused=effect.refused)
            run.authorized(effect.call_id, authorization, time.monotonic())
            calls.start(self._connection(calls.api_of(effect)), effect, authorization, deadline)
        except VisionError as error:
            run.unauthorized(effect.call_id, error, time.monotonic())

    def _authorization(self, deadline: Deadline, *, refused: str | None = None) -> str | None:
        return self._settings.credentials.authorization(refused=refused, timeout_s=deadline.left_s)

    def _call_bare(self, api: Api, request: Message, timeout_s: float | None) -> Reply:
        deadline, bare = self._call_deadline(timeout_s), BareCall()
        with self._interruptible():
            while True:
                authorization = self._authorization(deadline, refused=bare.refused)
                try:
                    return self._call(api, request, authorization, deadline)
                except VisionError as error:
                    bare.failed(error, authorization)

    def _call(self, api: Api, request: Message, authorization: str | None, deadline: Deadline) -> Reply:
        # Not an Event: an interrupt in the middle of its wait may leave its lock taken, for which `cancel` would wait.
        done: SimpleQueue[None] = SimpleQueue()
        call = self._connection(api).send(request, authorization, deadline, partial(done.put, None))
        try:
            done.get()
        except BaseException:
            call.cancel()  # This thread was interrupted.
            raise
        return call.answer()

    def _reset(self) -> None:
        super()._reset()
        self._connections = self._connect()

    @contextmanager
    def _interruptible(self) -> Generator[None, None, None]:
        """Connect anew after an interrupt: it may have left a lock taken that the old connection waits for, for ever.

        Where another thread streams too, what was under way is sent again.
        """
        try:
            yield
        except (Exception, GeneratorExit):
            raise
        except BaseException as error:
            # The frames that it came through keep what they have entered, a lock of all of gRPC's channels for one.
            traceback.clear_frames(error.__traceback__)
            if self._own_transport is None and not self._closed:
                harmed, self._connections = self._connections, self._connect()
                harmed.close()
            raise

    def _connection(self, api: Api | None = None) -> Transport:
        self._check_open()
        if not self._process.is_this:
            # A forked child has its parent's sockets and locks, but not the threads that serve them.
            self._reset()
        return self._connections.to(self._api if api is None else api)


def _harvest(calls: Calls, recorder: "Recorder | None") -> None:
    calls.harvest()
    if recorder is not None and recorder.has_new:
        await_errand(recorder.record())
