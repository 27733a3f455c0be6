"""Files that callers have opened, and everything else that has a method `read`, such as the answer of a web server."""

import os
from collections.abc import Awaitable, Coroutine
from contextlib import suppress
from io import IOBase, TextIOBase, UnsupportedOperation
from typing import Any, Protocol, cast

from vision_grpc.config import Limits
from vision_grpc.errors import Code, MachineError
from vision_grpc.results import ImageError
from vision_grpc.sources.formats import too_large
from vision_grpc.texts.quoting import quote_name

# `read` of a buffered file allocates all that it is asked for.
_AT_ONCE_BYTES = 65_536


class BinaryFile(Protocol):
    """What bytes can be read from: an open file, a BytesIO, a member of a ZIP, the answer of a web server."""

    def read(self, size: int, /) -> bytes | None:
        """Return at most so many of the next bytes, none at the end; None if there are none yet."""
        ...


def name_of(given: object) -> str | None:
    """Return the name of the file that an object was opened from, None if it has none."""
    # Pictures and uploads have a `filename`; the `name` of an upload is that of its form field. Files have a `name`.
    for attribute in ("name",) if isinstance(given, IOBase) else ("filename", "name"):
        name: object = getattr(given, attribute, None)
        if isinstance(name, str | bytes | os.PathLike) and (path := os.fsdecode(cast("str", name))):
            # Python itself gives names such as `<stdin>` to what has none.
            return None if path.startswith("<") and path.endswith(">") else path
    return None


def read_open_file(file: BinaryFile, name: str, limits: Limits) -> bytes | ImageError:
    """Return what is left to read in a file, or why that is not possible; at most a byte more than the limit is read.

    Raises:
        TypeError: it gives text, or gives its bytes asynchronously.
    """
    parts: list[bytes] = []
    left = limits.content_bytes + 1
    try:
        _refuse_text(file, name)
        while left > 0 and (part := _read_part(file, min(left, _AT_ONCE_BYTES), name)):
            parts.append(part)
            left -= len(part)
    except (AttributeError, NameError, TypeError):
        raise
    # Files are of many kinds: a damaged ZIP raises zlib.error, a connection that breaks an error of its library. No
    # list of them is complete.
    except Exception as error:  # noqa: BLE001
        code, fault = _explain(file, error)
        return ImageError(code, f"{quote_name(name)}: {fault}")
    if left <= 0:
        return too_large(name, limits.content_bytes + 1 - left, limits, at_least=True)
    if not parts and _is_read(file):
        fault = "nothing is left to read in the file: rewind it with seek(0)"
        return ImageError(Code.INVALID_ARGUMENT, f"{quote_name(name)}: {fault}")
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _refuse_text(file: object, name: str) -> None:
    # What `tempfile` returns is of no class of `io`.
    if isinstance(file, TextIOBase) or isinstance(getattr(file, "encoding", None), str):
        raise _gives_text(name)


def _read_part(file: BinaryFile, size: int, name: str) -> bytes:
    part: Any = file.read(size)
    if isinstance(part, bytes):
        return part
    if isinstance(part, bytearray | memoryview):
        return bytes(cast("bytearray", part))
    if part is None:
        raise BlockingIOError
    if isinstance(part, str):
        raise _gives_text(name)
    if isinstance(part, Awaitable):
        if isinstance(part, Coroutine):
            part.close()  # It would warn that it was never awaited.
        message = f"{quote_name(name)}: the file is read asynchronously: await its read(), and pass the bytes"
        raise TypeError(message)
    message = f"{quote_name(name)}: read() of the file returned a {type(part).__name__}, must return bytes"
    raise TypeError(message)


def _gives_text(name: str) -> TypeError:
    return TypeError(f"{quote_name(name)}: the file is open as text: open it with mode 'rb'")


def _is_read(file: BinaryFile) -> bool:
    """Whether the file does not stand at its beginning."""
    tell = getattr(file, "tell", None)
    with suppress(OSError, ValueError):
        return tell is not None and tell() > 0
    return False


def _explain(file: BinaryFile, error: Exception) -> tuple[Code, str]:
    if shortage := MachineError.of(error, "cannot be read now"):
        return shortage.code, str(shortage)
    match error:
        case FileNotFoundError():  # Of what opens its file when it is read.
            return Code.NOT_FOUND, "no such file, check the path"
        case ValueError() if getattr(file, "closed", False) is True:
            return Code.INVALID_ARGUMENT, "the file is closed: pass it while it is open"
        case BlockingIOError():
            return Code.UNAVAILABLE, "the file has no bytes yet: wait for them, and pass the bytes"
        case UnsupportedOperation():
            return Code.INVALID_ARGUMENT, "the file is not open for reading: open it with mode 'rb'"
        case _:
            # The text of an error may quote the URL that was read, with a signature in it.
            reason = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
            is_on_the_way = isinstance(error, TimeoutError | ConnectionError)
            code, when = (Code.UNAVAILABLE, " now") if is_on_the_way else (Code.INVALID_ARGUMENT, "")
            return code, f"the file cannot be read{when} ({reason})"
