"""A shared quota over TLS: the service with its certificate, and what clients trust."""

import json
import pickle
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import trustme
from command_line import options_to, run
from images_in_bytes import write_images
from quota_service import quota_service
from scripted_service import answer, serve_grpc

from vision_grpc.cli.quota_options import QuotaWishes
from vision_grpc.errors import SettingError
from vision_grpc.quota import EnvoyQuota, SharedQuota
from vision_grpc.quota.look import look_at_usage


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ca.pem, certificate.pem and key.pem."""
    folder = tmp_path_factory.mktemp("tls")
    authority = trustme.CA()
    own = authority.issue_cert("127.0.0.1")
    authority.cert_pem.write_to_path(folder / "ca.pem")
    own.cert_chain_pems[0].write_to_path(folder / "certificate.pem")
    own.private_key_pem.write_to_path(folder / "key.pem")
    return folder


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    """A service that speaks TLS."""
    files = ("--tls-certificate", folder / "certificate.pem", "--tls-key", folder / "key.pem")
    with quota_service("--rps", 50, *files) as (_, address):
        assert address.startswith("https://127.0.0.1:")
        yield address


@pytest.mark.parametrize("form", ["file", "bytes", "pickled", "environment"])
def test_a_client_that_trusts_it_gets_permits(
    address: str, folder: Path, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ca = folder / "ca.pem"
    if form == "environment":
        monkeypatch.setenv("SSL_CERT_FILE", str(ca))
        quota = SharedQuota(address)
    else:
        quota = SharedQuota(address, root_certificates=ca.read_bytes() if form == "bytes" else ca)
    if form == "pickled":
        quota = pickle.loads(pickle.dumps(quota))  # noqa: S301 - made here
    with closing(quota):
        assert not quota.reserve(1, 8).is_alone


def test_a_scheme_may_be_in_upper_case(address: str, folder: Path) -> None:
    form, ca = address.replace("https", "HTTPS"), folder / "ca.pem"
    with closing(SharedQuota(form, root_certificates=ca)) as quota:
        assert not quota.reserve(1, 8).is_alone
    assert look_at_usage(form, root_certificates=ca).clients


@pytest.mark.parametrize("shared", ["HTTPS://quota.example.:7", " https://quota.example:7", "quota.example:7"])
def test_the_command_line_passes_roots_to_services_that_speak_tls(folder: Path, shared: str) -> None:
    wishes = QuotaWishes(
        jobs=1, rps=None, images_per_second=None, shared_quota=shared, max_images=None, budget=None, deferred=None
    )
    quota = wishes.shared(folder / "ca.pem")
    assert quota is not None
    assert (vars(quota)["_trust"] is not None) is ("://" in shared)


def test_a_client_that_does_not_trust_it_goes_on_alone_and_says_why(
    address: str, caplog: pytest.LogCaptureFixture
) -> None:
    stranger = trustme.CA().cert_pem.bytes()
    with closing(SharedQuota(address, share_requests_per_s=50, root_certificates=stranger)) as quota:
        assert all(quota.reserve(1, 8).is_alone for _ in range(3))
    [record] = [record for record in caplog.records if record.name == "vision_grpc.quota"]
    told = f"the quota's service at {address.removeprefix('https://')} is not used: its certificate is not trusted here"
    assert record.getMessage() == told


def test_a_client_in_plaintext_goes_on_alone(address: str) -> None:
    with closing(SharedQuota(address.removeprefix("https://"), share_requests_per_s=50)) as quota:
        assert quota.reserve(1, 8).is_alone


def test_the_command_line_shows_and_shares_it(address: str, folder: Path, tmp_path: Path) -> None:
    trust = ("--root-certificates", folder / "ca.pem")
    write_images(tmp_path / "scans", 3)
    with serve_grpc(answer) as service:
        assert (
            run("analyze", *options_to(service.address), "scans", "--shared-quota", address, *trust, cwd=tmp_path).code
            == 0
        )
    shown = json.loads(run("quota", "--show", address, *trust, "--json").text)
    assert 3 in [client["images"] for client in shown["clients"]]
    refused = run("quota", "--show", address)
    assert refused.code == 2
    assert "its certificate is not trusted here" in refused.complaints[0]


def test_roots_for_plaintext_are_refused(folder: Path) -> None:
    ca = folder / "ca.pem"
    with pytest.raises(SettingError, match=r"root certificates are for TLS, and .* is called in plaintext"):
        SharedQuota("127.0.0.1:9", root_certificates=ca)
    with pytest.raises(SettingError, match="in plaintext"):
        EnvoyQuota("http://127.0.0.1:9", domain="d", descriptors={"a": "b"}, root_certificates=ca)
    with pytest.raises(SettingError, match="in plaintext"):
        look_at_usage("127.0.0.1:9", root_certificates=ca)


@pytest.mark.parametrize("roots", ["no such file.pem", b"nothing", 5])
def test_roots_that_are_none_are_refused_at_once(roots: object) -> None:
    with pytest.raises((SettingError, TypeError)):
        SharedQuota("https://127.0.0.1:9", root_certificates=roots)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--rps", "1", "--tls-key", "key.pem"), "--tls-certificate and --tls-key go together"),
        (
            ("--rps", "1", "--tls-certificate", "key.pem", "--tls-key", "certificate.pem"),
            "are not a PEM certificate chain",
        ),
        (("--rps", "1", "--tls-certificate", "ca.pem", "--tls-key", "key.pem"), "are not a PEM certificate chain"),
        (("--rps", "1", "--tls-certificate", ".", "--tls-key", "key.pem"), "is not a file: name a PEM file"),
        (("--rps", "1", "--tls-certificate", "none.pem", "--tls-key", "key.pem"), "is not a file: name a PEM file"),
        (("--show", "https://127.0.0.1:9", "--tls-key", "key.pem"), "drop --tls-key"),
        (("--rps", "1", "--root-certificates", "ca.pem"), "--root-certificates goes with --show"),
    ],
)
def test_files_that_do_not_fit_are_refused(folder: Path, options: tuple[str, ...], complaint: str) -> None:
    finished = run("quota", *options, cwd=folder)
    assert finished.code == 2
    assert complaint in finished.complaints[0]
