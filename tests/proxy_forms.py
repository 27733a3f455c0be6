"""What people write into the variables of proxies, and what it means: the rule of docs/proxies.md in examples."""

from typing import Literal, NamedTuple

Verdict = Literal["proxy", "direct", "unusable"]

PROXY = "{proxy}"
"""Stands for the `host:port` of a proxy that runs."""
URL = f"http://{PROXY}"
NOWHERE = "http://127.0.0.1:1"
"""A proxy that does not run: another one is meant."""


class Form(NamedTuple):
    """Variables, an endpoint, and how it is connected to."""

    verdict: Verdict
    endpoint: str
    environ: dict[str, str]

    def environ_of(self, proxy: str) -> dict[str, str]:
        """Return the variables for a proxy at `host:port`."""
        return {name: value.replace(PROXY, proxy) for name, value in self.environ.items()}

    def __str__(self) -> str:
        return f"{self.endpoint} {' '.join(f'{name}={value!r}' for name, value in self.environ.items())}"


# Names in `.invalid` do not resolve, and nobody answers at the addresses.
_TLS = "vision.invalid"
_PLAIN = "http://vision.invalid:8080"
_IPV4 = "198.51.100.7:8443"
_IPV6 = "[2001:db8::7]:8443"
_SOCKS = "socks5://127.0.0.1:1"


def _which(verdict: Verdict, endpoint: str = _TLS, /, **environ: str) -> Form:
    return Form(verdict, endpoint, environ)


def _written(verdict: Verdict, value: str) -> Form:
    return Form(verdict, _TLS, {"https_proxy": value})


def _excepted(verdict: Verdict, endpoint: str, no_proxy: str) -> Form:
    return Form(verdict, endpoint, {"all_proxy": URL, "NO_PROXY": no_proxy})


VARIABLES = [
    _which("direct"),
    _which("proxy", https_proxy=URL),
    _which("proxy", HTTPS_PROXY=URL),
    _which("proxy", https_proxy=URL, HTTPS_PROXY=NOWHERE),
    _which("direct", https_proxy="", HTTPS_PROXY=URL),
    _which("direct", https_proxy=" \n", HTTPS_PROXY=URL),
    _which("direct", HTTPS_PROXY=""),
    _which("direct", Https_Proxy=URL),
    _which("direct", _PLAIN, https_proxy=URL, HTTPS_PROXY=URL),
    _which("direct", http_proxy=URL, HTTP_PROXY=URL),
    _which("proxy", _PLAIN, http_proxy=URL),
    _which("proxy", _PLAIN, HTTP_PROXY=URL),
    _which("direct", _PLAIN, HTTP_PROXY=URL, REQUEST_METHOD="GET"),
    _which("proxy", _PLAIN, http_proxy=URL, HTTP_PROXY=NOWHERE, REQUEST_METHOD="GET"),
    _which("proxy", HTTPS_PROXY=URL, REQUEST_METHOD="GET"),
    _which("direct", _PLAIN, http_proxy="", HTTP_PROXY=URL),
    _which("proxy", all_proxy=URL),
    _which("proxy", ALL_PROXY=URL),
    _which("proxy", _PLAIN, ALL_PROXY=URL),
    _which("direct", all_proxy="", ALL_PROXY=URL),
    _which("proxy", https_proxy="", all_proxy=URL),
    _which("proxy", https_proxy=URL, all_proxy=_SOCKS),
    _which("unusable", https_proxy=_SOCKS, all_proxy=URL),
    _which("proxy", http_proxy=_SOCKS, all_proxy=URL),
    _which("proxy", grpc_proxy=URL),
    _which("proxy", _PLAIN, grpc_proxy=URL),
    _which("proxy", grpc_proxy=URL, https_proxy=NOWHERE, all_proxy=NOWHERE),
    _which("proxy", grpc_proxy="", https_proxy=URL),
    _which("unusable", grpc_proxy="https://127.0.0.1:1", https_proxy=URL),
    _which("direct", GRPC_PROXY=URL),
    _which("direct", _IPV4, GRPC_ADDRESS_HTTP_PROXY=PROXY, GRPC_ADDRESS_HTTP_PROXY_ENABLED_ADDRESSES="0.0.0.0/0"),
    _which("direct", "http://localhost:1", all_proxy=URL, grpc_proxy=URL),
    _which("direct", "127.0.0.2:1", all_proxy=URL, grpc_proxy=URL),
    _which("direct", "[::1]:1", all_proxy=URL, grpc_proxy=URL),
]
"""Which variable counts."""

