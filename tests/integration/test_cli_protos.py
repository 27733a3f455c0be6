"""`vision-grpc protos` writes what other languages compile, from a checkout and from the wheel alike."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from commands_here import Run, runner
from environments import ROOT
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from lanes.environment import STEERING

from vision_grpc.contract.descriptor_set import descriptor_set


@pytest.fixture
def module() -> dict[str, bytes]:
    """The files of protos/, but for the one that their changes are compared with."""
    return {name: content for name, content in contents(ROOT / "protos").items() if name != "baseline.binpb"}


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes], tmp_path: Path) -> Run:
    monkeypatch.chdir(tmp_path)
    return runner(monkeypatch, capfdbinary)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_folder_is_written_whole(run: Run, tmp_path: Path, module: dict[str, bytes]) -> None:
    assert run("protos", "--dir", "third_party/vision").code == 0
    assert contents(tmp_path / "third_party" / "vision") == module


def test_an_older_folder_is_brought_up_to_date_and_other_files_stay(
    run: Run, tmp_path: Path, module: dict[str, bytes]
) -> None:
    assert run("protos", "--dir", "vision").code == 0
    (tmp_path / "vision" / "yandex" / "cloud" / "validation.proto").write_text("old")
    (tmp_path / "vision" / "ours.proto").write_text("ours")
    assert run("protos", "--dir", "vision").code == 0
    assert contents(tmp_path / "vision") == module | {"ours.proto": b"ours"}


def test_the_descriptor_set_goes_to_a_file_or_to_stdout(run: Run, tmp_path: Path) -> None:
    assert run("protos", "--descriptor-set", "vision.binpb", "--dir", "vision").code == 0
    assert FileDescriptorSet.FromString((tmp_path / "vision.binpb").read_bytes()).file
    assert (tmp_path / "vision" / "buf.yaml").exists()
    assert run("protos", "--descriptor-set", "-").stdout == descriptor_set()


def test_a_descriptor_set_replaces_another(run: Run, tmp_path: Path) -> None:
    (tmp_path / "vision.binpb").write_bytes((ROOT / "protos" / "baseline.binpb").read_bytes())
    assert run("protos", "--descriptor-set", "vision.binpb").code == 0
    assert (tmp_path / "vision.binpb").read_bytes() == descriptor_set()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "error: say what to write: --dir FOLDER, --descriptor-set FILE, or both"),
        (["--dir", "a-file"], "a-file"),
        (["--dir", "a-file/within"], "a-file/within"),
        (["--descriptor-set", "missing/vision.binpb"], "missing/vision.binpb"),
        (["--descriptor-set", "."], "error: .: Is a directory"),
        (["--descriptor-set", "results.jsonl"], "results.jsonl is there, and is not a descriptor set"),
        (["vision.binpb"], "vision.binpb"),
    ],
)
def test_what_cannot_be_written_is_named(run: Run, tmp_path: Path, arguments: list[str], told: str) -> None:
    (tmp_path / "a-file").touch()
    (tmp_path / "results.jsonl").write_text('{"key": "a.png"}')
    finished = run("protos", *arguments)
    assert finished.code == 2
    (line,) = finished.stderr.splitlines()
    assert told in line
    assert (tmp_path / "results.jsonl").read_text() == '{"key": "a.png"}'


@pytest.mark.parametrize("name", ["README.md", "LICENSE", "buf.yaml", "google/api/http.proto"])
def test_a_folder_of_somebody_else_is_left_alone(run: Run, tmp_path: Path, name: str) -> None:
    theirs = tmp_path / name
    theirs.parent.mkdir(parents=True, exist_ok=True)
    theirs.write_text("theirs")
    finished = run("protos", "--dir", ".")
    assert finished.code == 2
    assert ". has files that vision-grpc did not write: name another folder" in finished.stderr
    assert contents(tmp_path) == {name: b"theirs"}


def test_a_file_that_cannot_be_replaced_is_named(run: Run, tmp_path: Path) -> None:
    assert run("protos", "--dir", "vision").code == 0
    (tmp_path / "vision" / "buf.yaml").unlink()
    (tmp_path / "vision" / "buf.yaml").mkdir()
    finished = run("protos", "--dir", "vision")
    assert (finished.code, finished.stderr) == (2, "error: vision/buf.yaml: Is a directory\n")


def test_the_wheel_has_them(wheel: Path, tmp_path: Path, module: dict[str, bytes]) -> None:
    # From the wheel itself, which Python imports as it is except for data: so it is unpacked first.
    subprocess.run([sys.executable, "-m", "zipfile", "-e", wheel, tmp_path / "site"], check=True)
    command: list[str | Path] = [sys.executable, "-P", "-m", "vision_grpc", "protos", "--dir", tmp_path / "written"]
    # Without what measures coverage: it would count the copy as more of the package.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(STEERING)}
    subprocess.run(command, env=inherited | {"PYTHONPATH": str(tmp_path / "site")}, cwd=tmp_path, check=True)
    assert contents(tmp_path / "written") == module
