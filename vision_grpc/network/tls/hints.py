"""What failures of TLS mean, and what to do about them."""

from collections.abc import Sequence
from typing import NamedTuple

from vision_grpc.errors import USE_TLS, Advice
from vision_grpc.network.tls.trust import PASS_ROOTS


class Hint(NamedTuple):
    """What a failure probably means, and what to do about it."""

    reason: str
    advice: Sequence[Advice]
    is_lasting: bool = True
    """Whether a later attempt will fail too."""


_SET_THE_CLOCK = Advice("set this machine's clock if it is wrong")
_CLIENT_CERTIFICATE = Advice("pass", "client_certificate")
_OTHER_HOST = Hint(
    "its certificate is for another host",
    [
        Advice("call it by a name that is in the certificate"),
        Advice("pass", "server_name", rest="to expect one of those"),
    ],
)
_BREAKS_A_RULE = Hint(
    "a certificate in its chain breaks a rule", [Advice("ask the operator of the service for another certificate")]
)
_UNTRUSTED = Hint("its certificate is not trusted here", [PASS_ROOTS])
# The first one that fits counts: CERTIFICATE_VERIFY_FAILED is in most of the messages above it too.
_HINTS = {
    "certificate has expired": Hint("its certificate has expired", [Advice("renew it"), _SET_THE_CLOCK]),
    "certificate is not yet valid": Hint("its certificate is not valid yet", [_SET_THE_CLOCK]),
    "Hostname Verification Check failed": _OTHER_HOST,
    "is not in peer certificate": _OTHER_HOST,  # gRPC up to 1.50
    "call host does not match SSL server name": _OTHER_HOST,
    "Hostname mismatch": _OTHER_HOST,
    "IP address mismatch": _OTHER_HOST,
    "too weak": _BREAKS_A_RULE,
    "certificate purpose": _BREAKS_A_RULE,
    "invalid CA certificate": _BREAKS_A_RULE,
    "path length constraint": _BREAKS_A_RULE,
    "subtree violation": _BREAKS_A_RULE,
    "unhandled critical extension": _BREAKS_A_RULE,
    # Issued by another authority of the same name.
    "certificate signature failure": _UNTRUSTED,
    "CERTIFICATE_VERIFY_FAILED": _UNTRUSTED,
    "WRONG_VERSION_NUMBER": Hint(
        "the port does not speak TLS",
        [
            Advice("correct the port"),
            Advice("pass", "insecure", "True", "if a service without TLS is meant"),
        ],
    ),
    "CERTIFICATE_REQUIRED": Hint("it asks for a client certificate", [_CLIENT_CERTIFICATE]),
    "ALERT_HANDSHAKE_FAILURE": Hint("it may ask for a client certificate", [_CLIENT_CERTIFICATE]),
    "ALERT_UNKNOWN_CA": Hint(
        "it does not trust the client certificate",
        [Advice("pass another", "client_certificate", rest="that the service trusts")],
    ),
}


def tls_hint(message: str) -> Hint | None:
    """Return the hint for a TLS failure that OpenSSL or BoringSSL words like this, None for any other failure."""
    return next((hint for sign, hint in _HINTS.items() if sign in message), None)


def is_untrusted(message: str) -> bool:
    """Return whether a TLS failure is that a certificate was issued by somebody who is not trusted."""
    return tls_hint(message) is _UNTRUSTED


def early_end_hint(*, plaintext: bool) -> Hint:
    """Return the hint for a service that accepted the connection and closed it before any answer."""
    if plaintext:
        return Hint("the port may speak TLS", [USE_TLS], is_lasting=False)
    return Hint("it may ask for a client certificate that it trusts", [_CLIENT_CERTIFICATE], is_lasting=False)
