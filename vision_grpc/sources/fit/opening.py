"""Pictures of image files, decoded by the library that knows their format."""

import io
import warnings
from collections.abc import Generator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from importlib import import_module
from threading import Lock
from typing import Any, NamedTuple

from PIL import ExifTags, Image, ImageFile, features

from vision_grpc.contract import png
from vision_grpc.contract.foreign import name_foreign
from vision_grpc.pictures.orientation import orientation_in, orientation_of, turn
from vision_grpc.results.pixels import UPRIGHT, swap_size
from vision_grpc.sources.fit.change import Origin, UnfitError
from vision_grpc.sources.fit.memory import picture_memory
from vision_grpc.sources.fit.webp_size import read_webp_size
from vision_grpc.sources.formats import FORMATS, JPEG, PNG, Format, explain_foreign
from vision_grpc.threads import begin_anew_in_children

MOST_PIXELS = 2**28
"""The most pixels that are decoded: 268 million, for which up to 20 bytes of memory each are needed. A1 at 600 dpi has
as many. More are refused by what the header says, however few bytes the file has."""

_TURNED_BY_PILLOW = "TIFF"
_TURNED_BY_LIBHEIF = frozenset({"HEIC", "HEIF"})


class Opened(NamedTuple):
    """A file whose picture is not decoded yet."""

    image: ImageFile.ImageFile
    origin: Origin


@contextmanager
def open_picture(content: bytes) -> Generator[Opened]:
    """Open the first picture of a file, recognised by its content, and hold the memory for it while this is open.

    Raises:
        UnfitError: it is not of a format that is read here, is damaged, or has too many pixels.
        ImportError: its format needs a package that is not installed.
    """
    kind = name_foreign(content)
    if kind is not None and kind not in FORMATS:
        raise UnfitError(explain_foreign(kind))
    is_png = content.startswith(png.SIGNATURE)
    known = FORMATS[kind] if kind else PNG if is_png else JPEG
    # WebP's opener allocates the picture, all others do not.
    stated = read_webp_size(content) if known.name == "WebP" else None
    with ExitStack() as memory:
        if stated is not None:
            memory.enter_context(_memory_for(stated))
        image = _open(known, content)
        origin = _origin_of(image, known.name, content)
        if stated is None:
            memory.enter_context(_memory_for(origin.size))
        yield Opened(image, origin)


def load_picture(opened: Opened, *, pixels: int) -> Image.Image:
    """Return the decoded picture; a JPEG with many more pixels than wanted comes in half its size or less.

    It is turned only if its format always is.

    Raises:
        UnfitError: the file is damaged.
    """
    image, origin = opened
    wide, high = origin.size
    with reporting_damage(), _pillow_bound.raised_for(wide * high):
        if wide * high > pixels:
            share = (pixels / (wide * high)) ** 0.5
            image.draft(None, (max(1, int(wide * share)), max(1, int(high * share))))
        image.load()
    return image


def turn_upright(picture: Image.Image, origin: Origin) -> Image.Image:
    """Return a picture by `load_picture` as it is to be seen."""
    return picture if origin.format == _TURNED_BY_PILLOW else turn(picture, origin.orientation)


def _open(known: Format, content: bytes) -> ImageFile.ImageFile:
    _silence_warnings()
    try:
        opener: Any = getattr(import_module(known.module), known.opener)
    except ImportError as error:
        # Releases of Pillow differ in what they read.
        if error.name == known.module and known.module.startswith("PIL."):
            raise _unsupported(known.name) from error
        raise
    if known.feature is not None and not features.check(known.feature):
        raise _unsupported(known.name)
    # Not Image.open: it would try all formats, and warn of sizes that are allowed here.
    with reporting_damage():
        try:
            return opener(io.BytesIO(content))  # type: ignore[no-any-return]
        except Image.DecompressionBombError:
            # WebP's opener allocates the picture, so it looks at the size itself.
            with _pillow_bound.raised_for(MOST_PIXELS):
                return opener(io.BytesIO(content))  # type: ignore[no-any-return]


def _unsupported(name: str) -> UnfitError:
    return UnfitError(f"the file is {name}, which the installed Pillow cannot read: pip install -U pillow")


