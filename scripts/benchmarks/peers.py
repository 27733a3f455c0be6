"""Other people's clients, each in an environment of its own: their dependencies are not ours."""

import subprocess
import sys
import venv
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from .ground import SCRIPTS, Process


class Peer(NamedTuple):
    """A client, and what to install for it."""

    name: str
    module: str
    requirement: str
    foreign_method: str | None = None
    """The method that it calls where that is not ours: its module then writes the answer."""

    @property
    def python(self) -> Path:
        """The interpreter of its environment, which need not exist."""
        return SCRIPTS.parent / f".venv-bench-{self.name}" / "bin" / "python"


PEERS = (
    Peer("yandexcloud", "peer_yandexcloud", "yandexcloud==0.413.0"),
    Peer(
        "google-cloud-vision",
        "peer_google",
        "google-cloud-vision==3.16.0",
        "/google.cloud.vision.v1.ImageAnnotator/BatchAnnotateImages",
    ),
)


def find_peers(*, install: bool) -> list[Peer]:
    """Return the peers that are installed, `install` to install them all; the others are told on standard error."""
    for peer in PEERS:
        if install and not peer.python.exists():
            venv.create(peer.python.parent.parent, with_pip=True)
            subprocess.run([peer.python, "-m", "pip", "install", "-qq", peer.requirement], check=True)
        if not peer.python.exists():
            print(f"{peer.name} is left out: --peers installs it", file=sys.stderr)
    return [peer for peer in PEERS if peer.python.exists()]


def write_answers(peers: Sequence[Peer], folder: Path) -> list[tuple[str, Path]]:
    """Return the answers, in files, to the methods of the peers that do not call ours."""
    answers: list[tuple[str, Path]] = []
    for peer in peers:
        if peer.foreign_method is not None:
            file = folder / peer.name
            with Process(peer.module, "--write-answer", file, python=peer.python):
                pass
            answers.append((peer.foreign_method, file))
    return answers
