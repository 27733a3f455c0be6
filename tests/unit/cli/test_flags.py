"""The library's errors and advice, as the command line prints them."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import click
import pytest

from vision_grpc.api.vision_v1 import VISION_V1
from vision_grpc.auth import ApiKey
from vision_grpc.auth.default import missing_credentials
from vision_grpc.cli.analyze import analyze
from vision_grpc.cli.doctor import doctor
from vision_grpc.cli.flags import flag_and_argument_of, flag_of, image_error_in_flags, in_flags
from vision_grpc.config import Limits
from vision_grpc.errors import Advice, Code, PathError, ServiceError, Setting
from vision_grpc.network.endpoint import Endpoint
from vision_grpc.network.tls import read_trust
from vision_grpc.results import ImageError
from vision_grpc.session.settings import Settings
from vision_grpc.sources.files import read_image
from vision_grpc.sources.image import Rejection


def _resolve(**told: object) -> Settings:
    defaults: dict[str, object] = {
        "endpoint": None, "transport": None, "credentials": ApiKey("key"), "folder_id": None,
        "root_certificates": None, "insecure": False,
    }  # fmt: skip
    return Settings.resolve({}, **(defaults | told))  # type: ignore[arg-type]


PRINTED: dict[str, Callable[[], object]] = {
    "refusing to send credentials to h:80 in plaintext; drop --insecure or http://, or pass --anonymous": (
        Endpoint("h", 80, plaintext=True).check_private
    ),
    "the endpoint 'https://h' asks for TLS, and another setting for plaintext; drop --insecure or https://": (
        lambda: Endpoint.parse("https://h", insecure=True)
    ),
    "a server name is for TLS, and 127.0.0.1:1 is called in plaintext; drop --server-name, or drop --insecure or "
    "http://": lambda: _resolve(endpoint="127.0.0.1:1", insecure=True, server_name="n"),
    "--folder-id (or YC_FOLDER_ID): is 51 characters long, must be at most 50": lambda: VISION_V1.template(
        ["*"], "", "f" * 51
    ),
    "--languages[1]: is 4 characters long, must be at most 3": lambda: VISION_V1.template(["ru", "engl"], "", ""),
    "--languages: has 0 elements, must have 1 to 8": lambda: VISION_V1.template([], "", ""),
    "--model: is 51 characters long, must be at most 50": lambda: VISION_V1.template(["*"], "m" * 51, ""),
}


@pytest.mark.parametrize("printed", PRINTED)
def test_settings_and_fields_become_flags(printed: str) -> None:
    with pytest.raises(ValueError, match=r"\w") as caught:
        PRINTED[printed]()
    assert in_flags(caught.value) == printed


def test_credentials_come_from_the_environment() -> None:
    printed = in_flags(missing_credentials({}))
    assert "; set one of YC_API_KEY, YC_IAM_TOKEN" in printed
    assert "pass" not in printed


def test_names_of_files_stay_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "root_certificates"
    with pytest.raises(ValueError, match="cannot be read") as caught:
        read_trust(path)
    assert str(path) in in_flags(caught.value)


def test_an_error_of_an_image_has_flags_where_its_call_did_not_reach_the_service() -> None:
    cause = PathError("h:443 was not reached", advice=[Advice("pass", "root_certificates")])
    assert image_error_in_flags(ImageError(cause.code, str(cause), cause=cause)).endswith("; pass --root-certificates")
    refused = ServiceError(Code.PERMISSION_DENIED, "no root_certificates")
    assert image_error_in_flags(ImageError(refused.code, refused.message, cause=refused)) == "no root_certificates"
    assert image_error_in_flags(ImageError(Code.NOT_FOUND, "a.png: no such file")) == "a.png: no such file"


@pytest.mark.parametrize("command", [analyze, doctor])
def test_every_setting_has_a_flag(command: click.Command) -> None:
    flags = {flag for parameter in command.params for flag in parameter.opts}
    values = {"credentials": "Anonymous()"}
    for setting in get_args(Setting):
        named = flag_of(setting, values.get(setting, ""))
        assert named is not None
        assert set(re.findall(r"--[a-z-]+", named)) <= flags
    assert flag_of("transport", '"rest"') == "--transport rest"


def test_the_doctor_names_flag_and_argument() -> None:
    assert flag_and_argument_of("insecure", "True") == "--insecure (in Python: insecure=True)"
    assert flag_and_argument_of("credentials", "") == "credentials"


@pytest.mark.parametrize("content", [b"RIFF....WEBPVP8 ", b"%PDF-1.7"])
def test_an_image_that_could_be_fitted_says_so_by_a_flag(content: bytes) -> None:
    rejection = read_image(content, 0, Limits())
    assert isinstance(rejection, Rejection)
    assert image_error_in_flags(rejection.error).endswith("are accepted: convert it first; or add --fit")
    assert rejection.error.message.partition("; or add a call of vision_grpc.sources.")[1]
