"""`--budget`: no more is billed, whoever is killed and whatever is lost."""

import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from command_line import finish, lines_of, options_to, run, start
from images_in_bytes import write_images
from scripted_service import Reply, answer, numbers_of, serve_grpc

from vision_grpc.errors import Code, ServiceError
from vision_grpc.messages import AnalyzeResult, BatchAnalyzeRequest, BatchAnalyzeResponse, Status

if TYPE_CHECKING:
    import subprocess

_WINDOW = 8 * 8
"""Images in the calls of the default window."""


@pytest.mark.parametrize("kills", [0, 3])
def test_no_more_is_billed_than_the_budget_whoever_is_killed(tmp_path: Path, kills: int) -> None:
    write_images(tmp_path / "scans", 400)
    billed = 0
    running: list[subprocess.Popen[bytes]] = []
    deaths = [10, 20, 30][:kills]
    lock = threading.Lock()

    def script(request: BatchAnalyzeRequest) -> Reply:
        nonlocal billed
        with lock:
            billed += len(request.analyze_specs)
            if deaths and len(service.requests) >= deaths[0]:
                deaths.pop(0)
                running[0].kill()
        return answer(request)

    arguments = ["scans", "-o", "out.jsonl", "--budget", "300"]
    with serve_grpc(script) as service:
        for _ in range(kills + 1):
            running[:] = [start("analyze", *options_to(service.address), *arguments, cwd=tmp_path)]
            finished = finish(running[0])
        assert finished.code == 1
        assert 300 - kills * 2 * _WINDOW <= billed <= 300
        assert "--budget 600" in finished.stderr
        before = billed
        assert run("analyze", *options_to(service.address), *arguments, cwd=tmp_path).code == 1
        assert billed == before
        assert run("analyze", *options_to(service.address), *arguments[:-1], "900", cwd=tmp_path).code == 0
    keys = {line["key"] for line in lines_of(tmp_path / "out.jsonl") if line["ok"]}
    assert len(keys) == 400


def test_what_is_not_billed_leaves_room_in_the_budget(tmp_path: Path) -> None:
    names = write_images(tmp_path / "scans", 40)

    def refuse_even(request: BatchAnalyzeRequest) -> BatchAnalyzeResponse:
        results = [
            AnalyzeResult(error=Status(code=Code.INVALID_ARGUMENT, message="bad")) if number % 2 == 0 else result
            for number, result in zip(numbers_of(request), answer(request).results, strict=True)
        ]
        return BatchAnalyzeResponse(results=results)

    with serve_grpc(refuse_even) as service:
        arguments = ["analyze", *options_to(service.address), "scans", "-o", "out.jsonl", "--budget", "20"]
        finished = run(*arguments, cwd=tmp_path)
    lines = lines_of(tmp_path / "out.jsonl")
    assert sorted(line["key"] for line in lines) == names
    assert sum(line["ok"] for line in lines) == 20
    assert finished.code == 1


def test_answers_that_are_lost_count_as_billed(tmp_path: Path) -> None:
    write_images(tmp_path / "scans", 8)
    # The service does not say whether it has done the work.
    with serve_grpc(lambda _: ServiceError(Code.UNKNOWN, "lost")) as service:
        arguments = ["analyze", *options_to(service.address), "scans", "-o", "out.jsonl", "--budget", "12", "-j", "1"]
        first = run(*arguments, cwd=tmp_path)
        assert (first.code, service.images_sent) == (2, 8)
        run(*arguments, "--retry-failed", cwd=tmp_path)
        assert service.images_sent == 12
