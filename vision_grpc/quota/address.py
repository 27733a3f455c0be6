"""The address of a service that hands a quota out."""

from vision_grpc.errors import SettingError
from vision_grpc.network.endpoint import Endpoint, split_url
from vision_grpc.network.secrets.quoting import quote_endpoint
from vision_grpc.texts.cleaning import clean_setting


def parse_address(address: str) -> Endpoint:
    """Return the endpoint of `host:port`, or of a URL such as `https://host`, whose scheme says the port.

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
