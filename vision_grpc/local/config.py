"""The settings of a local service."""

from dataclasses import dataclass
from typing import Literal, cast

from vision_grpc.texts.arguments import check_count, check_number, check_whole, wrong_type


@dataclass(frozen=True, kw_only=True, slots=True)
class ServiceConfig:
    """What a local service allows, and how it ends. None means no limit.

    Raises:
        TypeError: a value is not a number.
        ValueError: a number has no meaning here.
    """

    grace_s: float = 1.4
    """How long calls in flight may take once the service is stopping.

    Programs are often killed two seconds after they are asked to stop. Calls get most of that time; the rest is for
    failing the unfinished ones and for the exit itself.
    """
    requests_per_s: float | None = None
    """Calls a second, over which calls are refused as the cloud's quota refuses them. The calls of each `x-test-id`
    are counted apart."""
    images_per_s: float | None = None
    """Images a second, likewise."""
    quota: Literal["documented"] | None = None
    """With `documented`, the calls of ocr/v1 have the quotas that the cloud documents: 1 synchronous call a second, 10
    deferred ones, 50 for the state of operations and 50 for their results."""
    recognition_s: float | None = 60.0
    """How long the recognition of one image may take."""
    threads: int | None = None
    """Images that are read at once; None means one for each core."""
    waiting_images: int = 1024
    """Images that may wait for a thread; more calls are refused until some are read."""
    body_bytes: int = 256 * 1024 * 1024
    """Bytes that the bodies of all calls may take together, as they come and after gzip. One call at a time may take
    more, so that a request of any valid size is answered."""
    head_s: float = 20.0
    """How long the head of an HTTP request may take, and a new connection to its first byte."""
    body_pause_s: float = 20.0
    """How long the body of an HTTP request may pause."""
    body_s: float = 300.0
    """How long the whole body of an HTTP request may take."""
    hosts: tuple[str, ...] = ()
    """More names that a Host header may have, as `name`, `*.suffix` or `*` for any."""
    cors_origins: tuple[str, ...] = ()
    """Origins, such as `https://app.example`, whose web pages may use the service; `*` for any."""
    keep_calls: int = 500
    """Calls that the page remembers; 0 turns its memory off."""
    keep_bytes: int = 64 * 1024 * 1024
    """Bytes of requests and answers that the page remembers."""
    keep_results_s: float = 3 * 86_400.0
    """How long the result of an operation is kept; the cloud keeps it three days."""
    keep_operations: int = 10_000
    """Operations that are remembered, those under way among them."""
    keep_operation_bytes: int = 512 * 1024 * 1024
    """Bytes of files that wait to be read in the background, and of results that are kept. Results that nobody has
    asked for the longest are forgotten before; where only files are left, new ones are refused."""
    cache_bytes: int = 0
    """Bytes of answers that are kept for images that come again; 0 turns the cache off."""

    def __post_init__(self) -> None:
        for name in ("requests_per_s", "images_per_s", "recognition_s"):
            if getattr(self, name) is not None:
                check_number(_full(name), getattr(self, name))
        for name in ("head_s", "body_pause_s", "body_s", "keep_results_s"):
            check_number(_full(name), getattr(self, name))
        check_number(_full("grace_s"), self.grace_s, may_be_0=True)
        if self.threads is not None:
            object.__setattr__(self, "threads", check_count(_full("threads"), self.threads))
        for name in ("body_bytes", "keep_operations", "keep_operation_bytes"):
            object.__setattr__(self, name, check_count(_full(name), getattr(self, name)))
        if self.quota not in (None, "documented"):
            raise wrong_type(self.quota, _full("quota"), "'documented' or None")
        for name in ("waiting_images", "keep_calls", "keep_bytes", "cache_bytes"):
            object.__setattr__(self, name, check_whole(_full(name), getattr(self, name), may_be_0=True))
        for name in ("hosts", "cors_origins"):
            _check_texts(name, getattr(self, name))


def _full(name: str) -> str:
    return f"ServiceConfig.{name}"


def _check_texts(name: str, value: object) -> None:
    if not _are_texts(value):
        raise wrong_type(value, _full(name), "a tuple of texts")


def _are_texts(value: object) -> bool:
    return isinstance(value, tuple) and all(isinstance(text, str) for text in cast("tuple[object, ...]", value))
