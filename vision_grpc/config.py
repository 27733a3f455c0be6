"""Settings, as frozen values with their defaults."""

from dataclasses import dataclass

from vision_grpc.texts.arguments import check_flag, check_number, check_whole

DEFAULT_ENDPOINT = "vision.api.cloud.yandex.net:443"


@dataclass(frozen=True, slots=True)
class Limits:
    """What may be sent, how much at once and how fast.

    Raises:
        TypeError: a value is not a number.
        ValueError: a number would let nothing through.
    """

    content_bytes: int = 1_048_576
    """Largest file. The reference page of vision/v1 says 1 MB, the option of the field 10 MiB: raise this
    up to the latter if your service accepts more. Left at this default, it is 10 MiB for ocr/v1."""

    pixels: int = 20_000_000
    """Largest width times height."""

    pdf: bool = False
    """Whether PDF files are sent as they are: ocr/v1 reads them, for vision/v1 their pages become pictures. Set by the
    client for the API that it speaks."""

    calls_in_flight: int = 8
    """The most calls of one stream in flight at the same time."""

    bytes_in_flight: int = 16 * 1024 * 1024
    """The most image bytes of one stream in those calls; one call is always allowed."""

    requests_per_s: float | None = None
    """The quota of calls, shared by all streams of a client; None: the client learns it from what is refused, and
    goes no faster than that with a number, too. A twentieth of the
    quota is left unused, so that calls with different network delays do not exceed it when they arrive. Calls that
    wait together for a connection may exceed it; those that the service refuses are retried after a wait. With a
    quota a call takes up to 8 MiB of images, without it 4 MiB."""

    images_per_s: float | None = None
    """The quota of images, shared likewise. With a small quota calls have fewer images, so that all of it is used."""

    operations_in_flight: int = 1000
    """The most files of one stream that the service has accepted and not answered yet, with an API that has operations.
    Their bytes are not kept, so this bounds results that come at once, and what is left when a program is killed."""

    polls_per_s: float = 50.0
    """The quota of questions whether the result of an accepted file is there, shared by all streams of a client."""

    def __post_init__(self) -> None:
        for name in ("content_bytes", "pixels", "calls_in_flight", "bytes_in_flight", "operations_in_flight"):
            _make_whole(self, name)
        check_flag("Limits.pdf", self.pdf)
        _check(self, "polls_per_s")
        for name in ("requests_per_s", "images_per_s"):
            if getattr(self, name) is not None:
                _check(self, name)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """When and how often a failed image or call is sent again.

    Raises:
        TypeError: a value is not a number.
        ValueError: a number has no meaning here.
    """

    attempts: int = 6
    """How often one image is sent at most, the first time included. Attempts while the service is away are not
    counted, no matter which machine reports it (a port that refuses, a connection that closes, a gateway with 502, 503
    or 504): from when a stream first misses it, images wait for it as long as `Timeouts.total_s` allows, or for
    `max_backoff_s` if it has never answered. Nor are refusals for a quota, which are waited for as long; one that has
    let nothing through is waited for four times `max_backoff_s`. An image whose
    answer cannot be read is sent once more, and no more than that: the answer is billed."""

    initial_backoff_s: float = 0.5
    """The first wait is a random part of this (full jitter); each further one doubles it."""

    max_backoff_s: float = 30.0
    """Where the doubling stops, and how long images wait for a service that has never answered. A longer wait that the
    service asks for is kept nevertheless."""

    budget: float = 100.0
    """Retries in stock at the start; each retry takes one. With an empty stock, images fail at once, unless no call is
    answered any more: then retries wait for about the longest backoff."""

    budget_per_success: float = 0.2
    """What each answered call adds to the stock, up to `budget`."""

    def __post_init__(self) -> None:
        _make_whole(self, "attempts")
        for name in ("initial_backoff_s", "max_backoff_s", "budget", "budget_per_success"):
            _check(self, name, may_be_0=True)


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds that calls may take.

    Raises:
        TypeError: a value is not a number.
        ValueError: a number is not a time above 0.
    """

    call_s: float = 60.0
    """One attempt from its start to its answer, connecting and sending included. The service takes seconds for eight
    full pages, and a new connection takes less than one."""

    total_s: float = 600.0
    """One image from its first attempt to its result: all attempts and the waits between them.
    If it is smaller than `call_s`, it limits each attempt as well."""

    operation_s: float = 3600.0
    """A file that the service has accepted, from then to its result. What is not ready by then can be fetched later, by
    the id of its operation: the service keeps results for three days."""

    def __post_init__(self) -> None:
        _check(self, "call_s")
        _check(self, "total_s")
        _check(self, "operation_s")


def _check(settings: Limits | RetryPolicy | Timeouts, name: str, *, may_be_0: bool = False) -> None:
    check_number(f"{type(settings).__name__}.{name}", getattr(settings, name), may_be_0=may_be_0)


def _make_whole(settings: Limits | RetryPolicy, name: str) -> None:
    number = check_whole(f"{type(settings).__name__}.{name}", getattr(settings, name))
    object.__setattr__(settings, name, number)
