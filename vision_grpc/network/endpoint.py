"""The address of a service."""

import ipaddress
from dataclasses import dataclass
from typing import cast
from urllib.parse import SplitResult, urlsplit

from vision_grpc.errors import USE_TLS, Advice, SettingError
from vision_grpc.network.secrets.quoting import quote_endpoint
from vision_grpc.texts.arguments import wrong_type
from vision_grpc.texts.cleaning import UncleanError, clean_setting
from vision_grpc.texts.secrets import is_token

_DEFAULT_PORTS = {"https": 443, "http": 80}
_EXAMPLE = "https://vision.example:443"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A host and port, and whether connections to it are encrypted."""

    host: str
    port: int
    plaintext: bool

    @classmethod
    def parse(cls, text: str, *, insecure: bool) -> "Endpoint":
        """Return the endpoint of `host`, `host:port`, `[ipv6]:port` or an http(s) URL without a path.

        Blanks, line ends and quotation marks around it are left out.

        Raises:
            TypeError: it is not text.
            SettingError: the text has another form, or a scheme that contradicts `insecure`.
        """
        if not isinstance(cast("object", text), str):
            raise wrong_type(text, "the endpoint", "text such as 'vision.example:443'")
        try:
            text = clean_setting(text)
        except UncleanError as error:
            message = f"the endpoint is neither host:port nor a URL such as {_EXAMPLE}: {error}"
            raise SettingError(message) from None
        is_url = "://" in text
        parts, port = split_url(text if is_url else f"//{text}")
        if parts.hostname is None or " " in text or is_token(parts.netloc):
            raise _malformed(text)
        if not parts.hostname.isascii():
            message = f"the host of the endpoint {quote_endpoint(text)} is not ASCII: write it in its xn-- form"
            raise SettingError(message)
        if not may_be_host(parts.hostname):
            raise _malformed(text)
        if "@" in parts.netloc or parts.path.strip("/") or parts.query or parts.fragment:
            raise _malformed(text)
        if is_url and parts.scheme not in _DEFAULT_PORTS:
            raise _malformed(text)
        if parts.scheme == "https" and insecure:
            message = f"the endpoint {quote_endpoint(text)} asks for TLS, and another setting for plaintext"
            raise SettingError(message, advice=[Advice("drop", "insecure", "True", "or https://")])
        plaintext = insecure or parts.scheme == "http"
        default_port = _DEFAULT_PORTS["http" if parts.scheme == "http" else "https"]
        return cls(_plain(parts.hostname), default_port if port is None else port, plaintext)

    @property
    def is_loopback(self) -> bool:
        """Whether the host is this machine."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def check_private(self) -> None:
        """Check that a secret may be sent to the endpoint.

        Raises:
            SettingError: others could read the secret on the network.
        """
        if self.plaintext and not self.is_loopback:
            message = f"refusing to send credentials to {self.target} in plaintext"
            raise SettingError(message, advice=[USE_TLS, Advice("pass", "credentials", "Anonymous()")])

    @property
    def target(self) -> str:
        """The address as `host:port`."""
        return join_host_port(self.host, self.port)

    @property
    def authority(self) -> str:
        """The address for a `Host` header, without the scheme's default port."""
        default_port = _DEFAULT_PORTS["http" if self.plaintext else "https"]
        return self.target.removesuffix(f":{default_port}")

    @property
    def url(self) -> str:
        """The address as a URL without a path."""
        return f"{'http' if self.plaintext else 'https'}://{self.target}"


def join_host_port(host: str, port: int) -> str:
    """Return an address as `host:port`."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def split_url(url: str) -> tuple[SplitResult, int | None]:
    """Return the parts and the port of a URL; empty parts and None if it is malformed."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        # The error is dropped: it quotes the URL, which may contain a password.
        return SplitResult("", "", "", "", ""), None
    return parts, port


def is_ip_address(name: str) -> bool:
    """Return whether the name of a host is an IP address."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def may_be_host(name: str) -> bool:
    """Return whether the labels of a name have lengths that DNS allows; `socket` raises UnicodeError for others."""
    try:
        name.encode("idna")
    except UnicodeError:
        return False
    return True


def _plain(host: str) -> str:
    """Return an IP address in its one short form, in which certificates are compared; a name as it is."""
    return ipaddress.ip_address(host).compressed if is_ip_address(host) else host


def _malformed(text: str) -> SettingError:
    message = f"the endpoint {quote_endpoint(text)} is neither host:port nor a URL such as {_EXAMPLE}"
    return SettingError(message)
