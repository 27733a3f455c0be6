"""What was done to an image so that it may be sent, and the way back for the answer's boxes."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple, Self

from vision_grpc.results import ImageResult
from vision_grpc.results.pixels import UPRIGHT, MappedOutcome, PixelMap, swap_size

# Clockwise, as EXIF 2.32 describes the numbers of its tag 0x0112.
_TURNS = {1: 0, 2: 0, 3: 180, 4: 180, 5: 90, 6: 90, 7: 270, 8: 270}
_MIRRORED = frozenset({2, 4, 5, 7})


class Origin(NamedTuple):
    """A picture as its file has it."""

    format: str
    """The name of its format, such as `TIFF`."""

    size: tuple[int, int]
    """Width and height in the file, before it is turned; of a page that was rendered, those of the rendering."""

    orientation: int = UPRIGHT
    """How it is turned or mirrored to be upright, as a number of EXIF."""

    frames: int = 1
    """How many pictures the file has; the first is taken."""

    dpi: float | None = None
    """The resolution at which a page without pixels was rendered."""

    points: tuple[float, float] | None = None
    """The width and height of that page in points, 72 to an inch."""


@dataclass(frozen=True, slots=True)
class Change:
    """What was done to an image so that it may be sent."""

    origin: Origin
    """The image as its file has it."""

    size: tuple[int, int]
    """Width and height of what is sent, upright."""

    format: Literal["JPEG", "PNG"] | None = None
    """The format that is sent; None when the content is that of the file, byte for byte."""

    quality: int | None = None
    """The quality of a JPEG that was encoded anew; None when no pixel lost anything by its format."""

    @property
    def is_unchanged(self) -> bool:
        """Whether the content is that of the file, byte for byte."""
        return self.format is None

    @property
    def pixel_map(self) -> PixelMap:
        """Where the pixels that are sent lie in the original."""
        return PixelMap(self.size, self.origin.size, self.origin.orientation)

    @property
    def scale(self) -> float:
        """How much smaller the sides are than those of the original: 0.5 is half of each; 1.0 is all."""
        return 1.0 if self.is_unchanged else max(self.size) / max(self.origin.size)

    def restore(self, result: ImageResult) -> ImageResult:
        """Return the result with the boxes and the page's size in the original's pixels, as its file has them.

        The EXIF orientation is not applied to those: `Image.open` of Pillow has them so. The corners of a box keep
        their order, which follows the text: the first is above its beginning, however the text lies in the file.
        Nothing is read before it is asked for.
        """
        pixel_map, outcome = self.pixel_map, result.outcome
        if self.is_unchanged and pixel_map.is_identity:
            return result
        if outcome is not None and not pixel_map.is_identity:
            outcome = MappedOutcome(outcome, pixel_map)
        return replace(result, outcome=outcome, fitted=self.to_dict())

    def to_dict(self) -> dict[str, Any]:
        """Return the change as plain values: the original, and what differs in what is sent."""
        origin, (width, height) = self.origin, self.size
        change: dict[str, Any] = {"format": origin.format, "width": origin.size[0], "height": origin.size[1]}
        if origin.orientation != UPRIGHT:
            change["orientation"] = origin.orientation
        if origin.frames > 1:
            change["frames"] = origin.frames
        if origin.dpi is not None:
            change["dpi"] = origin.dpi
        if origin.points is not None:
            change["points"] = [round(side, 3) for side in origin.points]
        if not self.is_unchanged:
            change["sent"] = {"format": self.format, "width": width, "height": height, "scale": round(self.scale, 4)}
            if self.quality is not None:
                change["sent"]["quality"] = self.quality
        return change

    @classmethod
    def of_dict(cls, change: Mapping[str, Any]) -> Self:
        """Return the change that `to_dict` made these plain values of.

        Raises:
            LookupError, TypeError: they are something else.
        """
        size = change["width"], change["height"]
        origin = Origin(
            change["format"],
            size,
            change.get("orientation", UPRIGHT),
            change.get("frames", 1),
            change.get("dpi"),
            None if (points := change.get("points")) is None else (points[0], points[1]),
        )
        if (sent := change.get("sent")) is None:
            return cls(origin, swap_size(size, origin.orientation))
        return cls(origin, (sent["width"], sent["height"]), sent["format"], sent.get("quality"))

    def __str__(self) -> str:
        origin = self.origin
        if self.is_unchanged:
            return "sent as it is"
        if self.format == "JPEG" and self.quality is None:
            return "sent without its metadata"
        at = "" if origin.dpi is None else f" at {origin.dpi:g} dpi"
        steps = [f"{origin.format} {origin.size[0]} x {origin.size[1]}{at}"]
        if origin.frames > 1:
            steps.append(f"the first of {origin.frames:,} pictures")
        if turn := _TURNS[origin.orientation]:
            steps.append(f"turned by {turn} degrees")
        if origin.orientation in _MIRRORED:
            steps.append("mirrored")
        if self.size != self.pixel_map.upright:
            steps.append(f"scaled to {self.size[0]} x {self.size[1]} ({self.scale:.0%})")
        quality = "" if self.quality is None else f" of quality {self.quality}"
        return f"{', '.join(steps)}, sent as {self.format}{quality}"


class UnfitError(ValueError):
    """The file cannot be made fit; the message says why and what to do."""


class Fitted(NamedTuple):
    """The content that may be sent, and what was done to it."""

    content: bytes
    change: Change

    def __repr__(self) -> str:
        return f"Fitted(content=<{len(self.content):,} bytes>, change={self.change!r})"