ADDRESSES = [
    *(
        _written("proxy", value)
        for value in [
            PROXY,
            f"{URL}/",
            f"{URL}/proxy.pac?a=b#c",
            f"HTTP://{PROXY}",
            f" \t{URL}\r\n",
            f"{PROXY}\n",
            f'"{URL}"',
            f"'{PROXY}'\n",
            f"\ufeff{URL}\u00a0",
            f"me:S3cret@{PROXY}",
            f"http://me:S3cret@{PROXY}",
            f"http://me@{PROXY}",
            f"http://@{PROXY}",
            f"http://me:a@b:c@{PROXY}",
            f"http://domain%5Cme:S3%40%3A%2F%20cret@{PROXY}",
        ]
    ),
    *(
        _written("unusable", value)
        for value in [
            "https://127.0.0.1:1",
            "socks://127.0.0.1:1",
            "socks4://127.0.0.1:1",
            "socks4a://127.0.0.1:1",
            "SOCKS5://127.0.0.1:1",
            "socks5h://me:S3cret@127.0.0.1",
            "ftp://127.0.0.1:1",
            "http://",
            "://127.0.0.1:1",
            "//127.0.0.1:1",
            ":1",
            "http:/127.0.0.1:1",
            "http:127.0.0.1:1",
            "http://127.0.0.1:99999",
            "http://127.0.0.1:0",
            "http://127.0.0.1:abc",
            "http://127.0.0.1:1,http://127.0.0.1:2",
            "http://a b:1",
            "http://a..b:1",
            "http://[::1:1",
            "http://'127.0.0.1:1'",
            '"http://127.0.0.1:1',
            "http://me:S3/cret@127.0.0.1:1",
            "http://me:12/S3cret@127.0.0.1:1",
            "http://me:12#S3cret@127.0.0.1:1",
        ]
    ),
]
"""How the address of a proxy is written."""

EXCEPTIONS = [
    *(
        _excepted("direct", _TLS, no_proxy)
        for no_proxy in [
            "*",
            " * ",
            "localhost,*",
            "vision.invalid",
            "VISION.Invalid",
            "vision.invalid.",
            ".vision.invalid",
            "*.vision.invalid",
            "invalid",
            ".invalid",
            "*.invalid",
            ".invalid.",
            "vision.invalid:443",
            ".invalid:443",
            "*:443",
            "a.example,vision.invalid",
            "a.example, vision.invalid",
            "a.example vision.invalid",
            "a.example\tvision.invalid\r\n",
            " ,, vision.invalid ,",
            '"a.example,vision.invalid"',
            "\ufeffvision.invalid\u00a0",
        ]
    ),
    *(
        _excepted("proxy", _TLS, no_proxy)
        for no_proxy in [
            "",
            " ",
            ",",
            ".",
            "*.",
            "*.*",
            "vision",
            "vision.",
            "ision.invalid",
            "*ision.invalid",
            "a.vision.invalid",
            "vision.invalid.example",
            "vision.invalid:80",
            "vision.invalid:8443",
            "*:80",
            "https://vision.invalid",
            "198.51.100.0/24",
            "0.0.0.0/0",
            "localhost,127.0.0.1,::1",
        ]
    ),
    _excepted("direct", "vision.invalid.:443", "vision.invalid"),
    _excepted("direct", "VISION.invalid:443", ".Invalid"),
    _excepted("direct", _PLAIN, "vision.invalid:8080"),
    _excepted("proxy", _PLAIN, "vision.invalid:80"),
    *(
        _excepted("direct", _IPV4, no_proxy)
        for no_proxy in [
            "198.51.100.7",
            "198.51.100.7:8443",
            "198.51.100.0/24",
            "198.51.100.99/24",
            "198.51.0.0/16,a.example",
            "198.51.100.0/255.255.255.0",
            "198.51.100.7/32",
            "0.0.0.0/0",
            "198.51.100.0/24:8443",
            "*",
        ]
    ),
    *(
        _excepted("proxy", _IPV4, no_proxy)
        for no_proxy in [
            "198.51.100.8",
            "198.51.100",
            "100.7",
            ".7",
            "7",
            "198.51.100.7:443",
            "198.51.101.0/24",
            "198.51.100.0/33",
            "198.51.100.0/",
            "::/0",
        ]
    ),
    *(
        _excepted("direct", _IPV6, no_proxy)
        for no_proxy in [
            "2001:db8::7",
            "[2001:db8::7]",
            "[2001:db8::7]:8443",
            "2001:DB8:0:0::7",
            "2001:db8::/32",
            "[2001:db8::]/32",
            "[2001:db8::/32]",
            "::/0",
            "a.example, 2001:db8::/64",
        ]
    ),
    *(
        _excepted("proxy", _IPV6, no_proxy)
        for no_proxy in ["2001:db8::8", "[2001:db8::7]:443", "2001:db9::/32", "2001:db8::/129", "0.0.0.0/0", "7"]
    ),
    _excepted("direct", "[::ffff:198.51.100.7]:8443", "198.51.100.0/24"),
    _which("direct", https_proxy=URL, no_proxy=_TLS),
    _which("direct", https_proxy=URL, no_proxy=_TLS, NO_PROXY="a.example"),
    _which("proxy", https_proxy=URL, no_proxy="a.example", NO_PROXY=_TLS),
    _which("direct", https_proxy=URL, no_proxy="", NO_PROXY=_TLS),
    _which("direct", https_proxy=URL, no_grpc_proxy=_TLS),
    _which("direct", https_proxy=URL, no_grpc_proxy=_TLS, no_proxy="a.example"),
    _which("proxy", https_proxy=URL, no_grpc_proxy="a.example", no_proxy=_TLS),
    _which("direct", https_proxy=URL, no_grpc_proxy="", no_proxy=_TLS),
    _which("proxy", https_proxy=URL, NO_GRPC_PROXY=_TLS),
    _which("direct", grpc_proxy=URL, no_proxy=_TLS),
    _which("direct", https_proxy=_SOCKS, no_proxy=_TLS),
]
"""What goes past the proxy."""

FORMS = [*VARIABLES, *ADDRESSES, *EXCEPTIONS]
