"""`scripts/release`: see there."""

import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

from lanes.environment import Environment, install, make
from lanes.lane import ROOT
from lanes.run import PROGRAMS, build
from lanes.service import service
from vision_grpc.version import __version__

DIST = ROOT / "dist"
TOOLS = ("twine", "check-wheel-contents", "pypiserver")
_WITHIN_S = 30.0


def main() -> int:
    """Build what is published, check it and try it; return the exit code."""
    shutil.rmtree(DIST, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix="release-") as name:
        folder = Path(name)
        files = [DIST / build(target, folder / target).name for target in ("wheel", "sdist")]
        DIST.mkdir()
        for target in ("wheel", "sdist"):
            shutil.copy(next((folder / target).iterdir()), DIST)
        tools = make(folder / "tools")
        install(tools, TOOLS, "--only-binary", ":all:", "--constraint", ROOT / "scripts" / "constraints-release.txt")
        check(tools, files)
        with service(folder) as told, index(tools, folder / "index") as url:
            upload(tools, url, files)
            user = install_from(url, folder / "user")
            user.run(PROGRAMS / "smoke.py", told)
    print(
        f"{__version__} was built, checked, uploaded to an index of this machine, installed from it, and reads pages:"
    )
    print("\n".join(map(str, files)))
    return complain(left_to_do())


def check(tools: Environment, files: Sequence[Path]) -> None:
    """Let the checks of the index pass, and those of what is in the wheel."""
    programs, wheels = tools.folder / "bin", [each for each in files if each.suffix == ".whl"]
    subprocess.run([programs / "twine", "check", "--strict", *files], cwd=ROOT, check=True)
    subprocess.run([programs / "check-wheel-contents", *wheels], cwd=ROOT, check=True)


@contextmanager
def index(tools: Environment, folder: Path) -> Generator[str]:
    """Serve an empty index on this machine that takes uploads from anybody; yield its address."""
    folder.mkdir()
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
    command = [str(tools.folder / "bin" / "pypi-server"), "run", "--interface", "127.0.0.1", "--port", str(port)]
    options = ["--authenticate", ".", "--passwords", ".", "--disable-fallback", str(folder)]
    with subprocess.Popen([*command, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            wait_for(f"http://127.0.0.1:{port}/simple/")
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


def wait_for(url: str) -> None:
    """Return when something answers there."""
    until = time.monotonic() + _WITHIN_S
    while True:
        try:
            urlopen(url, timeout=_WITHIN_S).close()  # noqa: S310 - our own server
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
        else:
            return


def upload(tools: Environment, url: str, files: Sequence[Path]) -> None:
    """Upload the files as to any index."""
    command = [str(tools.folder / "bin" / "twine"), "upload", "--non-interactive", "--disable-progress-bar"]
    identity = ["--username", "nobody", "--password", "none"]
    subprocess.run([*command, *identity, "--repository-url", url, *map(str, files)], check=True)


def install_from(url: str, folder: Path) -> Environment:
    """Return a new environment with our package from this index, and what it needs from the usual one."""
    environment = make(folder)
    # The newest versions that are tested: this is about our own files.
    pinned = ("--constraint", ROOT / "scripts" / "constraints.txt")
    # Without the cache, which has the files of the last release of the same number.
    install(
        environment,
        [f"vision-grpc=={__version__}"],
        "--index",
        f"{url}/simple",
        "--refresh-package",
        "vision-grpc",
        *pinned,
    )
    return environment


def left_to_do() -> list[str]:
    """Return what keeps this tree from being released."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    changes = (ROOT / "CHANGELOG.md").read_text()
    left: list[str] = []
    if not re.search(rf"^## {re.escape(__version__)} \(\d{{4}}-\d\d-\d\d\)$", changes, re.MULTILINE):
        left.append(f"CHANGELOG.md: the entry of {__version__} has no date")
    if "Repository" not in project.get("urls", {}):
        left.append("pyproject.toml: project.urls has no Repository")
    return left


def complain(left: Sequence[str]) -> int:
    """Say what is left to do; return the exit code."""
    if left:
        print("\n".join(["before it is published:", *(f"- {each}" for each in left)]), file=sys.stderr)
    return bool(left)


if __name__ == "__main__":
    sys.exit(main())
