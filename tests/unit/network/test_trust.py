"""What is trusted: one reading of files, variables and the system, whatever their form."""

import ssl
import sys
from pathlib import Path

import pytest
from certificates import Certificate, issue
from trust_forms import BAD_FORMS, GOOD_FORMS, broken_within

from vision_grpc.errors import SettingError
from vision_grpc.network.tls import Tls, read_trust, trust
from vision_grpc.network.tls.contexts import make_context
from vision_grpc.network.tls.trust import Trust

_HASHED = "0a1b2c3d.0"


@pytest.fixture(scope="module")
def authority() -> Certificate:
    return issue("Corp CA", is_authority=True)


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("form", GOOD_FORMS)
def test_certificates_are_read_in_any_usual_form(form: str, authority: Certificate, tmp_path: Path) -> None:
    content = GOOD_FORMS[form](authority)
    file = tmp_path / "roots.pem"
    file.write_bytes(content)
    read = read_trust(content)
    assert authority.der in read.certificates
    assert len(set(read.certificates)) == len(read.certificates)
    assert b"PRIVATE" not in read.pem
    assert read.certificates == read_trust(file).certificates == read_trust(str(file)).certificates
    assert read.pem.count(b"-----BEGIN CERTIFICATE-----\n") == len(read.certificates)


@pytest.mark.parametrize("form", BAD_FORMS)
@pytest.mark.parametrize("is_variable", [False, True])
def test_what_has_no_certificate_is_refused_by_name(
    form: str, authority: Certificate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_variable: bool
) -> None:
    write, reason = BAD_FORMS[form]
    file = tmp_path / "roots.pem"
    file.write_bytes(write(authority))
    if is_variable:
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
    with pytest.raises(SettingError) as caught:
        read_trust(None if is_variable else file)
    assert reason in caught.value.problem
    assert str(file) in caught.value.problem
    assert str(caught.value).endswith(
        "; correct SSL_CERT_FILE, or unset it" if is_variable else "; correct root_certificates"
    )


def test_those_that_are_valid_longest_come_first(authority: Certificate) -> None:
    lasting = [issue("Corp CA", key=authority.key, is_authority=True, days=(-1, day)) for day in (1, 40 * 365, 20)]
    in_order = [lasting[1].pem, lasting[2].pem, lasting[0].pem]
    assert read_trust(b"".join(each.pem for each in lasting)).pem == b"".join(in_order)


def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    fix = "; pass root_certificates as a PEM file or as bytes, or set SSL_CERT_DIR to the directory"
    with pytest.raises(SettingError) as caught:
        read_trust(tmp_path)
    assert str(caught.value) == f"the root certificates {tmp_path} cannot be read (Is a directory){fix}"


def test_a_file_that_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingError, match=r"missing\.pem cannot be read .*pass root_certificates as a PEM file"):
        read_trust(tmp_path / "missing.pem")
    for path in (tmp_path / "missing.pem", tmp_path):
        monkeypatch.setenv("SSL_CERT_FILE", str(path))
        with pytest.raises(SettingError, match=rf"^SSL_CERT_FILE={path}: it cannot be read .*; correct SSL_CERT"):
            read_trust(None)


def test_a_variable_is_read_in_place_of_the_systems(
    authority: Certificate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "roots.pem"
    file.write_bytes(authority.pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    assert read_trust(None) == Trust((authority.der,), f"SSL_CERT_FILE={file}")
    # What is given counts alone.
    other = issue("Other CA", is_authority=True)
    assert read_trust(other.pem).certificates == (other.der,)
    monkeypatch.setenv("SSL_CERT_FILE", f' "{file}"\n')
    read = read_trust(None)
    assert read == Trust(
        (authority.der,), f"SSL_CERT_FILE={file} (blanks and a line end and quotation marks were removed)"
    )
    monkeypatch.setenv("SSL_CERT_FILE", f"{file}\nmore")
    with pytest.raises(SettingError, match="SSL_CERT_FILE: there is a line end inside"):
        read_trust(None)
    monkeypatch.setenv("SSL_CERT_FILE", "")
    assert authority.der not in read_trust(None).certificates


def test_the_folders_of_the_variable_are_read_and_the_file_too(
    authority: Certificate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed, plain, in_file = (issue(name, is_authority=True) for name in ("hashed", "plain", "in a file"))
    for folder in ("hashed", "plain", "empty"):
        (tmp_path / folder).mkdir()
    (tmp_path / "hashed" / _HASHED).write_bytes(hashed.pem)
    (tmp_path / "hashed" / "0a1b2c3d.r0").write_bytes(b"-----BEGIN X509 CRL-----")
    (tmp_path / "hashed" / "unhashed.pem").write_bytes(authority.pem)
    (tmp_path / "plain" / "corp.crt").write_bytes(plain.der)
    (tmp_path / "plain" / "README").write_bytes(b"Trusted here")
    (tmp_path / "plain" / "dangling.pem").symlink_to(tmp_path / "nowhere")
    (tmp_path / "plain" / "folder.pem").mkdir()
    folders = ":".join(str(tmp_path / name) for name in ("missing", "hashed", "", "plain", "hashed"))
    monkeypatch.setenv("SSL_CERT_DIR", folders)
    assert read_trust(None).certificates == (hashed.der, plain.der)
    (tmp_path / "roots.pem").write_bytes(in_file.pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "roots.pem"))
    assert read_trust(None).certificates == (in_file.der, hashed.der, plain.der)
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "empty"))
    assert read_trust(None).certificates == (in_file.der,)
    monkeypatch.delenv("SSL_CERT_FILE")
    for folder in ("empty", "missing", "roots.pem"):
        monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / folder))
        with pytest.raises(SettingError, match=rf"^SSL_CERT_DIR={tmp_path / folder}: there is no folder with cert"):
            read_trust(None)


