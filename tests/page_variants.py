"""Pages as scanners, cameras and screens make them, of one clean page; and pages that are drawn."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

WHITE = (255, 255, 255)

# The lines of the pages in data/pages are as high as at this resolution.
PAGE_DPI = 176


class Drawn(NamedTuple):
    """A picture, its words and the box of each: left, top, right and bottom."""

    picture: Image.Image
    words: list[str]
    boxes: list[tuple[int, int, int, int]]

    @property
    def text(self) -> str:
        """The words, with blanks between them."""
        return " ".join(self.words)


def at_dpi(page: Image.Image, dpi: int) -> Image.Image:
    """Return a page as a scanner of this resolution gives it."""
    size = (round(page.width * dpi / PAGE_DPI), round(page.height * dpi / PAGE_DPI))
    return page.resize(size, Image.Resampling.LANCZOS)


def skewed(page: Image.Image, degrees: float) -> Image.Image:
    """Return a page that was laid askew: its lines fall to the right, or rise if the angle is negative."""
    return page.convert("RGB").rotate(-degrees, Image.Resampling.BICUBIC, expand=True, fillcolor=WHITE)


def turned(page: Image.Image, degrees: int) -> Image.Image:
    """Return a page that is turned clockwise by 90, 180 or 270 degrees."""
    return page.rotate(-degrees, expand=True)


def photographed(page: Image.Image) -> Image.Image:
    """Return a page as a telephone sees it on a table: from below, a little askew, blurred, with a shadow over it."""
    sheet = Image.new("RGB", (round(page.width * 1.12), round(page.height * 1.15)), WHITE)
    sheet.paste(page, (round(page.width * 0.06), round(page.height * 0.07)))
    wide, high = sheet.size
    sheet = sheet.transform(
        sheet.size, Image.Transform.PERSPECTIVE, _perspective(wide, high), Image.Resampling.BICUBIC, fillcolor=WHITE
    )
    light = Image.linear_gradient("L").rotate(90).resize(sheet.size).point(lambda value: 170 + value // 3)
    hand = Image.new("L", sheet.size, 255)
    ImageDraw.Draw(hand).polygon([(0, high // 3), (wide // 2, high // 2), (wide // 3, high), (0, high)], fill=140)
    light = ImageChops.multiply(light, hand.filter(ImageFilter.GaussianBlur(wide / 60)))
    shaded = ImageChops.multiply(sheet, Image.merge("RGB", [light] * 3))
    return skewed(shaded.filter(ImageFilter.GaussianBlur(0.6)), 1.5)


def light_on_dark(page: Image.Image) -> Image.Image:
    """Return a page as a screen in dark mode shows it."""
    return page.convert("L").point(lambda value: 240 - value * 215 // 255)


def red_on_green(page: Image.Image) -> Image.Image:
    """Return a page with red letters on green that is as light as they are."""
    ground, ink = Image.new("RGB", page.size, (0, 102, 0)), Image.new("RGB", page.size, (200, 0, 0))
    return Image.composite(ground, ink, page.convert("L"))


VARIANTS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "as it is": lambda page: page,
    **{f"{dpi} dpi": partial(at_dpi, dpi=dpi) for dpi in (72, 100, 150, 300)},
    **{f"skewed by {angle}": partial(skewed, degrees=angle) for angle in (1, -2, 4, -7, 10)},
    **{f"turned by {angle}": partial(turned, degrees=angle) for angle in (90, 180, 270)},
    "turned by 180, skewed by 3": lambda page: skewed(turned(page, 180), 3),
    "100 dpi, skewed by 3": lambda page: skewed(at_dpi(page, 100), 3),
    "photographed": photographed,
    "light on dark": light_on_dark,
    "red on green": red_on_green,
}

_HEADINGS = ("Item", "North", "South", "East", "West", "Sum")
_GOODS = (
    ("Milk 2.5 %", "1 x 89.90"), ("Rye bread", "2 x 41.50"), ("Apples Gala", "1.25 x 119.00"),
    ("Green tea", "1 x 249.00"), ("Butter 82 %", "3 x 189.99"), ("Pasta", "2 x 74.30"),
    ("Olive oil", "1 x 899.00"), ("Salt", "1 x 19.90"),
)  # fmt: skip


def receipt(size: int = 15) -> Drawn:
    """Return a till receipt in small letters: what was bought on the left, numbers on the right."""
    rows = [("North Market", ""), ("Receipt 004817", "28.11.2026"), *_GOODS, ("Total", "2406.77"), ("Thank you", "")]
    pen = _Pen(Image.new("RGB", (26 * size, (len(rows) + 2) * size * 8 // 5), WHITE), size)
    for number, (left, right) in enumerate(rows, 1):
        pen.write(size, number * size * 8 // 5, left)
        pen.write(17 * size, number * size * 8 // 5, right)
    return pen.drawn()


def table(size: int = 18) -> Drawn:
    """Return a table with rules: a number, or none, in each cell."""
    columns, rows, wide, high = 6, 12, 7 * size, 2 * size
    pen = _Pen(Image.new("RGB", (columns * wide + 2 * size, rows * high + 2 * size), WHITE), size)
    for row in range(rows):
        for column in range(columns):
            left, top = size + column * wide, size + row * high
            pen.draw.rectangle((left, top, left + wide, top + high), outline="black")
            text = str(row * 371 + column * 58) if row else _HEADINGS[column]
            if (row * 7 + column) % 5:
                pen.write(left + size // 2, top + size // 3, text)
    return pen.drawn()


class _Pen:
    """Writes words, and knows where they are."""

    def __init__(self, picture: Image.Image, size: int) -> None:
        self.draw = ImageDraw.Draw(picture)
        self._picture = picture
        self._font = ImageFont.load_default(size)
        self._words: list[tuple[str, tuple[int, int, int, int]]] = []

    def write(self, x: float, y: float, text: str) -> None:
        for word in text.split():
            self.draw.text((x, y), word, font=self._font, fill="black")
            left, top, right, bottom = self.draw.textbbox((x, y), word, font=self._font)
            self._words.append((word, (round(left), round(top), round(right), round(bottom))))
            x = right + self.draw.textlength(" ", font=self._font)

    def drawn(self) -> Drawn:
        return Drawn(self._picture, [word for word, _ in self._words], [box for _, box in self._words])


def paragraph(size: int = 30) -> Drawn:
    """Return a page of a few lines."""
    text = "The harbour was quiet that morning and the boats lay close together along the northern wall"
    words = text.split()
    pen = _Pen(Image.new("RGB", (26 * size, 14 * size), WHITE), size)
    for row in range(6):
        pen.write(2 * size, (2 + row * 1.7) * size, " ".join(words[row * 2 : row * 2 + 6]))
    return pen.drawn()


def _perspective(wide: int, high: int) -> tuple[float, ...]:
    """Return the numbers of Pillow's transform for a sheet whose upper edge is further away than the lower one."""
    near, centre = 0.9, wide / 2
    h = (1 / near - 1) / high
    # A point (x, y) is taken from (a x + b y + c, d x + e y + f) / (1 + g x + h y) of the sheet.
    return 1 / near, centre * h, centre - centre / near, 0, 1 + h * high, 0, 0, h
