"""The findings of an examination."""

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warning", "fault"]


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check."""

    name: str
    """The name of the check: settings, endpoint, certificate, proxy, address, port, tls, http2, http, clock,
    credentials, folder, token or call."""

    state: State
    message: str
    fix: str | None = None
    """What to do about it, None when there is nothing to do."""


class FaultError(Exception):
    """A fault that makes the checks after it impossible."""

    def __init__(self, message: str, fix: str, *, name: str) -> None:
        super().__init__(message)
        self.finding = Finding(name, "fault", message, fix)
