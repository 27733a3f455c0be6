"""What clients log, with its parts as fields of the records: loggers that write JSON get them without parsing a text.

The fields begin with `vision_`, since `logging` refuses those that a program's own record factory has set already.
They hold no secrets and no image bytes.
"""

import logging
from collections.abc import Sequence

from vision_grpc.errors import Code, VisionError
from vision_grpc.events import CallEnded, OperationEnded, OperationPolled
from vision_grpc.results import ImageResult
from vision_grpc.texts.quoting import quote_name, shorten
from vision_grpc.texts.urls import without_secrets

_CALLS = logging.getLogger("vision_grpc.calls")
_IMAGES = logging.getLogger("vision_grpc.images")
_TAPE = logging.getLogger("vision_grpc.tape")

_NAMED = 20
"""So many failed images of a stream have a line each at INFO; those after them at DEBUG."""


def logs_calls() -> bool:
    """Return whether the end of a call is logged."""
    return _CALLS.isEnabledFor(logging.DEBUG)


def log_call(end: CallEnded) -> None:
    """Log the end of a call."""
    described = f"{end.code.name}: {end.message}" if end.message else end.code.name
    about = (end.call_id, end.images, end.latency_s, described, end.request_id)
    fields = {
        "vision_call_id": end.call_id,
        "vision_images": end.images,
        "vision_seconds": round(end.latency_s, 6),
        "vision_code": end.code.name,
        "vision_request_id": end.request_id,
        "vision_transport": end.transport,
        "vision_attempt": end.attempt,
    }
    _CALLS.debug("call %d: %d images, %.3f s, %s, request id %s", *about, extra=fields)


def log_poll(end: OperationPolled) -> None:
    """Log a question about an operation."""
    described = "not ready" if end.is_pending else f"{end.code.name}: {end.message}" if end.message else end.code.name
    fields = {
        "vision_call_id": end.call_id,
        "vision_key": without_secrets(end.key),
        "vision_operation_id": end.operation_id,
        "vision_seconds": round(end.latency_s, 6),
        "vision_code": end.code.name,
        "vision_polls": end.polls,
        "vision_request_id": end.request_id,
        "vision_transport": end.transport,
    }
    about = (end.call_id, end.operation_id, end.latency_s, described, end.request_id)
    _CALLS.debug("call %d: asked about operation %s, %.3f s, %s, request id %s", *about, extra=fields)


def log_operation(end: OperationEnded) -> None:
    """Log the end of an operation."""
    described = f"{end.code.name}: {end.message}" if end.message else end.code.name
    fields = {
        "vision_key": without_secrets(end.key),
        "vision_operation_id": end.operation_id,
        "vision_seconds": round(end.waited_s, 6),
        "vision_code": end.code.name,
        "vision_polls": end.polls,
    }
    about = (end.operation_id, end.waited_s, end.polls, described)
    _CALLS.debug("operation %s: %.3f s, asked %d times, %s", *about, extra=fields)


def log_retry(images: int, wait_s: float, code: Code) -> None:
    """Log that images wait to be sent again."""
    fields = {"vision_images": images, "vision_wait_seconds": round(wait_s, 6), "vision_code": code.name}
    _CALLS.debug("%d images are sent again in %.3f s: %s", images, wait_s, code.name, extra=fields)


def log_quota(requests_per_s: float) -> None:
    """Log the rate at which calls leave from now on."""
    message = "the service refuses calls for a quota: from now on %.3g a second leave"
    _CALLS.info(message, requests_per_s, extra={"vision_requests_per_s": round(requests_per_s, 3)})


def log_outage(error: VisionError) -> None:
    """Log that images wait for a service that is away."""
    _CALLS.warning("images wait for the service: %s", error, extra={"vision_code": error.code.name})


def log_return() -> None:
    """Log that the service is back."""
    _CALLS.info("the service answers again")


def log_tape_failure(error: VisionError, *, is_news: bool, sends: bool) -> None:
    """Log that the tape was of no use for images, which are sent or have no result; a warning only the first time."""
    level = logging.WARNING if is_news else logging.DEBUG
    outcome = "results go on without the tape" if sends else "nothing is sent, as the mode of the tape is none"
    _TAPE.log(level, "%s: %s", outcome, error, extra={"vision_code": error.code.name})


def log_switch(requests_per_s: float, *, is_alone: bool) -> None:
    """Log that the client goes on without the service of its quota, or that it is back."""
    fields = {"vision_requests_per_s": round(requests_per_s, 3)}
    if is_alone:
        _CALLS.warning("the quota's service is away: this client sends %.3g requests/s", requests_per_s, extra=fields)
    else:
        _CALLS.info("the quota's service is back: this client's share is %.3g requests/s", requests_per_s, extra=fields)


class FailureLog:
    """Logs the failed images of one stream: a line each, at INFO as long as they are few.

    Where many fail, a line at INFO says so whenever their number has become ten times as large.
    """

    def __init__(self) -> None:
        self._failures = 0
        self._next_sum = 10 * _NAMED

    def log(self, results: Sequence[ImageResult]) -> None:
        """Log those of the results that have an error."""
        if not _IMAGES.isEnabledFor(logging.INFO):
            return
        for result in results:
            if result.error is None:
                continue
            self._failures += 1
            _log_image(result, logging.INFO if self._failures <= _NAMED else logging.DEBUG)
            if self._failures == self._next_sum:
                self._next_sum *= 10
                fields = {"vision_images": self._failures}
                _IMAGES.info("%d images of this stream have failed by now", self._failures, extra=fields)


def _log_image(result: ImageResult, level: int) -> None:
    error = result.error
    if error is None or not _IMAGES.isEnabledFor(level):
        return
    fields = {
        "vision_key": without_secrets(result.key),
        "vision_code": error.code.name,
        "vision_attempt": result.attempts,
        "vision_request_id": result.request_id,
        "vision_transport": result.transport,
    }
    about = (quote_name(result.key), " ".join(shorten(str(error)).split()), result.attempts)
    _IMAGES.log(level, "image %s failed: %s (attempt %d)", *about, extra=fields)
