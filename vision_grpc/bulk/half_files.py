"""Files that are not whole yet. They are hidden, so that nobody takes half a text for a whole one."""

import os
import platform
import re
from contextlib import suppress
from functools import cache

_SUFFIX = b".part"


def half_name() -> bytes:
    """Return the name under which this process writes a file; one at a time has it in a folder."""
    return b"%b%d%b" % (_prefix(), os.getpid(), _SUFFIX)


def remove_left_halves(folder: bytes) -> None:
    """Remove what processes of this machine that were killed have left in a folder."""
    prefix = _prefix()
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(prefix) and entry.name.endswith(_SUFFIX):
                number = entry.name.removeprefix(prefix).removesuffix(_SUFFIX)
                if number.isdigit() and _has_ended(int(number)):
                    with suppress(OSError):
                        os.unlink(entry)  # noqa: PTH108 - names are bytes here


@cache
def _prefix() -> bytes:
    # Processes of two machines may have one number, and write to one network disk.
    host = re.sub(r"[^\w.-]", "_", platform.node()).encode()[:60]
    return b".vision-grpc-%b-" % host


def _has_ended(process: int) -> bool:
    if process == os.getpid():  # Its number was used before.
        return True
    if os.name != "posix":  # Elsewhere, `kill` has no number that only asks.
        return False
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return True
    except OSError:
        return False
    return False
