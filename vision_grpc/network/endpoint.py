"""Where the service is."""

import ipaddress
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from vision_grpc.network.secrets.quoting import quote_endpoint

_DEFAULT_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One host and port, and whether the way to it is encrypted."""

    host: str
    port: int
    plaintext: bool

    @classmethod
    def parse(cls, text: str, *, insecure: bool) -> "Endpoint":
        """Read `host`, `host:port`, `[ipv6]:port` or an http(s) URL without a path.

        Raises:
            ValueError: another form, or a scheme that contradicts `insecure`.
        """
        is_url = "://" in text
        parts, port = split_url(text if is_url else f"//{text}")
        if parts.hostname is None or not text.isprintable() or any(map(str.isspace, text)):
            raise _malformed(text)
        if not parts.hostname.isascii():
            message = f"the host of the endpoint {quote_endpoint(text)} is not ASCII: write it in its xn-- form"
            raise ValueError(message)
        if not may_be_host(parts.hostname):
            raise _malformed(text)
        if "@" in parts.netloc or parts.path.strip("/") or parts.query or parts.fragment:
            raise _malformed(text)
        if is_url and parts.scheme not in _DEFAULT_PORTS:
            raise _malformed(text)
        if parts.scheme == "https" and insecure:
            message = f"the endpoint {quote_endpoint(text)} asks for TLS and insecure=True for none: drop one of them"
            raise ValueError(message)
        plaintext = insecure or parts.scheme == "http"
        default_port = _DEFAULT_PORTS["http" if parts.scheme == "http" else "https"]
        return cls(parts.hostname, default_port if port is None else port, plaintext)

    @property
    def is_loopback(self) -> bool:
        """Whether the way to the host does not leave this machine."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def check_private(self) -> None:
        """Pass an endpoint that a secret may travel to.

        Raises:
            ValueError: it would be readable on its way.
        """
        if self.plaintext and not self.is_loopback:
            message = (
                f"refusing to send credentials to {self.target} in plaintext: "
                "use TLS (drop insecure=True or http://), or pass credentials=Anonymous()"
            )
            raise ValueError(message)

    @property
    def target(self) -> str:
        """The address as `host:port`."""
        return join_host_port(self.host, self.port)

    @property
    def authority(self) -> str:
        """The address without a port that goes without saying, as a `Host` header has it."""
        usual_port = _DEFAULT_PORTS["http" if self.plaintext else "https"]
        return self.target.removesuffix(f":{usual_port}")

    @property
    def url(self) -> str:
        """The address as a URL without a path."""
        return f"{'http' if self.plaintext else 'https'}://{self.target}"


def join_host_port(host: str, port: int) -> str:
    """Return an address as `host:port`."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def split_url(url: str) -> tuple[SplitResult, int | None]:
    """Return the parts and the port of a URL, none of them when it is malformed."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        # Not as a cause: it quotes what may be a password.
        return SplitResult("", "", "", "", ""), None
    return parts, port


def is_ip_address(name: str) -> bool:
    """Return whether a host is named by an address."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def may_be_host(name: str) -> bool:
    """Return whether the parts of a name are as long as DNS has them; what asks for another raises a UnicodeError."""
    try:
        name.encode("idna")
    except UnicodeError:
        return False
    return True


def _malformed(text: str) -> ValueError:
    given = quote_endpoint(text)
    return ValueError(f"the endpoint {given} is neither host:port nor a URL such as https://vision.example:443")
