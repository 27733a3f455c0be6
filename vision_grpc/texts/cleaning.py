"""Settings and secrets without what files, shells and editors put around them.

A secret that is mounted as a file ends in a line end, a variable of `docker --env-file` keeps its quotation marks, an
editor writes a byte order mark. All settings are cleaned alike, whether they are arguments, variables or fields of a
file.
"""

import unicodedata
from collections.abc import Iterator, Mapping
from typing import NamedTuple

_PAIRS = {'"': '"', "'": "'", "`": "`", "\u201c": "\u201d", "\u201e": "\u201c", "\u2018": "\u2019", "\u00ab": "\u00bb"}
_LINE_ENDS = frozenset("\n\r\v\f\x85\u2028\u2029")
_BYTE_ORDER_MARK = "\ufeff"
_NAMES = {"\t": "a tab", "\x00": "a NUL", "\u00a0": "a non-breaking blank", _BYTE_ORDER_MARK: "a byte order mark"}


class UncleanError(ValueError):
    """A text has a character inside that no setting can have; the message names the character, not the text."""


class Cleaned(NamedTuple):
    """A text and what was around it."""

    text: str
    removed: tuple[str, ...]
    """What was removed, in words: "a line end", "blanks", "quotation marks", ...; empty if nothing was."""

    @property
    def note(self) -> str:
        """What was removed, as a sentence for the reader; empty if nothing was."""
        if not self.removed:
            return ""
        is_one = len(self.removed) == 1 and self.removed[0].startswith("a ")
        return f"{' and '.join(self.removed)} {'was' if is_one else 'were'} removed"


def clean(text: str) -> Cleaned:
    """Return a text without blanks, line ends, invisible characters and pairs of quotation marks around it."""
    removed: dict[str, None] = {}
    while True:
        start, end = 0, len(text)
        while start < end and _is_blank(text[start]):
            start += 1
        while end > start and _is_blank(text[end - 1]):
            end -= 1
        removed.update(dict.fromkeys(_kinds(text[:start] + text[end:])))
        text = text[start:end]
        if len(text) < 2 or _PAIRS.get(text[0]) != text[-1]:  # noqa: PLR2004 - a pair
            return Cleaned(text, tuple(removed))
        removed["quotation marks"] = None
        text = text[1:-1]


def clean_setting(text: str) -> str:
    """Return a cleaned text of one line.

    Raises:
        UncleanError: there is a line end, a control character or an invisible one inside.
    """
    text = clean(text).text
    for position, character in enumerate(text, start=1):
        if not character.isprintable():
            message = f"there is {_describe(character)} inside, at character {position}"
            raise UncleanError(message)
    return text


def read_variable(environ: Mapping[str, str], name: str) -> str | None:
    """Return the cleaned value of an environment variable; None if it is not set, or empty, as scripts unset one.

    Raises:
        UncleanError: as `clean_setting`; the message begins with the name.
    """
    try:
        return clean_setting(environ.get(name, "")) or None
    except UncleanError as error:
        message = f"{name}: {error}"
        raise UncleanError(message) from None


def removal_note(environ: Mapping[str, str], name: str) -> str:
    """Return what was removed from the value of an environment variable; empty if nothing was."""
    return clean(environ.get(name, "")).note


def _is_blank(character: str) -> bool:
    return character.isspace() or unicodedata.category(character) == "Cf"


def _kinds(characters: str) -> Iterator[str]:
    for character in characters:
        if character in _LINE_ENDS:
            yield "a line end"
        elif character == _BYTE_ORDER_MARK:
            yield "a byte order mark"
        elif character.isspace():
            yield "blanks"
        else:
            yield "invisible characters"


def _describe(character: str) -> str:
    if character in _LINE_ENDS:
        return "a line end"
    if character in _NAMES:
        return _NAMES[character]
    category = unicodedata.category(character)
    if category == "Cs":
        return "a byte that is not UTF-8"
    return f"{'a control' if category == 'Cc' else 'an invisible'} character (U+{ord(character):04X})"
