"""The command that goes on from where a run ended, exactly as a shell takes it."""

import sys
from collections.abc import Sequence
from pathlib import Path

from vision_grpc.texts.quoting import quote_word

# Said once, for one run: to go on, they must not be said again.
_ONCE = {"--restart", "--retry-failed", "--dry-run"}


def next_command(*more: str, arguments: Sequence[str] | None = None, program: str | None = None) -> str:
    """Return the command that runs now, with more options; without what was meant for this run alone.

    `arguments` and `program` are those of this process unless they are given.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    command, *rest = arguments
    end = rest.index("--") if "--" in rest else len(rest)
    kept = [word for word in rest[:end] if word not in _ONCE and word not in more]
    words = [command, *more, *kept, *rest[end:]]
    return " ".join([*_program(program), *map(quote_word, words)])


def replace_option(arguments: Sequence[str], value: str, *names: str) -> list[str]:
    """Return arguments with another value of an option, in any of its spellings: `-o x`, `-ox`, `--output=x`."""
    replaced = list(arguments)
    for index, word in enumerate(arguments):
        for name in names:
            attached = name if len(name) == len("-o") else f"{name}="
            if word == name and index + 1 < len(arguments):
                replaced[index + 1] = value
            elif word.startswith(attached) and len(word) > len(name):
                replaced[index] = f"{attached}{value}"
    return replaced


def _program(program: str | None) -> list[str]:
    path = Path(sys.argv[0] if program is None else program)
    # Run as `python -m vision_grpc`, or by a program of the user's own.
    return ["vision-grpc"] if path.stem == "vision-grpc" else ["python", "-m", "vision_grpc"]
