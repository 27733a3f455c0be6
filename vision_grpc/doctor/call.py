"""A call to the service, which is not billed."""

import time
from collections.abc import Iterator
from dataclasses import replace

from vision_grpc.auth import Anonymous
from vision_grpc.auth.default import VARIABLES
from vision_grpc.doctor.finding import FaultError, Finding
from vision_grpc.errors import AuthError, Code, TransportError, VisionError
from vision_grpc.messages import AnalyzeSpec, BatchAnalyzeRequest, Feature, FeatureTextDetectionConfig
from vision_grpc.session.settings import Arguments, Settings

_ANOTHER_SERVICE = "correct host and port: another service answers there"
_FIXES = {
    Code.UNAUTHENTICATED: "make a new key or token",
    Code.PERMISSION_DENIED: "give the account the role ai.vision.user in the folder, and check the folder id",
    Code.INVALID_ARGUMENT: "check the folder id",
    Code.NOT_FOUND: _ANOTHER_SERVICE,
    Code.UNIMPLEMENTED: _ANOTHER_SERVICE,
    Code.DATA_LOSS: _ANOTHER_SERVICE,
    Code.RESOURCE_EXHAUSTED: "wait a while, or ask for a larger quota",
    Code.DEADLINE_EXCEEDED: "allow more time; if that does not help, ask the operator of the service",
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
        raise FaultError(str(error), _fix_of_token(error), name="token") from error
    yield Finding("token", "ok", f"received after {time.monotonic() - began:.2f} s")
    # There is nothing to bill. An answer that says so shows that the service was reached and accepted the caller.
    spec = AnalyzeSpec(
        content=b"no image",
        features=[
            Feature(type=Feature.TEXT_DETECTION, text_detection_config=FeatureTextDetectionConfig(language_codes=["*"]))
        ],
    )
    request = BatchAnalyzeRequest(analyze_specs=[spec], folder_id=settings.folder_id)
    began = time.monotonic()
    try:
        with VisionClient(**replace(arguments, credentials=settings.credentials).keywords()) as client:
            client.batch_analyze(request, timeout=timeout_s)
    except VisionError as error:
        raise FaultError(str(error), _fix_of_call(error.code, settings), name="call") from error
    yield Finding("call", "ok", f"answered after {time.monotonic() - began:.2f} s")


def _fix_of_token(error: AuthError) -> str:
    if isinstance(error.__cause__, TransportError):
        return f"check the network from here to the service that gives tokens, or set another of {', '.join(VARIABLES)}"
    return f"make a new key or token, or set another of {', '.join(VARIABLES)}"


def _fix_of_call(code: Code, settings: Settings) -> str:
    if code is Code.UNAUTHENTICATED and isinstance(settings.credentials, Anonymous):
        return f"no credentials were sent, and this service requires them: set one of {', '.join(VARIABLES)}"
    return _FIXES.get(code, "try again later; if that does not help, ask the operator of the service")
