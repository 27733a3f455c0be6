"""A service that repeats in its answers what a call proved itself with: nothing of ours repeats it after it."""

import asyncio
import logging
import pickle
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

import grpc
import pytest
from auth_peers import Reply, Request, grpc_server, http_server
from drivers import AsyncDriver, SyncDriver
from images_in_bytes import png
from secret_watch import Watch

from vision_grpc import RetryPolicy, VisionError
from vision_grpc.api.vision_v1 import VISION_V1
from vision_grpc.auth import ApiKey, Credentials, IamToken, OAuthToken, ServiceAccountKey
from vision_grpc.codec.json import from_json, to_json
from vision_grpc.errors import AuthError
from vision_grpc.local.cloud.iam import Identities
from vision_grpc.messages import (
    AnalyzeResult,
    AnalyzeSpec,
    BatchAnalyzeRequest,
    BatchAnalyzeResponse,
    CreateIamTokenRequest,
    ErrorInfo,
    Feature,
    FeatureResult,
    FeatureTextDetectionConfig,
    Status,
)

Way = Literal["grpc", "rest"]
_REQUEST = BatchAnalyzeRequest(
    analyze_specs=[
        AnalyzeSpec(
            content=png(1),
            features=[
                Feature(
                    type=Feature.TEXT_DETECTION,
                    text_detection_config=FeatureTextDetectionConfig(language_codes=["*"]),
                )
            ],
        )
    ]
)


def _status(said: str, code: int = 3) -> Status:
    status = Status(code=code, message=f"I was called with <{said}>")
    status.details.add().Pack(ErrorInfo(reason=said, metadata={"authorization": said}))
    return status


# How REST services and gateways quote a request, given what they quote.
_OVER_REST: dict[str, Callable[[str], Reply]] = {
    "status": lambda said: Reply(400, to_json(_status(said)), headers={"x-request-id": said}),
    "unknown detail": lambda said: Reply(403, b'{"code":7,"details":[{"@type":"a/b","said":"%s"}]}' % said.encode()),
    "wrapped": lambda said: Reply(400, b'{"error":"authorization: %s"}' % said.encode()),
    "disguised": lambda said: Reply(200, b'{"error":{"code":3,"message":"%s"}}' % said.encode()),
    "page": lambda said: Reply(404, b"<html><title>No</title><pre>%s</pre></html>" % said.encode(), "text/html"),
    "cut page": lambda said: Reply(404, b"x" * 150 + b" authorization: %s" % said.encode(), "text/plain"),
    "redirection": lambda said: Reply(302, b"", headers={"location": f"https://login.example/?{said}"}),
    "gRPC headers": lambda said: Reply(200, b"", headers={"grpc-status": "3", "grpc-message": said}),
    "garbage": lambda said: Reply(200, b'{"results":"%s"}' % said.encode()),
    "garbage in a result": lambda said: Reply(200, b'{"results":[{"results":"%s"}]}' % said.encode()),
    "garbage in an error": lambda said: Reply(200, b'{"results":[{"error":{"code":"%s"}}]}' % said.encode()),
    "no header line": lambda said: Reply(200, b"", headers={"x y": f"a\r\n{said}"}),
}


@contextmanager
def _liar(way: Way, form: str, heard: list[str]) -> Iterator[str]:
    """Give the address of a service that quotes the authorization of each call, and notes it."""

    def over_rest(request: Request) -> Reply:
        said = request.headers["authorization"]
        heard.append(said)
        if form == "image":
            return Reply(200, to_json(_image_error(said)), headers={"x-request-id": said})
        if form == "image beside news":
            body = to_json(_image_error(said))
            return Reply(200, body[:-1] + b',"news":1}')
        return _OVER_REST[form](said)

    def over_grpc(_: bytes, context: grpc.ServicerContext) -> bytes:
        said = str(dict(context.invocation_metadata())["authorization"])
        heard.append(said)
        context.send_initial_metadata((("x-request-id", said),))
        if form == "image":
            return _image_error(said).SerializeToString()
        status = _status(said)
        context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
        code = grpc.StatusCode.CANCELLED if form == "cancelled" else grpc.StatusCode.INVALID_ARGUMENT
        return context.abort(code, status.message)

    if way == "grpc":
        with grpc_server(over_grpc, method=VISION_V1.grpc_path) as address:
            yield f"http://{address}"
    else:
        with http_server(over_rest) as url:
            yield url


