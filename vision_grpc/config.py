"""Settings, as frozen values; each default is stated here and nowhere else."""

from dataclasses import dataclass

DEFAULT_ENDPOINT = "vision.api.cloud.yandex.net:443"


@dataclass(frozen=True, slots=True)
class Limits:
    """What the service's documentation demands of an image beyond the options in the protos."""

    content_bytes: int = 1_048_576
    """Largest file. The reference page says 1 MB, the option of the field 10 MiB: raise this
    up to the latter if your service accepts more."""

    pixels: int = 20_000_000
    """Largest width times height."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds that calls may take."""

    call_s: float = 60.0
    """One call from its start to its answer, connecting and sending included. Eight full pages
    take the service seconds, a cold connection less than one."""