def _origin_of(image: ImageFile.ImageFile, name: str, content: bytes) -> Origin:
    with reporting_damage():
        if name in {"JPEG", "PNG"}:
            orientation = orientation_in(content)
        elif name in _TURNED_BY_LIBHEIF:
            orientation = UPRIGHT
        elif name == _TURNED_BY_PILLOW:
            stated: object = getattr(image, "tag_v2", {}).get(ExifTags.Base.Orientation)
            orientation = stated if isinstance(stated, int) and stated in range(1, 9) else UPRIGHT
        else:
            orientation = orientation_of(_bytes_in(image, "exif"), _bytes_in(image, "xmp"))
        size = swap_size(image.size, orientation) if name == _TURNED_BY_PILLOW else image.size
        return Origin(name, size, orientation, frames=getattr(image, "n_frames", 1))


def _bytes_in(image: Image.Image, key: str) -> bytes:
    value = image.info.get(key)
    return value if isinstance(value, bytes) else b""


def _memory_for(size: tuple[int, int]) -> AbstractContextManager[None]:
    """Return what holds the memory for a picture of this size, if it may be decoded at all."""
    wide, high = size
    if wide * high > MOST_PIXELS:
        pixels = f"{wide} x {high} = {wide * high:,} pixels"
        raise _too_many_pixels(pixels)
    if not (wide and high):
        raise _damaged()
    return picture_memory.held_for(wide * high)


def _too_many_pixels(pixels: str) -> UnfitError:
    fault = f"which are too many to be decoded (at most {MOST_PIXELS:,}): scale it down, or cut it into parts"
    return UnfitError(f"the image has {pixels}, {fault}")


def _damaged() -> UnfitError:
    return UnfitError("the file is truncated or damaged and cannot be decoded: copy or export it again")


@contextmanager
def reporting_damage() -> Generator[None]:
    """Raise UnfitError in place of what decoding a damaged file raises."""
    try:
        yield
    except (MemoryError, UnfitError):
        raise
    except Image.DecompressionBombError as error:
        # Of a frame or a tile that is larger than the picture that it is part of.
        pixels = "a part that has more pixels than Pillow allows"
        raise _too_many_pixels(pixels) from error
    # A damaged file makes the decoders raise OSError, SyntaxError, ValueError, struct.error and more. No list of them
    # is complete, and only the file differs between calls.
    except Exception as error:
        raise _damaged() from error


def _silence_warnings() -> None:
    """Ignore warnings about odd metadata: they do not name the file, and its picture is read all the same.

    This is for the whole process, because `warnings.catch_warnings` is not thread-safe.
    """
    if not any(_is_ours(each) for each in warnings.filters):
        warnings.filterwarnings("ignore", category=UserWarning, module=_MODULES)


_MODULES = r"(PIL|pillow_heif)\."


def _is_ours(each: Any) -> bool:  # noqa: ANN401 - a tuple, in typeshed too
    # The interpreter's first filters have names of modules in place of patterns.
    return each[0] == "ignore" and getattr(each[3], "pattern", None) == _MODULES


class _PillowBound:
    """Lets pictures be decoded that have more pixels than Pillow allows the process, though not more than we do."""

    def __init__(self) -> None:
        self._users = 0
        self._usual: int | None = None
        self.forked()
        begin_anew_in_children(self)

    def forked(self) -> None:
        """Begin anew in a forked child; see `Forkable`. A bound that was raised stays so."""
        self._lock = Lock()

    @contextmanager
    def raised_for(self, pixels: int) -> Generator[None]:
        """Raise the bound of the process while this is open, if so many pixels exceed it."""
        with self._lock:
            usual = self._usual if self._users else Image.MAX_IMAGE_PIXELS
            exceeds = usual is not None and pixels > usual
            if exceeds:
                self._users += 1
                self._usual, Image.MAX_IMAGE_PIXELS = usual, MOST_PIXELS
        try:
            yield
        finally:
            if exceeds:
                self._restore()

    def _restore(self) -> None:
        with self._lock:
            self._users -= 1
            if self._users == 0 and Image.MAX_IMAGE_PIXELS == MOST_PIXELS:
                Image.MAX_IMAGE_PIXELS = self._usual


_pillow_bound = _PillowBound()
