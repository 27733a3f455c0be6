"""What is in the files that we publish."""

import tarfile
import zipfile
from pathlib import Path

import pytest
from environments import ROOT, build

FOLDERS = {
    "vision_grpc": ROOT / "vision_grpc",
    "vision_grpc/protos": ROOT / "protos",
    "vision_grpc_pb": ROOT / "generated" / "vision_grpc_pb",
}


@pytest.fixture(scope="module")
def wheel_names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_wheel_holds_both_packages_and_the_protos_whole(wheel_names: set[str]) -> None:
    sources = {
        f"{place}/{path.relative_to(folder).as_posix()}"
        for place, folder in FOLDERS.items()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {"vision_grpc/py.typed", "vision_grpc_pb/py.typed"} < sources
    assert {name for name in wheel_names if ".dist-info/" not in name} == sources


def test_wheel_metadata(wheel: Path, wheel_names: set[str]) -> None:
    (license_file,) = (name for name in wheel_names if name.endswith(".dist-info/licenses/LICENSE"))
    with zipfile.ZipFile(wheel) as archive:
        assert archive.read(license_file) == (ROOT / "LICENSE").read_bytes()
        google_license = license_file.replace("licenses/LICENSE", "licenses/protos/google/LICENSE")
        assert archive.read(google_license) == (ROOT / "protos/google/LICENSE").read_bytes()
        entry_points = archive.read(license_file.replace("licenses/LICENSE", "entry_points.txt")).decode()
    assert "vision-grpc = vision_grpc.cli:main" in entry_points


def test_source_distribution_holds_the_protos(tmp_path: Path) -> None:
    with tarfile.open(build("sdist", tmp_path)) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    protos = {path.relative_to(ROOT).as_posix() for path in (ROOT / "protos").rglob("*") if path.is_file()}
    assert protos | {"LICENSE", "pyproject.toml", "vision_grpc/py.typed"} < names
    assert {"CONTRIBUTING.md", "SECURITY.md", "docs/architecture.md"} < names  # The README links to them.
    assert not any(name.startswith("tests/") for name in names)
