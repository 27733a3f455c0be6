"""Settings that `aws configure` has written, which obstore does not read."""

import configparser
import os
from collections.abc import Mapping

_FOLDER = "~/.aws"


def read_aws_profile(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what the profile named by AWS_PROFILE, else `default`, has in `~/.aws/credentials` and `~/.aws/config`.

    The names are those of the files: `aws_access_key_id`, `region`, `endpoint_url` and so on.
    """
    name = environment.get("AWS_PROFILE", "default")
    credentials = environment.get("AWS_SHARED_CREDENTIALS_FILE", f"{_FOLDER}/credentials")
    config = environment.get("AWS_CONFIG_FILE", f"{_FOLDER}/config")
    section = name if name == "default" else f"profile {name}"
    return _read_section(config, section) | _read_section(credentials, name)


def _read_section(path: str, section: str) -> dict[str, str]:
    parser = configparser.RawConfigParser()
    try:
        parser.read(os.path.expanduser(path), encoding="utf-8")  # noqa: PTH111 - a Path raises where there is no home
        return dict(parser[section])
    except (configparser.Error, KeyError, OSError, UnicodeDecodeError):
        return {}
