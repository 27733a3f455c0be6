"""Errors of the client as those of OCRmyPDF, which prints their text and exits with their code."""

from collections.abc import Generator
from contextlib import contextmanager

from ocrmypdf.exceptions import BadArgsError, ExitCode, ExitCodeException

from vision_grpc.errors import AuthError, InvalidRequestError, SettingError, VisionError


class VisionFailedError(ExitCodeException):
    """The service refused a page, or was not reached."""

    exit_code = ExitCode.child_process_error


@contextmanager
def as_ocrmypdf() -> Generator[None]:
    """Raise the errors of the client as those of OCRmyPDF.

    Raises:
        BadArgsError: settings, languages or credentials are missing or wrong.
        VisionFailedError: the service refused a call, or was not reached.
    """
    try:
        yield
    except (SettingError, InvalidRequestError, AuthError) as error:
        raise BadArgsError(str(error)) from error
    except VisionError as error:
        raise VisionFailedError(str(error)) from error
