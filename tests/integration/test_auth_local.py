"""Every kind of credentials against the local service, which lets nobody in without: over TLS, with real exchanges."""

import asyncio
import io
import json
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CalledProcessError
from typing import Literal, NamedTuple

import grpc
import pytest
import trustme
from environments import Environment
from PIL import Image, ImageDraw

from vision_grpc import AsyncVisionClient, VisionClient
from vision_grpc.auth import (
    Anonymous,
    ApiKey,
    Credentials,
    IamToken,
    MetadataService,
    OAuthToken,
    ServiceAccountKey,
    YcProfile,
)
from vision_grpc.cloud.discovery import ApiEndpoints
from vision_grpc.errors import AuthError, Code, ServiceError
from vision_grpc.local import Identities, LocalVision
from vision_grpc.messages import (
    AnalyzeSpec,
    BatchAnalyzeRequest,
    CreateIamTokenRequest,
    Feature,
    FeatureTextDetectionConfig,
)
from vision_grpc.results import ImageResult

Way = Literal["grpc", "rest"]
KINDS = ("api key", "iam", "callable", "service account key", "key file", "oauth", "profile")


class Place(NamedTuple):
    vision: LocalVision
    identities: Identities
    roots: Path

    def endpoint(self, way: Way) -> str:
        return self.vision.grpc_endpoint if way == "grpc" else self.vision.rest_endpoint


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def place(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    identities = Identities()
    with _serve(authority, identities, tmp_path_factory.mktemp("tls")) as vision:
        yield Place(vision, identities, tmp_path_factory.getbasetemp() / "roots.pem")


def _serve(authority: trustme.CA, identities: Identities, folder: Path) -> LocalVision:
    certificate = authority.issue_cert("127.0.0.1", "localhost")
    certificate.private_key_pem.write_to_path(folder / "key.pem")
    certificate.cert_chain_pems[0].write_to_path(folder / "chain.pem")
    authority.cert_pem.write_to_path(folder.parent / "roots.pem")
    return LocalVision(tls_certificate=folder / "chain.pem", tls_key=folder / "key.pem", identities=identities)


@pytest.fixture(scope="module")
def image() -> bytes:
    data = io.BytesIO()
    Image.new("L", (40, 20), "white").save(data, "PNG")
    return data.getvalue()


def make(kind: str, place: Place, way: Way, folder: Path) -> Credentials:
    identities, address, roots = place.identities, place.endpoint(way), place.roots
    key_file, config = folder / "key.json", folder / "config.yaml"
    key_file.write_text(json.dumps(identities.authorized_key), encoding="utf-8")
    key_file.chmod(0o600)
    config.write_text(f"current: a\nprofiles:\n  a:\n    service-account-key: {key_file}\n", encoding="utf-8")
    key = identities.authorized_key
    makers: dict[str, Callable[[], Credentials]] = {
        "api key": lambda: ApiKey(identities.api_key),
        "iam": lambda: IamToken(identities.issue()[0]),
        "callable": lambda: IamToken(lambda: identities.issue()[0]),
        "service account key": lambda: ServiceAccountKey(key, iam_endpoint=address, root_certificates=roots),
        "key file": lambda: ServiceAccountKey(key_file, iam_endpoint=address, root_certificates=roots),
        "oauth": lambda: OAuthToken(identities.oauth_token, iam_endpoint=address, root_certificates=roots),
        "profile": lambda: YcProfile(path=config, iam_endpoint=address, root_certificates=roots),
    }
    return makers[kind]()


async def _analyze(
    place: Place, way: Way, shell: str, credentials: Credentials, images: list[bytes]
) -> list[ImageResult]:
    endpoint = place.endpoint(way)
    if shell == "sync":

        def analyze() -> list[ImageResult]:
            with VisionClient(
                endpoint, transport=way, credentials=credentials, root_certificates=place.roots
            ) as client:
                return list(client.analyze_many(images))

        return await asyncio.to_thread(analyze)
    async with AsyncVisionClient(
        endpoint, transport=way, credentials=credentials, root_certificates=place.roots
    ) as client:
        return [result async for result in client.analyze_many(images)]


@pytest.mark.parametrize("shell", ["sync", "asyncio"])
@pytest.mark.parametrize("way", ["grpc", "rest"])
@pytest.mark.parametrize("kind", KINDS)
async def test_every_kind_gets_in(
    kind: str, *, way: Way, shell: str, place: Place, image: bytes, tmp_path: Path
) -> None:
    [result] = await _analyze(place, way, shell, make(kind, place, way, tmp_path), [image])
    assert result.ok, result.error
    assert result.transport == way


@pytest.mark.parametrize("shell", ["sync", "asyncio"])
@pytest.mark.parametrize("way", ["grpc", "rest"])
async def test_a_virtual_machine_gets_in(way: Way, shell: str, image: bytes) -> None:
    # The metadata service speaks plain HTTP alone, and so does the whole place then.
    identities = Identities()
    with LocalVision(identities=identities) as vision:
        credentials = MetadataService(vision.rest_endpoint)
        place = Place(vision, identities, Path())
        [result] = await _analyze_in_plaintext(place, way, shell, credentials, image)
        assert result.ok, result.error
        status, _ = await asyncio.to_thread(_ask, credentials._origin.split()[-1] + _METADATA_PATH)
        assert status == 403
    assert identities.exchanges == 1


_METADATA_PATH = "/computeMetadata/v1/instance/service-accounts/default/token"


def _ask(url: str, body: bytes | None = None, *, context: ssl.SSLContext | None = None) -> tuple[int, bytes]:
    """Return status and body of what comes back: with a body it is POST, else GET."""
    try:
        with urllib.request.urlopen(url, body, timeout=20, context=context) as answer:  # noqa: S310 - of these tests
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


async def _analyze_in_plaintext(
    place: Place, way: Way, shell: str, credentials: Credentials, image: bytes
) -> list[ImageResult]:
    endpoint = place.endpoint(way)
    if shell == "sync":
        with VisionClient(endpoint, transport=way, credentials=credentials, insecure=True) as client:
            return await asyncio.to_thread(lambda: list(client.analyze_many([image])))
    async with AsyncVisionClient(endpoint, transport=way, credentials=credentials, insecure=True) as client:
        return [result async for result in client.analyze_many([image])]


@pytest.mark.parametrize("shell", ["sync", "asyncio"])
@pytest.mark.parametrize("way", ["grpc", "rest"])
@pytest.mark.parametrize(
    ("credentials", "message"),
    [
        (ApiKey("AQVNwrong"), "the service refused the API key"),
        (IamToken("t1.expired"), "the service refused the IAM token: it has expired"),
    ],
    ids=["api key", "iam"],
)
async def test_a_secret_that_is_refused_ends_the_stream(
    credentials: Credentials, message: str, *, way: Way, shell: str, place: Place, image: bytes
) -> None:
    with pytest.raises(AuthError, match=message) as caught:
        await _analyze(place, way, shell, credentials, [image] * 9)
    assert caught.value.__notes__[0].startswith("without a result: ")


@pytest.mark.parametrize("way", ["grpc", "rest"])
async def test_without_credentials_nobody_gets_in(way: Way, place: Place, image: bytes) -> None:
    [result] = await _analyze(place, way, "sync", Anonymous(), [image])
    assert result.error is not None
    assert "UNAUTHENTICATED: the call has no authorization" in str(result.error)


@pytest.mark.parametrize("shell", ["sync", "asyncio"])
@pytest.mark.parametrize("way", ["grpc", "rest"])
async def test_a_token_that_was_revoked_is_replaced_in_the_same_call(
    way: Way, shell: str, place: Place, image: bytes, tmp_path: Path
) -> None:
    credentials = make("oauth", place, way, tmp_path)
    await credentials.authorization_async()
    place.identities.revoke_tokens()
    before = place.identities.exchanges
    results = await _analyze(place, way, shell, credentials, [image] * 40)
    assert all(result.ok for result in results)
    assert place.identities.exchanges == before + 1


@pytest.mark.parametrize("shell", ["sync", "asyncio"])
@pytest.mark.parametrize("way", ["grpc", "rest"])
async def test_a_bare_call_replaces_a_revoked_token_once(
    way: Way, shell: str, place: Place, image: bytes, tmp_path: Path
) -> None:
    credentials = make("oauth", place, way, tmp_path)
    await credentials.authorization_async()
    place.identities.revoke_tokens()
    feature = Feature(
        type=Feature.TEXT_DETECTION, text_detection_config=FeatureTextDetectionConfig(language_codes=["*"])
    )
    request = BatchAnalyzeRequest(analyze_specs=[AnalyzeSpec(content=image, features=[feature])])
    endpoint = place.endpoint(way)
    if shell == "sync":
        with VisionClient(endpoint, transport=way, credentials=credentials, root_certificates=place.roots) as client:
            response = await asyncio.to_thread(client.batch_analyze, request)
    else:
        async with AsyncVisionClient(
            endpoint, transport=way, credentials=credentials, root_certificates=place.roots
        ) as async_client:
            response = await async_client.batch_analyze(request)
    assert len(response.results) == 1


@pytest.mark.parametrize("shell", ["sync", "asyncio"])
@pytest.mark.parametrize("way", ["grpc", "rest"])
async def test_a_stream_outlives_its_tokens(
    way: Way, shell: str, *, authority: trustme.CA, image: bytes, tmp_path: Path
) -> None:
    identities = Identities(token_lifetime_s=3)
    folder = tmp_path / "tls"
    folder.mkdir()

    def until(end: float) -> Iterator[bytes]:
        while time.monotonic() < end:
            yield image

    with _serve(authority, identities, folder) as vision:
        place = Place(vision, identities, tmp_path / "roots.pem")
        credentials = make("oauth", place, way, tmp_path)
        images = until(time.monotonic() + 5)
        results = await _analyze(place, way, shell, credentials, images)  # type: ignore[arg-type]
    assert len(results) > 10
    assert [result.error for result in results if not result.ok] == []
    assert {result.attempts for result in results} == {1}
    assert 2 <= identities.exchanges <= 8


@pytest.mark.parametrize("way", ["grpc", "rest"])
def test_services_are_found_by_the_endpoint_service(way: Way, place: Place) -> None:
    endpoints = ApiEndpoints(place.endpoint(way), transport=way, root_certificates=place.roots)
    expected = place.endpoint(way).removeprefix("https://")
    assert endpoints.address("ai-vision") == endpoints.address("iam") == expected


def test_one_service_is_found_too_and_another_is_not(place: Place) -> None:
    context = ssl.create_default_context(cafile=str(place.roots))
    url = f"{place.vision.rest_endpoint}/endpoints"
    assert json.loads(_ask(f"{url}/iam", context=context)[1])["id"] == "iam"
    status, refusal = _ask(f"{url}/ocr", context=context)
    assert (status, json.loads(refusal)["code"]) == (404, 5)


@pytest.mark.parametrize(
    "body", [b"no JSON", b"{}", b'{"jwt": "' + b"x" * 100_000 + b'"}', b'{"jwt": "a.b.c"}', b'{"jwt": 7}']
)
def test_the_token_service_refuses_nonsense_without_repeating_it(place: Place, body: bytes) -> None:
    context = ssl.create_default_context(cafile=str(place.roots))
    status, refusal = _ask(f"{place.vision.rest_endpoint}/iam/v1/tokens", body, context=context)
    assert status in {400, 401}
    assert json.loads(refusal)["code"] in {3, 16}
    assert len(refusal) < 2000


def test_an_oauth_token_beyond_ascii_is_unknown(place: Place) -> None:
    with pytest.raises(ServiceError, match="the OAuth token is unknown") as refused:
        place.identities.create_token(CreateIamTokenRequest(yandex_passport_oauth_token="y0_ключ"))  # noqa: S106
    assert refused.value.code is Code.UNAUTHENTICATED


def test_the_services_of_the_cloud_are_reflected(place: Place) -> None:
    from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

    tls = grpc.ssl_channel_credentials(place.roots.read_bytes())
    with grpc.secure_channel(place.vision.grpc_endpoint, tls) as channel:
        names = ProtoReflectionDescriptorDatabase(channel).get_services()
    assert {"yandex.cloud.iam.v1.IamTokenService", "yandex.cloud.endpoint.ApiEndpointService"} <= set(names)


def hello(folder: Path) -> Path:
    """Return a picture with a line of text."""
    picture = folder / "page.png"
    drawing = Image.new("L", (400, 80), "white")
    ImageDraw.Draw(drawing).text((20, 20), "Hello 2026", fill="black", font_size=40)
    drawing.save(picture)
    return picture


SDK_PROGRAM = Path(__file__).parent.parent / "programs" / "official_sdk.py"


@pytest.mark.environment
@pytest.mark.parametrize("kind", ["iam_token", "service_account_key"])
def test_the_official_sdk_gets_in(kind: str, place: Place, tmp_path: Path, sdk: Environment) -> None:
    secret = place.identities.issue()[0] if kind == "iam_token" else place.identities.authorized_key
    credentials = tmp_path / "credentials.json"
    credentials.write_text(json.dumps({kind: secret}), encoding="utf-8")
    text = sdk.run(SDK_PROGRAM, place.vision.grpc_endpoint, place.roots, credentials, hello(tmp_path))
    assert text == "Hello 2026"


@pytest.mark.environment
def test_the_official_sdk_waits_for_an_operation(place: Place, tmp_path: Path, sdk: Environment) -> None:
    credentials = tmp_path / "credentials.json"
    credentials.write_text(json.dumps({"iam_token": place.identities.issue()[0]}), encoding="utf-8")
    program = SDK_PROGRAM.with_name("official_sdk_operations.py")
    assert sdk.run(program, place.vision.grpc_endpoint, place.roots, credentials, hello(tmp_path)) == "Hello 2026\n"


@pytest.mark.environment
def test_the_official_sdk_does_not_get_in_with_an_unknown_token(place: Place, tmp_path: Path, sdk: Environment) -> None:
    credentials = tmp_path / "credentials.json"
    credentials.write_text(json.dumps({"iam_token": "t1.unknown"}), encoding="utf-8")
    with pytest.raises(CalledProcessError) as caught:
        sdk.run(SDK_PROGRAM, place.vision.grpc_endpoint, place.roots, credentials)
    [output] = caught.value.__notes__
    assert "UNAUTHENTICATED" in output
