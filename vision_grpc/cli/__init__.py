"""The command line: `vision-grpc`, one file a command. It prints; what it prints is the library's work."""

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

from vision_grpc.cli.exits import INTERRUPTED


def main() -> NoReturn:
    """Carry out the command that `sys.argv` spells, and exit with its code."""
    if sys.stderr is None:  # Closed; what goes there is for people, and there are none.
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - as long as the program runs
    if find_spec("click") is None or find_spec("rich") is None:
        sys.stderr.write("error: the command line needs its extra: pip install 'vision-grpc[cli]'\n")
        sys.exit(2)
    try:
        from vision_grpc.cli.app import run

        code = run()
    except KeyboardInterrupt:
        # While the program loads or ends: in a command, it is the command's.
        sys.stderr.write("interrupted\n")
        code = INTERRUPTED
    sys.exit(code)
