"""A process that is killed in the middle: what it has shown is not paid for again."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from images_in_bytes import number_in
from scripted_service import answer, serve_grpc

_SYNC = """
with VisionClient(sys.argv[1], insecure=True, cache=sys.argv[2]) as client:
    for result in client.analyze_many(images):
        print(result.key, result.attempts, flush=True)
"""
_ASYNC = """
async def main():
    async with AsyncVisionClient(sys.argv[1], insecure=True, cache=sys.argv[2]) as client:
        async for result in client.analyze_many(images):
            print(result.key, result.attempts, flush=True)

asyncio.run(main())
"""
_BOTH = """
import asyncio, sys
from images_in_bytes import png
from vision_grpc import AsyncVisionClient, Image, VisionClient

images = [Image(str(number), png(number)) for number in range(200)]
"""


@pytest.mark.parametrize("program", [_SYNC, _ASYNC], ids=["sync", "asyncio"])
def test_what_was_shown_before_a_kill_is_not_sent_again(tmp_path: Path, program: str) -> None:
    def start(address: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "-c", _BOTH + program, address, str(tmp_path / "tape")]
        environ = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environ)

    shown: set[int] = set()
    with serve_grpc(answer) as service:
        with start(service.address) as process:
            assert process.stdout is not None
            for _ in range(30):
                shown.add(int(process.stdout.readline().split()[0]))
            process.kill()
            # What it had written into the pipe was shown, too.
            shown |= {int(line.split()[0]) for line in process.stdout if line.endswith("\n")}
        before = len(service.requests)
        with start(service.address) as process:
            assert process.stdout is not None
            rest = dict(line.split() for line in process.stdout)
            assert process.wait() == 0
        sent = {number_in(spec.content) for request in service.requests[before:] for spec in request.analyze_specs}
        total = service.images_sent
    assert len(rest) == 200
    assert len(shown) >= 30
    assert sent.isdisjoint(shown)
    assert sent == {int(key) for key, attempts in rest.items() if attempts != "0"}
    assert total <= 200 + 64  # No more than the window of the one that was killed.
