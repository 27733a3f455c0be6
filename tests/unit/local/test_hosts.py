"""Which Host headers are a service's own."""

import socket

import pytest

from vision_grpc.local.addresses import is_same_machine
from vision_grpc.local.faces.rest.hosts import OwnHosts

LOOPBACK, IN_CONTAINER = "127.0.0.1", "172.17.0.2"

EVERYWHERE = [
    "localhost",
    "LOCALHOST:8080",
    "localhost.:1",
    "a.localhost:80",
    "127.0.0.1",
    "127.0.0.1:65535",
    "127.9.9.9:1",
    "[::1]:8080",
    "[::ffff:127.0.0.1]",
    "localhost:",
    socket.gethostname(),
    "172.17.0.2:50051",
]
NOWHERE = [
    "evil.example",
    "evil.example:8080",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "evil.example.",
    "notlocalhost.com",
    "93.184.216.34",
    "[2606:2800::1]:80",
    "",
    ":80",
    "localhost:80:80",
    "localhost:123456",
    "evil.example@localhost",
    "localhost, evil.example",
    "localhost/evil.example",
    "[::1",
    "::1",
    "[evil.example]",
    "[::1]evil.example",
    "lоcalhost",
    "local host",
    "a" * 10_000,
    "127.1",
    "2130706433",
]
FROM_NETWORKS_ALONE = [
    "vision",
    "vision:50051",
    "vision.internal",
    "vision.default.svc.cluster.local:80",
    "nas.home.arpa",
    "192.168.1.10:8080",
    "10.0.0.1",
    "[fd00::1]:80",
]


@pytest.mark.parametrize("header", EVERYWHERE)
def test_own_names_and_addresses_of_this_machine_are_right(header: str) -> None:
    assert OwnHosts("0.0.0.0").has(header, IN_CONTAINER)  # noqa: S104 - nothing listens
    if "172" not in header:
        assert OwnHosts("127.0.0.1").has(header, LOOPBACK)


@pytest.mark.parametrize("reached", [LOOPBACK, "::1", "::ffff:127.0.0.1", IN_CONTAINER, "fe80::1%eth0", ""])
@pytest.mark.parametrize("header", NOWHERE)
def test_names_of_others_are_wrong(header: str, reached: str) -> None:
    assert not OwnHosts("0.0.0.0").has(header, reached)  # noqa: S104


@pytest.mark.parametrize("header", FROM_NETWORKS_ALONE)
def test_private_names_are_right_on_connections_from_networks_alone(header: str) -> None:
    hosts = OwnHosts("0.0.0.0")  # noqa: S104
    assert hosts.has(header, IN_CONTAINER)
    assert hosts.has(header, f"::ffff:{IN_CONTAINER}")
    assert not hosts.has(header, LOOPBACK)


@pytest.mark.parametrize(
    ("allowed", "header", "is_right"),
    [
        ("Vision.Example", "vision.example:80", True),
        ("vision.example.", "VISION.example", True),
        ("vision.example", "a.vision.example", False),
        ("*.vision.example", "a.b.vision.example:80", True),
        ("*.vision.example", "vision.example", False),
        ("*.vision.example", "evilvision.example", False),
        ("192.0.2.7", "192.0.2.7:1", True),
        ("[2001:db8::1]", "[2001:DB8::1]:80", True),
        ("*", "evil.example", True),
        ("*", "two words", False),
        ("", "evil.example", False),
    ],
)
def test_more_hosts_may_be_allowed(allowed: str, header: str, is_right: bool) -> None:  # noqa: FBT001
    assert OwnHosts("127.0.0.1", [allowed]).has(header, LOOPBACK) is is_right


@pytest.mark.parametrize("host", ["127.1", "0.0.0.0", "vision.example", "::", "VISION"])  # noqa: S104
def test_the_host_that_the_service_was_given_is_its_own(host: str) -> None:
    header = f"[{host}]:80" if ":" in host else f"{host}:80"
    assert OwnHosts(host).has(header, LOOPBACK)


def test_programs_on_the_same_machine() -> None:
    assert is_same_machine("127.0.0.1", "127.0.0.1")
    assert is_same_machine("::ffff:127.0.0.5", "::ffff:127.0.0.1")
    assert is_same_machine("192.168.1.5", "192.168.1.5")
    assert is_same_machine("fe80::1%eth0", "fe80::1")
    assert not is_same_machine("192.168.1.6", "192.168.1.5")
    assert not is_same_machine("", "")
    assert not is_same_machine("8.8.8.8", "127.0.0.1")
