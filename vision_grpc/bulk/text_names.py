"""The names that a file made of an image may have, from its key alone."""

import re
from hashlib import blake2b

from vision_grpc.sources.kinds import FITTABLE, SENDABLE

TEXT = b".txt"
# Of any other suffix, such as that of `page.1`, nobody knows what it is.
_IMAGE_SUFFIXES = "|".join(map(re.escape, SENDABLE | FITTABLE)).encode()
_IMAGE_SUFFIX = re.compile(b"(?<=.)(%b)$" % _IMAGE_SUFFIXES, re.IGNORECASE)
_SCHEME = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]*://")
_LONGEST_NAME, _LONGEST_PATH = 240, 3_800


def names_of(key: bytes, suffix: bytes = TEXT) -> list[bytes]:
    """Return the names that the file of an image may have, the best one first; no other key has the last one."""
    parts = [_safe(part) for part in _SCHEME.sub(b"", key, count=1).split(b"/") if part not in {b"", b"."}]
    *folders, last = parts or [b"image"]
    hashed = _with_hash(last, key, suffix)
    if sum(map(len, parts)) + len(parts) > _LONGEST_PATH or any(len(part) > _LONGEST_NAME for part in folders):
        return [hashed]
    folder = b"".join(part + b"/" for part in folders)
    names = [folder + hashed, hashed] if folders else [hashed]
    if len(last) > _LONGEST_NAME:
        return names
    stem = _IMAGE_SUFFIX.sub(b"", last)
    return [folder + stem + suffix, *([folder + last + suffix] if stem != last else []), *names]


def _safe(part: bytes) -> bytes:
    return b"__" if part == b".." else part.replace(b"\0", rb"\x00")


def _with_hash(name: bytes, key: bytes, suffix: bytes) -> bytes:
    """Return a name that no other key has, short enough for all file systems."""
    digest = blake2b(key, digest_size=8).hexdigest().encode()
    # Not within a character.
    start = name[:150].decode("utf-8", "ignore").encode() or b"image"
    return b"%b~%b%b" % (start, digest, suffix)
