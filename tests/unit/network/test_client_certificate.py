"""The client's certificate: its forms, and machines without a place for files."""

import os
import ssl
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from certificates import issue
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from vision_grpc.errors import SettingError
from vision_grpc.network.tls import ClientCertificate, Tls, read_client_certificate, read_trust

_AUTHORITY = issue("Corp CA", is_authority=True)
_CLIENT = issue("client", _AUTHORITY)
_CHAIN = _CLIENT.pem + _AUTHORITY.pem


def _target(descriptor: Path) -> str:
    """Return what a file descriptor stands for; another thread may have closed it meanwhile."""
    try:
        return str(descriptor.readlink())
    except FileNotFoundError:
        return ""


def _utf16(pem: bytes) -> bytes:
    return pem.decode().encode("utf-16")


FORMS: dict[str, Callable[[bytes], bytes]] = {
    "plain": lambda pem: pem,
    "byte order mark": lambda pem: b"\xef\xbb\xbf" + pem,
    "CRLF": lambda pem: pem.replace(b"\n", b"\r\n"),
    "UTF-16": _utf16,
    "text before": lambda pem: b"Bag Attributes\n  friendlyName: me\n" + pem,
    "the other one behind": lambda pem: pem + (_CLIENT.key_pem if pem == _CHAIN else _CHAIN),
    "the other one before": lambda pem: (_CLIENT.key_pem if pem == _CHAIN else _CHAIN) + pem,
}


@pytest.mark.parametrize("form", FORMS)
def test_both_files_are_read_in_any_usual_form(form: str, tmp_path: Path) -> None:
    files = (tmp_path / "chain.pem", tmp_path / "key.pem")
    for file, content in zip(files, (_CHAIN, _CLIENT.key_pem), strict=True):
        file.write_bytes(FORMS[form](content))
        file.chmod(0o600)
    assert read_client_certificate(files) == ClientCertificate(_CHAIN, _CLIENT.key_pem)


def test_the_order_of_the_chain_stays_and_begins_with_the_clients() -> None:
    with pytest.raises(SettingError, match="does not belong to the client certificate, which has to begin with"):
        read_client_certificate((_AUTHORITY.pem + _CLIENT.pem, _CLIENT.key_pem))


@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
def test_an_encrypted_key_is_refused_without_a_question(form: PrivateFormat) -> None:
    key = _CLIENT.key.private_bytes(Encoding.PEM, form, BestAvailableEncryption(b"secret"))
    with pytest.raises(SettingError, match="the client's key is encrypted: `openssl pkey` writes it without"):
        read_client_certificate((_CHAIN, key))


@pytest.mark.skipif(sys.platform != "linux", reason="files in memory are Linux's")
def test_no_folder_for_temporary_files_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere")
    certificate = read_client_certificate((_CHAIN, _CLIENT.key_pem))
    Tls(read_trust(_AUTHORITY.pem), certificate).context("http/1.1")
    assert not [link for link in map(_target, Path("/proc/self/fd").iterdir()) if "memfd:vision-grpc" in link]


def test_without_files_in_memory_a_folder_is_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(name: str) -> int:
        raise PermissionError(1, "Operation not permitted", name)

    monkeypatch.setattr(os, "memfd_create", refuse, raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    read_client_certificate((_CHAIN, _CLIENT.key_pem))
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere")
    with pytest.raises(SettingError, match=r"has no place for one \(No such file or directory\); set TMPDIR"):
        read_client_certificate((_CHAIN, _CLIENT.key_pem))


def test_what_one_client_presents_no_other_does(monkeypatch: pytest.MonkeyPatch) -> None:
    trust = read_trust(_AUTHORITY.pem)
    certificate = read_client_certificate((_CHAIN, _CLIENT.key_pem))
    loaded: list[ssl.SSLContext] = []
    monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", lambda context, *_, **__: loaded.append(context))
    with_it, without = Tls(trust, certificate).context("http/1.1"), Tls(trust).context("http/1.1")
    assert loaded == [with_it]
    assert without is not with_it


def test_no_cache_keeps_a_private_key() -> None:
    """A file may hold the certificate and the key, and be named for trust too."""
    combined = _CHAIN + _CLIENT.key_pem
    before = sys.getrefcount(combined)
    read_client_certificate((combined, combined))
    read_trust(combined)
    assert sys.getrefcount(combined) == before
