"""Which proxy the environment names."""

import base64

import pytest
from proxy_forms import FORMS, Form

from vision_grpc.errors import PathError
from vision_grpc.network.endpoint import Endpoint
from vision_grpc.network.proxy import Proxy, excepted_by, how_to_bypass, proxy_of

_ENDPOINT = Endpoint("vision.example", 443, plaintext=False)


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_a_form_of_the_variables(monkeypatch: pytest.MonkeyPatch, form: Form) -> None:
    for name, value in form.environ_of("proxy.example:3128").items():
        monkeypatch.setenv(name, value)
    endpoint = Endpoint.parse(form.endpoint, insecure=False)
    if form.verdict == "unusable":
        with pytest.raises(PathError, match=r"^the proxy in \w+_proxy cannot be used: it is ") as caught:
            proxy_of(endpoint)
        assert caught.value.lasting
        assert "S3" not in str(caught.value)
        return
    proxy = proxy_of(endpoint)
    assert (None if proxy is None else proxy.target) == ("proxy.example:3128" if form.verdict == "proxy" else None)


@pytest.mark.parametrize(
    ("value", "target"),
    [
        ("proxy.example", "proxy.example:80"),
        ("http://proxy.example", "proxy.example:80"),
        ("http://proxy.example:", "proxy.example:80"),
        ("proxy_1.example.:8080", "proxy_1.example.:8080"),
        ("http://[2001:db8::1]", "[2001:db8::1]:80"),
        ("[2001:db8::1]:3128", "[2001:db8::1]:3128"),
        ("http://[fe80::1%25eth0]:3128", "[fe80::1%eth0]:3128"),
        ("http://прокси.рф:3128", "xn--h1adldfi.xn--p1ai:3128"),
    ],
)
def test_the_address_of_a_proxy(monkeypatch: pytest.MonkeyPatch, value: str, target: str) -> None:
    monkeypatch.setenv("https_proxy", value)
    proxy = proxy_of(_ENDPOINT)
    assert proxy is not None
    assert (proxy.target, proxy.variable, proxy.authorization) == (target, "https_proxy", None)


@pytest.mark.parametrize(
    ("user", "pair"),
    [
        ("me:S3cret", b"me:S3cret"),
        ("me", b"me:"),
        ("me:", b"me:"),
        (":S3cret", b":S3cret"),
        ("me:S3:cret@", b"me:S3:cret@"),
        ("domain%5Cme:S3%3a%2F%40+cret%0D%0A", b"domain\\me:S3:/@+cret\r\n"),
        ("%D1%8F:S3\udcff", b"\xd1\x8f:S3\xff"),
    ],
)
def test_the_user_of_a_proxy(monkeypatch: pytest.MonkeyPatch, user: str, pair: bytes) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://{user}@proxy.example:3128")
    proxy = proxy_of(_ENDPOINT)
    assert proxy is not None
    assert proxy.authorization == "Basic " + base64.b64encode(pair).decode()
    assert proxy.target == "proxy.example:3128"
    assert proxy.variable == "HTTPS_PROXY"
    assert "Basic" not in f"{proxy!r} {proxy}"
    assert "S3" not in f"{proxy!r} {proxy}"


@pytest.mark.parametrize(
    ("variable", "value"),
    [("grpc_proxy", None), ("http_proxy", None), ("HTTP_PROXY", None), ("all_proxy", None), ("ALL_PROXY", "a.example")],
)
def test_the_variables_are_named_that_count(monkeypatch: pytest.MonkeyPatch, variable: str, value: str | None) -> None:
    monkeypatch.setenv(variable, "proxy.example:3128")
    for name in ("no_proxy", "NO_PROXY"):
        if value is not None:
            monkeypatch.setenv(name, value)
    proxy = proxy_of(Endpoint("vision.example", 80, plaintext=True))
    assert proxy is not None
    assert str(proxy) == (
        f"the proxy proxy.example:3128 (see {variable} and {'NO_PROXY' if value is None else 'no_proxy'}"
        " in the environment)"
    )


@pytest.mark.parametrize("host", ["vision.example", "vision.example.", "198.51.100.7", "2001:db8::7"])
@pytest.mark.parametrize("scheme", ["http", "socks5"])
@pytest.mark.parametrize("lists", [{}, {"NO_PROXY": "a.example"}, {"no_proxy": "a"}, {"no_grpc_proxy": "a"}], ids=str)
def test_the_way_out_works(monkeypatch: pytest.MonkeyPatch, host: str, scheme: str, lists: dict[str, str]) -> None:
    endpoint = Endpoint(host, 443, plaintext=False)
    monkeypatch.setenv("https_proxy", f"{scheme}://proxy.example:3128")
    for name, value in lists.items():
        monkeypatch.setenv(name, value)
    variable = next(iter(lists), "NO_PROXY")
    assert excepted_by(endpoint) is None
    if lists:
        assert how_to_bypass(endpoint).action == f"add {host} to {variable} to connect directly"
        monkeypatch.setenv(variable, f"{lists[variable]},{host}")
    else:
        assert how_to_bypass(endpoint).action == f"set NO_PROXY={host} to connect directly"
        monkeypatch.setenv(variable, host)
    assert proxy_of(endpoint) is None
    assert excepted_by(endpoint) == variable


def test_a_proxy_without_a_user_sends_no_password() -> None:
    assert Proxy("https_proxy", "proxy.example", 3128).authorization is None
