import os
import socket
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from time import monotonic

import pytest
from images_in_bytes import png

from vision_grpc.config import Limits
from vision_grpc.errors import Code
from vision_grpc.results import ImageError
from vision_grpc.sources.item import Fault, Item
from vision_grpc.sources.options import SourceOptions
from vision_grpc.sources.places.opening import open_place
from vision_grpc.sources.places.store_errors import explain

_OPTIONS = SourceOptions()
_PREFIXES = ("AWS_", "AZURE_", "GOOGLE_")


class Store:
    """A server that gives one answer to all, and keeps the headers of the requests."""

    def __init__(self) -> None:
        self.answer = (200, png(1))
        self.headers: list[dict[str, str]] = []
        store = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                store.headers.append({name.lower(): value for name, value in self.headers.items()})
                status, body = store.answer
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("ETag", '"x"')
                self.send_header("Last-Modified", "Sat, 28 Nov 2026 10:00:00 GMT")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
                del format, arguments

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def store() -> Iterator[Store]:
    store = Store()
    yield store
    store.close()


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let nothing of the machine steer the clients; its metadata service is a port that refuses."""
    for name in filter(lambda name: name.startswith(_PREFIXES), list(os.environ)):
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_METADATA_ENDPOINT", f"http://127.0.0.1:{unused.getsockname()[1]}")


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch, store: Store) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_ENDPOINT_URL", store.url)


def problem(url: str = "s3://bucket/1.png") -> str:
    """Return why an object cannot be read, or nothing of its bucket."""
    (only,) = open_place(url, _OPTIONS)
    if isinstance(only, Fault):
        return str(only.error)
    assert isinstance(only, Item)
    read = only.read(Limits())
    assert isinstance(read, ImageError)
    return str(read)


def answer(code: str, more: str = "") -> bytes:
    return f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>m</Message>{more}</Error>".encode()


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (404, answer("NoSuchBucket"), "NOT_FOUND: {}: there is no such bucket, check its name"),
        (404, b"", "NOT_FOUND: {}: no such object, check its key"),
        (403, answer("AccessDenied"), "PERMISSION_DENIED: {}: access is denied, check what these credentials may read"),
        (403, b"", "PERMISSION_DENIED: {}: access is denied"),
        (
            403,
            answer("InvalidAccessKeyId"),
            "UNAUTHENTICATED: {}: the store refuses the credentials (InvalidAcc",
        ),
        (
            403,
            answer("SignatureDoesNotMatch"),
            "UNAUTHENTICATED: {}: the store refuses the credentials (Signature",
        ),
        (
            400,
            answer("ExpiredToken"),
            "UNAUTHENTICATED: {}: the store refuses the credentials (ExpiredTok",
        ),
        (401, b"", "UNAUTHENTICATED: {}: the store refuses the credentials (Unauthorized), check them"),
        (403, answer("RequestTimeTooSkewed"), "UNAUTHENTICATED: {}: the clock of this machine is wrong: set it"),
        (403, answer("InvalidObjectState"), "FAILED_PRECONDITION: {}: is in an archive of the store: restore it first"),
        (301, answer("PermanentRedirect"), "INVALID_ARGUMENT: {}: the bucket is in another region: set AWS_REGION"),
        (
            400,
            answer("AuthorizationHeaderMalformed", "<Region>eu-west-1</Region>"),
            "INVALID_ARGUMENT: {}: the bucket is in another region (eu-west-1): set AWS_REGION",
        ),
        (400, answer("KeyTooLongError"), "UNKNOWN: {}: Generic S3 error: "),
    ],
)
@pytest.mark.usefixtures("keys")
def test_an_answer_is_said_in_a_line(status: int, body: bytes, message: str, store: Store) -> None:
    store.answer = status, body
    for url in ("s3://bucket/1.png", "s3://bucket/folder/", "s3://bucket/shard.tar"):
        found = problem(url)
        assert found.startswith(message.format(url))
        assert len(found) < 400


def test_an_overloaded_store_may_be_asked_again() -> None:
    for text in ("status code: 503 Service Unavailable: <Code>SlowDown</Code>", "status code: 500", "status code: 429"):
        assert explain(ValueError(f"Server returned non-2xx {text}")).code is Code.UNAVAILABLE


@pytest.mark.usefixtures("keys")
def test_a_store_that_is_not_there_is_given_up_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    endpoint = os.environ["AWS_METADATA_ENDPOINT"]
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    started = monotonic()
    advice = "check the network and AWS_ENDPOINT_URL"
    assert problem() == f"UNAVAILABLE: s3://bucket/1.png: the store cannot be reached at {endpoint}: {advice}"
    assert monotonic() - started < 60


@pytest.mark.parametrize("endpoint", ["nonsense", "ftp://host", "http://", "http://a b", "http://host:port", "//host"])
@pytest.mark.usefixtures("keys")
def test_an_endpoint_that_is_not_a_url_is_named(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    found = problem()
    assert found.startswith("INVALID_ARGUMENT: s3://bucket/1.png: the endpoint ")
    assert found.endswith(" is not a URL: set AWS_ENDPOINT_URL to one like https://storage.yandexcloud.net")


def test_missing_credentials_are_named_at_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", store.url)
    started = monotonic()
    for url in ("s3://bucket/1.png", "s3://bucket/"):
        assert problem(url) == (
            f"UNAUTHENTICATED: {url}: there are no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or "
            "AWS_SKIP_SIGNATURE=true for a bucket that everybody may read"
        )
    assert monotonic() - started < 30
    assert store.headers == []


def test_a_profile_of_aws_configure_is_used(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / ".aws"
    folder.mkdir()
    (folder / "credentials").write_text(
        "[default]\naws_access_key_id = first\naws_secret_access_key = s\n"
        "[scans]\naws_access_key_id = second\naws_secret_access_key = %s\naws_session_token = t\n"
    )
    (folder / "config").write_text(
        f"[default]\nregion = ru-central1\nendpoint_url = {store.url}\n"
        f"[profile scans]\nregion = eu-west-1\nendpoint_url = {store.url}\n"
    )
    for profile, scope in ((None, "first/"), ("scans", "second/")):
        if profile is not None:
            monkeypatch.setenv("AWS_PROFILE", profile)
        (item,) = open_place("s3://bucket/1.png", _OPTIONS)
        assert isinstance(item, Item)
        assert item.read(Limits()) == png(1)
        assert f"Credential={scope}" in store.headers[-1]["authorization"]
    assert "/eu-west-1/s3/" in store.headers[-1]["authorization"]
    assert store.headers[-1]["x-amz-security-token"] == "t"
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "third")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    (item,) = open_place("s3://bucket/1.png", _OPTIONS)
    assert isinstance(item, Item)
    item.read(Limits())
    assert "Credential=third/" in store.headers[-1]["authorization"]


def test_a_broken_profile_is_none(tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", store.url)
    folder = tmp_path / ".aws"
    folder.mkdir()
    for content in (b"no section", b"\xff\xfe", b"[other]\nregion = x\n"):
        (folder / "credentials").write_bytes(content)
        assert "there are no credentials" in problem()


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [*filter(lambda name: name.partition(".")[0] == "obstore", sys.modules), "obstore"]:
        monkeypatch.setitem(sys.modules, name, None)
    message = "s3://bucket/1.png: cannot be read, obstore is not installed: pip install 'vision-grpc[s3]'"
    assert problem() == f"FAILED_PRECONDITION: {message}"


@pytest.mark.parametrize(
    ("url", "message"),
    [("az://container/1.png", "Account must be specified"), ("s3://b%/1.png", ""), ("s3://b b/", "")],
)
def test_other_stores_and_odd_names_end_in_a_fault(url: str, message: str) -> None:
    assert message in problem(url)
