"""The images that the PATHs of a command name."""

import os
import stat
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from vision_grpc.config import Limits
from vision_grpc.sources.files import ImageSource
from vision_grpc.sources.image import Image
from vision_grpc.texts.quoting import quote_name

STDIN = "-"
_SUFFIXES = (".jpg", ".jpeg", ".png")


def list_images(paths: Sequence[str], complaints: list[str]) -> Iterator[Path | str]:
    """Yield each path, `STDIN` too, and for a folder the images in it and below.

    Folders are read in sorted order, files before subfolders, hidden ones left out; other files
    are yielded whatever they are. `complaints` gets a line for each folder that is unreadable or has no images.
    """
    for path in paths:
        if path == STDIN:
            yield path
        elif os.path.isdir(path):  # noqa: PTH112 - unlike Path.is_dir, it never raises
            yield from _list_folder(path, complaints)
        else:
            yield Path(path)


def open_images(paths: Sequence[str]) -> Iterator[ImageSource]:
    """Yield the images of `list_images` as a client takes them; stdin is read when its turn comes."""
    for image in list_images(paths, []):
        yield _read_stdin() if image == STDIN else image


def _read_stdin() -> Image:
    """Return the image on stdin; at most one byte more than the limit is read."""
    return Image(STDIN, sys.stdin.buffer.read(Limits().content_bytes + 1))


def _list_folder(folder: str, complaints: list[str]) -> Iterator[Path]:
    complaints_before = len(complaints)
    empty = True

    def complain(error: OSError) -> None:
        complaints.append(
            f"{quote_name(error.filename)}: the folder cannot be read ({error.strerror}), check its permissions"
        )

    for parent, subfolders, files in os.walk(folder, onerror=complain):
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        for name in sorted(files):
            if name.lower().endswith(_SUFFIXES) and not name.startswith("."):
                empty = False
                if _may_be_read(path := Path(parent, name)):
                    yield path
                else:
                    complaints.append(
                        f"{quote_name(path)}: not a regular file, move it away (a pipe may be named itself)"
                    )
    if empty and len(complaints) == complaints_before:
        complaints.append(f"{quote_name(folder)}: no image in this folder, expected *.jpg, *.jpeg or *.png")


def _may_be_read(path: Path) -> bool:
    """Return whether the path can be opened without waiting, unlike a pipe that nobody writes to."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return True  # Reading it reports the error.
