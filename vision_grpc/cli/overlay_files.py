"""The files that `vision-grpc overlay` writes: those that -o names, and those beside the images or in a folder."""

import os
from collections.abc import Iterable
from hashlib import blake2b
from pathlib import Path

import click

from vision_grpc.bulk.journal.header import BEGINNING
from vision_grpc.bulk.text_names import names_of
from vision_grpc.errors import Code
from vision_grpc.results import ImageError
from vision_grpc.texts.quoting import quote_name
from vision_grpc.texts.strict import bytes_of_key

_END = b".overlay.png"
# Before it, a PNG may have a colour profile.
_MARK_WITHIN_BYTES = 1 << 20


def refuse_inputs(output: Path, inputs: Iterable[str | os.PathLike[str]]) -> None:
    """Check that the output is none of the files that are read, nor a journal.

    Raises:
        click.UsageError: it is.
    """
    if not os.path.isfile(output):  # noqa: PTH113 - unlike Path.is_file, it never raises
        return
    real = os.path.realpath(output)
    is_input = any(os.path.realpath(each) == real for each in inputs)
    if is_input or _begins_with(real, BEGINNING):
        what = "is read here" if is_input else "is a journal"
        message = f"{quote_name(output)} {what}, -o would replace it: name another file"
        raise click.UsageError(message, click.get_current_context())


def mark_of(key: str) -> str:
    """Return what the picture of an image says about its making, by which `place_for` knows it again."""
    return f"vision-grpc overlay {blake2b(bytes_of_key(key), digest_size=16).hexdigest()}"


def place_for(key: str, folder: str | None) -> Path | ImageError:
    """Return the file for the picture of an image, in a folder, or beside the image without one.

    It is not there yet, or was drawn of the same image; of `a.png`, it is `a.overlay.png`, else a longer name. An error
    says that all names are taken by other files.
    """
    # A name is a text here, as those that are not UTF-8 have surrogates.
    beside, name = os.path.split(key) if folder is None else (folder, key)
    names = names_of(bytes_of_key(name), _END)
    mark = mark_of(key).encode()
    for each in names:
        path = Path(beside, os.fsdecode(each))
        if _may_be_written(path, mark):
            return path
    message = f"{os.fsdecode(names[0])} is there, and is another file: name a folder with -o"
    return ImageError(Code.ALREADY_EXISTS, message)


def _may_be_written(path: Path, mark: bytes) -> bool:
    try:
        if not os.path.lexists(path):
            return True
        # To read a pipe or a device might never end.
        if path.is_symlink() or not path.is_file():
            return False
        with path.open("rb") as file:
            return mark in file.read(_MARK_WITHIN_BYTES)
    except OSError:
        return False


def _begins_with(path: str, beginning: bytes) -> bool:
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - as above
            return file.read(len(beginning)) == beginning
    except OSError:
        return False
