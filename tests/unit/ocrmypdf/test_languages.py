"""Languages as Tesseract names them, for the service."""

import pytest
from ocrmypdf.exceptions import BadArgsError

from vision_grpc.ocrmypdf.languages import to_two_letters


@pytest.mark.parametrize(
    ("name", "code"),
    [
        *(("rus", "ru"), ("eng", "en"), ("deu", "de"), ("ger", "de"), ("fra", "fr"), ("fre", "fr"), ("nld", "nl")),
        *(("zho", "zh"), ("chi", "zh"), ("chi_sim", "zh"), ("chi_tra_vert", "zh"), ("jpn", "ja"), ("ell", "el")),
        *(("aze_cyrl", "az"), ("srp_latn", "sr"), ("deu_latf", "de"), ("frk", "de"), ("kat_old", "ka"), ("kaz", "kk")),
        *(("nor", "no"), ("heb", "he"), ("ces", "cs"), ("cze", "cs"), ("RUS", "ru"), ("ru", "ru"), ("*", "*")),
    ],
)
def test_names_of_tesseract(name: str, code: str) -> None:
    assert to_two_letters([name]) == [code]


def test_each_language_is_named_once() -> None:
    assert to_two_letters(["rus", "deu", "ger", "ru"]) == ["ru", "de"]


@pytest.mark.parametrize("name", ["xyz", "russian", "chr", "zz", "", "-", "script/Cyrillic", "equ", "1"])
def test_what_is_not_a_language_of_the_service(name: str) -> None:
    with pytest.raises(BadArgsError) as refused:
        to_two_letters(["rus", name])
    assert f"-l {name}: " in str(refused.value)
