"""Buckets of S3 and other stores, reached by obstore with the settings of the environment."""

import os
import socket
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import lru_cache
from io import BufferedReader
from typing import IO, TYPE_CHECKING, NamedTuple, Protocol, TypeVar, cast
from urllib.parse import urlsplit

from vision_grpc.errors import Code
from vision_grpc.sources.object_file import ObjectError, ObjectFile
from vision_grpc.sources.places.aws_profile import read_aws_profile
from vision_grpc.sources.places.store_errors import NO_CREDENTIALS, explain
from vision_grpc.texts.quoting import quote_name
from vision_grpc.threads import DaemonThreads

if TYPE_CHECKING:
    from obstore import GetOptions, ObjectMeta
    from obstore.store import ClientConfig, ObjectStore, RetryConfig, S3Config

_T = TypeVar("_T")

_S3_SCHEMES = frozenset({"s3", "s3a"})
_CONNECT_TIMEOUT, _TIMEOUT = timedelta(seconds=5), timedelta(seconds=60)
_RETRY: "RetryConfig" = {
    "max_retries": 4,
    "retry_timeout": _TIMEOUT,
    "backoff": {"init_backoff": timedelta(milliseconds=200), "max_backoff": timedelta(seconds=5), "base": 2},
}
_LISTED_AT_ONCE = 1_000
_BUFFER_BYTES = 65_536
_YES = frozenset({"1", "true", "yes", "on", "y"})
_METADATA_ADDRESS, _METADATA_PATIENCE_S = "http://169.254.169.254", 1.0
# What makes another client of a bucket.
_STEERING = (
    "AWS_ACCESS_KEY_ID", "AWS_CONFIG_FILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_DEFAULT_REGION", "AWS_ENDPOINT", "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3", "AWS_METADATA_ENDPOINT", "AWS_PROFILE", "AWS_REGION", "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN", "AWS_SHARED_CREDENTIALS_FILE", "AWS_SKIP_SIGNATURE", "AWS_WEB_IDENTITY_TOKEN_FILE", "HOME",
)  # fmt: skip
_PROVIDERS = ("AWS_ACCESS_KEY_ID", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
              "AWS_WEB_IDENTITY_TOKEN_FILE")  # fmt: skip

_FORKED = (
    "this process was forked from one that had used a store, and obstore does not survive that: start processes by "
    "spawn or forkserver, or fork before a store is used"
)
_users: set[int] = set()
"""The process that has used obstore, perhaps before a fork."""


class Object(NamedTuple):
    """What a list says of an object."""

    key: str
    size: int
    e_tag: str | None
    written_at: float = 0.0
    """In seconds since 1970 (UTC)."""


class _ListObjects(Protocol):
    def __call__(
        self, store: "ObjectStore", prefix: str | None, *, chunk_size: int
    ) -> "Iterator[Sequence[ObjectMeta]]": ...


class Bucket:
    """A bucket of a store, whose methods raise ObjectError for whatever goes wrong there.

    Raises:
        ObjectError: the settings do not lead to a store, or there are no credentials.
    """

    def __init__(self, scheme: str, name: str) -> None:
        self.url: str = f"{scheme}://{name}"
        with _explained():
            self._store = _connect(scheme, name, tuple(map(os.environ.get, _STEERING)))

    def list(self, prefix: str) -> Iterator[Object]:
        """Yield the objects below a prefix, which ends at a slash of their keys, in the order of their keys."""
        import obstore

        with _explained():
            # Its other type, for Arrow, is of a package that is not installed.
            list_objects = cast("_ListObjects", obstore.list)  # pyright: ignore[reportUnknownMemberType]
            chunks = iter(list_objects(self._store, prefix or None, chunk_size=_LISTED_AT_ONCE))
        while True:
            with _explained():
                chunk = _interruptible(lambda: next(chunks, ()))
            if not chunk:
                return
            for found in chunk:
                yield Object(found["path"], found["size"], found["e_tag"], found["last_modified"].timestamp())

    def find(self, key: str) -> Object:
        """Return what the store says of an object; its content is not read."""
        import obstore

        with _explained():
            # Unlike `head`, it says why there is none.
            found = _interruptible(lambda: obstore.get(self._store, key).meta)
        return Object(found["path"], found["size"], found["e_tag"])

    def read(self, key: str, most_bytes: int) -> bytes | int:
        """Return the content of an object; only its size if that is larger than `most_bytes`."""
        import obstore

        with _explained():
            found = obstore.get(self._store, key)
            size = found.meta["size"]
            return size if size > most_bytes else bytes(found.bytes())

    def write(self, key: str, content: bytes) -> None:
        """Store an object, in place of what is there."""
        import obstore

        with _explained():
            obstore.put(self._store, key, content)

    def remove(self, keys: Sequence[str]) -> None:
        """Remove objects; those that are not there are removed already."""
        import obstore

        with _explained():
            obstore.delete(self._store, keys)

    def open(self, found: Object) -> IO[bytes]:
        """Return an object as a file. Its parts are fetched when they are read, all of the same version."""
        import obstore

        def fetch(start: int, end: int) -> memoryview:
            options: GetOptions = {"range": (start, end), "if_match": found.e_tag}
            with _explained():
                return _interruptible(lambda: memoryview(obstore.get(self._store, found.key, options=options).bytes()))

        return BufferedReader(ObjectFile(fetch, found.size), _BUFFER_BYTES)


