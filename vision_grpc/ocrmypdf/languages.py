"""Languages as Tesseract and OCRmyPDF name them, as those of the service."""

from collections.abc import Iterable

from ocrmypdf.exceptions import BadArgsError
from ocrmypdf.languages import ISO_639_3, iso_639_2_from_3

ANY = "*"
_TWO_LETTERS = 2

# Names of Tesseract's data that are not ISO 639-2: https://tesseract-ocr.github.io/tessdoc/Data-Files.
_OF_TESSERACT = {"frk": "de", "kmr": "ku", "enm": "en", "frm": "fr", "nor": "no", "fil": "tl"}


def to_two_letters(languages: Iterable[str]) -> list[str]:
    """Return the ISO 639-1 codes, each once, of languages by Tesseract's names, such as `rus`, `deu` or `chi_sim`.

    Codes of two letters stay what they are, and so does `*`, which stands for all languages.

    Raises:
        BadArgsError: a language has no such code.
    """
    return [*dict.fromkeys(map(_to_two_letters, languages))]


def _to_two_letters(name: str) -> str:
    # The script or the age of a language is no matter of its code: aze_cyrl, spa_old.
    base = name.lower().partition("_")[0]
    code = _OF_TESSERACT.get(base) or (base if base == ANY or base in _KNOWN else iso_639_2_from_3(base))
    if code == ANY or len(code) == _TWO_LETTERS:
        return code
    message = (
        f"-l {name}: the Vision service takes languages that have a code of two letters (ISO 639-1), and {name} has "
        "none: name it like rus, eng or deu, several with a plus: -l rus+eng"
    )
    raise BadArgsError(message)


_KNOWN = frozenset(language.alpha_2 for language in ISO_639_3.values() if language.alpha_2)
