"""A call to the service, which is not billed."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from google.protobuf.message import DecodeError

from vision_grpc.auth import Anonymous
from vision_grpc.auth.default import VARIABLES
from vision_grpc.config import RetryPolicy
from vision_grpc.contract import png
from vision_grpc.doctor.finding import FaultError, Finding
from vision_grpc.errors import Advice, AuthError, Code, ServiceError, TransportError, VisionError
from vision_grpc.messages import AnalyzeSpec, BadRequest, BatchAnalyzeRequest, Feature, FeatureTextDetectionConfig
from vision_grpc.session.settings import Arguments, Settings
from vision_grpc.texts.quoting import shorten

if TYPE_CHECKING:
    from vision_grpc.client import VisionClient
    from vision_grpc.messages import Any

# What a message names that is not about the file.
_OF_THE_REST = ("folder", "language", "model")
_ANOTHER_SERVICE = "correct host and port: another service answers there"
_OTHER_CREDENTIALS = Advice("pass other", "credentials", variables=VARIABLES)
_FIXES = {
    Code.UNAUTHENTICATED: "make a new key or token",
    Code.PERMISSION_DENIED: "give the account the role ai.vision.user in the folder, and check the folder id",
    Code.INVALID_ARGUMENT: "check the folder id",
    Code.NOT_FOUND: _ANOTHER_SERVICE,
    Code.UNIMPLEMENTED: _ANOTHER_SERVICE,
    Code.DATA_LOSS: _ANOTHER_SERVICE,
    Code.RESOURCE_EXHAUSTED: "wait a while, or ask for a larger quota",
    Code.DEADLINE_EXCEEDED: "allow more time, and then ask the operator of the service",
}


def try_call(arguments: Arguments, settings: Settings, timeout_s: float) -> Iterator[Finding]:
    """Get a token, send a request without an image, and yield how long each took.

    Raises:
        FaultError: there is no token, or the call failed.
    """
    from vision_grpc.client import VisionClient

    began = time.monotonic()
    try:
        settings.credentials.authorization(timeout_s=timeout_s)
    except AuthError as error:
        raise FaultError(error.problem, *_advice_on_token(error), name="token") from error
    yield Finding("token", "ok", f"received after {time.monotonic() - began:.2f} s")
    began = time.monotonic()
    once = RetryPolicy(attempts=1, max_backoff_s=0)
    try:
        with VisionClient(**replace(arguments, credentials=settings.credentials).keywords(), retry=once) as client:
            said = (_send_no_page if settings.api.is_stream else _send_no_image)(client, settings, timeout_s)
    except VisionError as error:
        raise _call_fault(error, settings) from error
    yield Finding("call", "ok", f"answered after {time.monotonic() - began:.2f} s{said}")


# There is nothing to bill. An answer that says so shows that the service was reached and accepted the caller.
def _send_no_image(client: "VisionClient", settings: Settings, timeout_s: float) -> str:
    spec = AnalyzeSpec(
        content=b"no image",
        features=[
            Feature(type=Feature.TEXT_DETECTION, text_detection_config=FeatureTextDetectionConfig(language_codes=["*"]))
        ],
    )
    client.batch_analyze(BatchAnalyzeRequest(analyze_specs=[spec], folder_id=settings.folder_id), timeout=timeout_s)
    return ""


def _send_no_page(client: "VisionClient", _: Settings, timeout_s: float) -> str:
    """Return what the service says of a file that is not an image: for it, the whole call is refused.

    Raises:
        ServiceError: it refuses something else.
    """
    try:
        client.analyze(png.SIGNATURE, timeout=timeout_s)
    except ServiceError as error:
        if error.code is not Code.INVALID_ARGUMENT or _is_about_the_rest(error):
            raise
        return f", refused a file that is not an image, as it should: {shorten(error.message)}"
    return ", read a file that is not an image: is this ocr/v1?"


def _is_about_the_rest(error: ServiceError) -> bool:
    """Return whether a request is refused for something else than its file, such as the folder."""
    fields = [violation.field for each in error.details for violation in _violations(each)]
    if fields:
        return not any("content" in field or "mime" in field for field in fields)
    return any(word in error.message.lower() for word in _OF_THE_REST)


def _violations(detail: "Any") -> "Sequence[BadRequest.FieldViolation]":
    try:
        return BadRequest.FromString(detail.value).field_violations if detail.Is(BadRequest.DESCRIPTOR) else ()
    except DecodeError:
        return ()


def _advice_on_token(error: AuthError) -> Sequence[Advice]:
    if isinstance(error.__cause__, TransportError):
        return [*error.advice, _OTHER_CREDENTIALS]
    return [*error.advice, Advice("make a new key or token"), _OTHER_CREDENTIALS]


def _call_fault(error: VisionError, settings: Settings) -> FaultError:
    if error.code is Code.UNAUTHENTICATED and isinstance(settings.credentials, Anonymous):
        advice = Advice("pass", "credentials", variables=VARIABLES)
        return FaultError(f"no credentials were sent: {error.problem}", advice, name="call")
    advice = Advice(_FIXES.get(error.code, "try again later, and then ask the operator of the service"))
    return FaultError(error.problem, *error.advice, advice, name="call")
