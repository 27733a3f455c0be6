"""One image at a path or URL that a table or a program names."""

from functools import partial

from vision_grpc.config import Limits
from vision_grpc.errors import Code
from vision_grpc.results import ImageError
from vision_grpc.sources.extras import missing_extra
from vision_grpc.sources.files import read_file
from vision_grpc.sources.formats import too_large
from vision_grpc.sources.item import Item, unreadable
from vision_grpc.sources.object_file import ObjectError
from vision_grpc.sources.places.opening import plain_path
from vision_grpc.sources.places.urls import STORE_SCHEMES, path_of_url, refuse_url, scheme_of
from vision_grpc.texts.quoting import quote_name


def single_item(key: str, place: str) -> Item:
    """Return the image at a path or URL, which is read when its turn comes.

    A place that is not one file or object, such as a folder or a bucket, is an item with an error: unlike `open_place`,
    this never makes several images of one place.
    """
    if not place:
        return unreadable(key, ImageError(Code.INVALID_ARGUMENT, f"{quote_name(key)}: the path or URL is empty"))
    match scheme_of(place):
        case None:
            path = plain_path(place)
        case "file" if (local := path_of_url(place)) is not None:
            path = local
        case scheme if scheme in STORE_SCHEMES:
            return Item(key, partial(_read_object, place), place=place)
        case _:
            return Item(key, refuse_url(place).read, place=place)
    return Item(key, partial(read_file, path), path=path)


def _read_object(url: str, limits: Limits) -> bytes | ImageError:
    """Return the content of an object, which is not fetched if it is too large."""
    from vision_grpc.sources.places.store_client import Bucket

    scheme, _, rest = url.partition("://")
    bucket, _, name = rest.partition("/")
    if not bucket or not name or name.endswith("/"):
        return ImageError(Code.INVALID_ARGUMENT, f"{quote_name(url)}: names no object: write s3://bucket/scan.png")
    try:
        read = Bucket(scheme.lower(), bucket).read(name, limits.content_bytes)
    except ImportError as error:
        return missing_extra(error, "s3", quote_name(url))
    except ObjectError as error:
        return ImageError(error.code, f"{quote_name(url)}: {error}")
    return read if isinstance(read, bytes) else too_large(url, read, limits)
