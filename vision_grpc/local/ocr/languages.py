"""Language codes of the contract (ISO 639-1) to the names of Tesseract's models, and back."""

from collections.abc import Collection, Iterator, Sequence

from vision_grpc.local.ocr.engine import UnknownLanguageError
from vision_grpc.texts.quoting import show

ANY_LANGUAGE = "*"

# The models of each language, the usual one first. Languages without an ISO 639-1 code have their
# three-letter code. https://tesseract-ocr.github.io/tessdoc/Data-Files
_LATIN_MODELS = {
    "af": ("afr",), "az": ("aze", "aze_cyrl"), "br": ("bre",), "bs": ("bos",), "ca": ("cat",), "ceb": ("ceb",),
    "co": ("cos",), "cs": ("ces",), "cy": ("cym",), "da": ("dan",), "de": ("deu",), "en": ("eng",), "eo": ("epo",),
    "es": ("spa",), "et": ("est",), "eu": ("eus",), "fi": ("fin",), "fil": ("fil",), "fo": ("fao",), "fr": ("fra",),
    "fy": ("fry",), "ga": ("gle",), "gd": ("gla",), "gl": ("glg",), "hr": ("hrv",), "ht": ("hat",), "hu": ("hun",),
    "id": ("ind",), "is": ("isl",), "it": ("ita",), "jv": ("jav",), "kmr": ("kmr",), "la": ("lat",), "lb": ("ltz",),
    "lt": ("lit",), "lv": ("lav",), "mi": ("mri",), "ms": ("msa",), "mt": ("mlt",), "nl": ("nld",), "no": ("nor",),
    "oc": ("oci",), "pl": ("pol",), "pt": ("por",), "qu": ("que",), "ro": ("ron",), "sk": ("slk",), "sl": ("slv",),
    "sq": ("sqi",), "su": ("sun",), "sv": ("swe",), "sw": ("swa",), "to": ("ton",), "tr": ("tur",),
    "uz": ("uzb", "uzb_cyrl"), "vi": ("vie",), "yo": ("yor",),
}  # fmt: skip
_OTHER_MODELS = {
    "am": ("amh",), "ar": ("ara",), "as": ("asm",), "be": ("bel",), "bg": ("bul",), "bn": ("ben",), "bo": ("bod",),
    "chr": ("chr",), "dv": ("div",), "dz": ("dzo",), "el": ("ell",), "fa": ("fas",), "grc": ("grc",), "gu": ("guj",),
    "he": ("heb",), "hi": ("hin",), "hy": ("hye",), "iu": ("iku",), "ja": ("jpn",), "ka": ("kat",), "kk": ("kaz",),
    "km": ("khm",), "kn": ("kan",), "ko": ("kor",), "ky": ("kir",), "lo": ("lao",), "mk": ("mkd",), "ml": ("mal",),
    "mn": ("mon",), "mr": ("mar",), "my": ("mya",), "ne": ("nep",), "or": ("ori",), "pa": ("pan",), "ps": ("pus",),
    "ru": ("rus",), "sa": ("san",), "sd": ("snd",), "si": ("sin",), "sr": ("srp", "srp_latn"), "syr": ("syr",),
    "ta": ("tam",), "te": ("tel",), "tg": ("tgk",), "th": ("tha",), "ti": ("tir",), "tt": ("tat",), "ug": ("uig",),
    "uk": ("ukr",), "ur": ("urd",), "yi": ("yid",), "zh": ("chi_sim", "chi_tra"),
}  # fmt: skip
_MODELS = _LATIN_MODELS | _OTHER_MODELS
_LATIN = "eng"
_CYRILLIC = frozenset({"be", "bg", "kk", "ky", "mk", "mn", "ru", "sr", "tg", "tt", "uk"})
_CODES = {model: code for code, models in _MODELS.items() for model in models}