def test_variables_of_other_programs_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = read_trust(None)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"):
        monkeypatch.setenv(name, str(tmp_path / "missing.pem"))
    assert read_trust(None) == before


class _System:
    """A machine whose certificates are where a test puts them."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.file, self.folder = root / "etc" / "bundle.crt", root / "etc" / "certs"
        self.folder.mkdir(parents=True)
        nothing = str(root / "nothing")
        paths = ssl.get_default_verify_paths()._replace(openssl_cafile=nothing, openssl_capath=nothing)
        monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: paths)
        monkeypatch.setattr(trust, "_SYSTEM_FILES", (nothing, str(self.file)))
        monkeypatch.setattr(trust, "_SYSTEM_FOLDERS", (nothing, str(self.folder)))


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> _System:
    return _System(tmp_path, monkeypatch)


def test_the_systems_file_comes_first_then_its_folder(system: _System, authority: Certificate) -> None:
    (system.folder / _HASHED).write_bytes(authority.pem)
    assert read_trust(None) == Trust((authority.der,), f"the system's {system.folder}")
    for nothing_good in (b"", b"-----BEGIN CERTIFICATE-----\nMII"):
        system.file.write_bytes(nothing_good)
        assert read_trust(None).certificates == (authority.der,)
    other = issue("Other CA", is_authority=True)
    system.file.write_bytes(other.pem)
    assert read_trust(None) == Trust((other.der,), f"the system's {system.file}")


@pytest.mark.usefixtures("system")
def test_without_any_of_the_systems_both_transports_take_those_of_grpc() -> None:
    found = read_trust(None)
    assert found.is_makeshift
    assert found.origin == "the certificates that gRPC comes with"
    assert len(found.certificates) > 50
    assert len(Tls(found).context("http/1.1").get_ca_certs()) == len(found.certificates)


@pytest.mark.usefixtures("system")
def test_without_any_at_all_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trust, "find_spec", lambda _: None)
    with pytest.raises(SettingError, match=r"no root certificates; install the package ca-certificates, or pass root_"):
        read_trust(None)


@pytest.mark.usefixtures("system")
def test_windows_keeps_them_in_a_store(authority: Certificate, monkeypatch: pytest.MonkeyPatch) -> None:
    mail, crl = issue("Mail", is_authority=True).der, b"a list of revoked ones"
    server, other_use = {ssl.Purpose.SERVER_AUTH.oid}, {"1.3.6.1.5.5.7.3.4"}
    store = [(authority.der, "x509_asn", True), (mail, "x509_asn", other_use), (crl, "pkcs_7_asn", True)]
    store.append((b"server", "x509_asn", server))
    monkeypatch.setattr(ssl, "enum_certificates", {"ROOT": store}.__getitem__, raising=False)
    monkeypatch.setattr(sys, "platform", "win32")
    assert read_trust(None).certificates == (authority.der, b"server")


def test_a_file_that_changes_is_read_anew_by_the_next_client(authority: Certificate, tmp_path: Path) -> None:
    file = tmp_path / "roots.pem"
    file.write_bytes(authority.pem)
    first = read_trust(file)
    other = issue("Other CA", is_authority=True)
    file.write_bytes(other.pem)
    assert read_trust(file).certificates == (other.der,)
    assert first.certificates == (authority.der,)


def test_contexts_are_shared_by_those_that_trust_the_same(authority: Certificate) -> None:
    first, same = (Tls(read_trust(content)) for content in (authority.pem, b"\xef\xbb\xbf" + authority.pem))
    assert first.context("http/1.1") is same.context("http/1.1")
    assert first.context("h2") is not same.context("http/1.1")
    assert Tls(read_trust(issue("Other CA").pem)).context("h2") is not first.context("h2")


def test_a_certificate_that_openssl_cannot_read_is_refused_or_left_out_of_the_systems(
    system: _System, authority: Certificate, caplog: pytest.LogCaptureFixture
) -> None:
    broken = broken_within(issue("Odd CA", is_authority=True))
    with pytest.raises(SettingError, match="the root certificates: a certificate in it is broken: OpenSSL cannot read"):
        read_trust(authority.pem + broken)
    system.file.write_bytes(broken + authority.pem)
    context = Tls(read_trust(None)).context("http/1.1")
    assert [dict(*part["subject"]) for part in context.get_ca_certs()] == [{"commonName": "Corp CA"}]
    assert "1 of 2 certificates to trust are broken" in caplog.text
    # Without any, the system's are not a substitute.
    assert Tls(Trust((), "nothing")).context("http/1.1").get_ca_certs() == []


def test_an_empty_key_log_means_none_and_one_that_cannot_be_written_is_named(
    authority: Certificate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificates = (authority.der,)
    monkeypatch.setenv("SSLKEYLOGFILE", "")
    assert make_context(certificates, ("h2",)).keylog_filename is None
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    assert make_context(certificates, ("h2",)).keylog_filename == str(tmp_path / "keys")
    for path in (tmp_path, tmp_path / "missing" / "keys"):
        monkeypatch.setenv("SSLKEYLOGFILE", str(path))
        with pytest.raises(OSError, match=f"SSLKEYLOGFILE={path} cannot be written"):
            make_context(certificates, ("h2",))
