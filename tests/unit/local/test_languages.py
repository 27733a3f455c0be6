import pytest

from vision_grpc.local.ocr.engine import UnknownLanguageError
from vision_grpc.local.ocr.languages import choose_models, code_of, codes_of, is_written_in, latin_beside_cyrillic

INSTALLED = ["chi_sim", "chi_tra", "deu", "eng", "equ", "osd", "rus", "ukr"]


@pytest.mark.parametrize(
    ("codes", "models"),
    [
        (["en"], ("eng",)),
        (["ru", "en"], ("eng", "rus")),
        (["en", "ru"], ("eng", "rus")),
        (["uk", "ru", "en", "de"], ("deu", "eng", "rus", "ukr")),
        (["ru"], ("rus", "eng")),
        (["uk", "ru"], ("rus", "ukr", "eng")),
        (["zh", "ru"], ("rus", "chi_sim", "chi_tra")),
        (["en", "en"], ("eng",)),
        (["zh"], ("chi_sim", "chi_tra")),
        (["*"], ("deu", "eng", "rus", "ukr", "chi_sim", "chi_tra")),
    ],
)
def test_models_are_tried_in_the_same_order_whatever_the_clients(codes: list[str], models: tuple[str, ...]) -> None:
    assert choose_models(codes, INSTALLED) == models


def test_a_page_in_cyrillic_is_read_without_latin_where_that_is_not_installed() -> None:
    assert choose_models(["ru"], ["rus", "deu"]) == ("rus",)


@pytest.mark.parametrize(
    ("script", "models", "expected"),
    [
        ("Latin", ["rus", "eng"], True),
        ("Latin", ["rus"], False),
        ("Cyrillic", ["eng", "deu"], False),
        ("Cyrillic", ["ukr"], True),
        ("Han", ["chi_tra"], True),
        ("Fraktur", ["rus"], True),
    ],
)
def test_a_script_is_that_of_a_model_or_unknown(script: str, models: list[str], *, expected: bool) -> None:
    assert is_written_in(script, models) is expected


@pytest.mark.parametrize(
    ("models", "latin"),
    [
        (["rus", "eng"], "eng"),
        (["deu", "eng", "rus", "ukr"], "deu"),
        (["rus"], None),
        (["eng", "deu"], None),
        (["eng", "chi_sim"], None),
    ],
)
def test_letters_are_taken_for_cyrillic_only_beside_a_model_for_those(models: list[str], latin: str | None) -> None:
    assert latin_beside_cyrillic(models) == latin


def test_every_model_that_is_chosen_has_a_code() -> None:
    assert [code_of(model) for model in choose_models(["*"], INSTALLED)] == ["de", "en", "ru", "uk", "zh", "zh"]


def test_a_model_for_vertical_text_has_its_languages_code() -> None:
    assert code_of("jpn_vert") == "ja"


def test_what_is_no_language_has_no_code() -> None:
    assert codes_of(["osd", "equ", "rus", "eng", "my_own_model"]) == ["en", "ru"]


@pytest.mark.parametrize(
    ("codes", "message"),
    [
        (["xx"], "unknown language code 'xx': use ISO 639-1; installed here: de, en, ru, uk, zh"),
        (["eng"], "unknown language code 'eng'"),
        (["en", ""], "unknown language code ''"),
        (["kk"], r"language 'kk' is not installed here \(apt-get install tesseract-ocr-kaz\); installed: de, en"),
        (["*", "en"], "send it alone"),
    ],
)
def test_a_code_that_cannot_be_read_is_named_with_what_can(codes: list[str], message: str) -> None:
    with pytest.raises(UnknownLanguageError, match=message):
        choose_models(codes, INSTALLED)
