"""One call to a service: its endpoint, its deadline, and the secret that is sent with it.

The secret is sent in the call's metadata. gRPC's own call credentials would refuse an insecure
channel by themselves, but they call Python back for each call, from a thread of gRPC: measured over
TLS at 8 x 20 KB, that is 1.2 to 1.4 times the CPU of the whole call, sync and asyncio. So the secret
is checked here, before anything is sent.

A service, or a gateway before it, may repeat the secret in its answer. Every text that becomes an
error, and from there a log line or a traceback, goes through `Attempt.hide` first.
"""

from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import NoReturn

from vision_grpc.errors import Advice, DeadlineError, MalformedAnswerError, PathError, TransportError, VisionError
from vision_grpc.network.deadline import Deadline
from vision_grpc.network.endpoint import Endpoint
from vision_grpc.network.tls import Hint

# A text that has these first characters of a secret quotes it: the quote may be cut short.
_HEAD_CHARACTERS = 8


def not_started(endpoint: Endpoint) -> TransportError:
    """Return the error of a call that the client was closed before."""
    return TransportError(f"no call to {endpoint.target} was started: the client was closed")


class Attempt:
    """A call, and its errors. `secret` may follow a scheme, as in `Bearer <token>`.

    Raises:
        SettingError: the secret would be sent in plaintext.
        ValueError: the secret has characters that are not allowed in a header.
    """

    __slots__ = ("_secrets", "deadline", "endpoint", "note")

    def __init__(self, endpoint: Endpoint, deadline: Deadline, secret: str | None = None) -> None:
        self.endpoint: Endpoint = endpoint
        self.deadline: Deadline = deadline
        self.note: str = ""
        """What was found out about why the service was not reached, beside what the error says."""
        self._secrets: list[str] = []
        if secret is not None:
            self.keep(secret)
            endpoint.check_private()
            if not (secret.isascii() and secret.isprintable()):
                # gRPC and h11 would refuse it too, and quote it.
                message = "the credentials have characters that are not allowed in a header"
                raise ValueError(message)

    def keep(self, secret: str) -> None:
        """Remember one more secret that is sent, so that it is hidden."""
        self._secrets.append(secret.rpartition(" ")[2])

    def left_s(self) -> float:
        """Return the seconds that are left, more than 0.

        Raises:
            DeadlineError: the time is over.
        """
        # A socket takes 0 for "do not wait at all", which ends in another error.
        if (left_s := self.deadline.left_s) > 0:
            return left_s
        raise self.late()

    def late(self) -> DeadlineError:
        """Return the error of a call that took too long."""
        return DeadlineError(f"no answer from {self.endpoint.target} within {round(self.deadline.timeout_s, 3):g} s")

    def unreached(self, reason: str, hint: Hint | None = None) -> PathError:
        """Return the error of a call that did not get to the service."""
        reason = f"{self.note}: {reason}" if self.note else reason
        text, advice = _explain(f"{self.endpoint.target} was not reached", reason, hint)
        return PathError(text, lasting=hint is not None and hint.is_lasting, advice=advice)

    def broken(self, reason: str, hint: Hint | None = None) -> TransportError:
        """Return the error of a call whose connection broke."""
        text, advice = self._broke(reason, hint)
        return TransportError(text, advice=advice)

    def malformed(self, reason: str, hint: Hint | None = None) -> MalformedAnswerError:
        """Return the error of a call whose answer is not HTTP."""
        text, advice = self._broke(reason, hint)
        return MalformedAnswerError(text, advice=advice)

    def hide(self, text: str) -> str:
        """Return a text without the secret."""
        for start, end in sorted(self._quotes(text), reverse=True):
            text = f"{text[:start]}...{text[end:]}"
        return text

    def hide_bytes(self, data: bytes) -> bytes:
        """Return bytes with the secret overwritten: the length of messages stays the same."""
        hidden = bytearray(data)
        for start, end in self._quotes(data.decode("latin-1")):
            hidden[start:end] = b"*" * (end - start)
        return bytes(hidden)

    def fail(self, error: VisionError, cause: BaseException) -> NoReturn:
        """Raise an error from its cause, or without the cause if that quotes the secret."""
        if not any(any(self._quotes(repr(link))) for link in _chain(cause)):
            raise error from cause
        try:
            raise error from None
        finally:
            # Tracebacks do not show the context after `from None`, but tools that collect errors may.
            error.__context__ = None

    def _broke(self, reason: str, hint: Hint | None) -> tuple[str, Sequence[Advice]]:
        return _explain(f"the connection to {self.endpoint.target} broke", reason, hint)

    def _quotes(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield the start and end of each part of a text that quotes a secret, or the beginning of one."""
        for secret in self._secrets:
            head = secret[:_HEAD_CHARACTERS]
            at = text.find(head) if len(head) == _HEAD_CHARACTERS else -1
            while at >= 0:
                quoted = zip(text[at : at + len(secret)], secret, strict=False)
                end = at + sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], quoted))
                yield at, end
                at = text.find(head, end)


def _explain(problem: str, reason: str, hint: Hint | None) -> tuple[str, Sequence[Advice]]:
    """Return the text of an error, and what to do about it."""
    if hint is None:
        return f"{problem}: {reason}", ()
    return f"{problem}: {hint.reason} ({reason})", hint.advice


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
