"""How sources are read."""

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from vision_grpc.sources.globs import Globs


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceOptions:
    """Which files of a source are read, and how.

    Raises:
        ValueError: a pattern is malformed, or can match nothing; the message names it and says how to mend it.
    """

    include: Sequence[str] = ()
    """Patterns, one of which a file in a folder, a container or a store has to match; see `Globs`."""

    exclude: Sequence[str] = ()
    """Patterns that leave out files and folders, whatever else they match."""

    follow_links: bool = False
    """Whether links to folders are followed; those to files are."""

    fit: bool = False
    """Whether images are fitted, so that other formats are read too, and PDF and TIFF are opened: a page an image."""

    skip_text: bool = False
    """Whether pages of a PDF that already have text are left out."""

    max_pages: int | None = None
    """The most pages that are read of a document, None for all."""

    own_outputs: Collection[str | os.PathLike[str]] = ()
    """Files and folders that the run itself writes: they are not counted among what is passed over."""

    globs: Globs = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "globs", Globs(self.include, self.exclude))
