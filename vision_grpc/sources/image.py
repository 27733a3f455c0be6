"""An image on its way through the client."""

from typing import NamedTuple

from vision_grpc.results import ImageError
from vision_grpc.texts.quoting import show


class Image(NamedTuple):
    """The bytes of a JPEG or PNG file and the key under which its result comes back."""

    key: str
    content: bytes

    def __repr__(self) -> str:
        return f"Image(key={show(self.key)}, content=<{len(self.content)} bytes>)"


class Rejection(NamedTuple):
    """An image that cannot be sent, and why."""

    key: str
    error: ImageError
