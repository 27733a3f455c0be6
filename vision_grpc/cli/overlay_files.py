"""The files that `vision-grpc overlay` names itself: beside the images, or in a folder."""

import os
from hashlib import blake2b
from pathlib import Path

from vision_grpc.bulk.text_names import names_of
from vision_grpc.errors import Code
from vision_grpc.results import ImageError
from vision_grpc.texts.strict import bytes_of_key

_END = b".overlay.png"
# Before it, a PNG may have a colour profile.
_MARK_WITHIN_BYTES = 1 << 20


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
