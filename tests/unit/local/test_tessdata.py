from pathlib import Path

import pytest

from vision_grpc.errors import Code
from vision_grpc.local import LocalServiceError
from vision_grpc.local.ocr.tessdata import find_tessdata, installed_models


def install(directory: Path, *models: str) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    for model in models:
        (directory / f"{model}.traineddata").touch()
    return directory


def test_the_variable_wins_over_the_system(tmp_path: Path) -> None:
    install(tmp_path / "usr/share/tessdata", "eng")
    own = install(tmp_path / "own", "rus")
    assert find_tessdata({"TESSDATA_PREFIX": str(own)}, root=tmp_path) == own


def test_the_variable_may_name_the_parent(tmp_path: Path) -> None:
    own = install(tmp_path / "own/tessdata", "rus")
    assert find_tessdata({"TESSDATA_PREFIX": str(tmp_path / "own")}, root=tmp_path) == own


@pytest.mark.parametrize("environ", [{}, {"TESSDATA_PREFIX": ""}])
def test_the_systems_newest_version_is_taken(tmp_path: Path, environ: dict[str, str]) -> None:
    install(tmp_path / "usr/share/tesseract-ocr/4.00/tessdata", "eng")
    newest = install(tmp_path / "usr/share/tesseract-ocr/5/tessdata", "eng")
    assert find_tessdata(environ, root=tmp_path) == newest


@pytest.mark.parametrize("place", ["usr/share/tessdata", "usr/local/share/tessdata"])
def test_other_systems_places_are_known(tmp_path: Path, place: str) -> None:
    # What comes with the program alone reads no language.
    install(tmp_path / "usr/share/tesseract-ocr/5/tessdata", "osd")
    directory = install(tmp_path / place, "eng")
    assert find_tessdata({}, root=tmp_path) == directory


def test_without_data_the_error_says_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(LocalServiceError, match="apt-get install tesseract-ocr-eng tesseract-ocr-rus") as caught:
        find_tessdata({}, root=tmp_path)
    assert caught.value.code is Code.FAILED_PRECONDITION


def test_a_wrong_variable_is_named_and_not_replaced_by_the_system(tmp_path: Path) -> None:
    install(tmp_path / "usr/share/tessdata", "eng")
    empty = install(tmp_path / "own")
    with pytest.raises(LocalServiceError, match=f"there is no .* of a language in TESSDATA_PREFIX={empty}"):
        find_tessdata({"TESSDATA_PREFIX": str(empty)}, root=tmp_path)


def test_models_are_the_data_files_names(tmp_path: Path) -> None:
    install(tmp_path, "rus", "eng", "osd")
    (tmp_path / "pdf.ttf").touch()
    assert installed_models(tmp_path) == ["eng", "osd", "rus"]
    assert installed_models(tmp_path / "missing") == []
