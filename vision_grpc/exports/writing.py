"""Results written to a file, which appears when it is complete."""

import os
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from vision_grpc.bulk.half_files import half_name
from vision_grpc.errors import AdvisedError
from vision_grpc.exports.kinds import KINDS, Kind
from vision_grpc.exports.results import Results


class ExportError(AdvisedError):
    """Results cannot be exported so; the message says why and what to do."""


def write(target: str | os.PathLike[str] | BinaryIO, kind: str, results: Results) -> None:
    """Write results to a file, given by its path or open for bytes, in the format of a name such as `tsv`.

    A file that is named appears when it is complete, in place of an older one.

    Raises:
        ValueError: there is no such format.
        OSError: the file cannot be written.
    """
    chunks = named(kind).writer()(results)
    if not isinstance(target, str | os.PathLike):
        for chunk in chunks:
            target.write(chunk)
        return
    path = Path(target)
    half = path.parent / os.fsdecode(half_name())
    try:
        with half.open("wb") as file:
            file.writelines(chunks)
        half.replace(path)
    except BaseException:
        with suppress(OSError):
            half.unlink()
        raise


def named(kind: str) -> Kind:
    """Return the format of a name.

    Raises:
        ValueError: there is none.
    """
    if kind not in KINDS:
        message = f"kind: there is no format {kind!r}, only {', '.join(KINDS)}"
        raise ValueError(message)
    return KINDS[kind]
