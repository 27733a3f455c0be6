"""Planted imports are refused: the contracts of pyproject.toml are no decoration."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]

# Each of these once passed, or is of a kind that did.
_PLANTED = [
    ("local/service.py", "vision_grpc.stream.run"),
    ("local/service.py", "vision_grpc.results.outcomes"),
    ("local/service.py", "vision_grpc.cloud.single_flight"),
    ("local/service.py", "vision_grpc.network.tls"),
    ("local/ocr/engine.py", "vision_grpc.codec.batch_wire"),
    ("stream/run.py", "subprocess"),
    ("stream/run.py", "queue"),
    ("stream/run.py", "ssl"),
    ("stream/batch.py", "datetime"),
    ("stream/turn.py", "threading"),
    ("stream/verdict.py", "logging"),
    ("stream/run.py", "vision_grpc.sources.files"),
    ("stream/run.py", "vision_grpc.session.monitor"),
    ("codec/json/fast.py", "grpc"),
    ("codec/batch_wire.py", "threading"),
    ("codec/retry_info.py", "vision_grpc.config"),
    ("contract/rules.py", "os"),
    ("contract/sizes.py", "vision_grpc.codec.json"),
    ("results/result.py", "time"),
    ("sources/files.py", "grpc"),
    ("sources/files.py", "vision_grpc.network.http.calls"),
    ("network/http/calls.py", "vision_grpc.messages"),
    ("network/http/calls.py", "h2"),
    ("threads.py", "vision_grpc.config"),
    ("threads.py", "grpc"),
    ("transport/grpc/transport.py", "vision_grpc.stream.run"),
    ("transport/connect.py", "vision_grpc.auth"),
    ("cloud/once.py", "vision_grpc.stream.throttle"),
    ("auth/api_key.py", "vision_grpc.codec.json"),
    ("quota/quota.py", "vision_grpc.sources.files"),
    ("tape/tape.py", "vision_grpc.transport"),
    ("session/calls.py", "vision_grpc.cli"),
    ("client.py", "vision_grpc.aio"),
    ("client.py", "socket"),
    ("aio.py", "grpc"),
    ("session/calls.py", "grpc"),
    ("session/settings.py", "subprocess"),
    ("doctor/call.py", "click"),
    ("otel.py", "subprocess"),
    ("testing/fake.py", "grpc"),
    ("api/vision_v1.py", "threading"),
    ("config.py", "socket"),
    ("events.py", "threading"),
    ("messages.py", "os"),
    ("version.py", "os"),
    ("errors.py", "os"),
]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what import-linter reads."""
    house = tmp_path_factory.mktemp("house")
    for folder in ("vision_grpc", "scripts"):
        shutil.copytree(_ROOT / folder, house / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(_ROOT / "pyproject.toml", house)
    return house


def _lint(house: Path) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(map(str, (house, _ROOT / "generated")))
    command: list[str | Path] = [Path(sys.executable).with_name("lint-imports"), "--no-cache"]
    return subprocess.run(
        command, cwd=house, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True, check=False
    )


def test_every_planted_import_is_refused(house: Path) -> None:
    clean = _lint(house)
    assert clean.returncode == 0, clean.stdout
    for file, module in _PLANTED:
        assert (house / "vision_grpc" / file).exists()
        with (house / "vision_grpc" / file).open("a") as planted:
            planted.write(f"\n\ndef _planted_{module.replace('.', '_')}() -> None:\n    import {module}\n")
    refused = _lint(house)
    assert refused.returncode == 1
    found = refused.stdout.splitlines()
    missed = [(file, module) for file, module in _PLANTED if not any(_names(line, file, module) for line in found)]
    assert not missed, refused.stdout


def _names(line: str, file: str, module: str) -> bool:
    importer = "vision_grpc." + file.removesuffix(".py").replace("/", ".")
    # As the lists have it, and as the layers do.
    return line == f"{importer} may not import {module}" or line.startswith(f"- {importer} -> {module} ")
