"""The folder protos/ is a module of its own; a change of it that breaks those who use it is refused."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

_PROTOS = Path(__file__).parents[2] / "protos"
_VISION = "yandex/cloud/ai/vision/v1/vision_service.proto"
_FOLDER_ID = 'string folder_id = 2 [(length) = "<=50"];'
_OCR = "yandex/cloud/ai/ocr/v1/ocr_service.proto"
_MIME_TYPE = "string mime_type = 2;"


def _buf(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    command = ["buf", *map(str, arguments)]
    return subprocess.run(command, env=os.environ | {"PATH": path}, capture_output=True, text=True, check=False)


def _breaking(protos: Path) -> subprocess.CompletedProcess[str]:
    return _buf("breaking", protos, "--against", _PROTOS / "baseline.binpb")


def _changed(folder: Path, name: str, before: str, after: str) -> Path:
    """A copy of protos/ with one change."""
    protos = shutil.copytree(_PROTOS, folder / "protos")
    proto = (protos / name).read_text()
    assert proto.count(before) == 1
    (protos / name).write_text(proto.replace(before, after))
    return protos


@pytest.mark.parametrize(
    ("name", "before", "after", "complaint"),
    [
        (_VISION, _FOLDER_ID, "", 'field "2" with name "folder_id"'),
        (_VISION, _FOLDER_ID, _FOLDER_ID.replace("= 2", "= 3"), 'field "2" with name "folder_id"'),
        (
            _VISION,
            _FOLDER_ID,
            _FOLDER_ID.replace("(length)", 'json_name = "folder", (length)'),
            '"folderId" to "folder"',
        ),
        (_VISION, _FOLDER_ID, _FOLDER_ID.replace("string", "bytes"), 'from "string" to "bytes"'),
        (_OCR, _MIME_TYPE, "", 'field "2" with name "mime_type"'),
        (_OCR, _MIME_TYPE, _MIME_TYPE.replace("2", "12"), 'field "2" with name "mime_type"'),
        (_OCR, _MIME_TYPE, 'string mime_type = 2 [json_name = "mime"];', '"mimeType" to "mime"'),
    ],
    ids=["removed", "number", "JSON name", "type", "ocr: removed", "ocr: number", "ocr: JSON name"],
)
def test_a_breaking_change_of_a_field_is_refused(
    tmp_path: Path, name: str, before: str, after: str, complaint: str
) -> None:
    finished = _breaking(_changed(tmp_path, name, before, after))
    assert finished.returncode == 100
    assert complaint in finished.stdout + finished.stderr


def test_a_new_field_is_not(tmp_path: Path) -> None:
    finished = _breaking(_changed(tmp_path, _VISION, _FOLDER_ID, f"{_FOLDER_ID}\n  string project_id = 3;"))
    assert finished.returncode == 0, finished.stdout + finished.stderr


@pytest.mark.parametrize("removed", [_VISION, _OCR, "yandex/cloud/operation/operation_service.proto"])
def test_a_file_that_is_gone_is_refused(tmp_path: Path, removed: str) -> None:
    protos = shutil.copytree(_PROTOS, tmp_path / "protos")
    (protos / removed).unlink()
    finished = _breaking(protos)
    assert finished.returncode == 100
    assert "was deleted" in finished.stdout + finished.stderr


def test_the_protos_as_they_are_break_nobody() -> None:
    finished = _breaking(_PROTOS)
    assert finished.returncode == 0, finished.stdout + finished.stderr


def test_the_folder_compiles_where_nothing_else_is(tmp_path: Path) -> None:
    protos = shutil.copytree(_PROTOS, tmp_path / "protos")
    finished = _buf("build", protos, "--output", tmp_path / "vision.binpb", "--as-file-descriptor-set")
    assert finished.returncode == 0, finished.stderr
    assert (tmp_path / "vision.binpb").stat().st_size > 0


def test_each_file_of_google_is_a_file_with_a_licence() -> None:
    files = sorted(path.relative_to(_PROTOS).as_posix() for path in (_PROTOS / "google").rglob("*.proto"))
    assert files == [
        "google/api/annotations.proto",
        "google/api/http.proto",
        "google/rpc/code.proto",
        "google/rpc/error_details.proto",
        "google/rpc/status.proto",
    ]
    assert "Apache License" in (_PROTOS / "google" / "LICENSE").read_text()
