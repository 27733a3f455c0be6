"""The address of a service that hands a quota out."""

from vision_grpc.errors import Advice, SettingError
from vision_grpc.network.endpoint import Endpoint, split_url
from vision_grpc.network.secrets.quoting import quote_endpoint
from vision_grpc.network.tls import Pem, Trust, read_trust
from vision_grpc.texts.cleaning import clean_setting


def parse_address(address: str) -> Endpoint:
    """Return the endpoint of `host:port`, or of a URL such as `https://host:port`, whose scheme says whether it is TLS.

    The service sees no secret, so plaintext is what it speaks unless a URL says otherwise.

    Raises:
        TypeError: it is not text.
        SettingError: it has another form.
    """
    is_url = "://" in str(address)
    endpoint = Endpoint.parse(address, insecure=not is_url)
    if not is_url and split_url(f"//{clean_setting(address)}")[1] is None:
        message = f"the address {quote_endpoint(address)} has no port: write host:port"
        raise SettingError(message)
    return endpoint


def parse_trust(endpoint: Endpoint, root_certificates: Pem | None) -> Trust | None:
    """Return what is given to trust; None if it is what the machine trusts that connects, or nothing in plaintext.

    Raises:
        TypeError: it is neither bytes nor a path.
        SettingError: the certificates cannot be read, there are none, or the endpoint is called in plaintext.
    """
    if not endpoint.plaintext:
        trust = read_trust(root_certificates)
        return None if root_certificates is None else trust
    if root_certificates is not None:
        message = f"root certificates are for TLS, and {endpoint.target} is called in plaintext"
        raise SettingError(message, advice=[Advice("write the address as https://host:port")])
    return None
