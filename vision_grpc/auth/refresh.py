"""When a token is used, when it is exchanged for a newer one, and which callers wait for that.

Nothing here reads a clock, waits or calls a service: times and outcomes come in, steps go out.
A token is replaced well before it expires and is used until then, so that callers wait for the
first token only. One exchange at a time serves all callers.
"""

import random
from dataclasses import dataclass, field, replace

from vision_grpc.auth.token import LONGEST_LIFE_S, Token
from vision_grpc.errors import AuthError

# The documentation of the service says to refresh about hourly. The jitter spreads processes that start together.
_REFRESH_S = 3600.0
_JITTER = (0.9, 1.0)
# Tokens with a shorter life are refreshed between these parts of it, which leaves time for more attempts.
_REFRESH_PART = (0.5, 0.6)
# A token is not used when less than this is left: the call needs time to reach the service.
_MARGIN_S = 60.0
_MARGIN_PART = 0.1

_FIRST_BACKOFF_S = 0.5
_LONGEST_BACKOFF_S = 30.0


class TransientAuthError(AuthError):
    """There is no token now, but the same exchange may succeed later."""


@dataclass(frozen=True, slots=True)
class Held:
    """A token in the cache, and when to refresh it and to stop using it."""

    authorization: str = field(repr=False)
    refresh_at: float
    usable_until: float


@dataclass(frozen=True, slots=True)
class Serve:
    """Step: use this authorization; with `start`, start an exchange too."""

    authorization: str = field(repr=False)
    start: bool


@dataclass(frozen=True, slots=True)
class Join:
    """Step: wait for the exchange and ask again; with `start`, start it first."""

    start: bool


@dataclass(frozen=True, slots=True)
class Pause:
    """Step: ask again at this time, or fail with this error."""

    until: float
    error: AuthError


@dataclass(frozen=True, slots=True)
class Fail:
    """Step: fail; waiting does not help."""

    error: AuthError


Step = Serve | Join | Pause | Fail


class Refresh:
    """The life of one cached token. One thread at a time may use it; `held` may be read by any."""

    def __init__(self, rng: random.Random) -> None:
        self.held: Held | None = None
        self._rng = rng
        self._refused: str | None = None
        self._failures = 0
        self._retry_at = 0.0
        self._error: AuthError | None = None

    def ask(self, now: float, *, refused: str | None = None, exchanging: bool = False) -> Step:
        """Return the next step of a caller.

        `refused` is the authorization that the service refused, if it did; `exchanging` says whether an
        exchange is under way.
        """
        held = self.held
        if held is not None and held.authorization == refused and not self._came_again(now):
            # The refusal may be a mistake, and the exchange may fail: other callers use the token until then.
            self.held = replace(held, refresh_at=min(now, held.refresh_at))
            self._refused = refused
            held = None
        if held is not None and now < held.usable_until:
            return Serve(held.authorization, now >= held.refresh_at and not exchanging and self._may_try(now))
        if exchanging:
            return Join(start=False)
        if self._error is not None and not self._may_try(now):
            is_transient = isinstance(self._error, TransientAuthError)
            return Pause(self._retry_at, self._error) if is_transient else Fail(self._error)
        return Join(start=True)

    def succeeded(self, token: Token, now: float) -> None:
        """Take note of the token of an exchange."""
        life_s = min(token.lifetime_s, LONGEST_LIFE_S)
        refresh_s = min(_REFRESH_S * self._rng.uniform(*_JITTER), life_s * self._rng.uniform(*_REFRESH_PART))
        if token.refresh_s is not None:
            refresh_s = min(refresh_s, token.refresh_s)
        usable_s = life_s - min(_MARGIN_S, life_s * _MARGIN_PART)
        self.held = Held(f"Bearer {token.value}", now + refresh_s, now + usable_s)
        self._error = None
        if self.held.authorization == self._refused:
            self._back_off(now)  # Metadata services and callables cache tokens too.
        else:
            self._failures, self._retry_at = 0, now

    def failed(self, error: AuthError, now: float) -> None:
        """Take note that an exchange failed; each failure in a row makes the wait before the next one longer."""
        self._error = error
        self._back_off(now)

    def _back_off(self, now: float) -> None:
        self._failures += 1
        # The exponent is capped well above the longest back-off.
        backoff_s = min(_LONGEST_BACKOFF_S, _FIRST_BACKOFF_S * 2.0 ** min(self._failures - 1, 16))
        self._retry_at = now + backoff_s * self._rng.uniform(0.5, 1.0)

    def _may_try(self, now: float) -> bool:
        return now >= self._retry_at

    def _came_again(self, now: float) -> bool:
        """Whether an exchange has just returned the refused token again, so that another one would hardly help."""
        return self._error is None and not self._may_try(now)
