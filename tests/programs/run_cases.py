"""Runs a folder of cases from the wild, each a folder with scripts or files, and says of each whether the client copes.

    python tests/programs/run_cases.py FOLDER [CASE ...]

What is looked for in the output of a case is in `CHECKS`, by the number that its folder's name begins with.
"""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

_ROOT = Path(__file__).parents[2]
_MINUTES_S = 600


class Check(NamedTuple):
    """A command of a case, and what its output has and has not."""

    command: str
    """For a shell, in the folder of the case."""
    wanted: tuple[str, ...] = ()
    """Patterns that are found."""
    unwanted: tuple[str, ...] = ()
    """Patterns that are not found."""
    every: str = ""
    """A pattern that each line has."""


def _analyze(files: str) -> str:
    return f"vision-grpc analyze --local --languages en --format jsonl {files} 2>/dev/null"


_READ = r'"ok": ?true'
_SEEN = r'"text": ?"[^"]*\w{3}'
_DENSE = """python - <<'.'
from vision_grpc import DeadlineError, Timeouts, VisionClient
from vision_grpc.local import LocalVision
with LocalVision() as service:
    with VisionClient(service.grpc_endpoint, insecure=True, timeouts=Timeouts(call_s=10, total_s=25)) as client:
        try:
            client.analyze("dense_small_print.png", languages=["en"])
        except DeadlineError:
            print("given up in time")
    with VisionClient(service.grpc_endpoint, insecure=True, timeouts=Timeouts(call_s=10, total_s=10)) as client:
        print("an ordinary page:", client.analyze("../common/page.png", languages=["en"]).text)
."""
CHECKS: dict[str, list[Check]] = {
    "01": [
        Check(f"unshare -Urn python nat.py {transport}", ("1st ok", "2nd ok attempts 1 ", "3rd ok"), ("Error",))
        for transport in ("grpc", "rest", "auto")
    ],
    "03": [Check("python long_error.py", every=r"INVALID_ARGUMENT.* calls=1 ")],
    "04": [
        Check(
            "python answers.py",
            (
                "gzip of two members +calls=1 'hello'",
                "gzip then zero padding +calls=1 'hello'",
                "UTF-8 BOM before the JSON +calls=1 'hello'",
                "cp1251 error page +calls=1 .*Доступ запрещён",
                "koi8 JSON error +calls=1 .*Нет доступа",
            ),
            ("calls=[3-9]", "Traceback"),
        )
    ],
    "07": [Check(f"python peek.py {transport} 25", ("does not end: 0 of 25",)) for transport in ("rest", "grpc")],
    "10": [Check(_analyze("*.jpg"), every=_READ)],
    "11": [Check(_analyze("*.png"), every=_READ)],
    "12": [Check(_analyze("*.jpg"), every=_READ)],
    "13": [Check("bash run.sh", ("HEIC", "AVIF", "CgBI"), ("damaged", "no image"))],
    "14": [
        Check(f"python aiofork.py {parent} {child}", ("ended by exit 0", "child (ok True|[A-Za-z]+Error .*)"), ("SIG",))
        for parent in ("open", "closed")
        for child in ("async", "sync")
    ],
    "15": [Check("python retryafter.py", every=r"ok=True waited 2\.")],
    "16": [Check("bash run.sh", (r"a\.png.*\\r", "two  blanks", r"\\t"))],
    "18": [
        Check("bash env.sh", unwanted=("Traceback",)),
        Check("python folder.py", (r"True \['b1gabc'\]", r"True \['b1gabc', ''\]")),
    ],
    "19": [Check("python nofile.py", ("retryable: True", "free again: True"), ("INVALID_ARGUMENT",))],
    "20": [Check(_analyze("*.png"), every=f"{_READ}.*{_SEEN}")],
    "21": [Check(_DENSE, ("given up in time", "an ordinary page: Hello Vision 2024"))],
    "22": [
        Check(
            _analyze("*.jpg *.png"), every="not supported|only JPEG and PNG are accepted", unwanted=("damaged", "cut")
        )
    ],
}
"""What is checked, by case."""


def run(check: Check, folder: Path) -> Iterator[str]:
    """Run a check; yield what is wrong with its output."""
    paths = os.pathsep.join(filter(None, [str(_ROOT), str(_ROOT / "generated"), os.environ.get("PYTHONPATH", "")]))
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        ["/bin/bash", "-c", check.command],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": paths, "PATH": path},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=_MINUTES_S,
        check=False,
    )
    for pattern in check.wanted:
        if not re.search(pattern, done.stdout):
            yield f"{pattern!r} is missing"
    for pattern in check.unwanted:
        if found := re.search(pattern, done.stdout):
            yield f"{found[0]!r} is there"
    lines = [line for line in done.stdout.splitlines() if line.strip()]
    if check.every:
        yield from (f"{check.every!r} is not in {line[:160]!r}" for line in lines if not re.search(check.every, line))
        if not lines:
            yield "there is no output"


def main(cases: Path, only: list[str], report: Callable[[str], object] = print) -> int:
    """Run the checks of all cases, or of some; return the exit code."""
    failed = 0
    for folder in sorted(cases.iterdir()):
        checks = CHECKS.get(folder.name[:2], [])
        if only and folder.name[:2] not in only:
            continue
        if not checks and folder.name != "common":
            report(f"-     {folder.name}: no check")
        for check in checks:
            wrong = list(run(check, folder))
            report(f"{'WRONG' if wrong else 'ok   '} {folder.name}: {check.command.splitlines()[0]}")
            for line in wrong[:5]:
                report(f"        {line}")
            failed += bool(wrong)
    return failed > 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
