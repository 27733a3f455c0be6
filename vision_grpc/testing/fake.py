"""The local service with a script in place of its engine: both APIs, both transports, and failures on command."""

import os
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Literal, Self

from vision_grpc.aio import AsyncVisionClient
from vision_grpc.api.choice import ApiName
from vision_grpc.auth import Anonymous
from vision_grpc.auth.default import VARIABLES as CREDENTIAL_VARIABLES
from vision_grpc.client import VisionClient
from vision_grpc.errors import Code
from vision_grpc.local import LocalVision
from vision_grpc.local.calls.call import Call
from vision_grpc.local.config import ServiceConfig
from vision_grpc.local.faults.store import Counted, FaultStore
from vision_grpc.local.faults.strike import Strike
from vision_grpc.local.ocr.scripted import ScriptedEngine
from vision_grpc.session.settings import API_VARIABLE, ENDPOINT_VARIABLE, TRANSPORT_VARIABLE
from vision_grpc.testing.answers import Answer, Answers, ImageKey
from vision_grpc.testing.backoff import without_backoff
from vision_grpc.testing.requests import RequestLog, SeenRequest

Engine = Literal["scripted", "tesseract"]
_DEFAULT = ServiceConfig()


class FakeVision:
    """A Vision service for one test, on a free port of this machine, until `close`.

        with FakeVision("Hello world") as vision, vision.client() as client:
            assert client.analyze(blank_image()).text == "Hello world"

    It reads what the test says: `everywhere` in all images, or else what `reads` and `fails` say of each. With the
    engine `tesseract` it reads what is there. The faces are those of the local service, so that requests are checked,
    quotas (`config`) refuse and `faults` strike as there.

    Raises:
        LocalServiceError: the engine's language data is missing.
        TypeError: `everywhere` is not an answer.
        ValueError: there is no such engine, or an engine was to read what is said.
    """

    def __init__(
        self,
        everywhere: Answer | Callable[[bytes], Answer] | None = None,
        *,
        engine: Engine = "scripted",
        strict: bool = False,
        config: ServiceConfig = _DEFAULT,
    ) -> None:
        if engine not in ("scripted", "tesseract"):
            message = f"engine {engine!r} is neither scripted nor tesseract"
            raise ValueError(message)
        self._is_scripted = engine == "scripted"
        self._answers = Answers()
        if everywhere is not None:
            self.reads(everywhere)
        self._log = RequestLog()
        self.faults: FaultStore = _SeeingFaults(self._log)
        """What goes wrong on command: `vision.faults.add("code=UNAVAILABLE; times=1")`; see docs/faults.md."""
        script = ScriptedEngine(self._answers.find) if self._is_scripted else None
        self._service = LocalVision(engine=script, faults=self.faults, strict=strict, config=config)
        self.grpc_endpoint: str = self._service.grpc_endpoint
        """The endpoint over gRPC, `host:port`; in plaintext."""
        self.rest_endpoint: str = self._service.rest_endpoint
        """The endpoint over REST, a URL; the clients of this package also take it for gRPC in plaintext."""

    # What it reads

    def reads(self, answer: Answer | Callable[[bytes], Answer], *, of: ImageKey | None = None) -> None:
        """Let an image show something, or all of which nothing else is said; see `Answers.reads`."""
        if not self._is_scripted:
            message = "an engine reads what is in the images: leave it out to say what they show"
            raise ValueError(message)
        self._answers.reads(answer, of=of)

    def fails(self, code: Code, message: str = "as the test says", *, of: ImageKey | None = None) -> None:
        """Let an image have an error in place of a text; in ocr/v1 it is the error of the call."""
        self._answers.fails(code, message, of=of)

    # What it was asked

    @property
    def requests(self) -> list[SeenRequest]:
        """The requests with images, in the order in which they came, those that failed and those sent again too."""
        return self._log.all()

    @property
    def request(self) -> SeenRequest:
        """The only request.

        Raises:
            AssertionError: there was none, or there were several.
        """
        requests = self.requests
        if len(requests) != 1:
            message = f"{len(requests)} requests came, and not one: see `requests`"
            raise AssertionError(message)
        return requests[0]

    @property
    def images(self) -> list[bytes]:
        """The images of all requests, in the order in which they came."""
        return [image for request in self.requests for image in request.images]

    def forget(self) -> None:
        """Forget the requests so far."""
        self._log.clear()

    # Clients

    def client(self, *, transport: Literal["grpc", "rest"] = "grpc", api: ApiName = "vision/v1") -> VisionClient:
        """Return a client of this service; for more options, make one with `rest_endpoint`."""
        return VisionClient(self.rest_endpoint, transport=transport, api=api, credentials=Anonymous())

    def async_client(
        self, *, transport: Literal["grpc", "rest"] = "grpc", api: ApiName = "vision/v1"
    ) -> AsyncVisionClient:
        """Return a client of this service for an event loop."""
        return AsyncVisionClient(self.rest_endpoint, transport=transport, api=api, credentials=Anonymous())

    @property
    def variables(self) -> Mapping[str, str | None]:
        """The environment in which a `VisionClient()` without arguments calls this service; None: not set.

        Credentials are not: those of whoever runs the tests are not to be sent.
        """
        others = (TRANSPORT_VARIABLE, API_VARIABLE, *CREDENTIAL_VARIABLES)
        return {ENDPOINT_VARIABLE: self.rest_endpoint, **dict.fromkeys(others)}

    @contextmanager
    def environment(self) -> Generator[None, None, None]:
        """Let each `VisionClient()` that is made meanwhile call this service."""
        before = {name: os.environ.get(name) for name in self.variables}
        _set(self.variables)
        try:
            yield
        finally:
            _set(before)

    # What goes wrong

    @contextmanager
    def failing(self, rules: object) -> Generator[None, None, None]:
        """Let rules of faults strike the calls made meanwhile; no retry waits.

        Raises:
            InvalidRequestError: one of them is not a rule.
            AssertionError: at the end, when a rule has struck no call.
        """
        added = [counted.rule.id for counted in self.faults.add(rules)]
        idle: list[Counted] = []
        try:
            with without_backoff():
                yield
            idle = [each for each in idle_rules(self.faults) if each.rule.id in added]
        finally:
            for rule_id in added:
                self.faults.remove(rule_id)
        if idle:
            raise AssertionError(describe_idle(idle))

    def close(self) -> None:
        """End the service, calls and all. Closing again does nothing."""
        self._service.close(grace_s=0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def idle_rules(faults: FaultStore) -> list[Counted]:
    """Return the rules that have struck no call."""
    return [each for each in faults.rules() if each.hits == 0]


def describe_idle(idle: list[Counted]) -> str:
    """Return what to say of rules that have struck no call."""
    lines = [f"  {_order(each)}: {_why_idle(each)}" for each in idle]
    return "\n".join(["faults that the test ordered have struck no call:", *lines])


def _order(counted: Counted) -> str:
    fields = {**counted.rule.to_json(), **({"test_id": test} if (test := counted.rule.match.test_id) else {})}
    name = fields.pop("id")
    return f"{name} ({'; '.join(f'{field}={value}' for field, value in fields.items())})"


def _why_idle(counted: Counted) -> str:
    return f"too few calls match it, {counted.seen}" if counted.seen else "no call matches it"


def _set(variables: Mapping[str, str | None]) -> None:
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


class _SeeingFaults(FaultStore):
    """The rules of a service, asked about each call once its request is there: so they see all requests."""

    def __init__(self, log: RequestLog) -> None:
        super().__init__()
        self._log = log

    def strike(self, call: Call) -> Strike | None:
        self._log.note(call)
        return super().strike(call)
