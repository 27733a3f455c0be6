"""The command line `vision-grpc`: one file a command, which prints what the library finds."""

import sys
from importlib.util import find_spec
from typing import NoReturn

from vision_grpc.cli.descriptors import fill_closed
from vision_grpc.cli.exits import INTERRUPTED
from vision_grpc.cli.stderr import open_stderr


def main() -> NoReturn:
    """Run the command in `sys.argv`, and exit with its code."""
    fill_closed()
    open_stderr()
    if find_spec("click") is None or find_spec("rich") is None:
        sys.stderr.write("error: the command line needs its extra: pip install 'vision-grpc[cli]'\n")
        sys.exit(2)
    try:
        from vision_grpc.cli.app import run

        code = run()
    except KeyboardInterrupt:
        # This is while the program loads or ends; commands handle an interrupt themselves.
        sys.stderr.write("interrupted\n")
        code = INTERRUPTED
    sys.exit(code)
