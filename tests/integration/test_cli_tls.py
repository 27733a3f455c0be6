"""The command line against a service that asks for a client certificate and has another name."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal, NamedTuple

import grpc
import pytest
import trustme
from auth_peers import grpc_server
from command_line import Finished, run
from images_in_bytes import png

from vision_grpc.api.vision_v1 import VISION_V1
from vision_grpc.messages import AnalyzeResult, BatchAnalyzeRequest, BatchAnalyzeResponse

VARIABLES = {"YC_API_KEY": "AQVNkeykeykeykeykeykeykeykey"}
Command = Literal["analyze", "doctor"]


class Place(NamedTuple):
    address: str
    folder: Path
    data_logging: list[str | bytes | None]

    def run(self, command: Command, *more: object, without: str = "") -> Finished:
        """Run a command with all the options that it takes here, but for one."""
        options = {
            "--endpoint": self.address,
            "--root-certificates": self.folder / "roots.pem",
            "--client-certificate": self.folder / "chain.pem",
            "--client-key": self.folder / "key.pem",
            "--server-name": "vision.example",
        }
        told = [part for name, value in options.items() if name != without for part in (name, value)]
        image = [self.folder / "image.png"] if command == "analyze" else []
        return run(command, *told, *more, *image, variables=VARIABLES)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("tls")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "roots.pem")
    _write(authority.issue_cert("client@vision.example", common_name="the client"), folder, "chain.pem", "key.pem")
    (folder / "image.png").write_bytes(png(1))
    seen: list[str | bytes | None] = []

    def answer(wire: bytes, context: grpc.ServicerContext) -> bytes:
        seen.append(dict(context.invocation_metadata()).get("x-data-logging-enabled"))
        specs = BatchAnalyzeRequest.FromString(wire).analyze_specs
        return BatchAnalyzeResponse(results=[AnalyzeResult() for _ in specs]).SerializeToString()

    own = authority.issue_cert("vision.example")
    pair = (own.private_key_pem.bytes(), own.cert_chain_pems[0].bytes())
    tls = grpc.ssl_server_credentials([pair], authority.cert_pem.bytes(), require_client_auth=True)
    with grpc_server(answer, tls, VISION_V1.grpc_path) as address:
        yield Place(address, folder, seen)


def _write(certificate: trustme.LeafCert, folder: Path, chain: str, key: str) -> None:
    (folder / chain).write_bytes(b"".join(part.bytes() for part in certificate.cert_chain_pems))
    certificate.private_key_pem.write_to_path(folder / key)
    (folder / key).chmod(0o600)


@pytest.mark.parametrize(
    ("flags", "sent"), [([], None), (["--data-logging"], "true"), (["--no-data-logging"], "false")]
)
def test_the_flags_lead_there(place: Place, flags: list[str], sent: str | None) -> None:
    assert place.run("analyze", *flags) == (0, b"", "")
    assert place.data_logging[-1] == sent


def test_the_doctor_tells_of_the_certificate_and_the_name(place: Place) -> None:
    told = place.run("doctor", "--call", "--json")
    assert told.code == 0, told.text
    found = {finding["name"]: finding["message"] for finding in told.objects}
    assert found["endpoint"].startswith(f"{place.address} with TLS as vision.example (as given)")
    assert found["certificate"].startswith("the client presents CN=the client,")
    assert "valid until 3000-01-01" in found["certificate"]
    assert "speaks HTTP/2" in found["http2"]


@pytest.mark.parametrize("transport", ["grpc", "rest"])
def test_a_name_that_is_not_expected_is_told_with_its_flag(place: Place, transport: str) -> None:
    told = place.run("analyze", "--transport", transport, without="--server-name")
    assert told.code == 2
    [complaint, _] = told.complaints
    assert ": its certificate is for another host (" in complaint
    assert complaint.endswith(
        "; call it by a name that is in the certificate, or pass --server-name to expect one of those"
    )
    told = place.run("doctor", without="--root-certificates")
    assert told.code == 1
    assert "fix: pass --root-certificates (in Python: root_certificates)" in told.text


@pytest.mark.parametrize("command", ["analyze", "doctor"])
@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("key.pem", b"no key", "key.pem: there is no private key in PEM form"),
        ("chain.pem", b"", "chain.pem: there is no certificate in PEM form"),
        ("chain.pem", b"-----BEGIN CERTIFICATE-----\nMII\n", "is broken: OpenSSL cannot read it"),
        ("roots.pem", b"", "roots.pem: there is no certificate in PEM form"),
        ("roots.pem", b"\xff", "roots.pem: there is no certificate in PEM form"),
    ],
)
def test_an_odd_file_is_one_clear_line(  # noqa: PLR0917 - the table's columns
    place: Place, tmp_path: Path, command: Command, name: str, content: bytes, told: str
) -> None:
    for file in ("key.pem", "chain.pem", "roots.pem", "image.png"):
        (tmp_path / file).write_bytes(content if file == name else (place.folder / file).read_bytes())
        (tmp_path / file).chmod(0o600)
    finished = place._replace(folder=tmp_path).run(command)
    assert finished.code == 2
    [line, *fix] = (finished.stderr or finished.text).splitlines()
    assert told in line
    assert len(fix) == (command == "doctor")


def test_an_expired_certificate_is_a_fault(place: Place, tmp_path: Path) -> None:
    expired = trustme.CA().issue_cert("client@vision.example", not_after=datetime.now(UTC) - timedelta(days=1))
    _write(expired, tmp_path, "chain.pem", "key.pem")
    (tmp_path / "roots.pem").write_bytes((place.folder / "roots.pem").read_bytes())
    told = place._replace(folder=tmp_path).run("doctor", "--json")
    assert told.code == 1
    assert [finding["fix"] for finding in told.objects if finding["name"] == "certificate"] == [
        "renew the client certificate"
    ]
