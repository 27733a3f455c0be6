"""URLs in place of paths."""

import re
from functools import partial
from urllib.parse import unquote, urlsplit

from vision_grpc.config import Limits
from vision_grpc.errors import Code
from vision_grpc.results import ImageError
from vision_grpc.sources.item import Item
from vision_grpc.texts.quoting import quote_name

STORE_SCHEMES = frozenset({"s3", "s3a", "gs", "az", "azure", "adl", "abfs", "abfss"})
"""The schemes of stores, whose URLs stand for buckets, prefixes and objects."""

_URL = re.compile(r"([a-z][a-z0-9+.-]+)://", re.IGNORECASE)
_LOCAL_HOSTS = frozenset({"", "localhost"})


def scheme_of(place: str) -> str | None:
    """Return the scheme of a URL in lower case, None for a path."""
    found = _URL.match(place) if "://" in place else None
    return found[1].lower() if found else None


def path_of_url(url: str) -> str | None:
    """Return the path of a URL of the scheme `file`, None if it is on another machine."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return unquote(parts.path, errors="surrogateescape") if parts.netloc.lower() in _LOCAL_HOSTS else None


def refuse_url(url: str) -> Item:
    """Return an Item for a URL from which nothing can be read; its error says what can be done."""
    return Item(url, partial(_refuse, url))


def _refuse(url: str, limits: Limits) -> ImageError:
    del limits
    match scheme_of(url):
        case "http" | "https":
            fault = "images are not read from web servers: download it, and name the file"
        case "file":
            fault = "is a file of another machine: copy it to this one, or mount its disk and name the path"
        case scheme:
            fault = f"there is no way to read from {scheme}://: name a path, or a store such as s3://bucket/folder"
    return ImageError(Code.INVALID_ARGUMENT, f"{quote_name(url)}: {fault}")
