"""The pages of TIFF files as images."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import IO

from vision_grpc.config import Limits
from vision_grpc.contract.image_header import describe_excess_bytes
from vision_grpc.errors import Code
from vision_grpc.results import ImageError
from vision_grpc.sources.containers.pages import one_image, page_key, pages_past
from vision_grpc.sources.containers.tiff.directories import DamagedTiffError, Form, find_pages
from vision_grpc.sources.containers.tiff.extract import TooLargeError, extract_page
from vision_grpc.sources.files import explain_unread
from vision_grpc.sources.item import Entry, Fault, Item, unreadable
from vision_grpc.sources.options import SourceOptions
from vision_grpc.texts.quoting import quote_name


def open_tiff(source: str | bytes, key: str, options: SourceOptions) -> Iterator[Entry]:
    """Yield each page of a TIFF file as an Item, whose content is a TIFF file of this page alone.

    The file is a path or its content. If it has one page, or is not even a TIFF file, its key stays what it is. Pages
    are read in any thread, each from a file that is opened for it.
    """
    try:
        with _open(source) as file:
            pages = find_pages(file)
    except (OSError, ValueError, MemoryError) as error:
        yield unreadable(key, explain_unread(key, error))
        return
    if pages is None or pages.offsets == [pages.first]:
        yield one_image(source, key)
    elif len(pages.offsets) == 1:
        yield Item(key, partial(_read_page, source, key, pages.offsets[0], pages.form))
    else:
        most = len(pages.offsets) if options.max_pages is None else options.max_pages
        for number, at in enumerate(pages.offsets[:most], 1):
            yield Item(page_key(key, number), partial(_read_page, source, page_key(key, number), at, pages.form))
        yield from pages_past(key, most, len(pages.offsets))
    if pages is not None and not pages.is_whole:
        count = len(pages.offsets)
        fault = f"the file is damaged after page {count:,}: pages may be missing, save or copy it again"
        yield Fault.of(key, Code.INVALID_ARGUMENT, fault)


def _open(source: str | bytes) -> AbstractContextManager[IO[bytes]]:
    return BytesIO(source) if isinstance(source, bytes) else Path(source).open("rb")


def _read_page(source: str | bytes, key: str, at: int, form: Form, limits: Limits) -> bytes | ImageError:
    try:
        with _open(source) as file:
            return extract_page(file, at, form, limits.content_bytes)
    except (OSError, MemoryError) as error:
        return explain_unread(key, error)
    except DamagedTiffError as error:
        fault = f"this page is damaged: {error}"
    except TooLargeError as error:
        fault = describe_excess_bytes(error.size, limits)
    return ImageError(Code.INVALID_ARGUMENT, f"{quote_name(key)}: {fault}")
