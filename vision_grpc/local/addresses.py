"""Numeric addresses, as sockets and headers have them."""

from ipaddress import IPv4Address, IPv6Address, ip_address


def parse_address(text: str) -> IPv4Address | IPv6Address | None:
    """Return an address, None if the text is not one; an IPv4 address in the form of IPv6 is one of IPv4."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    # A socket for both versions has IPv4 peers under such addresses.
    return getattr(address, "ipv4_mapped", None) or address


def is_same_machine(peer: str, reached: str) -> bool:
    """Return whether a peer is on this machine: it comes from the loopback, or from the very address it reached."""
    address = parse_address(peer)
    return address is not None and (address.is_loopback or address == parse_address(reached))
