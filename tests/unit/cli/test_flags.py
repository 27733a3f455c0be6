"""What the library says, as it says it, in the words of the command line."""

import re
import ssl
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from vision_grpc.api.vision_v1 import VISION_V1
from vision_grpc.auth import ApiKey
from vision_grpc.auth.default import missing_credentials
from vision_grpc.cli.analyze import analyze
from vision_grpc.cli.doctor import doctor
from vision_grpc.cli.flags import in_flags
from vision_grpc.network.endpoint import Endpoint
from vision_grpc.network.tls import read_roots, tls_hint
from vision_grpc.session.settings import Settings


def _resolve(**told: object) -> Settings:
    defaults: dict[str, object] = {
        "endpoint": None, "transport": None, "credentials": ApiKey("key"), "folder_id": None,
        "root_certificates": None, "insecure": False,
    }  # fmt: skip
    return Settings.resolve({}, **(defaults | told))  # type: ignore[arg-type]


SAID: dict[str, Callable[[], object]] = {
    "refusing to send credentials to h:80 in plaintext: use TLS (drop --insecure or http://), or use --anonymous": (
        Endpoint("h", 80, plaintext=True).check_private
    ),
    "the endpoint 'https://h' asks for TLS and --insecure for none: drop one of them": (
        lambda: Endpoint.parse("https://h", insecure=True)
    ),
    "--client-certificate and --client-key and --server-name are for TLS, and 127.0.0.1:1 is to be called in "
    "plaintext: drop them, or --insecure or http://": (
        lambda: _resolve(endpoint="127.0.0.1:1", insecure=True, server_name="n")
    ),
    "--folder-id (or YC_FOLDER_ID): is 51 characters long, must be at most 50": lambda: VISION_V1.template(
        ["*"], "", "f" * 51
    ),
    "--languages[1]: is 4 characters long, must be at most 3": lambda: VISION_V1.template(["ru", "engl"], "", ""),
    "--languages: has 0 elements, must have 1 to 8": lambda: VISION_V1.template([], "", ""),
    "--model: is 51 characters long, must be at most 50": lambda: VISION_V1.template(["*"], "m" * 51, ""),
}


@pytest.mark.parametrize("told", SAID)
def test_arguments_and_fields_become_flags(told: str) -> None:
    with pytest.raises(ValueError, match=r"\w") as caught:
        SAID[told]()
    assert in_flags(str(caught.value)) == told


def test_advice_on_tls_names_flags() -> None:
    error = ssl.SSLError(1, "CERTIFICATE_VERIFY_FAILED")
    assert in_flags(tls_hint(str(error))) == " (its certificate is not trusted here: pass --root-certificates)"
    asked = " (it asks for a client certificate: pass --client-certificate and --client-key)"
    assert in_flags(tls_hint("CERTIFICATE_REQUIRED")) == asked


def test_objects_are_not_for_the_command_line() -> None:
    told = in_flags(str(missing_credentials({})))
    assert told.startswith("no credentials: set one of YC_API_KEY, YC_IAM_TOKEN")
    assert ", YC_TOKEN. Looked at: the environment" in told


def test_names_of_files_stay_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "root_certificates"
    with pytest.raises(ValueError, match="cannot be read") as caught:
        read_roots(path)
    assert str(path) in in_flags(str(caught.value))
    assert in_flags("root_certificates.png: no such file") == "root_certificates.png: no such file"


@pytest.mark.parametrize("command", [analyze, doctor])
def test_the_flags_exist(command: click.Command) -> None:
    flags = {flag for parameter in command.params for flag in parameter.opts}
    named = re.findall(r"--[a-z-]+", " ".join([*map(in_flags, ("root_certificates", "client_certificate")), *SAID]))
    assert set(named) - {"--languages", "--model"} <= flags
    assert command is doctor or set(named) <= flags
