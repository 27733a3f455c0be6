"""What is in the files that we publish."""

import shutil
import subprocess
import tarfile
import tomllib
import zipfile
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest
from environments import ROOT, SCRIPTS, build, make_environment
from lanes.lane import PYTHONS
from lanes.release import TOOLS, check
from markdown_it import MarkdownIt
from markdown_it.token import Token
from packaging.specifiers import SpecifierSet
from trove_classifiers import classifiers, deprecated_classifiers

FOLDERS = {
    "vision_grpc": ROOT / "vision_grpc",
    "vision_grpc/protos": ROOT / "protos",
    "vision_grpc_pb": ROOT / "generated" / "vision_grpc_pb",
}
LANGUAGE = "Programming Language :: Python :: 3."


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("sdist", tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="module")
def wheel_names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return message_from_bytes(archive.read(name))


def test_wheel_holds_both_packages_and_the_protos_whole(wheel_names: set[str]) -> None:
    sources = {
        f"{place}/{path.relative_to(folder).as_posix()}"
        for place, folder in FOLDERS.items()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.name != "baseline.binpb"
    }
    assert {"vision_grpc/py.typed", "vision_grpc_pb/py.typed"} < sources
    assert {name for name in wheel_names if ".dist-info/" not in name} == sources


def test_wheel_is_small(wheel: Path) -> None:
    assert wheel.stat().st_size < 1_300_000


def test_wheel_holds_licenses_and_the_command(wheel: Path, metadata: Message) -> None:
    licenses = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["license-files"]
    assert metadata.get_all("License-File") == licenses
    with zipfile.ZipFile(wheel) as archive:
        folder = next(name.partition("/")[0] for name in archive.namelist() if ".dist-info/" in name)
        for name in licenses:
            assert archive.read(f"{folder}/licenses/{name}") == (ROOT / name).read_bytes()
        assert "vision-grpc = vision_grpc.cli:main" in archive.read(f"{folder}/entry_points.txt").decode()


def test_classifiers_are_known_and_name_the_pythons_of_the_matrix(metadata: Message) -> None:
    named = metadata.get_all("Classifier", [])
    assert set(named) <= classifiers - deprecated_classifiers.keys()
    assert tuple(f"3.{each.removeprefix(LANGUAGE)}" for each in named if each.startswith(LANGUAGE)) == PYTHONS
    asked = SpecifierSet(metadata["Requires-Python"])
    assert all(asked.contains(version) for version in PYTHONS)
    assert not asked.contains("3.10")


def test_the_description_has_no_link_that_works_in_the_repository_alone(metadata: Message) -> None:
    def targets(tokens: list[Token]) -> list[str]:
        own = [str(token.attrs[name]) for token in tokens for name in ("href", "src") if name in token.attrs]
        return own + [target for token in tokens for target in targets(token.children or [])]

    assert metadata["Description-Content-Type"] == "text/markdown"
    found = targets(MarkdownIt("commonmark").parse(str(metadata.get_payload())))
    assert any(target.startswith("https://") for target in found)
    assert [target for target in found if not target.startswith(("https://", "http://", "#"))] == []
    assert "docs/results.md" in str(metadata.get_payload())  # It is named all the same.


def test_source_distribution_holds_what_the_tests_need(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    git = shutil.which("git")
    if git is not None and (ROOT / ".git").exists():
        listed = subprocess.run([git, "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
        assert {name for name in listed.stdout.splitlines() if (ROOT / name).is_file()} - {".ci/run"} <= names
    assert not any("__pycache__" in name or name.startswith(".venv") for name in names)
    assert {"tests/data/pages/mixed_sans.png", "scripts/constraints.txt", "protos/README.md", "LICENSE"} < names


def test_the_source_distribution_builds_the_same_files_byte_for_byte(
    sdist: Path, wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path)  # noqa: S202 - our own files; Python 3.11 has filters since 3.11.4 alone
    (source,) = tmp_path.iterdir()
    # Neither the time of files nor their permissions get into the wheel; they are not those of the repository.
    source.joinpath("vision_grpc", "client.py").touch()
    source.joinpath("vision_grpc", "aio.py").chmod(0o600)
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    assert build("wheel", tmp_path / "wheel", source).read_bytes() == wheel.read_bytes()
    assert build("sdist", tmp_path / "sdist", source).read_bytes() == sdist.read_bytes()


@pytest.mark.environment
@pytest.mark.timeout(300)
def test_the_index_would_take_them(sdist: Path, wheel: Path) -> None:
    check(make_environment("release", [*TOOLS], SCRIPTS / "constraints-release.txt"), [sdist, wheel])
