"""Images in buckets: `s3://bucket/folder/`, `s3://bucket/scan.jpg`, and in other stores that obstore reaches."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from vision_grpc.config import Limits
from vision_grpc.errors import Code
from vision_grpc.results import ImageError
from vision_grpc.sources.containers.openers import MOST_DOCUMENT_BYTES, document_opener_of, open_inside
from vision_grpc.sources.extras import missing_extra
from vision_grpc.sources.formats import too_large
from vision_grpc.sources.item import Entry, Fault, Item, Skipped
from vision_grpc.sources.kinds import NO_SUFFIX, PAGED, TARS, Kind, is_hidden, sample_of, suffix_of
from vision_grpc.sources.nothing import or_nothing
from vision_grpc.sources.object_file import ObjectError
from vision_grpc.sources.options import SourceOptions
from vision_grpc.sources.places.sidecars import is_sidecar
from vision_grpc.sources.places.store_client import Bucket, Object
from vision_grpc.texts.quoting import quote_name

_MOST_IN_GROUP = 1_000


def open_store(url: str, options: SourceOptions) -> Iterator[Entry]:
    """Yield what is in a bucket, below a prefix that ends at a slash of the keys, or in one object.

    The key of an image is the URL of its object. What has no suffix of an image may be an object or a prefix: the
    store is asked. Lists come a thousand at a time, in the order of their keys.
    """
    scheme, _, rest = url.partition("://")
    name, _, key = rest.partition("/")
    if not name:
        yield Fault.of(url, Code.INVALID_ARGUMENT, "names no bucket: write s3://bucket/folder/")
        return
    try:
        place = _Place(Bucket(scheme.lower(), name), options)
        yield from place.entries(key)
    except ImportError as error:
        yield Fault(url, missing_extra(error, "s3", quote_name(url)))
    except ObjectError as error:
        yield Fault.of(url, error.code, str(error))


class _Place:
    """A bucket that is read."""

    def __init__(self, bucket: Bucket, options: SourceOptions) -> None:
        self._bucket = bucket
        self._options = options
        # A container that a pattern has selected stands for all that is in it.
        self._options_inside = replace(options, include=())

    def entries(self, key: str) -> Iterator[Entry]:
        """Yield what a key stands for, which the user has named."""
        suffix = suffix_of(key)
        kind = self._options.kind_of(suffix)
        if not key or key.endswith("/"):
            yield from self._below(key)
        elif kind is Kind.CONTAINER or (suffix in PAGED and self._options.fit):
            yield from self._inside(self._bucket.find(key), suffix, self._options)
        elif kind is not Kind.OTHER:
            yield self._item(key, None)
        else:
            try:
                found = self._bucket.find(key)
            except ObjectError as error:
                if error.code is not Code.NOT_FOUND:
                    raise
                yield from self._below(f"{key}/")
            else:
                yield self._item(key, found.size)

    def _below(self, prefix: str) -> Iterator[Entry]:
        expected = "no object there, check the key (patterns are given apart from it)"
        return or_nothing(self._listed(prefix), self._url(prefix), self._options, where="there", expected=expected)

    def _listed(self, prefix: str) -> Iterator[Entry]:
        # Consoles make folders as empty objects. Their keys end at a slash, which obstore leaves out.
        empty: str | None = None
        for group in _in_groups(self._bucket.list(prefix)):
            names = [found.key.rpartition("/")[2] for found in group]
            for found in group:
                if empty is not None and not found.key.startswith(f"{empty}/"):
                    yield self._skip(empty)
                empty = None
                below = found.key.removeprefix(prefix)
                if is_hidden(below) or not self._options.globs.select(below):
                    continue
                if not (found.size or suffix_of(below)):
                    empty = found.key
                else:
                    yield from self._open(found, names)
        if empty is not None:
            yield self._skip(empty)

    def _open(self, found: Object, names: list[str]) -> Iterator[Entry]:
        """Yield what an object is that was found in a list; the names are those around it."""
        suffix = suffix_of(found.key)
        kind = self._options.kind_of(suffix)
        is_paged = suffix in PAGED and self._options.fit
        # As in folders, containers are opened only if a pattern asks for them.
        if is_paged or (kind is Kind.CONTAINER and not self._options.globs.includes_all):
            yield from self._inside(found, suffix, self._options_inside)
        elif kind is Kind.SENDABLE or (kind is Kind.FITTABLE and self._options.fit):
            yield self._item(found.key, found.size)
        elif not is_sidecar(found.key.rpartition("/")[2], names):
            yield self._skip(found.key)

    def _inside(self, found: Object, suffix: str, options: SourceOptions) -> Iterator[Entry]:
        url = self._url(found.key)
        if suffix in TARS:
            from vision_grpc.sources.containers.tar import read_tar

            yield from read_tar(url, self._bucket.open(found), options)
        elif suffix == ".parquet":
            from vision_grpc.sources.containers.parquet import read_parquet

            yield from read_parquet(url, self._bucket.open(found), options)
        elif (open_document := document_opener_of(suffix, options)) is not None:
            content = self._read(found.key, found.size, Limits(content_bytes=MOST_DOCUMENT_BYTES))
            if isinstance(content, ImageError):
                yield Fault(url, content)
            else:
                yield from open_inside(open_document, content, url, None, options)

    def _item(self, key: str, size: int | None) -> Item:
        return Item(self._url(key), partial(self._read, key, size), size)

    def _read(self, key: str, size: int | None, limits: Limits) -> bytes | ImageError:
        """Return the content of an object, which is not fetched if it is too large."""
        read: bytes | int
        if size is not None and size > limits.content_bytes:
            read = size
        else:
            try:
                read = self._bucket.read(key, limits.content_bytes)
            except ObjectError as error:
                return ImageError(error.code, f"{quote_name(self._url(key))}: {error}")
        if isinstance(read, bytes):
            return read
        return too_large(self._url(key), read, limits)

    def _skip(self, key: str) -> Skipped:
        suffix = suffix_of(key)
        return Skipped(self._url(key), suffix or NO_SUFFIX, self._options.kind_of(suffix) is Kind.FITTABLE)

    def _url(self, key: str) -> str:
        return f"{self._bucket.url}/{key}"


def _in_groups(objects: Iterator[Object]) -> Iterator[list[Object]]:
    """Yield the objects in lists: those whose keys are the same up to the first dot of the name come together.

    What comes before an error is yielded before that is raised.
    """
    group: list[Object] = []
    sample = ""
    try:
        for found in objects:
            if sample != (sample := sample_of(found.key)) or len(group) >= _MOST_IN_GROUP:
                yield group
                group = []
            group.append(found)
    except ObjectError:
        yield group
        raise
    yield group
