"""A change of the protos that breaks those who use them is refused."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_SERVICE = "yandex/cloud/ai/vision/v1/vision_service.proto"
_FOLDER_ID = 'string folder_id = 2 [(length) = "<=50"];'


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ("", 'field "2" with name "folder_id"'),
        (_FOLDER_ID.replace("= 2", "= 3"), 'field "2" with name "folder_id"'),
        (_FOLDER_ID.replace("(length)", 'json_name = "folder", (length)'), '"folderId" to "folder"'),
        (_FOLDER_ID.replace("string", "bytes"), 'from "string" to "bytes"'),
    ],
    ids=["removed", "number", "JSON name", "type"],
)
def test_a_breaking_change_of_a_field_is_refused(tmp_path: Path, changed: str, complaint: str) -> None:
    protos = shutil.copytree(_ROOT / "protos", tmp_path / "protos")
    proto = (protos / _SERVICE).read_text()
    assert proto.count(_FOLDER_ID) == 1
    (protos / _SERVICE).write_text(proto.replace(_FOLDER_ID, changed))
    finished = _look_for_breaking_changes(protos)
    assert finished.returncode == 100
    assert complaint in finished.stdout + finished.stderr


def test_a_new_field_is_not(tmp_path: Path) -> None:
    protos = shutil.copytree(_ROOT / "protos", tmp_path / "protos")
    proto = (protos / _SERVICE).read_text()
    (protos / _SERVICE).write_text(proto.replace(_FOLDER_ID, f"{_FOLDER_ID}\n  string project_id = 3;"))
    finished = _look_for_breaking_changes(protos)
    assert finished.returncode == 0, finished.stdout + finished.stderr


def _look_for_breaking_changes(protos: Path) -> subprocess.CompletedProcess[str]:
    command: list[str | Path] = [
        _ROOT / "scripts" / "buf",
        protos,
        "breaking",
        "--against",
        _ROOT / "protos" / "baseline.binpb",
    ]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return subprocess.run(command, env=os.environ | {"PATH": path}, capture_output=True, text=True, check=False)
