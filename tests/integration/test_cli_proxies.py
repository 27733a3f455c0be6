"""The command line where a variable names a proxy that does not run: the doctor's way out leads everywhere."""

import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, NamedTuple

import grpc
import pytest
import trustme
from auth_peers import Reply, always, grpc_server, http_server
from command_line import Finished, run
from held_port import held_port
from images_in_bytes import png

from vision_grpc.api.vision_v1 import VISION_V1
from vision_grpc.codec.json import to_json
from vision_grpc.messages import AnalyzeResult, BatchAnalyzeResponse

Protocol = Literal["grpc", "rest"]

_RESPONSE = BatchAnalyzeResponse(results=[AnalyzeResult()])
# It leads to this machine, and is not an address of a loopback interface: those never go through a proxy.
_HOST = "0.0.0.0"  # noqa: S104 - no server listens there
_KEY = {"YC_API_KEY": "AQVNkeykeykeykeykeykeykeykey"}


class Place(NamedTuple):
    authority: trustme.CA
    roots: Path
    image: Path


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    folder = tmp_path_factory.mktemp("proxies")
    place = Place(trustme.CA(), folder / "roots.pem", folder / "image.png")
    place.authority.cert_pem.write_to_path(place.roots)
    place.image.write_bytes(png(1))
    return place


@contextmanager
def _service(protocol: Protocol, authority: trustme.CA) -> Iterator[str]:
    """Give the port of a service that speaks one protocol."""
    own = authority.issue_cert(_HOST)
    if protocol == "grpc":
        tls = grpc.ssl_server_credentials([(own.private_key_pem.bytes(), own.cert_chain_pems[0].bytes())])
        with grpc_server(lambda *_: _RESPONSE.SerializeToString(), tls, VISION_V1.grpc_path) as address:
            yield address.rpartition(":")[2]
    else:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        own.configure_cert(context)
        with http_server(always(Reply(200, to_json(_RESPONSE))), context) as url:
            yield url.rpartition(":")[2]


@pytest.mark.parametrize(
    ("protocol", "transport", "variables", "way_out"),
    [
        ("grpc", "grpc", {"HTTPS_PROXY": "http://{proxy}"}, "set NO_PROXY=0.0.0.0 "),
        ("grpc", "auto", {"HTTPS_PROXY": "http://{proxy}"}, "set NO_PROXY=0.0.0.0 "),
        ("rest", "rest", {"HTTPS_PROXY": "http://{proxy}"}, "set NO_PROXY=0.0.0.0 "),
        ("rest", "auto", {"all_proxy": "{proxy}"}, "set NO_PROXY=0.0.0.0 "),
        ("grpc", "auto", {"https_proxy": "socks5h://{proxy}"}, "set NO_PROXY=0.0.0.0 "),
        ("grpc", "grpc", {"grpc_proxy": "http://{proxy}", "no_proxy": "a.example"}, "add 0.0.0.0 to no_proxy "),
        ("rest", "rest", {"grpc_proxy": "http://{proxy}", "no_proxy": "a.example"}, "add 0.0.0.0 to no_proxy "),
    ],
)
def test_the_doctors_way_out_lets_analyze_through(
    place: Place, protocol: Protocol, transport: str, variables: dict[str, str], way_out: str
) -> None:
    with held_port() as dead, _service(protocol, place.authority) as port:
        environ = {name: value.replace("{proxy}", f"127.0.0.1:{dead}") for name, value in variables.items()}
        options = ["--endpoint", f"{_HOST}:{port}", "--transport", transport, "--root-certificates", place.roots]

        def command(name: str, *arguments: object) -> Finished:
            return run(name, *options, *arguments, variables=_KEY | environ)

        fault = command("doctor")
        assert fault.code
        assert next(iter(variables)) in fault.text
        assert way_out in fault.text
        if match := re.search(r"set (NO_PROXY)=(\S+) ", fault.text):
            environ[match[1]] = match[2]
        elif match := re.search(r"add (\S+) to (no_proxy) ", fault.text):
            environ[match[2]] += f",{match[1]}"
        cured = command("doctor")
        assert "none, the connection is direct" in cured.text
        assert not cured.code
        assert not command("analyze", place.image).code


@pytest.mark.parametrize("transport", ["auto", "grpc", "rest"])
def test_a_proxy_that_cannot_be_used_is_one_line_with_the_way_out(place: Place, transport: str) -> None:
    variables = {"ALL_PROXY": "socks5://me:S3cret@127.0.0.1:1"}
    finished = run(
        "analyze", "--endpoint", "vision.invalid", "--transport", transport, place.image, variables=_KEY | variables
    )
    assert finished.code == 2
    line, _ = finished.complaints
    assert "the proxy in ALL_PROXY cannot be used: it is socks5://, and only http:// is supported" in line
    assert "name one as http://host:port, or set NO_PROXY=vision.invalid to connect directly" in line
    assert "S3cret" not in line
