"""Refusals for a quota that say nothing about the rate."""

import math

_PERIOD_S = 1.0
_CALM_ANSWERS = 50


class Strays:
    """Tells refusals that come by chance from those that come again and again, where each request has a permit.

    The service of the permits knows the rate. So a lone refusal says that the network or a machine was late, and two
    requests came close together which had left apart: to send less for a while would only leave the quota unused. It
    counts where others come soon after it, for then the service of the permits has the wrong number, or others use the
    quota without it.
    """

    def __init__(self) -> None:
        self._began_at = -math.inf
        self._answers = _CALM_ANSWERS

    def answered(self) -> None:
        """Count a call that was not refused."""
        self._answers += 1

    def refused(self, now: float) -> bool:
        """Take a refusal; return whether it is a stray one.

        All within a second are one event: a quota counts what came in the last second.
        """
        if now < self._began_at + _PERIOD_S:
            return True
        is_stray = self._answers >= _CALM_ANSWERS
        self._answers = 0
        if is_stray:
            self._began_at = now
        return is_stray
