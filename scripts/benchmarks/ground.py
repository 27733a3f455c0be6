"""Where a measurement takes place: a certificate, a server and workers, all processes of their own."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple, Self

import trustme

from .answers import WORDS

SCRIPTS = Path(__file__).resolve().parent.parent
_MOST_SAID = 4000


class Spent(NamedTuple):
    """What a worker says that its images took."""

    cpu_s: float
    wall_s: float
    page_faults: int
    peak_bytes: int
    """Peak of the process's memory so far, over what it had after its imports."""


class Identity(NamedTuple):
    """Files in PEM: what a server shows, and what its clients trust."""

    certificate: Path
    key: Path
    roots: Path


class Process:
    """A module of this package, run as a process that talks through its standard streams.

    With `quiet`, what it says on standard error is shown when it fails, and not before.
    """

    def __init__(
        self, module: str, *arguments: str | os.PathLike[str], python: Path | None = None, quiet: bool = False
    ) -> None:
        self._said = tempfile.TemporaryFile() if quiet else None  # noqa: SIM115 - closed with the process
        self._popen = subprocess.Popen(
            [python or sys.executable, "-m", f"{__package__}.{module}", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            text=True,
            env=environment(),
        )

    def tell(self, line: str) -> None:
        """Send a line."""
        assert self._popen.stdin is not None  # noqa: S101 - for the type checkers: it is a pipe
        print(line, file=self._popen.stdin, flush=True)

    def hear(self) -> str:
        """Return the next line.

        Raises:
            ChildProcessError: the process ended instead; its own traceback is on standard error, or in the message.
        """
        assert self._popen.stdout is not None  # noqa: S101 - as above
        if line := self._popen.stdout.readline():
            return line
        message = f"{self._popen.args!r} ended with {self._popen.wait()}"
        if self._said is not None:
            self._said.seek(0)
            message += ": " + self._said.read().decode(errors="replace")[-_MOST_SAID:]
        raise ChildProcessError(message)

    def run(self, images: int) -> Spent:
        """Let a worker send so many images."""
        self.tell(str(images))
        return Spent(**json.loads(self.hear()))

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._popen.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # A worker and a server end with their input; one that is stuck ends all the same.
        if self._popen.stdin is not None:
            self._popen.stdin.close()
        try:
            self._popen.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()
        if self._said is not None:
            self._said.close()


class Ground:
    """A running server, and how to reach it."""

    def __init__(self, target: str, roots: Path) -> None:
        self.target = target
        self.roots = roots

    def worker(
        self, module: str, *arguments: str | os.PathLike[str], python: Path | None = None, quiet: bool = False
    ) -> Process:
        """Start a client that sends images when told to."""
        reach = ("--target", self.target, "--roots", self.roots)
        return Process(module, *arguments, *reach, python=python, quiet=quiet)


def issue_identity(folder: Path) -> Identity:
    """Return an identity for this machine, written to the folder."""
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    identity = Identity(folder / "certificate.pem", folder / "key.pem", folder / "roots.pem")
    authority.cert_pem.write_to_path(identity.roots)
    issued.private_key_pem.write_to_path(identity.key)
    issued.cert_chain_pems[0].write_to_path(identity.certificate)
    return identity


@contextmanager
def open_ground(
    *, latency_s: float = 0.0, words: int = WORDS, foreign: Sequence[tuple[str, Path]] = ()
) -> Generator[Ground, None, None]:
    """Give a server that takes `latency_s` to answer with a page of words, and has answers in files for others."""
    with ExitStack() as stack:
        identity = issue_identity(Path(stack.enter_context(tempfile.TemporaryDirectory())))
        arguments: list[str | os.PathLike[str]] = [
            "--certificate",
            identity.certificate,
            "--key",
            identity.key,
            "--latency-s",
            str(latency_s),
            "--words",
            str(words),
        ]
        for method, answer in foreign:
            arguments += ["--foreign", method, answer]
        server = stack.enter_context(Process("server", *arguments))
        yield Ground(f"127.0.0.1:{server.hear().strip()}", identity.roots)


@contextmanager
def open_rest_ground(*, plaintext: bool) -> Generator[Ground, None, None]:
    """Give a server of the same answers over REST."""
    with ExitStack() as stack:
        identity = issue_identity(Path(stack.enter_context(tempfile.TemporaryDirectory())))
        tls = () if plaintext else ("--certificate", identity.certificate, "--key", identity.key)
        server = stack.enter_context(Process("rest_server", *tls))
        yield Ground(f"http{'' if plaintext else 's'}://127.0.0.1:{server.hear().strip()}", identity.roots)


def environment() -> dict[str, str]:
    """Return the environment for a module of this package as a process of its own."""
    # Our package too, which the environments of others do not have.
    path = [
        str(SCRIPTS),
        str(SCRIPTS.parent),
        str(SCRIPTS.parent / "generated"),
        *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep)),
    ]
    # Compiled modules are kept: an engine starts many processes, and each would compile all of them.
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    # Without the deprecations and experiments that gRPC would tell of.
    return inherited | {"PYTHONPATH": os.pathsep.join(path), "GRPC_VERBOSITY": "ERROR"}
