"""What callers use: a file, an item or a picture in, content that may be sent out."""

from os import PathLike, fspath
from typing import TYPE_CHECKING, cast

from vision_grpc.config import Limits
from vision_grpc.errors import Code, MachineError
from vision_grpc.results import ImageError
from vision_grpc.sources.extras import describe_missing
from vision_grpc.sources.files import read_file
from vision_grpc.sources.fit.change import Fitted, Origin, UnfitError
from vision_grpc.sources.formats import raised_to_fit
from vision_grpc.sources.item import Item
from vision_grpc.texts.quoting import quote_name

if TYPE_CHECKING:
    from PIL import Image

_LIMITS = Limits()


def fit(source: str | PathLike[str] | bytes, limits: Limits = _LIMITS) -> Fitted | ImageError:
    """Return an image of any format as content that may be sent, or why that is not possible.

    A file that is fit already is returned as it is, byte for byte. The call may be made in several threads at once; it
    takes from less than a millisecond for such a file to seconds for a large picture.
    """
    if isinstance(source, bytes):
        return _fit(source, limits, "")
    path = fspath(source)
    content = read_file(path, raised_to_fit(limits))
    return content if isinstance(content, ImageError) else _fit(content, limits, path)


def prepare(item: Item, limits: Limits = _LIMITS) -> Fitted | ImageError:
    """Return the image of an item as content that may be sent, or why that is not possible, with the item's key."""
    read = item.read(raised_to_fit(limits))
    # Only pages are made, and they come fitted.
    return _fit(read, limits, item.key) if isinstance(read, bytes) else cast("Fitted | ImageError", read)


def fit_picture(picture: "Image.Image", origin: Origin, limits: Limits = _LIMITS) -> Fitted:
    """Return a picture that is decoded and upright already as content that may be sent.

    It may be smaller than its origin says, if it was scaled when it was decoded.
    """
    from vision_grpc.sources.fit import steps

    return steps.fit_picture(picture, origin, limits)


def _fit(content: bytes, limits: Limits, name: str) -> Fitted | ImageError:
    try:
        from vision_grpc.sources.fit import steps

        return steps.fit_content(content, limits)
    except UnfitError as error:
        code, fault = Code.INVALID_ARGUMENT, str(error)
    except ImportError as error:
        code, fault = Code.FAILED_PRECONDITION, f"cannot be fitted, as {describe_missing(error, 'images')}"
    except MemoryError as error:
        code, fault = MachineError.code, str(MachineError.of(error, "cannot be fitted now"))
    return ImageError(code, f"{quote_name(name)}: {fault}" if name else fault)
