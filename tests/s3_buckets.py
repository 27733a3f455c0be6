"""Buckets of a real S3 server on loopback."""

import subprocess
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from urllib.request import Request, urlopen

import obstore
import pytest
from environments import SCRIPTS, make_environment
from obstore.store import S3Store

_PROGRAM = Path(__file__).parent / "programs" / "s3_server.py"
_numbers = count(1)


class Bucket:
    """A bucket that is there for one test."""

    def __init__(self, endpoint: str, *, is_public: bool = False) -> None:
        self.name = f"bucket-{next(_numbers)}"
        self.url = f"s3://{self.name}"
        self._address = f"{endpoint}/{self.name}"
        headers = {"x-amz-acl": "public-read-write"} if is_public else {}
        self._put(self._address, headers)
        self._store = S3Store(self.name, endpoint=endpoint, client_options={"allow_http": True})

    def put(self, key: str, content: bytes = b"") -> str:
        """Store an object; return its URL."""
        obstore.put(self._store, key, content)
        return f"{self.url}/{key}"

    def put_as_it_is(self, quoted_key: str) -> None:
        """Store an empty object under a key that obstore refuses."""
        self._put(f"{self._address}/{quoted_key}", {})

    def _put(self, address: str, headers: dict[str, str]) -> None:
        with urlopen(Request(address, method="PUT", headers=headers)):  # noqa: S310 - on loopback
            pass


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """The URL of a server."""
    environment = make_environment("s3", ["moto", "flask", "flask-cors"], SCRIPTS / "constraints-s3.txt")
    server = subprocess.Popen([environment.python, "-P", _PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert server.stdin is not None
    assert server.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(server.stdout.readline())}"
    finally:
        server.stdin.close()
        server.wait()
        server.stdout.close()


@pytest.fixture
def bucket(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    """An empty bucket, with the environment that leads to it."""
    settings = {
        "AWS_ENDPOINT_URL": s3_endpoint, "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "us-east-1",
    }  # fmt: skip
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return Bucket(s3_endpoint)
