"""The images in a folder and below."""

import os
import stat
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import accumulate
from typing import NamedTuple

from vision_grpc.errors import Code, MachineError
from vision_grpc.results import ImageError
from vision_grpc.sources.containers.openers import opener_of
from vision_grpc.sources.files import explain_unread, read_file
from vision_grpc.sources.item import Entry, Fault, Item, Skipped, unreadable
from vision_grpc.sources.kinds import NO_SUFFIX, Kind, suffix_of
from vision_grpc.sources.nothing import or_nothing
from vision_grpc.sources.options import SourceOptions
from vision_grpc.sources.places.own_outputs import OwnOutputs
from vision_grpc.sources.places.sidecars import is_sidecar
from vision_grpc.texts.quoting import quote_name

LINK_TO_FOLDER = "link to a folder"
"""The kind under which folders behind links are counted, where links are not followed."""


def open_folder(path: str, options: SourceOptions) -> Iterator[Entry]:
    """Yield the images in a folder and below, what is passed over there, and what cannot be read.

    Names are in sorted order, files before subfolders; hidden ones are left out. Only the names of the folders on the
    way to the present file are held, and their files are not looked at before they are read.
    """
    suffixes = "*.jpg, *.jpeg, *.png or *.pdf" if options.pdf else "*.jpg, *.jpeg or *.png"
    expected = f"no image in this folder, expected {suffixes}"
    return or_nothing(_Walk(path, options).entries(), path, options, where="in this folder", expected=expected)


class _Folder(NamedTuple):
    """A folder to be listed."""

    path: str
    below: str
    """Its path below the folder where the walk began, with slashes."""


class _Names(NamedTuple):
    """What is in a folder, in sorted order. Millions of names are held as nothing but names."""

    files: list[str]
    folders: list[str]
    links: set[str]
    """The folders that are links to such."""

    odd: set[str]
    """The files that cannot be opened without waiting, such as pipes."""

    broken: set[str]
    """The files that are links and lead nowhere."""

    error: OSError | None = None
    """What broke the list off."""


class _Walk:
    def __init__(self, root: str, options: SourceOptions) -> None:
        self._root = root
        self._options = options
        # A container that a pattern has selected stands for all that is in it, as a folder does.
        self._options_inside = replace(options, include=())
        self._globs = options.globs.under(root)
        self._own_outputs = OwnOutputs(options.own_outputs)
        # Where links are followed, the folders that have been read, by what the disk calls them.
        self._read = dict[tuple[int, int], str]()

    def entries(self) -> Iterator[Entry]:
        # A stack in place of recursion: folders may lie deeper than Python's calls.
        stack = [self._list(_Folder(self._root, ""))]
        while stack:
            entry = next(stack[-1], None)
            if entry is None:
                stack.pop()
            elif isinstance(entry, _Folder):
                stack.append(self._list(entry))
            else:
                yield entry

    def _list(self, folder: _Folder) -> Iterator[Entry | _Folder]:
        """Yield what is in a folder, and its subfolders in place of what is in them."""
        if self._options.follow_links and (fault := self._meet_again(folder)) is not None:
            yield fault
            return
        prefix = "" if folder.path == os.curdir else os.path.join(folder.path, "")  # noqa: PTH118 - strings, for speed
        names = _scan(folder.path)
        select = self._globs.select
        for name in names.files:
            if select(folder.below + name):
                yield from self._open_file(prefix + name, name, names)
        names.files.clear()  # They may be many, and the subfolders may take long.
        if names.error is not None:
            yield _explain_unlisted(folder.path, names.error)
        for name in names.folders:
            below = f"{folder.below}{name}"
            if not self._globs.exclude_folder(below):
                subfolder = _Folder(prefix + name, f"{below}/")
                if name in names.links:
                    yield from self._follow(subfolder)
                else:
                    yield subfolder

    def _open_file(self, path: str, name: str, names: _Names) -> Iterator[Entry]:
        suffix = suffix_of(name)
        kind = self._options.kind_of(suffix)
        if name in names.odd and kind is not Kind.OTHER:
            yield unreadable(path, _refuse_odd(path), path=path)
        elif name in names.broken and kind is not Kind.SENDABLE:
            yield _explain_broken(path)
        elif kind is Kind.SENDABLE:
            yield Item(path, partial(read_file, path), path=path)
        elif self._is_opened(kind):
            if (opener := opener_of(suffix, self._options)) is not None:
                yield from opener(path, self._options_inside)
            else:
                yield Item(path, partial(read_file, path), path=path)
        elif not is_sidecar(name, names.files) and path not in self._own_outputs:
            yield Skipped(path, suffix or NO_SUFFIX, kind is Kind.FITTABLE)

    def _is_opened(self, kind: Kind) -> bool:
        if kind is Kind.FITTABLE:
            return self._options.fit
        # A folder may hold an archive of its own images: those would be paid for twice.
        return kind is Kind.CONTAINER and not self._globs.includes_all

    def _follow(self, link: _Folder) -> Iterator[Entry | _Folder]:
        below = self._find_inside(link.path)
        if not self._options.follow_links:
            if below is None:
                yield Skipped(link.path, LINK_TO_FOLDER, can_be_fitted=False)
        elif below is None or not self._is_read(below) or link.below.startswith(below):
            yield link  # A link back is found to be one when its folder is met again.

    def _meet_again(self, folder: _Folder) -> Fault | None:
        """Return what is wrong with a folder that has been read by another path; links can lead to it many times."""
        try:
            status = os.stat(folder.path)  # noqa: PTH116 - strings, for speed
        except OSError:  # Listing it says so.
            return None
        earlier = self._read.setdefault((status.st_dev, status.st_ino), folder.path)
        if earlier == folder.path:
            return None
        is_around = earlier == os.curdir or folder.path.startswith(os.path.join(earlier, ""))  # noqa: PTH118
        fault = "a link back to" if is_around else "this folder is read already as"
        return Fault.of(folder.path, Code.INVALID_ARGUMENT, f"{fault} {quote_name(earlier)}, exclude it")

    def _find_inside(self, link: str) -> str | None:
        """Return the path of the folder behind a link below the root; None where it is not there, or hidden."""
        root = os.path.join(os.path.realpath(self._root), "")  # noqa: PTH118
        target = os.path.join(os.path.realpath(link), "")  # noqa: PTH118
        below = target[len(root) :].replace(os.sep, "/")
        return below if target.startswith(root) and "/." not in f"/{below}" else None

    def _is_read(self, below: str) -> bool:
        """Whether all in a folder of such a path is read without a link to it."""
        folders = accumulate(below.split("/")[:-1], "{}/{}".format)
        return self._globs.includes_all and not any(map(self._globs.exclude_folder, folders))


