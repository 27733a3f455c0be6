"""What is given in PEM form: as bytes, or as the path of a file."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import cast

from vision_grpc.errors import Advice, Setting, SettingError
from vision_grpc.network.secrets.key_file import why_unread
from vision_grpc.network.secrets.quoting import quote_path
from vision_grpc.texts.arguments import wrong_type

Pem = bytes | str | os.PathLike[str]
"""Something in PEM form: its bytes, or the path of a file."""


def read_pem(
    pem: Pem, setting: Setting, role: str, read: Callable[[Path, str], bytes] = lambda path, _: path.read_bytes()
) -> tuple[bytes, str]:
    """Return the content, and how messages name where it is from.

    Raises:
        TypeError: it is neither.
        SettingError: the file cannot be read.
    """
    if isinstance(pem, bytes):
        return pem, role
    if not isinstance(cast("object", pem), str | os.PathLike):
        raise wrong_type(pem, setting, "PEM bytes or the path of a file")
    origin = f"{role} {quote_path(pem)}"
    advice = [Advice("pass", setting, rest="as a PEM file or as bytes")]
    try:
        return read(Path(pem), role), origin
    except IsADirectoryError as error:
        reason = why_unread(error)
        if setting == "root_certificates":
            advice.append(Advice("set SSL_CERT_DIR to the directory"))
    except (OSError, ValueError) as error:
        reason = why_unread(error)
    # Without the cause, whose text quotes the path: that may be the key itself.
    message = f"{origin} cannot be read ({reason})"
    raise SettingError(message, advice=advice)
