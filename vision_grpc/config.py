"""Settings, as frozen values; each default is stated here and nowhere else."""

import math
from dataclasses import dataclass

DEFAULT_ENDPOINT = "vision.api.cloud.yandex.net:443"


@dataclass(frozen=True, slots=True)
class Limits:
    """What may be sent, how much at once and how fast.

    Raises:
        ValueError: a number that would let nothing through.
    """

    content_bytes: int = 1_048_576
    """Largest file. The reference page says 1 MB, the option of the field 10 MiB: raise this
    up to the latter if your service accepts more."""

    pixels: int = 20_000_000
    """Largest width times height."""

    calls_in_flight: int = 8
    """Calls of one stream that wait for their answers at the same time."""

    bytes_in_flight: int = 16 * 1024 * 1024
    """Image bytes of one stream in those calls; one call is always let through."""

    requests_per_s: float | None = None
    """The quota of calls, shared by all streams of a client; None when the service alone decides. A twentieth of it is
    left unused, lest calls that take unequally long on their way exceed it where they arrive. Those that wait together
    for a connection, or for one that stalls, may: the service's refusals of them are waited out. With it a call takes
    up to 8 MiB of images, without it 4 MiB."""

    images_per_s: float | None = None
    """The quota of images, likewise; a small one makes the calls smaller, so as to be used up."""

    def __post_init__(self) -> None:
        for name in ("content_bytes", "pixels", "calls_in_flight", "bytes_in_flight", "requests_per_s", "images_per_s"):
            if getattr(self, name) is not None:
                _check_above_0(self, name)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """When and how often a failed image or call is sent again.

    Raises:
        ValueError: a number that means nothing.
    """

    attempts: int = 6
    """How often one image is sent at most, the first time included. Attempts that do not reach a service
    which has answered before are not counted: it is away, and waited for as long as `Timeouts.total_s` allows."""

    initial_backoff_s: float = 0.5
    """The first wait is a random part of this (full jitter); each further one doubles it."""

    max_backoff_s: float = 30.0
    """What the doubling stops at. A longer wait that the service asks for is kept all the same."""

    budget: float = 100.0
    """Retries in stock at the start; each costs one. An empty stock lets errors through at once, unless no call
    at all is answered any more: then retries wait the longest backoff."""

    budget_per_success: float = 0.2
    """What each answered call adds to the stock, up to its size at the start."""

    def __post_init__(self) -> None:
        _check_above_0(self, "attempts")
        for name in ("initial_backoff_s", "max_backoff_s", "budget", "budget_per_success"):
            value = getattr(self, name)
            if not 0 <= value < math.inf:
                message = f"RetryPolicy.{name} is {value}, must be a finite number, at least 0"
                raise ValueError(message)


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds that calls may take.

    Raises:
        ValueError: a number that is no time, or none at all.
    """

    call_s: float = 60.0
    """One attempt from its start to its answer, connecting and sending included. Eight full pages
    take the service seconds, a cold connection less than one."""

    total_s: float = 600.0
    """One image from its first attempt to its result: all attempts and the waits between them.
    Where it is the smaller of the two, it bounds each attempt as well."""

    def __post_init__(self) -> None:
        _check_above_0(self, "call_s")
        _check_above_0(self, "total_s")


def _check_above_0(settings: Limits | RetryPolicy | Timeouts, name: str) -> None:
    value = getattr(settings, name)
    if not 0 < value < math.inf:  # Which NaN is not either.
        message = f"{type(settings).__name__}.{name} is {value}, must be a finite number above 0"
        raise ValueError(message)
