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

from vision_grpc.texts.quoting import show

_TOKEN = re.compile(
    r"""(?P<folders>(?:\A|(?<=/))\*\*/) | (?P<all>(?:\A|(?<=/))\*\*\Z) | (?P<star>\*+) | (?P<one>\?)
    | \[(?P<characters>[!^]?+(?:\][^]/]*|[^]/]+))\] | \\(?P<escaped>.) | (?P<brace>[{,}]) | (?P<wrong>[\[\\]) | .""",
    re.DOTALL | re.VERBOSE,
)
_REGEXES = {"folders": "(?:.*/)?", "all": ".*", "star": "[^/]*", "one": "[^/]"}
# How a wildcard begins that matches as little as it can, together with what follows it up to the next such wildcard. As
# that takes whatever is left, nothing else needs to be tried: else a name could take time exponential in the wildcards.
_COMMITTED = {"folders": "(?>(?:[^/]*/)*?", "star": "(?>[^/]*?"}
_ALTERNATIVES = {"{": "(?:", ",": "|", "}": ")"}
_WRONG = {
    "[": r"has a [ without ]: close it, or write \[",
    "\\": r"has a backslash with nothing after it: write \\ for a backslash",
}
_SPECIAL, _TAKEN_AS_IT_IS = re.compile(r"[]\[&~|^\\]|(?<=-)-"), r"\\\g<0>"


class Globs:
    """Which files are read: those that an `include` matches, if there are any, and no `exclude`."""

    __slots__ = ("_exclude", "_excluded", "_include", "_included")

    def __init__(self, include: Sequence[str] = (), exclude: Sequence[str] = ()) -> None:
        """Compile the patterns.

        Raises:
            ValueError: one is malformed, or can match nothing.
            TypeError: a single pattern is given in place of a list.
        """
        if isinstance(include, str) or isinstance(exclude, str):
            message = "include and exclude take a list of patterns; put one into a list"
            raise TypeError(message)
        self._include, self._exclude = tuple(include), tuple(exclude)
        self._included = _compile(_translate(pattern, is_include=True) for pattern in include)
        self._excluded = _compile(map(_translate, exclude))

    @property
    def includes_all(self) -> bool:
        """Whether there is no pattern that a file has to match."""
        return self._included is None

    def under(self, root: str) -> "Globs":
        """Return the patterns for a folder: one that begins with its path, as shells complete it, is for below it."""
        include, exclude = _without(self._include, root), _without(self._exclude, root)
        return Globs(self._include + include, self._exclude + exclude) if include or exclude else self

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


def _without(patterns: Iterable[str], root: str) -> tuple[str, ...]:
    """Return what is left of the patterns that begin with a path."""
    start = f"{root.replace(os.sep, '/').strip('/')}/"
    cut = (pattern.replace(os.sep, "/").removeprefix("./").lstrip("/") for pattern in patterns)
    return tuple(f"/{pattern[len(start) :]}" for pattern in cut if pattern.startswith(start) and pattern != start)


def _normal(path: str) -> str:
    # macOS may store a letter with its accent as two characters, where a keyboard gives one.
    return path if path.isascii() else normalize("NFC", path)


def _compile(regexes: Iterable[str]) -> "re.Pattern[str] | None":
    joined = "|".join(regexes)
    return re.compile(joined, re.IGNORECASE | re.DOTALL) if joined else None


def _translate(pattern: str, *, is_include: bool = False) -> str:
    """Return a regular expression for the files that a pattern matches, and those in the folders that it matches."""
    text = _normal(pattern if os.sep == "/" else pattern.replace(os.sep, "/"))
    parts = [part for part in text.split("/") if part not in {"", "."}]
    if not parts:
        raise _refusal(pattern, "names nothing: write * for all files")
    if text.startswith("!"):
        raise _refusal(pattern, r"begins with !, which has no meaning here: exclude what is not wanted, or write \!")
    if ".." in parts:
        raise _refusal(pattern, "leads out of the folder that is read: write the path below that")
    if is_include and any(part.startswith(".") for part in parts):
        raise _refusal(pattern, "names hidden files, which are left out: name their folder, or them, as a source")
    is_at_any_depth = "/" not in text.rstrip("/")
    end = r"/.*\Z" if text.endswith("/") else r"(?:/.*)?\Z"
    return ("(?:.*/)?" if is_at_any_depth else "") + _translate_tokens(pattern, "/".join(parts)) + end


def _translate_tokens(pattern: str, text: str) -> str:
    pieces, depth = list[str](), 0
    places = dict[str, int]()
    for token in _TOKEN.finditer(text):
        kind = token.lastgroup
        _commit(kind, pieces, places)
        if kind in _REGEXES:
            pieces.append(_REGEXES[kind])
        elif kind == "brace" and (depth or token[0] == "{"):
            pieces.append(_ALTERNATIVES[token[0]])
            depth += {"{": 1, "}": -1}.get(token[0], 0)
        elif kind == "characters":
            pieces.append(_translate_characters(pattern, token["characters"]))
        elif kind == "wrong":
            raise _refusal(pattern, _WRONG[token[0]])
        else:
            pieces.append(re.escape(token["escaped"] or token[0]))
    if depth:
        raise _refusal(pattern, r"has a { without }: close it, or write \{")
    return "".join(pieces)


def _commit(kind: str | None, pieces: list[str], places: dict[str, int]) -> None:
    """Let the last wildcard of a kind take as little as it can, where another one begins; the places are theirs."""
    if kind in _COMMITTED and kind in places:
        pieces[places[kind]] = _COMMITTED[kind]
        pieces.append(")")
    # A star matches within one folder, and alternatives differ in length.
    if kind in {"folders", "brace"}:
        places.clear()
    if kind in _COMMITTED:
        places[kind] = len(pieces)


def _translate_characters(pattern: str, characters: str) -> str:
    negation = "^/" if characters[0] in "!^" else ""
    listed = characters[1:] if negation else characters
    if listed.startswith("[:"):
        raise _refusal(pattern, f"has a class of characters, [{listed}]]: write a range such as [a-z]")
    regex = f"[{negation}{_SPECIAL.sub(_TAKEN_AS_IT_IS, listed)}]"
    try:
        re.compile(regex)
    except re.error:
        raise _refusal(pattern, f"has an empty range in [{listed}]: write the lower character first") from None
    return regex


def _refusal(pattern: str, problem: str) -> ValueError:
    return ValueError(f"the pattern {show(pattern)} {problem}")
