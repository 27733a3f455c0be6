"""The fonts of text that is not seen: the one that OCRmyPDF brings, and one without shapes for all other characters.

Fonts that happen to be installed would make files larger by what nobody sees, and different on each machine.
"""

import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from fontTools.fontBuilder import FontBuilder
from fontTools.ttLib.tables._g_l_y_f import Glyph
from ocrmypdf.font import BuiltinFontProvider, FontManager

_PLAIN = "NotoSans-Regular"
_BLANK = "Blank"
_UNITS = 1000
_ASCENT, _DESCENT = 1069, -293
_WIDE, _NARROW = 1000, 500
_MOST_CHARACTERS = 65_000
"""A font may have 65,535."""


class Fonts:
    """Gives OCRmyPDF's renderer a font for each of the words that are announced, without a look at the system's.

    The fonts are NotoSans for Latin, Greek and Cyrillic script, and a font that is made in the folder.
    """

    def __init__(self, words: Iterable[str], folder: Path) -> None:
        self._fonts = BuiltinFontProvider()
        plain = self._fonts.get_font(_PLAIN)
        if plain is None:
            message = f"OCRmyPDF comes without its font {_PLAIN}: install it again"
            raise ImportError(message)
        self._plain = plain
        # A word has one font, so that this one has all characters of its words.
        others = {each for word in set(words) if not self._has_plain(word) for each in word}
        path = folder / f"{_BLANK}.ttf"
        _make_blank(sorted(others)[:_MOST_CHARACTERS], path)
        self._blank = FontManager(path)

    def get_font(self, font_name: str) -> FontManager | None:
        """Return a font by its name."""
        return {_PLAIN: self._plain, _BLANK: self._blank}.get(font_name)

    def get_available_fonts(self) -> list[str]:
        """Return the names of the fonts."""
        return [_PLAIN, _BLANK]

    def get_fallback_font(self) -> FontManager:
        """Return what takes words that have no font."""
        return self._blank

    def find_font_with_glyphs(self, text: str) -> tuple[str, FontManager] | None:
        """Return the font without shapes: it is asked for what the other one does not have."""
        return (_BLANK, self._blank) if text else None

    def _has_plain(self, word: str) -> bool:
        return all(self._plain.has_glyph(ord(each)) for each in word)


def _make_blank(characters: Iterable[str], path: Path) -> None:
    """Make a font that has these characters, and a blank, as nothing but widths."""
    names = {ord(each): f"u{ord(each):X}" for each in dict.fromkeys([" ", *characters])}
    builder: Any = FontBuilder(_UNITS, isTTF=True)  # It comes without types.
    builder.setupGlyphOrder([".notdef", *names.values()])
    builder.setupCharacterMap(names)
    builder.setupGlyf({name: Glyph() for name in [".notdef", *names.values()]})
    widths = {name: (_width(chr(code)), 0) for code, name in names.items()}
    builder.setupHorizontalMetrics({".notdef": (_NARROW, 0), **widths})
    builder.setupHorizontalHeader(ascent=_ASCENT, descent=_DESCENT)
    builder.setupNameTable({"familyName": _BLANK, "styleName": "Regular", "psName": _BLANK})
    builder.setupOS2(sTypoAscender=_ASCENT, sTypoDescender=_DESCENT, usWinAscent=_ASCENT, usWinDescent=-_DESCENT)
    builder.setupPost()
    builder.save(path)


def _width(character: str) -> int:
    return _WIDE if unicodedata.east_asian_width(character) in {"W", "F"} else _NARROW
