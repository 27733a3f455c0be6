"""The client for threads."""

import os
import queue
import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from types import TracebackType
from typing import Self

from vision_grpc.auth import Credentials
from vision_grpc.config import Limits, RetryPolicy, Timeouts
from vision_grpc.core.monitor import Monitor, Stats
from vision_grpc.core.requests import Ask, ask_for_text
from vision_grpc.core.retry import RetryBudget
from vision_grpc.core.rules import validate
from vision_grpc.core.run import Emit, Finish, Plan, Pull, Run, Send
from vision_grpc.core.throttle import Throttle
from vision_grpc.core.verdict import Verdict, judge
from vision_grpc.discovery import ApiEndpoints
from vision_grpc.errors import ServiceError, VisionError
from vision_grpc.events import Event
from vision_grpc.messages import BatchAnalyzeRequest, BatchAnalyzeResponse
from vision_grpc.results import ImageResult
from vision_grpc.settings import Settings
from vision_grpc.sources import ImageSource, Source, check_many
from vision_grpc.transport import Call, Transport
from vision_grpc.transport.connect import TransportChoice, connect
from vision_grpc.transport.tls import Pem


class VisionClient:
    """A connection to the Vision service, usable from several threads.

    Everything may be left out: the endpoint comes from `VISION_GRPC_ENDPOINT` (else it is the
    public service; `ApiEndpoints()` in its place asks the cloud at the first call), the transport
    from `VISION_GRPC_TRANSPORT`, credentials from the environment, the `yc` profile or the virtual
    machine (`vision_grpc.auth.default` has the order; for a service on this machine only from the
    environment), the folder from `YC_FOLDER_ID`. Nothing is connected before the first call.

    `root_certificates` and the two of `client_certificate` (chain, private key) are PEM, as bytes or
    files; `server_name` is asked for and expected in the service's certificate in place of the host's;
    `data_logging` tells the service whether it may keep what it is sent (None: nothing is told).
    `on_event` is called with each `vision_grpc.events.Event`, from whichever thread it happens in.

    Raises:
        ValueError: an argument is malformed, or a secret would travel in plaintext.
        AuthError: there are no credentials.
    """

    def __init__(
        self,
        endpoint: str | ApiEndpoints | None = None,
        *,
        transport: TransportChoice | Transport | None = None,
        credentials: Credentials | None = None,
        folder_id: str | None = None,
        root_certificates: Pem | None = None,
        client_certificate: tuple[Pem, Pem] | None = None,
        server_name: str | None = None,
        insecure: bool = False,
        data_logging: bool | None = None,
        limits: Limits = Limits(),  # noqa: B008 - frozen
        retry: RetryPolicy = RetryPolicy(),  # noqa: B008 - frozen
        timeouts: Timeouts = Timeouts(),  # noqa: B008 - frozen
        on_event: Callable[[Event], None] | None = None,
    ) -> None:
        settings = Settings.resolve(
            os.environ,
            endpoint=endpoint,
            transport=transport,
            credentials=credentials,
            folder_id=folder_id,
            root_certificates=root_certificates,
            insecure=insecure,
            client_certificate=client_certificate,
            server_name=server_name,
            data_logging=data_logging,
        )
        self._settings = settings
        self._limits = limits
        self._retry = retry
        self._timeouts = timeouts
        self._on_event = on_event
        self._own_transport = None if isinstance(transport, str) else transport
        self._closed = False
        self._connect()

    def analyze(
        self,
        image: ImageSource,
        *,
        languages: Sequence[str] = ("*",),
        model: str = "",
        timeout: float | None = None,
    ) -> ImageResult:
        """Return the text of one image: a path, the bytes of a file, or an `Image`.

        `languages` are ISO 639-1 codes, or `*` alone to detect them; `model` is `page` (the
        default) or `line`; `timeout` bounds all attempts together, in seconds. An image that
        cannot be read, here or by the service, is a result with an `error`.

        Raises:
            InvalidRequestError: languages, model or folder break the contract; nothing was sent.
            AuthError: no usable token could be obtained.
            TransportError: the service was not reached; DeadlineError: not in time.
            ServiceError: the service refused the call, for its credentials or quota for example.
            ProtocolError: the answer breaks the contract.
        """
        ask = ask_for_text(languages, model, self._settings.folder_id)
        deadline = None if timeout is None else time.monotonic() + timeout
        plan = Plan(self._limits, self._retry, self._timeouts, deadline=deadline)
        [result] = self._stream([image], ask, plan)
        if result.error is not None and result.error.cause is not None:
            raise result.error.cause
        return result

    def analyze_many(
        self,
        images: Iterable[ImageSource],
        *,
        languages: Sequence[str] = ("*",),
        model: str = "",
        ordered: bool = False,
    ) -> Iterator[ImageResult]:
        """Return an iterator over one result per image, in the order they finish or, `ordered`, in that of the images.

        Images are pulled and sent as results are read: reading slowly pauses sending. An image
        that cannot be read, and each image of a call that fails for good, is a result with an
        `error`; the stream goes on. An exception of `images` is raised after the results of the
        images before it. Closing the iterator stops sending at once.

        Raises:
            InvalidRequestError: at once, when languages, model or folder break the contract.
            AuthError: while reading, when no usable token could be obtained; its notes name the
                images that have no result.
        """
        check_many(images)
        ask = ask_for_text(languages, model, self._settings.folder_id)
        return self._stream(images, ask, Plan(self._limits, self._retry, self._timeouts, ordered))

    def batch_analyze(self, request: BatchAnalyzeRequest, *, timeout: float | None = None) -> BatchAnalyzeResponse:
        """Return the service's answer to a request of your own making: the bare call, not retried.

        The request is checked against the constraints in the protos and sent as it is; once more
        with a fresh token where the service refused the first.

        Raises:
            InvalidRequestError: it breaks the contract; nothing was sent.
            AuthError, TransportError, ServiceError, ProtocolError: as `analyze`.
        """
        validate(request)
        timeout_s = self._timeouts.call_s if timeout is None else timeout
        deadline = time.monotonic() + timeout_s
        try:
            return self._call(request, deadline, fresh_token=False)
        except ServiceError as error:
            if judge(error) is not Verdict.REFRESH:
                raise
        return self._call(request, deadline, fresh_token=True)

    def stats(self) -> Stats:
        """Return what this client has done so far, all streams together."""
        return self._monitor.stats()

    def close(self) -> None:
        """End the connection; calls under way fail. Closing again does nothing."""
        self._closed = True
        if self._pid == os.getpid():
            self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _stream(self, images: Iterable[ImageSource], ask: Ask, plan: Plan) -> Iterator[ImageResult]:
        self._connection()  # After a fork, what follows is new.
        run = Run(plan, self._throttle, self._budget, random.Random(), self._monitor)  # noqa: S311 - spreads retries
        source = Source(images, plan.limits)
        calls: dict[int, Call] = {}
        done: queue.SimpleQueue[int] = queue.SimpleQueue()
        try:
            while not isinstance(effect := run.next(time.monotonic()), Finish):
                if isinstance(effect, Emit):
                    yield from effect.results
                elif isinstance(effect, Send):
                    calls[effect.call_id] = self._start(effect, ask, done)
                elif isinstance(effect, Pull):
                    run.pulled(source.pull(effect.images), exhausted=source.exhausted)
                else:
                    _harvest(run, calls, done, wait_until=effect.until)
                while not done.empty():
                    _harvest(run, calls, done, wait_until=None)
        except Exception as error:
            run.abandoned(error)
            raise
        finally:
            run.closed()
            for call in calls.values():
                call.cancel()
        if source.error is not None:
            raise source.error

    def _start(self, send: Send, ask: Ask, done: "queue.SimpleQueue[int]") -> Call:
        deadline = time.monotonic() + send.timeout_s
        authorization = self._settings.credentials.authorization(fresh=send.fresh_token, timeout_s=send.timeout_s)
        # The call has what the token left of the time.
        timeout_s = max(0.0, deadline - time.monotonic())
        return self._connection().start(
            send.contents, ask, authorization, timeout_s=timeout_s, on_done=partial(done.put, send.call_id)
        )

    def _call(self, request: BatchAnalyzeRequest, deadline: float, *, fresh_token: bool) -> BatchAnalyzeResponse:
        timeout_s = max(0.0, deadline - time.monotonic())
        authorization = self._settings.credentials.authorization(fresh=fresh_token, timeout_s=timeout_s)
        return self._connection().call(request, authorization, timeout_s=max(0.0, deadline - time.monotonic()))

    def _connect(self) -> None:
        self._pid = os.getpid()
        self._monitor = Monitor(self._on_event)
        self._throttle = Throttle(self._limits)
        self._budget = RetryBudget(self._retry)
        settings, calls = self._settings, self._limits.calls_in_flight
        self._transport = self._own_transport or connect(
            settings.transport, settings.endpoint, settings.tls, calls=calls, headers=settings.headers
        )

    def _connection(self) -> Transport:
        if self._closed:
            message = "the client is closed"
            raise RuntimeError(message)
        if self._pid != os.getpid():
            # A forked child has its parent's sockets and locks, but not the threads that serve them.
            self._connect()
        return self._transport


def _harvest(run: Run, calls: dict[int, Call], done: "queue.SimpleQueue[int]", *, wait_until: float | None) -> None:
    """Tell the run of the next call that is done, waiting for one if need be."""
    wait_s = None if wait_until is None else max(0.0, wait_until - time.monotonic())
    try:
        call_id = done.get(timeout=wait_s)
    except queue.Empty:
        return
    try:
        answer = calls.pop(call_id).answer()
    except VisionError as error:
        run.failed(call_id, error, time.monotonic())
    else:
        run.succeeded(call_id, answer, time.monotonic())
