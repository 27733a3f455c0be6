"""Pictures of all modes, made into those that a JPEG or PNG can hold and text can be read from."""

import math

from PIL import Image, ImageChops, ImageCms

from vision_grpc.pictures.transparency import lay_on_ground

_OPAQUE_MODES = frozenset({"1", "L", "P", "RGB"})
_MOST_COLOURS, _MOST_GREYS = 256, 16
# Deeper grey is brought to 8 bits from one of these numbers of bits, the smallest that holds the brightest pixel:
# scanners and cameras leave the upper bits of 16 unused.
_BITS = (8, 10, 12, 14, 16)
# TIFF 6.0, tag 262: in such a picture 0 is white. Pillow inverts it for 1 and 8 bits alone.
_PHOTOMETRIC, _WHITE_IS_ZERO = 262, 0


def scale(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Return a picture in another size, smoothly; its mode may become one that has shades between its colours."""
    if picture.mode == "1":
        # The edges of black and white need few shades. Measured on a page of 40 Mpixel scaled to 20: a PNG has 0.97 MB
        # with 16 shades and 2.3 MB with 256, and both are read alike.
        return _posterize(_resize(picture.convert("L"), size))
    if picture.mode.startswith(("I", "F")):
        picture = _to_8_bits(picture)
    elif picture.has_transparency_data:
        picture = _with_alpha(picture)
    elif picture.mode == "P":
        picture = picture.convert("RGB")
    return _resize(picture, size)


def _resize(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    # Averages of whole pixels first, where a side becomes less than a third: the rest of the filter then costs little.
    return picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)  # pyright: ignore[reportUnknownMemberType] # numpy's


def flatten(picture: Image.Image) -> Image.Image:
    """Return a picture without transparency, in one of the modes 1, L, P and RGB; in L if an RGB has no colours.

    What is transparent is laid on a ground on which what is visible can be read.
    """
    if picture.mode.startswith(("I", "F")):
        picture = _to_8_bits(picture)
    if picture.has_transparency_data:
        picture = lay_on_ground(_with_alpha(picture))
    elif picture.mode == "LAB":
        picture = _from_lab(picture)
    elif picture.mode not in _OPAQUE_MODES:
        picture = picture.convert("RGB")
    return (_without_colours(picture) or picture) if picture.mode == "RGB" else picture


def simplify(picture: Image.Image) -> Image.Image:
    """Return a flat picture in the smallest mode that has all its colours."""
    if picture.mode == "RGB":
        picture = _with_palette(picture) or picture
    elif picture.mode == "P":
        picture = _without_colours(picture.convert("RGB")) or picture
    return _with_few_greys(picture) if picture.mode == "L" else picture


def for_jpeg(picture: Image.Image) -> Image.Image:
    """Return a simplified picture in the mode that a JPEG has: L or RGB."""
    if picture.mode == "P":
        picture = picture.convert("RGB")
        return _without_colours(picture) or picture
    return picture.convert("L") if picture.mode == "1" else picture


def _with_alpha(picture: Image.Image) -> Image.Image:
    # Of a TIFF whose grey is multiplied by its alpha already.
    return (picture.convert("LA") if picture.mode == "La" else picture).convert("RGBA")


def _without_colours(picture: Image.Image) -> Image.Image | None:
    # A few pixels suffice to see that there are colours, but not that there are none.
    few = picture.resize((64, 64), Image.Resampling.NEAREST)  # pyright: ignore[reportUnknownMemberType] # numpy's
    return picture.getchannel(0) if _is_grey(few) and _is_grey(picture) else None


def _is_grey(picture: Image.Image) -> bool:
    red, green, blue = picture.split()
    return not (ImageChops.difference(red, green).getbbox() or ImageChops.difference(red, blue).getbbox())


def _with_palette(picture: Image.Image) -> Image.Image | None:
    colours = picture.getcolors(_MOST_COLOURS)
    if colours is None:
        return None
    # The quantizer is made for more colours than it may use; so few it should keep, which is checked.
    reduced = picture.quantize(len(colours), Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    return None if ImageChops.difference(reduced.convert("RGB"), picture).getbbox() else reduced


def _with_few_greys(picture: Image.Image) -> Image.Image:
    greys = [value for value, count in enumerate(picture.histogram()) if count]
    if set(greys) <= {0, 255}:
        return picture.convert("1", dither=Image.Dither.NONE)
    if len(greys) > _MOST_GREYS:
        return picture
    place = {value: index for index, value in enumerate(greys)}
    reduced = picture.point([place.get(value, 0) for value in range(256)])  # pyright: ignore[reportUnknownMemberType] # numpy's
    reduced.putpalette(bytes(value for value in greys for _ in "RGB"))
    return reduced


def _posterize(picture: Image.Image) -> Image.Image:
    step = 255 / (_MOST_GREYS - 1)
    return picture.point([round(round(value / step) * step) for value in range(256)])  # pyright: ignore[reportUnknownMemberType] # numpy's


def _to_8_bits(picture: Image.Image) -> Image.Image:
    """Return grey of 16 or 32 bits, or of fractions, as L. Pillow itself would clip all values above 255 to white."""
    is_inverted = getattr(picture, "tag_v2", {}).get(_PHOTOMETRIC) == _WHITE_IS_ZERO
    if picture.mode.startswith("I;16"):
        picture = picture.convert("I")
    least, most = (float(value) for value in picture.getextrema())  # type: ignore[arg-type] # one band: two numbers
    if not (math.isfinite(least) and math.isfinite(most)):
        least, most = 0.0, 1.0
    if picture.mode == "F" and least >= 0 and most <= 1:
        factor, start = 255.0, 0.0
    elif least >= 0 and most < 2 ** _BITS[-1]:
        bits = next(bits for bits in _BITS if most < 2**bits)
        factor, start = 2.0 ** (8 - bits), 0.0
    else:
        # A page of one value is empty, whatever its shade.
        factor = 255 / (most - least) if most > least else 1.0
        start = -least * factor
    # A linear function is all that Pillow knows of these modes.
    grey = picture.point(lambda value: value * factor + start).convert("L")  # pyright: ignore[reportUnknownMemberType] # numpy's
    # The value of 16 bits that stands for transparent means nothing here.
    grey.info.pop("transparency", None)
    return ImageChops.invert(grey) if is_inverted else grey


def _from_lab(picture: Image.Image) -> Image.Image:
    lab, rgb = (ImageCms.createProfile(space) for space in ("LAB", "sRGB"))  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] # untyped
    return ImageCms.profileToProfile(picture, lab, rgb, outputMode="RGB") or picture.getchannel(0)  # pyright: ignore[reportUnknownArgumentType] # untyped
