"""Results written to a file, which appears when it is complete, or to a folder of files."""

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain, islice
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO

from vision_grpc.errors import Advice, AdvisedError
from vision_grpc.exports.folder import ExportFolder
from vision_grpc.exports.kinds import KINDS, Kind
from vision_grpc.exports.results import each_read, each_with_answer
from vision_grpc.results import ImageResult
from vision_grpc.results.each import Results, each
from vision_grpc.texts.quoting import show


class ExportError(AdvisedError):
    """Results cannot be exported so; the message says why and what to do."""


def write(target: str | os.PathLike[str] | BinaryIO, kind: str, results: Results) -> None:
    """Write results in the format of a name, such as `tsv`, to a path or to a file that is open for bytes.

    A file that is named appears when it is complete, in place of an older one; a device or a pipe is written to. In a
    folder, which exists or whose path ends in a slash, each image gets a file; pages of a document that follow each
    other share one.

    Raises:
        ValueError: there is no such format.
        ExportError: the format has a file for each image, and there are several.
        TextFolderError: a file of a folder cannot be written.
        OSError: the file cannot be written.
    """
    wanted = named(kind)
    if not isinstance(target, str | os.PathLike):
        for chunk in wanted.writer()(only_one(wanted, results)):
            target.write(chunk)
    elif is_folder(target):
        ExportFolder(target, wanted).write(_with_content(wanted, results), wanted.writer())
    else:
        _write_file(Path(target), wanted, results)


def _write_file(path: Path, kind: Kind, results: Results) -> None:
    writer = kind.writer()
    if path.exists() and not path.is_file():
        # A device or a pipe: a file must not take its place.
        with path.open("wb") as file:
            file.writelines(writer(only_one(kind, results)))
        return
    # Of a link, the file that it leads to is replaced.
    path = path.resolve() if path.is_symlink() else path
    # Threads may write to one folder at the same time.
    half = path.with_name(f".vision-grpc-{token_hex(8)}.part")
    try:
        with half.open("xb") as file:
            file.writelines(writer(only_one(kind, results)))
        if path.exists():
            shutil.copymode(path, half)
        half.replace(path)
    except BaseException:
        with suppress(OSError):
            half.unlink()
        raise


def _with_content(kind: Kind, results: Results) -> Iterator[ImageResult]:
    """Yield the results that a format has something of."""
    if kind.has_failed:
        return each(results)
    read = each_with_answer(results) if kind.needs_answers else each_read(results)
    return read if kind.is_in is None else filter(kind.is_in, read)


def is_folder(path: str | os.PathLike[str]) -> bool:
    """Return whether a path is that of a folder: one that exists, or is to be made as the path ends in a slash."""
    return os.fspath(path).endswith(("/", os.sep)) or os.path.isdir(path)  # noqa: PTH112 - it never raises


def only_one(kind: Kind, results: Results) -> Results:
    """Return results for one file of a format.

    Raises:
        ExportError: it holds one image, and there are several results.
    """
    if kind.holds_several:
        return results
    pulled = each(results)
    first = [*islice(pulled, 2)]
    if len(first) > 1:
        problem = f"a file of the format {kind.name} has one image, and there are several results"
        raise ExportError(problem, advice=[Advice("name a folder, as in out/")])
    return chain(first, pulled)


def named(kind: str) -> Kind:
    """Return the format of a name.

    Raises:
        ValueError: there is none.
    """
    if kind not in KINDS:
        message = f"kind: there is no format {show(kind)}, only {', '.join(KINDS)}"
        raise ValueError(message)
    return KINDS[kind]
