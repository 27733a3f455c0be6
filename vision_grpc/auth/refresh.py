"""When a token is served, when it is exchanged for a newer one, and who waits for that.

Nothing here reads a clock, waits or calls anybody: times and outcomes come in, steps go out.
A token is replaced well ahead of its end while it goes on being served, so that nobody waits
but for the first. One exchange at a time serves all callers.
"""

import random
from dataclasses import dataclass, field, replace

from vision_grpc.auth.token import LONGEST_LIFE_S, Token
from vision_grpc.errors import AuthError

# The documentation of the service: refresh about hourly. The jitter spreads a fleet that was started at once.
_REFRESH_S = 3600.0
_JITTER = (0.9, 1.0)
# Where the life is shorter than that: between these parts of it, which leaves time to try again.
_REFRESH_PART = (0.5, 0.6)
# Not served any more when less than this is left, for calls that are on their way to the service.
_MARGIN_S = 60.0
_MARGIN_PART = 0.1

_FIRST_BACKOFF_S = 0.5
_LONGEST_BACKOFF_S = 30.0


class TransientAuthError(AuthError):
    """No token now, but the same exchange may succeed later."""


@dataclass(frozen=True, slots=True)
class Held:
    """A token in the cache, with the times that bound its use."""

    authorization: str = field(repr=False)
    refresh_at: float
    usable_until: float


@dataclass(frozen=True, slots=True)
class Serve:
    """Step: answer with this; `start` an exchange besides if so told."""

    authorization: str = field(repr=False)
    start: bool


@dataclass(frozen=True, slots=True)
class Join:
    """Step: wait for the exchange, which is to be started first if so told; then ask again."""

    start: bool


@dataclass(frozen=True, slots=True)
class Pause:
    """Step: ask again at this time; until then the error stands."""

    until: float
    error: AuthError


@dataclass(frozen=True, slots=True)
class Fail:
    """Step: there is no token, and waiting will not bring one."""

    error: AuthError


Step = Serve | Join | Pause | Fail


class Refresh:
    """The life of one cached token. Not for several threads at once, but for reading `held`."""

    def __init__(self, rng: random.Random) -> None:
        self.held: Held | None = None
        self._rng = rng
        self._refused: str | None = None
        self._failures = 0
        self._retry_at = 0.0
        self._error: AuthError | None = None

    def ask(self, now: float, *, refused: str | None = None, exchanging: bool = False) -> Step:
        """Return what a caller is to do; `refused` is what the service refused it, if anything.

        `exchanging` tells whether an exchange is under way.
        """
        held = self.held
        if held is not None and held.authorization == refused and not self._came_again(now):
            # The refusal may be a mistake, and the exchange may fail: others go on with it until there is another.
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
        """Take what an exchange brought."""
        life_s = min(token.lifetime_s, LONGEST_LIFE_S)
        refresh_s = min(_REFRESH_S * self._rng.uniform(*_JITTER), life_s * self._rng.uniform(*_REFRESH_PART))
        if token.refresh_s is not None:
            refresh_s = min(refresh_s, token.refresh_s)
        usable_s = life_s - min(_MARGIN_S, life_s * _MARGIN_PART)
        self.held = Held(f"Bearer {token.value}", now + refresh_s, now + usable_s)
        self._error = None
        if self.held.authorization == self._refused:
            self._back_off(now)  # Metadata services and callables have caches, too.
        else:
            self._failures, self._retry_at = 0, now

    def failed(self, error: AuthError, now: float) -> None:
        """Take the failure of an exchange; the next waits, the longer the more have failed in a row."""
        self._error = error
        self._back_off(now)

    def _back_off(self, now: float) -> None:
        self._failures += 1
        # The exponent is capped where the bound has long been reached.
        backoff_s = min(_LONGEST_BACKOFF_S, _FIRST_BACKOFF_S * 2.0 ** min(self._failures - 1, 16))
        self._retry_at = now + backoff_s * self._rng.uniform(0.5, 1.0)

    def _may_try(self, now: float) -> bool:
        return now >= self._retry_at

    def _came_again(self, now: float) -> bool:
        """Whether an exchange brought just now what the service had refused: another would hardly bring a better."""
        return self._error is None and not self._may_try(now)
