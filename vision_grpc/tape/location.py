"""Where a tape is: a path, or the URL of a store."""

import os
from typing import TYPE_CHECKING, cast

from vision_grpc.errors import SettingError
from vision_grpc.sources.places.urls import STORE_SCHEMES, path_of_url, scheme_of
from vision_grpc.tape.folder import Folder
from vision_grpc.texts.arguments import wrong_type
from vision_grpc.texts.quoting import quote_name, show
from vision_grpc.texts.secrets import is_token
from vision_grpc.texts.urls import scheme_like

if TYPE_CHECKING:
    from vision_grpc.tape.store import Store

_SCHEMES = STORE_SCHEMES | {"memory"}


def place_of(location: object) -> str:
    """Return the URL of a store as it was given, or an absolute path; nothing is opened.

    Raises:
        TypeError: it is neither text nor a path.
        SettingError: it names no place, or has a secret in it.
    """
    path: object = os.fspath(cast("os.PathLike[str]", location)) if isinstance(location, os.PathLike) else location
    if not isinstance(path, str):
        raise wrong_type(path, "the place of a tape", "a path, or the URL of a store")
    if is_token(path):
        message = "the place of a tape is a token or a key, must be a path, or the URL of a store"
        raise SettingError(message)
    if not path.strip() or "\0" in path:
        message = f"the place of a tape is {show(path)}, must be a path, or the URL of a store"
        raise SettingError(message)
    scheme = scheme_of(path) or scheme_like(path)
    if scheme in _SCHEMES:
        # A Path makes one slash of two.
        url = path if "://" in path else path.replace(":/", "://", 1)
        _check_url(url, scheme)
        return url
    if scheme is not None:
        path = _path_of(path, scheme)
    return os.path.abspath(os.path.expanduser(path))  # noqa: PTH100, PTH111 - a Path raises where there is no home


def open_place(place: str) -> "Store":
    """Return the store at a place that `place_of` has passed. It opens nothing yet."""
    scheme = scheme_of(place)
    if scheme not in _SCHEMES:
        return Folder(place)
    from vision_grpc.tape.bucket import BucketStore

    bucket, _, prefix = place.partition("://")[2].partition("/")
    return BucketStore(scheme, bucket, prefix.strip("/"))


def _check_url(url: str, scheme: str) -> None:
    place = url.partition("://")[2]
    bucket = place.partition("/")[0]
    if ":" in bucket.rpartition("@")[0] or "?" in place:
        message = (
            f"the URL of a tape ({scheme}://...) has a password or a query in it: credentials are taken from the "
            "environment, such as AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        )
        raise SettingError(message)
    if not bucket and scheme != "memory":
        message = f"the URL of a tape is {show(url)}, and names no bucket: write {scheme}://bucket/folder/"
        raise SettingError(message)


def _path_of(url: str, scheme: str) -> str:
    """Return the path of a URL of the scheme `file`."""
    path = path_of_url(url) if scheme == "file" else None
    if not path:
        has_secret = "@" in url or "?" in url
        shown = f"{scheme}://..." if has_secret else quote_name(url)
        message = f"there is no tape at {shown}: name a path, or a store such as s3://bucket/folder"
        raise SettingError(message)
    return path
