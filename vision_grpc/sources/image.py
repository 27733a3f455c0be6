"""An image on its way through the client."""

from collections.abc import Sequence
from typing import NamedTuple

from vision_grpc.results import ImageError
from vision_grpc.texts.quoting import show


class Image(NamedTuple):
    """The bytes of a JPEG or PNG file and the key under which its result comes back."""

    key: str
    content: bytes
    languages: Sequence[str] | None = None
    """Its own languages, None for those of the call."""
    model: str | None = None
    """Its own model, None for that of the call."""

    def __repr__(self) -> str:
        own = [
            f", {name}={show(value)}"
            for name, value in (("languages", self.languages), ("model", self.model))
            if value is not None
        ]
        return f"Image(key={show(self.key)}, content=<{len(self.content)} bytes>{''.join(own)})"


class Rejection(NamedTuple):
    """An image that cannot be sent, and why."""

    key: str
    error: ImageError
