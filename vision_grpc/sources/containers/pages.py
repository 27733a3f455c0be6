"""The pages of documents: their keys, and those that are left out."""

from collections.abc import Iterator
from functools import partial

from vision_grpc.sources.files import read_file
from vision_grpc.sources.item import PAGE_PAST_LIMIT, Item, Skipped


def page_key(document: str, number: int) -> str:
    """Return the key of a page; pages are counted from 1."""
    return f"{document}#page={number}"


def pages_past(document: str, most: int, count: int) -> Iterator[Skipped]:
    """Yield what stands for the pages of a document after the first `most`, if it has more."""
    if count > most:
        name = page_key(document, most + 1)
        if count > most + 1:
            name += f"-{count}"
        yield Skipped(name, PAGE_PAST_LIMIT, can_be_fitted=False, images=count - most, is_wished=True)


def one_image(source: str | bytes, key: str) -> Item:
    """Return the Item of a file that is no document, whatever its name says."""
    if isinstance(source, str):
        return Item(key, partial(read_file, source), path=source)
    return Item(key, lambda _: source, len(source))
