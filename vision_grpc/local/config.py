"""The settings of a local service."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class ServiceConfig:
    """What a local service allows, and how it ends. None means no limit."""

    grace_s: float = 1.4
    """How long calls in flight may take once the service is stopping.

    Programs are often killed two seconds after they are asked to stop. Calls get most of that time; the rest is for
    failing the unfinished ones and for the exit itself.
    """
    requests_per_s: float | None = None
    """Calls a second, over which calls are refused as the cloud's quota refuses them."""
    images_per_s: float | None = None
    """Images a second, likewise."""
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
    cache_bytes: int = 0
    """Bytes of answers that are kept for images that come again; 0 turns the cache off."""
