"""How much a peer may send that is no work, so that no flood keeps the service from its calls."""

# Clients send a few control frames with each request, and cancel a few hundred at once when their deadline has passed.
_MOST = 10_000.0
_PER_SECOND = 1_000.0
_PER_ANSWER = 50.0
_PER_BYTE = 1 / 1024

RESET = 20.0
"""The price of a request that was ended before its answer: it costs the service about as much as 20 small frames."""


class Allowance:
    """An amount that frames use up. It grows with time, with answers, and with the bytes of answers.

    It holds against floods of PING, SETTINGS, PRIORITY, empty DATA and unknown frames, and against rapid reset
    (CVE-2023-44487, CVE-2025-8671).
    """

    def __init__(self, now: float) -> None:
        self._left = _MOST
        self._at = now

    def spend(self, price: float, now: float) -> bool:
        """Take `price`, and return whether there was so much."""
        self._earn((now - self._at) * _PER_SECOND)
        self._at = now
        self._left -= price
        return self._left >= 0

    def answered(self) -> None:
        """Add what an answered request allows."""
        self._earn(_PER_ANSWER)

    def sent(self, data_bytes: int) -> None:
        """Add what the bytes of an answer allow: the peer makes room for more of them."""
        self._earn(data_bytes * _PER_BYTE)

    def _earn(self, amount: float) -> None:
        self._left = min(_MOST, self._left + amount)