def _image_error(said: str) -> BatchAnalyzeResponse:
    feature = FeatureResult(error=_status(said))
    return BatchAnalyzeResponse(results=[AnalyzeResult(error=_status(said), results=[feature])])


def _everything(error: BaseException) -> str:
    """Return all that an exception can tell, its causes and what it was raised beside included."""
    links: list[BaseException] = []
    link: BaseException | None = error
    while link is not None:
        links.append(link)
        link = link.__cause__ or link.__context__
    told = [f"{link} {link!r} {link.args!r} {vars(link) if isinstance(link, VisionError) else ''}" for link in links]
    details = [detail.SerializeToString() for detail in getattr(error, "details", ())]
    return " ".join([*told, *map(repr, details), *traceback.format_exception(error), repr(pickle.dumps(error))])


CASES = [
    *(("grpc", form) for form in ("status", "cancelled", "image")),
    *(("rest", form) for form in (*_OVER_REST, "image", "image beside news")),
]


@pytest.mark.parametrize(("way", "form"), CASES)
@pytest.mark.parametrize("driver", [SyncDriver, AsyncDriver])
def test_what_a_service_repeats_is_in_nothing_of_ours(
    way: Way,
    form: str,
    driver: type[SyncDriver] | type[AsyncDriver],
    caplog: pytest.LogCaptureFixture,
    secret_watch: Watch,
) -> None:
    identities = Identities()
    kind, secret = (ApiKey, identities.api_key) if driver is SyncDriver else (IamToken, identities.issue()[0])
    heard: list[str] = []
    told: list[object] = []
    caplog.set_level(logging.DEBUG, "vision_grpc")
    with _liar(way, form, heard) as address:
        options = {"endpoint": address, "transport": way, "credentials": kind(secret), "on_event": told.append}
        client = driver({**options, "retry": RetryPolicy(attempts=1)})
        [result] = client.collect([png(1)])
        told += [result, result.error, result.error and result.error.details, pickle.dumps(result)]
        for use in (lambda: result.result, lambda: client.analyze(png(1)), lambda: client.batch_analyze(_REQUEST)):
            try:
                use()
            except VisionError as error:
                told.append(_everything(error))
        if result.error is not None and result.error.cause is not None:
            told.append(_everything(result.error.cause))
    assert len(heard) >= 3
    assert all(said.endswith(f" {secret}") for said in heard)
    told += [record.getMessage() for record in caplog.records if record.name.startswith("vision_grpc")]
    assert len(told) > 5
    # Not even so much of it as an excerpt holds.
    assert secret[:12] not in " ".join(map(repr, told))
    # Errors that were dropped for quoting it.
    assert {line.partition(":")[0].partition("(")[0] for line in secret_watch.found} <= {"ProtocolError"}
    secret_watch.found.clear()


@pytest.mark.parametrize("way", ["grpc", "rest"])
@pytest.mark.parametrize("shell", ["sync", "asyncio"])
@pytest.mark.parametrize("kind", ["jwt", "oauth"])
async def test_what_the_iam_service_repeats_is_in_no_error(way: Way, shell: str, kind: str) -> None:
    identities = Identities()
    heard: list[str] = []

    def listen(request: CreateIamTokenRequest) -> Status:
        heard.append(request.jwt or request.yandex_passport_oauth_token)
        return _status(heard[-1], 16)

    def over_rest(request: Request) -> Reply:
        return Reply(401, to_json(listen(from_json(request.body, CreateIamTokenRequest))))

    def over_grpc(wire: bytes, context: grpc.ServicerContext) -> bytes:
        status = listen(CreateIamTokenRequest.FromString(wire))
        context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
        return context.abort(grpc.StatusCode.UNAUTHENTICATED, status.message)

    with grpc_server(over_grpc) if way == "grpc" else http_server(over_rest) as place:
        address = place if way == "rest" else f"http://{place}"
        credentials: Credentials = OAuthToken(identities.oauth_token, iam_endpoint=address, transport=way)
        if kind == "jwt":
            credentials = ServiceAccountKey(identities.authorized_key, iam_endpoint=address, transport=way)
        asked = asyncio.to_thread(credentials.authorization) if shell == "sync" else credentials.authorization_async()
        with pytest.raises(AuthError, match=r"UNAUTHENTICATED: I was called with <\.\.\.>;") as caught:
            await asked
    [secret] = heard
    assert secret.startswith("eyJ" if kind == "jwt" else "y0_")
    told = _everything(caught.value)
    assert secret not in told
    assert secret[-12:] not in told
