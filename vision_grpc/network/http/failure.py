"""What went wrong on an HTTP connection, as our exceptions."""

from vision_grpc.errors import VisionError
from vision_grpc.network.attempt import Attempt
from vision_grpc.network.secrets.quoting import quote_peer
from vision_grpc.network.tls import early_end_hint, tls_hint

_TLS_ALERT = b"\x15\x03"


class BrokenAnswerError(Exception):
    """What came back is not a whole answer of HTTP/1.1; the text says why."""


class MalformedError(BrokenAnswerError):
    """What came back is not HTTP/1.1, so that the same may come back each time."""


class NotHttpError(MalformedError):
    """What came back does not begin as HTTP/1.1 does."""

    def __init__(self, received: bytes) -> None:
        first_line = received.partition(b"\n")[0].decode("latin-1").strip()
        super().__init__(f"what came back is not HTTP/1.1: {quote_peer(first_line)}")
        self.is_tls_alert: bool = received.startswith(_TLS_ALERT)


def translate(error: OSError | BrokenAnswerError, attempt: Attempt, *, is_early: bool = False) -> VisionError:
    """Return our exception for what went wrong on an open connection.

    `is_early` says that nothing had been answered on it yet: the other side may have refused it for its TLS.
    """
    reason = attempt.hide(str(error) or type(error).__name__)
    # TLS 1.3 refuses a client's certificate after the handshake, while the answer is read.
    if hint := tls_hint(reason):
        return attempt.unreached(reason, hint)
    is_refusal = is_early and (isinstance(error, OSError) or (isinstance(error, NotHttpError) and error.is_tls_alert))
    hint = early_end_hint(plaintext=attempt.endpoint.plaintext) if is_refusal else None
    if isinstance(error, NotHttpError):
        return attempt.unreached(reason, hint)  # Something else listens there, or speaks gRPC alone.
    return (attempt.malformed if isinstance(error, MalformedError) else attempt.broken)(reason, hint)
