"""Errors and advice for the command line, with its flags in place of Python's arguments."""

from typing import TYPE_CHECKING

from vision_grpc.errors import AdvisedError, InvalidRequestError, RunSetting, ServiceError, Setting, argument_of

if TYPE_CHECKING:
    # Not imported: help is printed without results.
    from vision_grpc.results import ImageError

_FLAGS = {"fit": "--fit", "nul_separated": "-0"}
_FLAG_OF_FIELD = {
    "folder_id": "--folder-id (or YC_FOLDER_ID)",
    "language_codes": "--languages",
    "languages": "--languages",
    "model": "--model",
}


def flag_of(setting: Setting | RunSetting, value: str) -> str | None:
    """Return the flag that sets a setting to a value, None if only the environment can."""
    if setting == "credentials":
        return "--anonymous" if value == "Anonymous()" else None
    if setting in _FLAGS:
        return _FLAGS[setting]
    if setting == "client_certificate":
        return "--client-certificate and --client-key"
    flag = f"--{setting.replace('_', '-')}"
    spelled = value.strip('"')
    return flag if spelled in {"", "True"} else f"{flag} {spelled}"


def flag_and_argument_of(setting: Setting | RunSetting, value: str) -> str:
    """Return the flag that sets a setting to a value, and the argument in Python."""
    flag, argument = flag_of(setting, value), argument_of(setting, value)
    return argument if flag is None else f"{flag} (in Python: {argument})"


def in_flags(error: BaseException) -> str:
    """Return the text of an error; its advice and its fields are named by flags."""
    if isinstance(error, InvalidRequestError):
        return "; ".join(f"{_flag_of_field(path)}: {message}" for path, message in error.violations)
    return error.text(flag_of) if isinstance(error, AdvisedError) else str(error)


def image_error_in_flags(error: "ImageError") -> str:
    """Return the text of an image's error, without its code."""
    if error.cause is None or isinstance(error.cause, ServiceError):
        return error.text(flag_of)
    return in_flags(error.cause)


def _flag_of_field(path: str) -> str:
    field, bracket, index = path.rpartition(".")[2].partition("[")
    flag = _FLAG_OF_FIELD.get(field)
    return path if flag is None else f"{flag}{bracket}{index}"
