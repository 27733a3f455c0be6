"""Languages as callers write them: cleaned, and explained where the service takes no such code."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import cast

from vision_grpc.errors import InvalidRequestError, Violation
from vision_grpc.texts.arguments import wrong_type
from vision_grpc.texts.cleaning import clean
from vision_grpc.texts.quoting import show

_CODE, _MOST_LISTED = re.compile(r"[a-z]{2,3}|\*", re.ASCII), 8
# A language tag (BCP 47) or a locale: the language, then a script or a country.
_TAG = re.compile(r"([a-z]{2,3})[-_.][\w.@-]+", re.ASCII)
# How other programs join several. Of three letters they are Tesseract's, which the service does not know.
_JOINED = re.compile(r"[a-z]{2}(?:[\s;|+/&]+[a-z]{2})+", re.ASCII)
_NAMES = {"auto": "*", "detect": "*", "any": "*", "all": "*", "english": "en", "russian": "ru"}
_PLACE = re.compile(r"\Alanguage_codes(?:\[(\d+)\])?\Z")


def clean_languages(languages: Iterable[str]) -> list[str]:
    """Return the codes alone: `["ru, en"]` and `["RU", "en", "en", ""]` are `["ru", "en"]`.

    Raises:
        TypeError: they are not a list of texts.
    """
    if isinstance(languages, str):
        # A text is a sequence of texts: "ru" would ask for the languages r and u.
        codes = [wanted for code in _split([languages]) for wanted in _wanted(code) or [code]]
        # Of a text that is something else, such as a key or a sentence, nothing is repeated.
        are_codes = 0 < len(codes) <= _MOST_LISTED and all(map(_CODE.fullmatch, codes))
        wanted = f"a list of codes: {_listed(codes)}" if are_codes else f"a list of {_examples(_listed)}"
        raise wrong_type(languages, "languages", wanted)
    given = cast("object", languages)
    if isinstance(given, bytes | bytearray) or not isinstance(given, Iterable):
        raise wrong_type(languages, "languages", f"a list of {_examples(_listed)}")
    listed = list(languages)
    for number, each in enumerate(listed):
        if not isinstance(cast("object", each), str):
            raise wrong_type(each, f"languages[{number}]", "a code such as 'ru'")
    return list(dict.fromkeys(_split(listed)))


def explain(
    error: InvalidRequestError,
    codes: Sequence[str],
    given: Iterable[str],
    write: Callable[[Iterable[str]], str] | None = None,
) -> InvalidRequestError:
    """Return what is wrong with a request in the words of the caller, who gave codes that became these.

    `write` returns several codes as the caller has to write them (None: a list of Python).
    """
    spelled = {clean(each).text.lower(): each for each in given}
    written = write or _listed
    return InvalidRequestError([_explain(violation, codes, spelled, written) for violation in error.violations])


def _split(languages: Iterable[str]) -> Iterator[str]:
    codes = (clean(code).text.lower() for each in languages for code in clean(each).text.split(","))
    return filter(None, codes)


def _explain(
    violation: Violation, codes: Sequence[str], spelled: Mapping[str, str], write: Callable[[Iterable[str]], str]
) -> Violation:
    field = violation.path.rpartition(".")[2]
    if (place := _PLACE.match(field)) is None:
        return Violation(field, violation.message)
    if place[1] is None:
        return Violation("languages", f"{violation.message}: give {_examples(write)}")
    code = codes[int(place[1])]
    wanted = _wanted(code)
    advice = f"give {write(wanted)}" if wanted else "give ISO 639-1 codes such as 'ru'"
    return Violation(f"languages[{place[1]}]", f"{show(spelled.get(code, code))} {violation.message}: {advice}")


def _wanted(code: str) -> list[str]:
    """Return the codes that are meant by what is not one; none where that is not certain."""
    if (known := _NAMES.get(code)) is not None:
        return [known]
    if (tag := _TAG.fullmatch(code)) is not None:
        return [tag[1]]
    return re.findall(r"[a-z]+", code) if _JOINED.fullmatch(code) else []


def _examples(write: Callable[[Iterable[str]], str]) -> str:
    return f"codes such as {write(['ru', 'en'])}, or {write(['*'])} to detect them"


def _listed(codes: Iterable[str]) -> str:
    """Return codes as Python has a list of them."""
    quoted = [f'"{code}"' for code in codes]
    return f"[{', '.join(quoted)}]"
