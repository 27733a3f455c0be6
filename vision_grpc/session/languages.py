"""Languages as callers write them: cleaned, and explained where the service takes no such code."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import cast

from vision_grpc.errors import InvalidRequestError, Violation
from vision_grpc.texts.arguments import wrong_type
from vision_grpc.texts.cleaning import clean
from vision_grpc.texts.quoting import show

_CODES = 'codes such as ["ru", "en"], or ["*"] to detect them'
# A language tag (BCP 47) or a locale: the language, then a script or a country.
_TAG = re.compile(r"([a-z]{2,3})[-_.][\w.@-]+", re.ASCII)
# How other programs join several.
_JOINED = re.compile(r"[a-z]{2,3}(?:[\s;|+/&]+[a-z]{2,3})+", re.ASCII)
_NAMES = {"auto": "*", "detect": "*", "any": "*", "all": "*", "english": "en", "russian": "ru"}
_PLACE = re.compile(r"\Alanguage_codes(?:\[(\d+)\])?\Z")


def clean_languages(languages: Iterable[str]) -> list[str]:
    """Return the codes alone: `["ru, en"]` and `["RU", "en", "en", ""]` are `["ru", "en"]`.

    Raises:
        TypeError: they are not a list of texts.
    """
    if isinstance(languages, str):
        # A text is a sequence of texts: "ru" would ask for the languages r and u.
        codes = ", ".join(f'"{code}"' for code in _split([languages]))
        raise wrong_type(languages, "languages", f"a list of codes: [{codes}]")
    given = cast("object", languages)
    if isinstance(given, bytes | bytearray) or not isinstance(given, Iterable):
        raise wrong_type(languages, "languages", f"a list of {_CODES}")
    listed = list(languages)
    for number, each in enumerate(listed):
        if not isinstance(cast("object", each), str):
            raise wrong_type(each, f"languages[{number}]", "a code such as 'ru'")
    return list(dict.fromkeys(_split(listed)))


def explain(error: InvalidRequestError, languages: Sequence[str]) -> InvalidRequestError:
    """Return what is wrong with a request, with the caller's word for its codes, and these as they were given."""
    return InvalidRequestError([_explain(violation, languages) for violation in error.violations])


def _split(languages: Iterable[str]) -> Iterator[str]:
    codes = (clean(code).text.lower() for each in languages for code in clean(each).text.split(","))
    return filter(None, codes)


def _explain(violation: Violation, languages: Sequence[str]) -> Violation:
    field = violation.path.rpartition(".")[2]
    if (place := _PLACE.match(field)) is None:
        return Violation(field, violation.message)
    if place[1] is None:
        return Violation("languages", f"{violation.message}: give {_CODES}")
    code = languages[int(place[1])]
    return Violation(f"languages[{place[1]}]", f"{show(code)} {violation.message}{_advise(code)}")


def _advise(code: str) -> str:
    code = code.lower()
    if (known := _NAMES.get(code)) is not None:
        return f': give "{known}"'
    if (tag := _TAG.fullmatch(code)) is not None:
        return f': give "{tag[1]}"'
    if _JOINED.fullmatch(code):
        codes = ", ".join(f'"{each}"' for each in re.findall(r"[a-z]+", code))
        return f": give [{codes}]"
    return ": give an ISO 639-1 code"
