"""The list of hosts that are connected to directly, whatever proxy is named: the value of `no_proxy`."""

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from vision_grpc.network.endpoint import Endpoint

_SEPARATORS = re.compile(r"[\s,]+")


def excepts(no_proxy: str, endpoint: Endpoint) -> bool:
    """Return whether the list has an entry for the endpoint.

    An entry is `*`, a domain, an IP address or a network such as `10.0.0.0/8`, and may end with a port. A domain stands
    for itself and all the names in it, whether or not it begins with a dot or `*.`. Names are not resolved: addresses
    and networks match endpoints that are given by their address. Other entries are ignored.
    """
    return any(_matches(entry, endpoint) for entry in _SEPARATORS.split(no_proxy.lower()) if entry)


def _matches(entry: str, endpoint: Endpoint) -> bool:
    host, port = _split_port(entry)
    if port and port != str(endpoint.port):
        return False
    if host == "*":
        return True
    if addresses := _addresses(endpoint.host):
        network = _network(host)
        return network is not None and any(address in network for address in addresses)
    domain = host.removeprefix("*").removeprefix(".").removesuffix(".")
    name = endpoint.host.lower().removesuffix(".")
    return bool(domain) and f".{name}".endswith(f".{domain}")


def _split_port(entry: str) -> tuple[str, str]:
    """Return the host and the port of an entry, which is empty if there is none."""
    if entry.startswith("["):
        address, _, rest = entry[1:].partition("]")
        # The length of a network's prefix may follow the bracket.
        prefix, _, port = rest.partition(":")
        return address + prefix, port
    host, colon, port = entry.partition(":")
    # More colons are those of an IPv6 address without brackets.
    return (entry, "") if ":" in port else (host, port if colon else "")


def _addresses(host: str) -> list[IPv4Address | IPv6Address]:
    """Return the address that a host is written as, also in its IPv4 form; an empty list if it is a name."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return []
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return [address] if mapped is None else [address, mapped]


def _network(text: str) -> IPv4Network | IPv6Network | None:
    """Return a network, or that of a single address; None if the text is neither."""
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None
