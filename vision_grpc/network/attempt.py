"""One call to a service: where it goes, for how long, and the secret that goes along.

The secret travels in the call's metadata. gRPC's own call credentials, which would refuse an
insecure channel by themselves, call Python back for each call from a thread of gRPC: measured over
TLS at 8 x 20 KB, that is 1.2 to 1.4 times the CPU of the whole call, sync and asyncio. So what they
refuse is refused here, and before anything is sent.

A service, or a gateway before it, may repeat the secret in what it answers. Whatever becomes an
error, and from there a log or a traceback, passes through here first.
"""

from collections.abc import Iterator
from itertools import takewhile
from typing import NoReturn

from vision_grpc.errors import DeadlineError, TransportError, VisionError
from vision_grpc.network.deadline import Deadline
from vision_grpc.network.endpoint import Endpoint

# So much of a secret's beginning is known again: whoever quotes a secret may cut it short.
_HEAD = 8


def not_started(endpoint: Endpoint) -> TransportError:
    """Return our exception for a call that the end of the client forestalled."""
    return TransportError(f"no call to {endpoint.target} was started: the client was closed")


class Attempt:
    """A call, as far as its failure has to tell of it. `secret` may follow a scheme, as in `Bearer <token>`.

    Raises:
        ValueError: the secret would travel in plaintext, or no header can hold it.
    """

    __slots__ = ("_secrets", "deadline", "endpoint")

    def __init__(self, endpoint: Endpoint, deadline: Deadline, secret: str | None = None) -> None:
        self.endpoint = endpoint
        self.deadline = deadline
        self._secrets: list[str] = []
        if secret is not None:
            self.keep(secret)
            endpoint.check_private()
            if not (secret.isascii() and secret.isprintable()):
                # The libraries below would tell so, too, and quote it.
                message = "the credentials have characters that no header may have"
                raise ValueError(message)

    def keep(self, secret: str) -> None:
        """Take note of a secret that goes along."""
        self._secrets.append(secret.rpartition(" ")[2])

    def left_s(self) -> float:
        """Return how much time is left.

        Raises:
            DeadlineError: none.
        """
        # To sockets, 0 means not to wait at all, which is another error.
        if (left_s := self.deadline.left_s) > 0:
            return left_s
        raise self.late()

    def late(self) -> DeadlineError:
        """Return the error of a call that took too long."""
        return DeadlineError(f"no answer from {self.endpoint.target} within {round(self.deadline.timeout_s, 3):g} s")

    def hide(self, text: str) -> str:
        """Return a text without the secret."""
        for start, end in sorted(self._quotes(text), reverse=True):
            text = f"{text[:start]}...{text[end:]}"
        return text

    def hide_bytes(self, data: bytes) -> bytes:
        """Return bytes without the secret, as long as before: lengths in them stay true."""
        hidden = bytearray(data)
        for start, end in self._quotes(data.decode("latin-1")):
            hidden[start:end] = b"*" * (end - start)
        return bytes(hidden)

    def fail(self, error: VisionError, cause: BaseException) -> NoReturn:
        """Raise an error for what caused it, which goes along unless it quotes the secret."""
        if not any(any(self._quotes(repr(link))) for link in _chain(cause)):
            raise error from cause
        try:
            raise error from None
        finally:
            # No traceback shows it, but who collects errors may look there.
            error.__context__ = None

    def _quotes(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield where a text quotes a secret, or its beginning."""
        for secret in self._secrets:
            head = secret[:_HEAD]
            at = text.find(head) if len(head) == _HEAD else -1
            while at >= 0:
                quoted = zip(text[at : at + len(secret)], secret, strict=False)
                end = at + sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], quoted))
                yield at, end
                at = text.find(head, end)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
