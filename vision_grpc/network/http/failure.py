"""What went wrong on an HTTP connection, as our exceptions."""

from http.client import BadStatusLine, HTTPException, RemoteDisconnected, UnknownProtocol

from vision_grpc.errors import PathError, TransportError, VisionError
from vision_grpc.network.attempt import Attempt
from vision_grpc.network.secrets.quoting import quote_peer
from vision_grpc.network.tls import early_end_hint, tls_hint

_TLS_ALERT = "\x15\x03"


def translate(error: OSError | HTTPException, attempt: Attempt, *, is_early: bool = False) -> VisionError:
    """Return our exception for what went wrong on a connection that had come about.

    `is_early` tells that nothing had been answered on it yet. It may have been refused in words of TLS, then.
    """
    target = attempt.endpoint.target
    told = attempt.hide(_describe(error))
    # TLS 1.3 refuses a client's certificate after the handshake, while the answer is read.
    if hint := tls_hint(told):
        return PathError(f"{target} was not reached: {told}{hint}", lasting=True)
    is_refusal = is_early and (isinstance(error, OSError) or str(error).startswith(_TLS_ALERT))
    advice = early_end_hint(plaintext=attempt.endpoint.plaintext) if is_refusal else ""
    return TransportError(f"the connection to {target} broke: {told}{advice}")


def _describe(error: OSError | HTTPException) -> str:
    match error:
        case RemoteDisconnected():
            return "it was closed before any answer"
        case BadStatusLine() | UnknownProtocol():
            return f"what came back is no HTTP/1.1: {quote_peer(str(error).strip())}"
        case _:
            return str(error) or type(error).__name__
