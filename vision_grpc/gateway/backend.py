"""ocr/v1 behind the gateway: it is called for all callers, and its errors say which side failed."""

import asyncio
import math
import time
from collections.abc import Sequence
from contextlib import suppress
from os import PathLike
from typing import cast

from google.protobuf.message import DecodeError

from vision_grpc.codec.retry_info import asked_wait_s
from vision_grpc.config import Limits, RetryPolicy, Timeouts
from vision_grpc.contract import jpeg
from vision_grpc.errors import AuthError, Code, InvalidRequestError, RequestTooLargeError, ServiceError, VisionError
from vision_grpc.gateway.call_tape import CallTape
from vision_grpc.gateway.callers import Caller, PassedOn
from vision_grpc.gateway.callers_client import CallersClient
from vision_grpc.gateway.config import GatewayConfig
from vision_grpc.gateway.plan import Outcome, Wish
from vision_grpc.gateway.reach import Reach
from vision_grpc.messages import RetryInfo
from vision_grpc.results import ImageError, ImageResult
from vision_grpc.results.ocr_outcome import OcrOutcome
from vision_grpc.results.ocr_pages import text_of_pages
from vision_grpc.session.settings import Arguments
from vision_grpc.session.stop import Stop
from vision_grpc.sources.image import Image
from vision_grpc.tape import Tape

# A restart of the backend is waited for. A caller that does not hear of a longer outage can do nothing about it.
_PATIENCE_S = 5.0
# Making messages of more bytes would hold up the event loop; of less, a thread would cost more than it saves.
_SMALL_BYTES = 16 * 1024
_PROBE_S = 5.0
_WAIT_S = {Code.RESOURCE_EXHAUSTED: 1.0, Code.UNAVAILABLE: _PATIENCE_S}
# No whole image: nobody is billed for it. Something else than an image would not be sent.
_PROBE = Image("the beginning of a file", jpeg.SIGNATURE)
_NOBODY = Caller(PassedOn(None), ())


class Backend:
    """Fulfils wishes, as whoever has them. It belongs to the event loop of its first call.

    Raises:
        ValueError, AuthError: `arguments` are not those of a client, or there are no credentials.
    """

    def __init__(
        self, arguments: Arguments, config: GatewayConfig, cache: str | PathLike[str] | Tape | None = None
    ) -> None:
        self._is_deferred = config.deferred
        self._reach = Reach()
        self._client = CallersClient(
            **arguments.keywords(),
            limits=Limits(calls_in_flight=config.calls_in_flight, requests_per_s=config.requests_per_s),
            retry=RetryPolicy(max_backoff_s=_PATIENCE_S),
            timeouts=Timeouts(total_s=_PATIENCE_S),
            on_event=self._reach.note,
            cache=cache,
        )
        self.name: str = f"ocr/v1 at {self._client.address}"
        self._probed_at = -math.inf
        self._probe: asyncio.Task[None] | None = None

    @property
    def is_on_this_machine(self) -> bool:
        """Whether it is a service on this machine, as when callers are tested."""
        return self._client.is_on_this_machine

    @property
    def has_tape(self) -> bool:
        """Whether answers are kept."""
        return self._client.has_tape

    def call_tape(self, until: float) -> CallTape:
        """Return the tape for a call that is to have its answer at a time (monotonic seconds)."""
        return CallTape(self._client.recorder(until))

    async def fulfil(self, wish: Wish, caller: Caller, until: float) -> Outcome:
        """Return what came of a wish, at a time (monotonic seconds) at the latest. No error is raised."""
        outcome = await self.read(wish, wish.image, caller, until)
        assert outcome is not None  # noqa: S101 - nothing stops it
        return outcome

    async def read(
        self, wish: Wish, image: Image, caller: Caller, until: float, *, stop: Stop | None = None
    ) -> Outcome | None:
        """Return the same, for the image of a wish as a tape noted it; None where `stop` came before it was sent."""
        client = self._client.acting_for(caller)
        try:
            left_s = until - time.monotonic()
            result = await client.read(image, wish.languages, wish.model, left_s, deferred=self._is_deferred, stop=stop)
            if result is None:
                return None
            if result.error is not None and isinstance(result.error.cause, AuthError):
                raise result.error.cause
            return await self.outcome_of(result)
        except InvalidRequestError as error:
            return ServiceError(error.code, str(error))
        except AuthError as error:
            return ServiceError(error.code, f"{self.name} cannot be called as {caller.name}: {error}")

    async def outcome_of(self, result: ImageResult) -> Outcome:
        """Return what a result means for a caller."""
        if result.error is not None:
            return self._failure(result.error)
        try:
            return await _text_of(cast("OcrOutcome", result.outcome))
        except DecodeError:
            return ServiceError(
                Code.INTERNAL, f"{self.name} gave an answer that is damaged: see whether it does so again"
            )

    def trouble(self) -> str | None:
        """Return why calls would fail now, None if the latest was answered; a backend in trouble is asked again."""
        if self._reach.trouble is None or self._client.sends_nothing:
            return None
        now = time.monotonic()
        if now - self._probed_at >= _PROBE_S:
            self._probed_at = now
            self._probe = asyncio.create_task(self._ask())
        return f"{self.name} is not reached: {self._reach.trouble}"

    async def aclose(self) -> None:
        """End the connection; calls under way fail."""
        if self._probe is not None:
            self._probe.cancel()
        await self._client.aclose()

    async def _ask(self) -> None:
        """Make a call that nobody is billed for: without credentials, and for no image."""
        with suppress(VisionError):
            await self._client.acting_for(_NOBODY).read(_PROBE, ("*",), "", _PROBE_S)

    def _failure(self, error: ImageError) -> ServiceError:
        kind = RequestTooLargeError if isinstance(error.cause, RequestTooLargeError) else ServiceError
        message = error.message
        if error.code is Code.UNAVAILABLE:
            message = f"{self.name} is not reached: {message}"
        elif error.code is not Code.INVALID_ARGUMENT:
            message = f"{self.name}: {message}"
        details = [each for each in error.details if not each.Is(RetryInfo.DESCRIPTOR)]
        asked_s = asked_wait_s(error.details)
        return kind(error.code, message, details=details, retry_after_s=asked_s or _WAIT_S.get(error.code))


async def _text_of(outcome: OcrOutcome) -> Outcome:
    """Return the text of the pages.

    Raises:
        DecodeError: they are damaged.
    """
    if sum(map(len, outcome.pages)) <= _SMALL_BYTES:
        return _make_text(outcome.pages)
    return await asyncio.to_thread(_make_text, outcome.pages)


def _make_text(pages: Sequence[bytes]) -> Outcome:
    # In proto3, 0 is what is not there.
    return text_of_pages(pages, confidence=0.0)