def _interruptible(job: Callable[[], _T]) -> _T:
    """Return what a job returns that may take long: it is done in a thread, as obstore lets Ctrl-C wait."""
    thread = DaemonThreads("vision-grpc-store")
    try:
        return thread.submit(job).result()
    finally:
        thread.end()


def _check_process() -> None:
    """Raise ObjectError where obstore would hang.

    Its threads end with a fork, and it makes no new ones: https://github.com/developmentseed/obstore/pull/441.
    """
    if _users and os.getpid() not in _users:
        raise ObjectError(Code.FAILED_PRECONDITION, _FORKED)
    _users.add(os.getpid())


@contextmanager
def _explained() -> Generator[None]:
    """Raise an ObjectError in place of what obstore raises."""
    from obstore.exceptions import BaseError

    _check_process()
    try:
        yield
    except ObjectError:
        raise
    except (BaseError, OSError, ValueError) as error:
        raise explain(error) from error


@lru_cache(maxsize=32)
def _connect(scheme: str, bucket: str, settings: tuple[str | None, ...]) -> "ObjectStore":
    """Return the store of a bucket; the settings are those of the environment that make another one."""
    from obstore.store import MemoryStore, S3Store, from_url

    del settings
    if scheme == "memory":
        return MemoryStore()
    client: ClientConfig = {"connect_timeout": _CONNECT_TIMEOUT, "timeout": _TIMEOUT}
    if scheme not in _S3_SCHEMES:
        return from_url(f"{scheme}://{bucket}", client_options=client, retry_config=_RETRY)
    config = _s3_config(os.environ)
    if config.get("endpoint", "").lower().startswith("http://"):
        client["allow_http"] = True
    return S3Store(bucket, config=config, client_options=client, retry_config=_RETRY)


def _s3_config(environment: Mapping[str, str]) -> "S3Config":
    """Return what obstore does not take from the environment by itself.

    Raises:
        ObjectError: the endpoint is not a URL, or there are no credentials.
    """
    profile = read_aws_profile(environment)
    config: S3Config = {}
    names = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
    if endpoint := next(filter(None, map(environment.get, names)), profile.get("endpoint_url", "")):
        _check_endpoint(endpoint)
        config["endpoint"] = endpoint
    if not (environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION")) and "region" in profile:
        config["region"] = profile["region"]
    if any(map(environment.get, _PROVIDERS)) or environment.get("AWS_SKIP_SIGNATURE", "").lower() in _YES:
        return config
    if "aws_access_key_id" in profile and "aws_secret_access_key" in profile:
        config["access_key_id"] = profile["aws_access_key_id"]
        config["secret_access_key"] = profile["aws_secret_access_key"]
        if "aws_session_token" in profile:
            config["session_token"] = profile["aws_session_token"]
    elif not _has_metadata_service(environment.get("AWS_METADATA_ENDPOINT", _METADATA_ADDRESS)):
        raise ObjectError(Code.UNAUTHENTICATED, NO_CREDENTIALS)
    return config


def _check_endpoint(endpoint: str) -> None:
    # obstore panics over what is not a URL.
    try:
        parts = urlsplit(endpoint)
        is_url = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_url = False
    if not is_url or not endpoint.isprintable() or " " in endpoint:
        message = f"the endpoint {quote_name(endpoint)} is not a URL: set AWS_ENDPOINT_URL to one like https://storage.yandexcloud.net"
        raise ObjectError(Code.INVALID_ARGUMENT, message)


def _has_metadata_service(endpoint: str) -> bool:
    """Return whether this is a machine of a cloud that gives credentials. obstore would look for minutes."""
    try:
        parts = urlsplit(endpoint)
        address = (parts.hostname or "", parts.port or 80)
        with socket.create_connection(address, _METADATA_PATIENCE_S):
            return True
    except (OSError, ValueError):
        return False
