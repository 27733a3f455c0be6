"""A journal whose name was taken from it while it was written: nobody would find its results."""

import os
from itertools import chain
from pathlib import Path

from vision_grpc.bulk.journal.errors import JournalError, name_of
from vision_grpc.bulk.journal.opening import free_names
from vision_grpc.errors import Advice

_AGAIN = Advice("leave it in its place while a run goes on")


def keep_lost(fd: int, path: Path) -> JournalError:
    """Return what became of an open file to which its path does not lead any more; one that was deleted is copied."""
    name = name_of(path)
    if os.fstat(fd).st_nlink > 0:
        return JournalError(f"{name}: was moved while it was written{_whereabouts(fd)}", advice=[_AGAIN])
    try:
        copy = _copy(fd, path)
    except OSError as error:
        problem = f"{name}: was deleted while it was written, and cannot be saved ({error.strerror})"
        return JournalError(problem, advice=[_AGAIN])
    problem = f"{name}: was deleted while it was written, and was saved as {name_of(copy)}"
    return JournalError(problem, advice=[_AGAIN])


def _whereabouts(fd: int) -> str:
    try:
        return f", to {name_of(Path(f'/proc/self/fd/{fd}').readlink())}"
    except OSError:
        return ""


def _copy(fd: int, path: Path) -> Path:
    for copy in chain([path], free_names(path)):
        try:
            target = copy.open("xb")
        except FileExistsError:
            continue
        with target, os.fdopen(os.dup(fd), "rb") as source:
            source.seek(0)
            while block := source.read(1 << 20):
                target.write(block)
            target.flush()
            os.fsync(target.fileno())
        return copy
    raise AssertionError
