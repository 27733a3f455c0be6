"""What a source of images yields: images that are not read yet, files that it passes over, and faults."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, Self, TypeAlias

from vision_grpc.config import Limits
from vision_grpc.errors import Code
from vision_grpc.results import ImageError
from vision_grpc.texts.quoting import quote_name


class Made(Protocol):
    """What has the content to send in place of that of a file, such as `vision_grpc.sources.fit.Fitted`."""

    @property
    def content(self) -> bytes:
        """The bytes of a JPEG or PNG file."""
        ...


class Origin(NamedTuple):
    """Where in a list something is named."""

    name: str
    number: int

    def __str__(self) -> str:
        return f"line {self.number} of {quote_name(self.name)}"


Read: TypeAlias = bytes | Made | ImageError
"""What reading an image gives."""


@dataclass(slots=True)
class Item:
    """An image that is read when its turn comes."""

    key: str
    """The name under which its result comes back, alone of its kind in a run."""

    read: Callable[[Limits], Read] = field(repr=False)
    """Returns the content of its file, whole; an error where it cannot be read or is larger than the limits allow."""

    content_bytes: int | None = None
    """The size of its file, None where that is not known before it is read."""

    languages: Sequence[str] | None = None
    """Its own languages, None for those of the run."""

    model: str | None = None
    """Its own model, None for that of the run."""

    path: str | None = field(default=None, repr=False)
    """The path of its file, where it is a file on this machine: not for a member of a tar file or a page."""

    place: str | None = field(default=None, repr=False)
    """Where it is, where its key does not tell, such as `shard.tar#a/b.jpg` for the key `a/b`."""

    origin: Origin | None = None
    """Where it is named, where that is a list."""

    error: ImageError | None = field(default=None, repr=False)
    """What reading it ends with, where that is known already."""

    held_bytes: int = 0
    """How much memory it takes before it is read, beside what the items before it take, as a row of a Parquet file."""

    is_passing: bool = False
    """Whether it can be read only until the source is asked for the next one, as in a stream of a tar file."""


def unreadable(key: str, error: ImageError, *, path: str | None = None, place: str | None = None) -> Item:
    """Return an Item that ends as this error."""
    return Item(key, lambda _: error, path=path, place=place, error=error)


PAGE_WITH_TEXT = "page with text"
PAGE_PAST_LIMIT = "page past the limit"
"""What pages are counted as that the user's settings leave out."""


class Skipped(NamedTuple):
    """A file that is passed over, as it is not an image that can be sent as it is; or pages that the user left out."""

    name: str
    kind: str
    """What is counted together: its suffix, such as `.webp`; `no suffix`; for pages one of the two above."""

    can_be_fitted: bool
    """Whether it is read when images are fitted."""

    images: int = 1
    """How many images it stands for: the pages of a document past the limit come as one."""

    is_wished: bool = False
    """Whether the user asked for that: then nothing is missing, and the exit code is not changed."""


class Fault(NamedTuple):
    """A part of a source that cannot be read, such as a folder without permission or the rest of a cut tar file."""

    name: str
    error: ImageError
    """Its message begins with the quoted name, as those of images do."""

    @classmethod
    def of(cls, name: str, code: Code, fault: str) -> Self:
        """Return the Fault of a part that has this name, in which this is wrong."""
        return cls(name, ImageError(code, f"{quote_name(name)}: {fault}"))


Entry: TypeAlias = Item | Skipped | Fault
"""What a source yields, one by one and in a fixed order: it never holds more than a folder's names at a time."""