# The scripts by Tesseract's names.
_SCRIPTS = {
    "Arabic": frozenset({"ar", "fa", "ps", "sd", "ug", "ur"}),
    "Armenian": frozenset({"hy"}),
    "Cyrillic": _CYRILLIC | {"az", "uz"},
    "Devanagari": frozenset({"hi", "mr", "ne", "sa"}),
    "Georgian": frozenset({"ka"}),
    "Greek": frozenset({"el", "grc"}),
    "Han": frozenset({"ja", "zh"}),
    "Hebrew": frozenset({"he", "yi"}),
    "Japanese": frozenset({"ja"}),
    "Korean": frozenset({"ko"}),
    "Latin": frozenset(_LATIN_MODELS),
    "Thai": frozenset({"th"}),
}


def codes_of(models: Collection[str]) -> list[str]:
    """Return the language codes of the installed models; `osd` and `equ` are not languages and are left out."""
    return sorted({_CODES[model] for model in models if model in _CODES})


def code_of(model: str) -> str:
    """Return the language code of a model that `choose_models` returned, or of its model for vertical text."""
    return _CODES[model.removesuffix("_vert")]


def is_written_in(script: str, models: Collection[str]) -> bool:
    """Return whether one of these models is for a language in a script; a script that is not known here is in all."""
    languages = _SCRIPTS.get(script)
    return languages is None or any(code_of(model) in languages for model in models)


def latin_beside_cyrillic(models: Sequence[str]) -> str | None:
    """Return the first model for Latin letters if there is also one for Cyrillic letters, else None."""
    if _CYRILLIC.isdisjoint(map(code_of, models)):
        return None
    return next((model for model in models if code_of(model) in _LATIN_MODELS), None)


def choose_models(codes: Sequence[str], installed: Collection[str]) -> tuple[str, ...]:
    """Return the models for these languages, in the order to try them; `*` alone means all that are installed.

    Raises:
        UnknownLanguageError: a code is unknown or not installed; the message has it and the installed ones.
    """
    if ANY_LANGUAGE in codes:
        if len(codes) > 1:
            message = "the language code '*' stands for all languages: send it alone"
            raise UnknownLanguageError(message)
        codes = codes_of(installed)
    # Tesseract tries the next model where one reads a word badly, so the order of models matters. The request's order
    # is ignored, so that the same set of languages always gives the same result. Measured, wrong characters on the
    # mixed page: eng+rus 0.80 %, rus+eng 0.97 %; eng+rus+ukr 0.80 %, eng+ukr+rus 1.86 %, ukr+rus+eng 1.50 %;
    # deu+eng+fra+rus+ukr 0.35 %. On the same page in four other fonts, small, blurred, skewed or as a coarse JPEG:
    # eng+rus 1.29 %, rus+eng 1.33 %. For pages in one language, also in Ukrainian, the order made almost no difference
    # (0.0 to 0.5 %).
    ordered = sorted(codes, key=lambda code: (code not in _LATIN_MODELS, code != "ru", code))
    models = [model for code in ordered for model in _models_of(code, installed)]
    if _CYRILLIC.issuperset(codes) and _LATIN in installed:
        # Pages in Cyrillic have names and addresses in Latin letters. Read as Cyrillic, a quarter to a third of the
        # words of manuals came out wrong; pages without Latin words take as long with this model as without it.
        models.append(_LATIN)
    return tuple(dict.fromkeys(models))


def _models_of(code: str, installed: Collection[str]) -> Iterator[str]:
    if code not in _MODELS:
        message = f"unknown language code {show(code)}: use ISO 639-1; installed here: {_list(installed)}"
        raise UnknownLanguageError(message)
    models = [model for model in _MODELS[code] if model in installed]
    if not models:
        package = f"tesseract-ocr-{_MODELS[code][0].replace('_', '-')}"
        message = f"language {code!r} is not installed here (apt-get install {package}); installed: {_list(installed)}"
        raise UnknownLanguageError(message)
    yield from models


def _list(installed: Collection[str]) -> str:
    return ", ".join(codes_of(installed))
