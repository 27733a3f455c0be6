import pytest

from vision_grpc.network.endpoint import Endpoint


@pytest.mark.parametrize(
    ("text", "insecure", "target", "url"),
    [
        ("vision.example:443", False, "vision.example:443", "https://vision.example:443"),
        ("vision.example", False, "vision.example:443", "https://vision.example:443"),
        ("t1.vision.regional.host", False, "t1.vision.regional.host:443", "https://t1.vision.regional.host:443"),
        ("https://vision.example", False, "vision.example:443", "https://vision.example:443"),
        ("https://vision.example:8443/", False, "vision.example:8443", "https://vision.example:8443"),
        ("http://127.0.0.1:8080", False, "127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("127.0.0.1:8080", True, "127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("[::1]:8080", True, "[::1]:8080", "http://[::1]:8080"),
        ("http://localhost", True, "localhost:80", "http://localhost:80"),
    ],
)
def test_forms(text: str, insecure: bool, target: str, url: str) -> None:  # noqa: FBT001 - a parameter of the example
    endpoint = Endpoint.parse(text, insecure=insecure)
    assert endpoint.target == target
    assert endpoint.url == url


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":443",
        "host:port",
        "host:99999",
        "ftp://host",
        "https://",
        "https://host/path",
        "https://u:p@host",
        "a b",
        "foo..bar",
        "a\x01b",
        ".",
        f"{'a' * 64}.example:1",
    ],
)
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="neither host:port nor a URL"):
        Endpoint.parse(text, insecure=False)


def test_a_host_beyond_ascii_is_refused_with_what_to_write() -> None:
    with pytest.raises(ValueError, match="endpoint 'vision\u00e9:443' is not ASCII: write it in its xn-- form"):
        Endpoint.parse("vision\u00e9:443", insecure=False)


def test_tls_and_plaintext_at_once_is_a_contradiction() -> None:
    with pytest.raises(ValueError, match="drop insecure=True or https://"):
        Endpoint.parse("https://vision.example", insecure=True)


@pytest.mark.parametrize(
    ("host", "is_loopback"),
    [("localhost", True), ("127.0.0.1", True), ("127.9.9.9", True), ("[::1]", True), ("10.0.0.1", False),
     ("localhost.example", False), ("127.0.0.1.example", False), ("192.0.2.1", False)],
)  # fmt: skip
def test_loopback_is_told_by_the_address_alone(host: str, is_loopback: bool) -> None:  # noqa: FBT001
    assert Endpoint.parse(f"{host}:1", insecure=True).is_loopback is is_loopback
