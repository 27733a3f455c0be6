"""What a connection trusts, presents and expects, over either transport."""

import re
import ssl
from dataclasses import dataclass

from vision_grpc.errors import Advice, SettingError
from vision_grpc.network.endpoint import Endpoint, is_ip_address, may_be_host
from vision_grpc.network.secrets.quoting import quote_endpoint
from vision_grpc.network.tls.client_certificate import ClientCertificate
from vision_grpc.network.tls.contexts import make_context, shared_context
from vision_grpc.network.tls.trust import Trust
from vision_grpc.texts.cleaning import clean

_HOST_NAME = re.compile(r"[A-Za-z0-9_.-]{1,253}")


@dataclass(frozen=True, slots=True)
class Tls:
    """How connections are protected."""

    trust: Trust | None = None
    """What to trust. None: nothing, for connections in plaintext."""
    client_certificate: ClientCertificate | None = None
    """What to present to services that ask for a certificate. None: nothing."""
    server_name: str | None = None
    """The name to ask for, and to expect in the service's certificate. None: that of the endpoint."""

    @property
    def roots(self) -> bytes | None:
        """The certificates to trust, in PEM form; None for connections in plaintext."""
        return None if self.trust is None else self.trust.pem

    def name_of(self, endpoint: Endpoint) -> str:
        """Return the name that an endpoint's certificate has to be for."""
        # The dot at the end of a name in full is for resolvers: certificates do not have it (RFC 6066, 3).
        return (endpoint.host if self.server_name is None else self.server_name).removesuffix(".")

    def context(self, *protocols: str) -> ssl.SSLContext:
        """Return a context for connections that speak one of the protocols. It may be shared, and must not be changed.

        Raises:
            OSError: the client certificate cannot be loaded any more.
        """
        certificates = () if self.trust is None else self.trust.certificates
        if self.client_certificate is None:
            return shared_context(certificates, protocols)
        context = make_context(certificates, protocols)
        self.client_certificate.load_into(context)
        return context


def read_server_name(given: object) -> str | None:
    """Return the host name to expect in the service's certificate, None if it is the endpoint's.

    Raises:
        TypeError: the argument is not text.
        SettingError: the text is not a host name.
    """
    if given is None:
        return None
    if not isinstance(given, str):
        message = f"server_name has to be text, not {type(given).__name__}"
        raise TypeError(message)
    given = clean(given).text
    if not (is_ip_address(given) or (_HOST_NAME.fullmatch(given) and may_be_host(given))):
        message = f"the server name {quote_endpoint(given)} is not a valid host name"
        raise SettingError(message, advice=[Advice("correct", "server_name")])
    return given
