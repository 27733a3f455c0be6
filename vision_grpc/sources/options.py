"""How sources are read."""

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Literal

from vision_grpc.contract.models import VISION_V1_MODELS
from vision_grpc.sources.globs import Globs
from vision_grpc.sources.kinds import Kind, kind_of


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

    pdf: bool = False
    """Whether PDF files are read as they are, as `ocr/v1` takes them, unless `fit` opens them."""

    skip_text: bool = False
    """Whether pages of a PDF that already have text are left out."""

    max_pages: int | None = None
    """The most pages that are read of a document, None for all."""

    member_keys: Literal["stem", "path"] = "stem"
    """What the members of tar files are called: `a/b` for `a/b.jpg`, as in WebDataset, or `shard.tar#a/b.jpg`."""

    image_column: str | None = None
    """The column of Parquet files that holds the images, None where its type and name say which it is."""

    key_column: str | None = None
    """The column of Parquet files that holds the keys, or `row-number` for keys such as `file.parquet#row=3`; None for
    the `path` of Hugging Face's images, and the number of the row where there is no path."""

    models: Sequence[str] = VISION_V1_MODELS
    """The models that a manifest may name; empty for any, as `ocr/v1` has more than are known."""

    own_outputs: Collection[str | os.PathLike[str]] = ()
    """Files and folders that the run itself writes: they are not counted among what is passed over."""

    globs: Globs = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "globs", Globs(self.include, self.exclude))

    def kind_of(self, suffix: str) -> Kind:
        """Return what can be done with files of a suffix, which is in lower case."""
        return Kind.SENDABLE if suffix == ".pdf" and self.pdf and not self.fit else kind_of(suffix)
