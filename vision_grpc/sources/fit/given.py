"""Pictures that callers have in memory, as Pillow has them."""

from PIL import ExifTags, Image

from vision_grpc.config import Limits
from vision_grpc.errors import Code, MachineError
from vision_grpc.pictures.orientation import turn
from vision_grpc.results import ImageError
from vision_grpc.results.pixels import UPRIGHT
from vision_grpc.sources.fit.change import Origin, UnfitError
from vision_grpc.sources.fit.opening import reporting_damage
from vision_grpc.sources.fit.steps import fit_picture
from vision_grpc.sources.image import FittedImage
from vision_grpc.texts.quoting import quote_name

_FORMAT = "Pillow"
"""What `ImageResult.fitted` calls the format of a picture in memory."""


def fit_given(picture: Image.Image, key: str, limits: Limits) -> FittedImage | ImageError:
    """Return a picture as an image that may be sent, or why that is not possible.

    It is a PNG if that fits, else a JPEG. Where its EXIF data say that it is turned, it is sent upright. The boxes of
    its result are in its own pixels all the same.
    """
    try:
        orientation = _load(picture)
        upright = turn(picture, orientation)
        fitted = fit_picture(upright, Origin(_FORMAT, picture.size, orientation), limits)
    except UnfitError as error:
        code, fault = Code.INVALID_ARGUMENT, str(error)
    except MemoryError as error:
        code, fault = MachineError.code, str(MachineError.of(error, "cannot be fitted now"))
    else:
        image = FittedImage(key, fitted.content)
        image.restore = fitted.change.restore
        return image
    return ImageError(code, f"{quote_name(key)}: {fault}")


def _load(picture: Image.Image) -> int:
    """Decode a picture that is open only, and return its orientation."""
    try:
        with reporting_damage():
            picture.load()
            orientation = _orientation_of(picture)
    except UnfitError as error:
        message = "the picture cannot be decoded: its file is damaged, or it was closed"
        raise UnfitError(message) from error
    if not (picture.width and picture.height):
        message = f"the picture has {picture.width} x {picture.height} pixels"
        raise UnfitError(message)
    return orientation


def _orientation_of(picture: Image.Image) -> int:
    """Return the orientation that Pillow's `exif_transpose` would undo."""
    stated: object = picture.getexif().get(ExifTags.Base.Orientation)
    return stated if isinstance(stated, int) and stated in range(1, 9) else UPRIGHT
