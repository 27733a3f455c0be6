"""The order in which images are made fit, so that they lose the least.

A file that is fit stays as it is. Of any other the first that fits is taken: the data of a JPEG's picture without the
rest of the file, a PNG, a JPEG of a quality as good as possible, and only then a smaller picture.
"""

from dataclasses import replace

from PIL import Image

from vision_grpc.config import Limits
from vision_grpc.contract.foreign import name_foreign
from vision_grpc.contract.image_header import describe_excess_bytes, read_header
from vision_grpc.pictures.orientation import orientation_in
from vision_grpc.results.pixels import swap_size
from vision_grpc.sources.fit.change import Change, Fitted, Origin, UnfitError
from vision_grpc.sources.fit.encoding import LONGEST_JPEG_SIDE, Encoded, encode_jpeg, encode_png
from vision_grpc.sources.fit.flattening import flatten, scale, simplify
from vision_grpc.sources.fit.memory import picture_memory
from vision_grpc.sources.fit.opening import load_picture, open_picture, turn_upright
from vision_grpc.sources.fit.stripping import strip_jpeg
from vision_grpc.sources.formats import raised_to_fit

# The bytes of a JPEG fall a little more slowly than its pixels: a smaller picture has more detail in each.
_SHRINK_POWER, _LEAST_SHRINK, _SCALINGS = 1.1, 0.97, 12


def fit_content(content: bytes, limits: Limits) -> Fitted:
    """Return the image of a file as content that may be sent.

    Raises:
        UnfitError: the file has too many bytes to be fitted, or its picture cannot be decoded.
        ImportError: its format needs a package that is not installed.
        MemoryError: this machine has not enough for the picture.
    """
    if not content:
        message = "the file is empty: copy or save it again"
        raise UnfitError(message)
    if len(content) > (most := raised_to_fit(limits)).content_bytes:
        raise UnfitError(describe_excess_bytes(len(content), most))
    if fitted := _keep(content, limits) or _strip(content, limits):
        return fitted
    with open_picture(content) as opened:
        picture = _reduce(load_picture(opened, pixels=limits.pixels), limits)
        return _encode(turn_upright(picture, opened.origin), opened.origin, limits)


def fit_picture(picture: Image.Image, origin: Origin, limits: Limits) -> Fitted:
    """Return a decoded, upright picture as content that may be sent."""
    with picture_memory.held_for(picture.width * picture.height):
        return _encode(_reduce(picture, limits), origin, limits)


def _keep(content: bytes, limits: Limits) -> Fitted | None:
    """Return a file as it is if it may be sent so. The service applies its EXIF orientation."""
    if len(content) > limits.content_bytes or name_foreign(content):
        return None
    header = read_header(content)
    if header is None:
        # What is not understood here is sent: the service says what it makes of it.
        unknown = Origin("JPEG or PNG", (0, 0))
        return Fitted(content, Change(unknown, unknown.size))
    if header.width * header.height > limits.pixels:
        return None
    origin = Origin(header.format.upper(), header[1:], orientation_in(content))
    return Fitted(content, Change(origin, swap_size(origin.size, origin.orientation)))


def _strip(content: bytes, limits: Limits) -> Fitted | None:
    """Return a JPEG without what does not belong to its picture, if that suffices and is surely the same picture."""
    bare = strip_jpeg(content)
    kept = None if bare is None or read_header(bare) is None else _keep(bare, limits)
    return None if kept is None else Fitted(kept.content, replace(kept.change, format="JPEG"))


def _reduce(picture: Image.Image, limits: Limits) -> Image.Image:
    """Return a picture flat, and with no more pixels than the limit."""
    size = _at_most(limits.pixels, picture.size)
    if size == picture.size:
        return flatten(picture)
    # What has no transparency is flattened first: without its colours, if it has none, it is scaled faster.
    return flatten(scale(picture if picture.has_transparency_data else flatten(picture), size))


def _encode(picture: Image.Image, origin: Origin, limits: Limits) -> Fitted:
    most_bytes = limits.content_bytes
    encoded = _encode_unscaled(picture, origin, most_bytes)
    for _ in range(_SCALINGS):
        if len(encoded.content) <= most_bytes:
            break
        share = min((most_bytes / len(encoded.content)) ** _SHRINK_POWER, _LEAST_SHRINK)
        wide, high = encoded.size
        encoded = _encode_unscaled(scale(picture, _at_most(int(wide * high * share), picture.size)), origin, most_bytes)
    return Fitted(encoded.content, Change(origin, encoded.size, encoded.format, encoded.quality))


def _encode_unscaled(picture: Image.Image, origin: Origin, most_bytes: int) -> Encoded:
    simple = simplify(picture)
    # Of a JPEG's picture, a PNG would be larger than the file was.
    encoded = None if origin.format == "JPEG" else encode_png(simple, most_bytes)
    if encoded is None and (longest := max(picture.size)) > LONGEST_JPEG_SIDE:
        wide, high = picture.size
        simple = scale(simple, _at_most(int(wide * high * (LONGEST_JPEG_SIDE / longest) ** 2), picture.size))
    return encoded or encode_jpeg(simple, most_bytes)


def _at_most(pixels: int, size: tuple[int, int]) -> tuple[int, int]:
    """Return a size of the same proportions with at most so many pixels, but at least one."""
    wide, high = size
    if wide * high <= pixels:
        return size
    factor = (pixels / (wide * high)) ** 0.5
    # A side that would be less than a pixel leaves less to the other one.
    wide, high = max(1, int(wide * factor)), max(1, int(high * factor))
    return (max(1, min(wide, pixels // high)), high) if wide > high else (wide, max(1, min(high, pixels // wide)))
