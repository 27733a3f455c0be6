"""The options that say where images come from, and which of them are read."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import click

from vision_grpc.cli.numbers import WholeNumber
from vision_grpc.cli.sections import grouped, option
from vision_grpc.sources.places.stdin import STDIN
from vision_grpc.texts.quoting import quote_name

if TYPE_CHECKING:
    from vision_grpc.api.api import Api
    from vision_grpc.bulk.admission import Place
    from vision_grpc.sources.options import SourceOptions

_SECTION = "Images"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceWishes:
    """What the options say."""

    paths: Sequence[str]
    files_from: Sequence[str]
    null: bool
    manifest: Sequence[str]
    include: Sequence[str]
    exclude: Sequence[str]
    follow_links: bool
    fit: bool
    skip_text: bool
    max_pages: int | None
    member_keys: Literal["stem", "path"]
    image_column: str | None
    key_column: str | None
    list_first: bool

    @property
    def names(self) -> Sequence[str]:
        """The names of all places, as they were given."""
        return (*self.paths, *self.files_from, *self.manifest)

    @property
    def key_settings(self) -> dict[str, str]:
        """What names the images of containers in another way than by default."""
        wishes = {"image_column": self.image_column, "key_column": self.key_column}
        if self.member_keys != "stem":
            wishes["member_keys"] = self.member_keys
        return {name: wish for name, wish in wishes.items() if wish is not None}

    @property
    def is_slow(self) -> bool:
        """Whether a name or an image may be long in coming, as from a pipe or a store."""
        lists = (*self.files_from, *self.manifest)
        return STDIN in lists or bool(self.manifest) or any("://" in name for name in self.names)

    def check(self) -> None:
        """Check that the wishes can be met.

        Raises:
            click.UsageError: they cannot be met.
        """
        context = click.get_current_context()
        if not self.names:
            message = "name the images: PATH, --files-from or --manifest"
            raise click.UsageError(message, context)
        if self.null and not self.files_from:
            message = "-0 says how names are separated in a list: add --files-from FILE"
            raise click.UsageError(message, context)
        if self.names.count(STDIN) > 1:
            what = "- stands for one image on stdin" if self.paths.count(STDIN) > 1 else "- reads stdin"
            message = f"{what}: name it once"
            raise click.UsageError(message, context)
        if self.list_first and STDIN in self.names:
            message = "--list-first reads the sources twice, which stdin cannot be: write it to a file, and name that"
            raise click.UsageError(message, context)
        for flag, value in (("--skip-text", self.skip_text), ("--max-pages", self.max_pages is not None)):
            if value and not self.fit:
                message = f"{flag} is about the pages of documents, which are read with --fit: add it"
                raise click.UsageError(message, context)

    def places(self, options: "SourceOptions") -> "Iterator[Place]":
        """Yield the places of the images."""
        from vision_grpc.bulk.admission import Place
        from vision_grpc.sources.places.opening import open_place

        for path in self.paths:
            yield Place(path, open_place(path, options))
        if self.files_from:
            from vision_grpc.sources.places.listed import open_list

            for name in self.files_from:
                yield Place(name, open_list(name, options, nul_separated=self.null))
        if self.manifest:
            from vision_grpc.sources.places.manifest import open_manifest

            for name in self.manifest:
                yield Place(name, open_manifest(name, options))

    def options(self, own_outputs: Iterable[str | os.PathLike[str]], api: "Api") -> "SourceOptions":
        """Return which files are read, and how, where their images are sent to this API.

        Raises:
            click.UsageError: a pattern is malformed.
        """
        from vision_grpc.config import Limits
        from vision_grpc.sources.options import SourceOptions

        try:
            return SourceOptions(
                include=self.include,
                exclude=self.exclude,
                follow_links=self.follow_links,
                fit=self.fit,
                pdf=api.limits(Limits()).pdf,
                models=api.models,
                skip_text=self.skip_text,
                max_pages=self.max_pages,
                member_keys=self.member_keys,
                image_column=self.image_column,
                key_column=self.key_column,
                own_outputs=tuple(own_outputs),
            )
        except ValueError as error:
            raise click.UsageError(str(error), click.get_current_context()) from error


def refuse_overwriting(output: str, places: Iterable[str]) -> None:
    """Check that the output would not replace an image.

    Raises:
        click.UsageError: it would replace one.
    """
    from vision_grpc.sources.kinds import CONTAINERS, FITTABLE, SENDABLE, suffix_of

    target = os.path.realpath(output)
    if not os.path.isfile(target):  # noqa: PTH113 - unlike Path.is_file, it never raises
        return
    is_image = suffix_of(target) in SENDABLE | FITTABLE | CONTAINERS
    for place in places:
        real = os.path.realpath(place)
        if real == target or (is_image and target.startswith(os.path.join(real, ""))):  # noqa: PTH118
            name = os.path.normpath(os.path.join(place, os.path.relpath(target, real)))  # noqa: PTH118
            message = f"{quote_name(name)} is one of the images, -o would overwrite it: name another file"
            raise click.UsageError(message, click.get_current_context())


# For shells, which complete names of files then. What is wrong with one is said when its turn comes.
_NAME = click.Path()
_OPTIONS = (
    click.argument("paths", metavar="[PATH]...", nargs=-1, type=_NAME),
    option(
        _SECTION,
        "--files-from",
        metavar="FILE",
        type=_NAME,
        multiple=True,
        help="Read the images whose names are in FILE, one a line; - is stdin.",
    ),
    option(_SECTION, "-0", "--null", is_flag=True, help="Names in FILE end with NUL, as find -print0 writes them."),
    option(
        _SECTION,
        "--manifest",
        metavar="FILE",
        type=_NAME,
        multiple=True,
        help="Read the images that FILE names in lines of JSON: path or url, and perhaps key, languages and model.",
    ),
    option(
        _SECTION,
        "--include",
        metavar="GLOB",
        multiple=True,
        help="Of folders, read only files that match, as '*.png'. Give it again for more.",
    ),
    option(
        _SECTION,
        "--exclude",
        metavar="GLOB",
        multiple=True,
        help="Leave out files and folders that match, as 'thumbs/'. Give it again for more.",
    ),
    option(_SECTION, "--follow-links", is_flag=True, help="Read what is in folders that are links, too."),
    option(
        _SECTION,
        "--fit",
        is_flag=True,
        help="Convert what the service does not take: WebP, TIFF, HEIC and others, each page of a PDF, and images "
        "that are too large, which are scaled.",
    ),
    option(_SECTION, "--skip-text", is_flag=True, help="With --fit: leave out pages of PDF that have text already."),
    option(
        _SECTION,
        "--max-pages",
        metavar="N",
        type=WholeNumber(1),
        help="With --fit: read at most N pages of each document.",
    ),
    option(
        _SECTION,
        "--member-keys",
        type=click.Choice(["stem", "path"]),
        default="stem",
        help="Key of an image in a tar file: a/b for a/b.jpg, or shard.tar#a/b.jpg (path).  [default: stem]",
    ),
    option(
        _SECTION,
        "--image-column",
        metavar="NAME",
        help="Column of a Parquet file that has the images.  [default: the one of bytes, or image]",
    ),
    option(
        _SECTION,
        "--key-column",
        metavar="NAME",
        help="Column of a Parquet file that has the keys; row-number counts the rows instead.  "
        "[default: path, else row-number]",
    ),
    option(
        _SECTION,
        "--list-first",
        is_flag=True,
        help="List all images before the first is sent: the total is known then, and two images of one key are an "
        "error before anything is billed.",
    ),
)
source_options = grouped("source", SourceWishes, _OPTIONS)
"""Adds the options to a command, which gets them as the argument `source`."""
