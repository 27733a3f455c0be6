"""Programs that read images by Ray Data or by Spark, and the processes that they start."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from environments import ROOT, Environment
from lanes.environment import STEERING

_RECIPES = {"ray": "ray_images.py", "spark": "spark_images.py"}
_PROGRAMS = ROOT / "tests" / "programs"
_STEERING = (*STEERING, "RAY_", "SPARK_", "PYSPARK_")


class Engine:
    """An engine with the program of tests/programs/ that uses it."""

    def __init__(self, name: str, environment: Environment, folder: Path) -> None:
        self.name = name
        self._environment = environment
        self._folder = folder
        self._run: Run | None = None

    def start(self, table: str, settings: Mapping[str, Any], **more: Any) -> "Run":  # noqa: ANN401 - JSON
        """Start reading a table by clients with these settings."""
        recipe = str(ROOT / "scripts" / "examples" / _RECIPES[self.name])
        asked = {"table": table, "settings": settings, "folder": str(self._folder), "recipe": recipe, **more}
        return self._start(f"on_{self.name}.py", json.dumps(asked), {"VISION_GRPC_ENDPOINT": settings["endpoint"]})

    def run(self, program: str) -> list[list[Any]]:
        """Return what another program of tests/programs/ prints: a list for each line."""
        return self._start(program, "", {}).finish()

    def _start(self, program: str, argument: str, variables: Mapping[str, str]) -> "Run":
        python = self._environment.python
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(_STEERING)}
        own = {
            "PYTHONPATH": os.pathsep.join(map(str, (ROOT, ROOT / "generated", ROOT / "tests"))),
            "PYSPARK_PYTHON": str(python),
            "RAY_AUTH_MODE": "disabled",
            "RAY_USAGE_STATS_ENABLED": "0",
            **variables,
        }
        errors = self._folder / "errors"
        with errors.open("wb") as stderr:
            process = subprocess.Popen(
                [python, "-P", _PROGRAMS / program, argument],
                stdout=subprocess.PIPE,
                stderr=stderr,
                env=inherited | own,
                cwd=self._folder,
                start_new_session=True,
            )
        self._run = Run(process, errors)
        return self._run

    def close(self) -> None:
        """End what still runs."""
        if self._run is not None:
            self._run.kill()

    def read(self, table: str, settings: Mapping[str, Any], **more: Any) -> list[list[Any]]:  # noqa: ANN401
        """Return what is printed of a table: a list for each row."""
        return self.start(table, settings, **more).finish()


class Run:
    """A program that runs."""

    def __init__(self, process: "subprocess.Popen[bytes]", errors: Path) -> None:
        self._process = process
        self._errors = errors

    def finish(self) -> list[list[Any]]:
        """Return what it prints: a list for each row."""
        printed, _ = self._process.communicate()
        assert self._process.returncode == 0, self._errors.read_text()[-4000:]
        return [json.loads(line) for line in printed.splitlines() if line.startswith(b"[")]

    def kill_a_worker(self, port: int) -> None:
        """End one of the processes that are connected to this port, as a lack of memory would."""
        os.kill(self._worker(port).pid, signal.SIGKILL)

    def _worker(self, port: int) -> "_Process":
        connections = _connections_to(port)
        return next(each for each in self._processes() if each.is_worker and connections & each.sockets())

    def kill(self) -> None:
        """End the driver and all that it started, if it still runs."""
        if self._process.poll() is not None:
            return
        for each in [*self._processes()]:
            with suppress(ProcessLookupError):
                os.kill(each.pid, signal.SIGKILL)
        self._process.communicate()

    def _processes(self) -> Iterator["_Process"]:
        """Yield the driver and what descends from it."""
        running = {each.pid: each for each in _all_processes()}
        for each in running.values():
            above: _Process | None = each
            while above is not None and above.pid != self._process.pid:
                above = running.get(above.parent)
            if above is not None:
                yield each


class _Process(NamedTuple):
    pid: int
    parent: int
    command: bytes

    @property
    def is_worker(self) -> bool:
        """Whether it reads images: an actor of Ray, or what the daemon of Spark forked."""
        if self.command.startswith(b"ray::"):
            return b"MapWorker" in self.command or b"MapBatches" in self.command
        return b"pyspark.daemon" in self.command and b"pyspark.daemon" in _command(self.parent)

    def sockets(self) -> set[str]:
        """Return the numbers of its open sockets."""
        found = set[str]()
        for link in Path(f"/proc/{self.pid}/fd").iterdir():
            with suppress(OSError):
                found.add(str(link.readlink()).removeprefix("socket:[").removesuffix("]"))
        return found


def _connections_to(port: int) -> set[str]:
    """Return the numbers of the sockets that are connected to a port of this machine."""
    tables = [Path("/proc/net/tcp"), Path("/proc/net/tcp6")]
    lines = [line.split() for table in tables for line in table.read_text().splitlines()[1:]]
    return {line[9] for line in lines if line[2].endswith(f":{port:04X}") and line[3] == "01"}


def _all_processes() -> Iterator[_Process]:
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            _, _, after_name = (folder / "stat").read_text().rpartition(")")
            yield _Process(int(folder.name), int(after_name.split()[1]), _command(int(folder.name)))


def _command(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()
