"""The command that goes on from where a run ended, exactly as a shell takes it."""

import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

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
    return " ".join(map(quote_word, [*program_words(program), *words]))


def replace_option(arguments: Sequence[str], value: str, *names: str) -> list[str]:
    """Return arguments with another value of an option, however it is spelled: `-o x`, `-ox`, `-qo x`, `--output=x`."""
    replaced = list(arguments)
    for name, index, start in _values(arguments):
        if name in names:
            replaced[index] = f"{replaced[index][:start]}{value}"
    return replaced


def _values(arguments: Sequence[str]) -> Iterator[tuple[str, int, int]]:
    """Yield the options with a value: the name, the index of the word that has the value, and where it begins there."""
    flags = _flags()
    short_flags = "".join(flag[1] for flag in flags if len(flag) == len("-q"))
    words = iter(enumerate(arguments))
    for index, word in words:
        if word == "--":
            return
        if word.startswith("--"):
            name, equals, _ = word.partition("=")
            start = len(name) + 1 if equals else None
        else:
            letters = word.removeprefix("-").lstrip(short_flags)
            if not word.startswith("-") or not letters:
                continue
            name = f"-{letters[0]}"
            start = len(word) - len(letters) + 1 if len(letters) > 1 else None
        if start is not None:
            yield name, index, start
        elif name not in flags and (following := next(words, None)) is not None:
            yield name, following[0], 0


def _flags() -> set[str]:
    """Return the options of `analyze` that have no value."""
    from vision_grpc.cli.analyze import analyze

    options = [each for each in analyze.get_params(click.Context(analyze)) if isinstance(each, click.Option)]
    return {name for each in options if each.is_flag for name in (*each.opts, *each.secondary_opts)}


def program_words(program: str | None = None) -> list[str]:
    """Return how this program is called from here, without a command."""
    path = sys.argv[0] if program is None else program
    folder, name = os.path.split(path)
    if name in {"__main__.py", "-c"}:
        return [sys.orig_argv[0], "-m", "vision_grpc"]
    if not os.path.isfile(path):  # noqa: PTH113 - unlike Path.is_file, it never raises
        return [path]
    if (found := shutil.which(name)) is not None and Path(found).samefile(path):
        return [name]
    if not os.access(path, os.X_OK):
        return [sys.orig_argv[0], path]
    return [path if folder else os.path.join(os.curdir, name)]  # noqa: PTH118 - a Path would drop the dot
