r"""Patterns for the names of files: `*.png`, `2024/**/scan?.jpg`, `thumbs/`, `*.{jpg,png}`, `[0-9]*`.

They are read as in `.gitignore`: a pattern without a slash matches a name at any depth, one with a slash the path
below the folder that is read; `*` and `?` do not match a slash, `**` as a part matches any folders, also no folder; a
slash at the end means a folder. A folder that matches stands for all that is in it. Case does not matter: `*.jpg`
matches `SCAN.JPG`. A backslash takes the special meaning from the character that follows it.
"""

import os
import re
from collections.abc import Iterable, Sequence
from unicodedata import normalize


class Globs:
    """Which files are read: those that an `include` matches, if there are any, and no `exclude`."""

    __slots__ = ("_excluded", "_included")

    def __init__(self, include: Sequence[str] = (), exclude: Sequence[str] = ()) -> None:
        """Compile the patterns.

        Raises:
            ValueError: one is malformed, or can match nothing.
        """
        self._included = _compile(include)
        self._excluded = _compile(exclude)

    @property
    def includes_all(self) -> bool:
        """Whether there is no pattern that a file has to match."""
        return self._included is None

    def select(self, path: str) -> bool:
        """Return whether a file is read; its path is relative to the folder that is read, with slashes."""
        if self._included is self._excluded is None:
            return True
        path = _normal(path)
        if self._included is not None and not self._included.match(path):
            return False
        return self._excluded is None or not self._excluded.match(path)

    def exclude_folder(self, path: str) -> bool:
        """Return whether nothing in a folder is read."""
        return self._excluded is not None and self._excluded.match(f"{_normal(path)}/") is not None


def _normal(path: str) -> str:
    # macOS may store letters with accents as two characters, where keyboards give one.
    return path if path.isascii() else normalize("NFC", path)


def _compile(patterns: Iterable[str]) -> "re.Pattern[str] | None":
    translated = [_translate(pattern) for pattern in patterns]
    return re.compile("|".join(translated), re.IGNORECASE | re.DOTALL) if translated else None


def _translate(pattern: str) -> str:
    """Return a regular expression for the paths of the files that a pattern matches, and of those in its folders."""
    text = _normal(pattern if os.sep == "/" else pattern.replace(os.sep, "/"))
    if text.startswith("!"):
        raise _refusal(pattern, "has no negation: write the pattern without ! as an include or an exclude")
    is_folder = text.endswith("/")
    is_anchored = "/" in text[:-1]
    parts = [part for part in text.split("/") if part not in {"", "."}]
    if not parts:
        raise _refusal(pattern, "names nothing: write * for all files")
    if ".." in parts:
        raise _refusal(pattern, "leads out of the folder with ..: write the path below the folder that is read")
    regex = "" if is_anchored else "(?:.*/)?"
    for number, part in enumerate(parts):
        is_last = number == len(parts) - 1
        if part == "**":
            regex += ".*" if is_last else "(?:.*/)?"
        else:
            regex += _Part(pattern, part).regex() + ("" if is_last else "/")
    return regex + (r"/.*\Z" if is_folder else r"(?:/.*)?\Z")


class _Part:
    """Translates a part of a pattern, which is between slashes."""

    def __init__(self, pattern: str, text: str) -> None:
        self._pattern = pattern
        self._text = text
        self._at = 0

    def regex(self) -> str:
        return self._until("")

    def _until(self, ends: str) -> str:
        """Translate up to one of the characters, which is not consumed; up to the end where there are none."""
        regex = ""
        while self._at < len(self._text):
            character = self._text[self._at]
            if character and character in ends:
                return regex
            self._at += 1
            match character:
                case "*":
                    regex += "[^/]*"
                case "?":
                    regex += "[^/]"
                case "[":
                    regex += self._characters()
                case "{":
                    regex += self._alternatives()
                case "\\":
                    regex += re.escape(self._escaped())
                case _:
                    regex += re.escape(character)
        if ends:
            raise _refusal(self._pattern, r"has a { without }: close it, or write \{")
        return regex

    def _escaped(self) -> str:
        if self._at == len(self._text):
            raise _refusal(self._pattern, r"ends in a backslash: write \\ for a backslash")
        self._at += 1
        return self._text[self._at - 1]

    def _alternatives(self) -> str:
        alternatives = [self._until(",}")]
        while self._text[self._at] == ",":
            self._at += 1
            alternatives.append(self._until(",}"))
        self._at += 1
        return f"(?:{'|'.join(alternatives)})"

    def _characters(self) -> str:
        # A ] that comes first is one of the characters.
        negated = self._text[self._at : self._at + 1] in {"!", "^"} and self._text[self._at :] != ""
        start = self._at + negated
        end = self._text.find("]", start + 1)
        if end < 0:
            raise _refusal(self._pattern, r"has a [ without ]: close it, or write \[")
        self._at = end + 1
        characters = "".join(rf"\{each}" if each in r"\[]^&~|" else each for each in self._text[start:end])
        regex = f"[{'^/' if negated else ''}{characters}]"
        try:
            re.compile(regex)
        except re.error:
            problem = f"has an empty range in [{self._text[start:end]}]: write the lower character first"
            raise _refusal(self._pattern, problem) from None
        return regex


def _refusal(pattern: str, problem: str) -> ValueError:
    return ValueError(f"the pattern {pattern!r} {problem}")
