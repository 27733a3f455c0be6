"""One of each kind of source, filled with given images, for the suite that all kinds pass.

To plug one in: a subclass of `SourceKind`, and a line in `KINDS`.
"""

import json
import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import ClassVar

from vision_grpc.sources.item import Entry
from vision_grpc.sources.options import SourceOptions
from vision_grpc.sources.places.listed import open_list
from vision_grpc.sources.places.manifest import open_manifest
from vision_grpc.sources.places.opening import open_places

LOST = "lost.png"
"""The name of an image that `fill` makes unreadable, if it is among the images."""


class SourceKind(ABC):
    """A source of one kind in a folder of its own."""

    holds_files: ClassVar = True
    """Whether it holds images as they are; not so, where pages are rendered."""

    lists_others: ClassVar = False
    """Whether it finds files that the user did not name."""

    can_lose_one: ClassVar = True
    """Whether one of its images can be unreadable, and the others are read."""

    needs_bucket: ClassVar = False
    """Whether it needs the fixture `bucket`."""

    def __init__(self, folder: Path, options: SourceOptions | None = None) -> None:
        self.folder = folder
        self.options = SourceOptions() if options is None else options

    @classmethod
    def can_name(cls, name: str) -> bool:  # noqa: ARG003 - of those that can all
        """Return whether one of its images can have this name."""
        return True

    @abstractmethod
    def fill(self, images: Mapping[str, bytes]) -> None:
        """Make the source of these images, whose names are in sorted order. `LOST` is to be unreadable."""

    @abstractmethod
    def open(self) -> Iterator[Entry]:
        """Read the source from its beginning."""

    def key_of(self, name: str) -> str:
        """Return the key of an image."""
        return str(self.folder / name)

    def place_of(self, name: str) -> str:
        """Return how a file is called that is not an image."""
        return self.key_of(name)

    def is_same(self, content: bytes, original: bytes) -> bool:
        """Return whether an image, or a page of it, was read."""
        return content == original


class FileTree(SourceKind):
    """Images in files."""

    def fill(self, images: Mapping[str, bytes]) -> None:
        self.names = list(images)
        for name, content in images.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if name == LOST:
                path.symlink_to("nowhere.png")
            else:
                path.write_bytes(content)


class Folder(FileTree):
    """A folder and its subfolders."""

    lists_others = True

    def open(self) -> Iterator[Entry]:
        return open_places([str(self.folder)], self.options)


class Files(FileTree):
    """Files that are named one by one."""

    def open(self) -> Iterator[Entry]:
        return open_places(map(self.key_of, self.names), self.options)


class List(FileTree):
    """A file with a name on each line."""

    separator: ClassVar = b"\n"

    @classmethod
    def can_name(cls, name: str) -> bool:
        return cls.separator.decode() not in name

    def fill(self, images: Mapping[str, bytes]) -> None:
        super().fill(images)
        lines: Iterable[bytes] = [os.fsencode(self.key_of(name)) + self.separator for name in images]
        (self.folder / "list.txt").write_bytes(b"".join(lines))

    def open(self) -> Iterator[Entry]:
        return open_list(str(self.folder / "list.txt"), self.options, nul_separated=self.separator == b"\0")


class NulList(List):
    """A file with a NUL after each name."""

    separator = b"\0"


class Manifest(FileTree):
    """JSON lines with a path each, relative to the folder of the manifest."""

    def fill(self, images: Mapping[str, bytes]) -> None:
        super().fill(images)
        lines = [json.dumps({"path": name, "languages": "ru,en"}) for name in images]
        (self.folder / "manifest.jsonl").write_text("\n".join(lines))

    def open(self) -> Iterator[Entry]:
        return open_manifest(str(self.folder / "manifest.jsonl"), self.options)

    def key_of(self, name: str) -> str:
        return name


KINDS: tuple[type[SourceKind], ...] = (Folder, Files, List, NulList, Manifest)
