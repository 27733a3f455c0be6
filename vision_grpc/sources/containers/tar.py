"""Images in tar files, read in one pass: a file, a pipe or an object of a store, compressed or not.

Shards of WebDataset hold a sample as members that follow one another, with one path up to the first dot: `0001.jpg`,
`0001.json`, `0001.cls`. Those beside an image belong to it: they are not counted among what is passed over.
"""

import re
import tarfile
from collections.abc import Iterator
from functools import partial
from typing import IO

from vision_grpc.config import Limits
from vision_grpc.results import ImageError
from vision_grpc.sources.containers.openers import MOST_DOCUMENT_BYTES, document_opener_of, open_file, open_inside
from vision_grpc.sources.containers.tar_members import Members
from vision_grpc.sources.item import Entry, Fault, Item, Skipped
from vision_grpc.sources.kinds import NO_SUFFIX, Kind, is_hidden, kind_of, sample_of, suffix_of
from vision_grpc.sources.nothing import report_nothing
from vision_grpc.sources.options import SourceOptions

LINK, DEVICE = "link in a tar file", "device in a tar file"
"""The kinds under which members without a content are counted."""

_MOST_ASIDES = 1_000
_HERE = re.compile(r"^(?:\./+)+")


def open_tar(path: str, options: SourceOptions) -> Iterator[Entry]:
    """Yield what is in a tar file; see `read_tar`."""
    return open_file(path, lambda file: read_tar(path, file, options))


def read_tar(name: str, file: IO[bytes], options: SourceOptions) -> Iterator[Entry]:
    """Yield an Item for each image of a tar file, which can be read until the next entry is asked for.

    Its key is the member's path without the suffix, as in WebDataset, or with `member_keys="path"` the name of the
    file and the member's path, `shard.tar#a/b.jpg`. What comes before a damage is yielded, then a Fault.
    """
    members = Members(name, file)
    sample, asides, is_empty = "", _Asides(), True
    for member in members:
        path = _HERE.sub("", member.name)
        if member.isdir() or is_hidden(path) or not options.globs.select(path):
            continue
        is_empty = False
        if sample != (sample := sample_of(path)):
            yield from asides.close()
        place, suffix = f"{name}#{path}", suffix_of(path)
        kind = options.kind_of(suffix) if member.isreg() else Kind.OTHER
        if kind is Kind.SENDABLE or (kind is Kind.FITTABLE and options.fit):
            asides.belong()
            key = place if options.member_keys == "path" else path[: -len(suffix)]
            read = partial(members.read, member, place)
            if (open_document := document_opener_of(suffix, options)) is None:
                yield Item(key, read, member.size, place=place, is_passing=True)
            elif isinstance(content := read(Limits(content_bytes=MOST_DOCUMENT_BYTES)), ImageError):
                yield Fault(place, content)
            else:
                yield from open_inside(open_document, content, key, place, options)
        elif kind is Kind.FITTABLE:
            asides.belong()
            yield Skipped(place, suffix, can_be_fitted=True)
        else:
            yield from asides.add(Skipped(place, _kind_of_other(member, suffix), can_be_fitted=False))
    yield from asides.close()
    if members.fault is not None:
        yield Fault(name, members.fault)
    elif is_empty:
        yield report_nothing(name, options, where="in this file", expected="no image in this file")


class _Asides:
    """The members of a sample that are not images: passed over, unless an image is in the sample as well."""

    def __init__(self) -> None:
        self._members: list[Skipped] = []
        self._have_image = False

    def add(self, member: Skipped) -> list[Skipped]:
        """Add a member; return what is passed over if there are too many to be held."""
        if not self._have_image:
            self._members.append(member)
        return self._take() if len(self._members) >= _MOST_ASIDES else []

    def belong(self) -> None:
        """Take the members of this sample for what belongs to an image."""
        self._members.clear()
        self._have_image = True

    def close(self) -> list[Skipped]:
        """Begin another sample; return what of the last one is passed over."""
        self._have_image = False
        return self._take()

    def _take(self) -> list[Skipped]:
        members, self._members = self._members, []
        return members


def _kind_of_other(member: tarfile.TarInfo, suffix: str) -> str:
    if member.isreg():
        return f"{suffix} in a tar file" if kind_of(suffix) is Kind.CONTAINER else suffix or NO_SUFFIX
    return LINK if member.issym() or member.islnk() else DEVICE
