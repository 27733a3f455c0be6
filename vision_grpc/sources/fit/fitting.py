"""Make images fit to be sent, with the least loss."""

from os import PathLike
from typing import TYPE_CHECKING

from vision_grpc.config import Limits
from vision_grpc.results import ImageError
from vision_grpc.sources.fit.change import Fitted, Origin
from vision_grpc.sources.item import Item

if TYPE_CHECKING:
    from PIL import Image

_LIMITS = Limits()


def fit(source: str | PathLike[str] | bytes, limits: Limits = _LIMITS) -> Fitted | ImageError:
    """Return an image of any format as content that may be sent, or why that is not possible.

    A file that is fit already is returned as it is, byte for byte.
    """
    raise NotImplementedError


def fit_picture(picture: "Image.Image", origin: Origin, limits: Limits = _LIMITS) -> Fitted:
    """Return a picture that is decoded and upright already as content that may be sent.

    It may be smaller than its origin says, if it was scaled when it was decoded.
    """
    raise NotImplementedError


def prepare(item: Item, limits: Limits = _LIMITS) -> Fitted | ImageError:
    """Return the image of an item as content that may be sent, or why that is not possible, with the item's name."""
    raise NotImplementedError
