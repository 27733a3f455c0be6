"""The pages of PDF documents as images."""

from collections.abc import Iterator
from functools import partial

from vision_grpc.config import Limits
from vision_grpc.results import ImageError
from vision_grpc.sources.containers.pages import one_image, page_key, pages_past
from vision_grpc.sources.containers.pdf.document import Document
from vision_grpc.sources.containers.pdf.page import DamagedPageError, PdfError
from vision_grpc.sources.extras import missing_extra
from vision_grpc.sources.files import HEAD_BYTES, explain_unread, read_head
from vision_grpc.sources.fit import Fitted
from vision_grpc.sources.item import PAGE_WITH_TEXT, Entry, Fault, Item, Skipped, unreadable
from vision_grpc.sources.options import SourceOptions
from vision_grpc.texts.quoting import quote_name

_SIGNATURE = b"%PDF"


def open_pdf(source: str | bytes, key: str, options: SourceOptions) -> Iterator[Entry]:
    """Yield each page of a PDF document as an Item, and those that are left out.

    The document is a path or its content, and opened when the first is asked for. A page is rendered when it is read,
    in any thread, by one of two processes. A document that cannot be opened is a first page that ends as an error,
    so that the page replaces it when the document is mended. What is not a PDF is an image, whatever its name says.
    """
    try:
        head = source[:HEAD_BYTES] if isinstance(source, bytes) else read_head(source)
        document = Document(source) if _SIGNATURE in head else None
    except (OSError, ValueError, MemoryError) as error:
        yield unreadable(page_key(key, 1), explain_unread(key, error))
        return
    if document is None:
        yield one_image(source, key)
    else:
        yield from _list_pages(document, key, options)


def _list_pages(document: Document, key: str, options: SourceOptions) -> Iterator[Entry]:
    try:
        count = document.count_pages()
    except PdfError as error:
        yield unreadable(page_key(key, 1), error.named(key))
        return
    except ImportError as error:
        yield unreadable(page_key(key, 1), missing_extra(error, "images", quote_name(key)))
        return
    if not count:
        yield unreadable(page_key(key, 1), PdfError("the PDF has no pages").named(key))
        return
    most = count if options.max_pages is None else min(options.max_pages, count)
    try:
        yield from _list_first_pages(document, key, most, skip_text=options.skip_text)
    except PdfError as error:
        yield Fault(key, error.named(key))
    yield from pages_past(key, most, count)


def _list_first_pages(document: Document, key: str, most: int, *, skip_text: bool) -> Iterator[Entry]:
    missing = 0
    # A damaged document may count a million pages and have three.
    for number, is_there in enumerate(document.find_pages(most), 1):
        if not is_there:
            missing += 1
            continue
        for absent in range(number - missing, number):
            yield _missing(key, absent, absent)
        missing = 0
        if skip_text and _has_text(document, number):
            yield Skipped(page_key(key, number), PAGE_WITH_TEXT, can_be_fitted=False, is_wished=True)
        else:
            yield Item(page_key(key, number), partial(_read_page, document, page_key(key, number), number))
    if missing:
        yield _missing(key, most - missing + 1, most)


def _missing(key: str, first: int, last: int) -> Item:
    which = "this page is" if first == last else f"the pages {first:,} to {last:,} are"
    fault = f"{which} not in the file, though it counts {'it' if first == last else 'them'}: save or copy it again"
    return unreadable(page_key(key, first), PdfError(fault).named(page_key(key, first)))


def _has_text(document: Document, number: int) -> bool:
    try:
        return document.has_text(number)
    except DamagedPageError:
        return False  # Reading it says so.


def _read_page(document: Document, key: str, number: int, limits: Limits) -> Fitted | ImageError:
    try:
        return document.fit_page(number, limits)
    except PdfError as error:
        return error.named(key)
    except MemoryError as error:
        return explain_unread(key, error)
    except ImportError as error:
        return missing_extra(error, "images", quote_name(key))