def _scan(path: str) -> _Names:
    """Return what is in a folder; fewer where the list breaks off."""
    names = _Names([], [], set(), set(), set())
    error: OSError | None = None
    try:
        with os.scandir(path) as entries:
            for entry in entries:
                if not entry.name.startswith("."):
                    _sort_in(entry, names)
    except OSError as caught:
        error = caught
    names.files.sort()
    names.folders.sort()
    return names._replace(error=error)


def _sort_in(entry: "os.DirEntry[str]", names: _Names) -> None:
    # Of what is not a link, the list of the folder says what it is: nothing is asked of the disk.
    name = entry.name
    if entry.is_file(follow_symlinks=False):
        names.files.append(name)
    elif entry.is_dir(follow_symlinks=False):
        names.folders.append(name)
    elif not entry.is_symlink():
        names.files.append(name)
        names.odd.add(name)
    else:
        try:
            mode = entry.stat().st_mode
        except OSError:
            names.files.append(name)
            names.broken.add(name)
            return
        if stat.S_ISDIR(mode):
            names.folders.append(name)
            names.links.add(name)
        else:
            names.files.append(name)
            if not stat.S_ISREG(mode):
                names.odd.add(name)


def _explain_unlisted(folder: str, error: OSError) -> Fault:
    if shortage := MachineError.of(error, "the folder cannot be read now"):
        code, fault = shortage.code, str(shortage)
    else:
        match error:
            case FileNotFoundError() | NotADirectoryError():
                code, fault = Code.NOT_FOUND, "the folder is gone, it was moved or removed meanwhile"
            case PermissionError():
                code, fault = (
                    Code.PERMISSION_DENIED,
                    f"the folder cannot be read ({error.strerror}), check its permissions",
                )
            case _:
                code, fault = Code.INVALID_ARGUMENT, f"the folder cannot be read ({error.strerror})"
    return Fault.of(folder, code, fault)


def _explain_broken(link: str) -> Fault:
    try:
        os.stat(link)  # noqa: PTH116 - strings, for speed
    except OSError as error:
        return Fault(link, explain_unread(link, error))
    return Fault(link, explain_unread(link, FileNotFoundError()))


def _refuse_odd(path: str) -> ImageError:
    message = f"{quote_name(path)}: not a regular file, move it away (a pipe may be named itself)"
    return ImageError(Code.INVALID_ARGUMENT, message)
