"""A service that programs of other languages call, and a page that is read quickly."""

import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import cut_first_line
from environments import ROOT
from peers import program
from scanned_pages import ScannedPage

from vision_grpc.local import Identities, LocalVision

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def line(pages: dict[str, ScannedPage], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first line of a page."""
    return cut_first_line(pages["en_sans"].path, tmp_path_factory.mktemp("line") / "line.png")


@pytest.fixture(scope="session")
def two_lines(line: Path, pages: dict[str, ScannedPage], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The first lines of an English and of a Russian page."""
    return line, cut_first_line(pages["ru_sans"].path, tmp_path_factory.mktemp("line") / "ru.png")


@pytest.fixture(scope="session")
def vision() -> Iterator[LocalVision]:
    """A service that needs no credentials."""
    with LocalVision() as service:
        yield service


@pytest.fixture(scope="session")
def identities() -> Identities:
    """Who may call the service that needs credentials."""
    return Identities()


@pytest.fixture(scope="session")
def guarded(identities: Identities) -> Iterator[LocalVision]:
    """A service that needs credentials."""
    with LocalVision(identities=identities) as service:
        yield service


@pytest.fixture(scope="session")
def node_modules() -> Path:
    """The folder with the packages of package-lock.json, kept until that changes."""
    npm, lock = program("npm", "install Node 18 or newer"), HERE / "package-lock.json"
    folder = ROOT / ".node-clients"
    stamp = folder / "stamp"
    with lock.open() as held:
        # Another worker of pytest-xdist may need the same packages.
        fcntl.flock(held, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_text() != lock.read_text():
            if os.environ.get("VISION_GRPC_TESTS_OFFLINE") == "1":
                pytest.skip(f"{folder.name} is not made yet, and VISION_GRPC_TESTS_OFFLINE is set")
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            for name in ("package.json", "package-lock.json"):
                shutil.copy(HERE / name, folder)
            subprocess.run(
                [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"], cwd=folder, check=True
            )
            stamp.write_text(lock.read_text())
    return folder
