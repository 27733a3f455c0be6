"""What an examination finds."""

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warning", "fault"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    name: str
    """What it is: settings, endpoint, certificate, proxy, address, port, tls, http2, http, clock, credentials, folder,
    token, call."""

    state: State
    message: str
    fix: str | None = None
    """What to do about it, None where nothing need be done."""


class FaultError(Exception):
    """A fault that ends what was being looked at."""

    def __init__(self, message: str, fix: str, *, name: str) -> None:
        super().__init__(message)
        self.finding = Finding(name, "fault", message, fix)
