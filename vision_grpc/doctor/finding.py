"""The findings of an examination."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from vision_grpc.errors import Advice, advice_text

State = Literal["ok", "warning", "fault"]


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check."""

    name: str
    """The name of the check: settings, endpoint, api, trust, certificate, proxy, address, port, tls, http2, http,
    clock, credentials, folder, token or call."""

    state: State
    message: str
    advice: Sequence[Advice] = ()
    """What to do about it, empty when there is nothing to do."""

    @property
    def fix(self) -> str | None:
        """The advice in words, which name the client's arguments; None when there is none."""
        return advice_text(self.advice) or None


class FaultError(Exception):
    """A fault that makes the checks after it impossible."""

    def __init__(self, message: str, *advice: Advice, name: str) -> None:
        super().__init__(message)
        self.finding: Finding = Finding(name, "fault", message, advice)
