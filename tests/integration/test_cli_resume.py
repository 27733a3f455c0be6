"""Runs with a journal: what the same command does again, and what it leaves alone or refuses."""

import random
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from command_line import finish, lines_of, options_to, run, start
from images_in_bytes import png, write_images
from scripted_service import Reply, answer, serve_grpc

from vision_grpc.messages import BatchAnalyzeRequest

if TYPE_CHECKING:
    import subprocess

_WINDOW = 8 * 8
"""Images in the calls of the default window."""


def test_eight_kills_lose_nothing(tmp_path: Path) -> None:
    names = write_images(tmp_path / "scans", 2_000)
    journal = tmp_path / "out.jsonl"
    rng = random.Random(13)  # noqa: S311 - moments
    # Moments in terms of requests: the machine may be of any speed.
    deaths = sorted(rng.sample(range(1, 250), 8))
    running: list[subprocess.Popen[bytes]] = []
    seen = 0
    lock = threading.Lock()

    def script(request: BatchAnalyzeRequest) -> Reply:
        nonlocal seen
        with lock:
            seen += 1
            if deaths and seen >= deaths[0]:
                deaths.pop(0)
                running[0].kill()
        return answer(request)

    with serve_grpc(script) as service:
        for _ in range(9):
            running[:] = [start("analyze", *options_to(service.address), "scans", "-o", "out.jsonl", cwd=tmp_path)]
            finished = finish(running[0])
            if finished.code == 0:
                break
            assert finished.code == -signal.SIGKILL
        assert finished.code == 0
        assert deaths == []
        again = run("analyze", *options_to(service.address), "scans", "-o", "out.jsonl", "-l", "en", cwd=tmp_path)
        requests = len(service.requests)
        once_more = run("analyze", *options_to(service.address), "scans", "-o", "out.jsonl", cwd=tmp_path)
        assert (once_more.code, len(service.requests)) == (0, requests)
    keys = [line["key"] for line in lines_of(journal)]
    assert sorted(set(keys)) == names
    assert len(keys) - len(names) <= 8 * _WINDOW
    assert service.images_sent - len(names) <= 8 * _WINDOW
    assert all(line["ok"] and int(line["text"]) == int(line["key"][6:10]) for line in lines_of(journal))
    assert again.code == 2
    assert "languages: * in the journal, en now" in again.stderr


def test_a_second_process_is_refused(tmp_path: Path) -> None:
    write_images(tmp_path / "scans", 3)
    arrived, goes_on = threading.Event(), threading.Event()

    def script(request: BatchAnalyzeRequest) -> Reply:
        arrived.set()
        goes_on.wait(30)
        return answer(request)

    with serve_grpc(script) as service:
        arguments = ["analyze", *options_to(service.address), "scans", "-o", "out.jsonl"]
        first = start(*arguments, cwd=tmp_path)
        assert arrived.wait(30)
        second = run(*arguments, cwd=tmp_path)
        goes_on.set()
        assert finish(first).code == 0
    assert second.code == 2
    assert "out.jsonl" in second.errors[-1]
    assert len(lines_of(tmp_path / "out.jsonl")) == 3


def test_a_run_of_some_images_says_how_to_go_on(tmp_path: Path) -> None:
    names = write_images(tmp_path / "scans", 30)
    with serve_grpc(answer) as service:
        arguments = ["analyze", *options_to(service.address), "scans", "-o", "out.jsonl", "--max-images", "12"]
        for expected, code in ((12, 1), (24, 1), (30, 0), (30, 0)):
            finished = run(*arguments, cwd=tmp_path)
            assert (finished.code, service.images_sent) == (code, expected)
            assert ("to go on: " in finished.stderr) == (code == 1)
    assert sorted(line["key"] for line in lines_of(tmp_path / "out.jsonl")) == names


def test_failed_images_are_sent_again_when_that_makes_sense_or_is_asked_for(tmp_path: Path) -> None:
    write_images(tmp_path / "scans", 3)
    (tmp_path / "scans" / "0001.png").write_text("no image")
    with serve_grpc(answer) as service:
        arguments = ["analyze", *options_to(service.address), "scans", "-o", "out.jsonl"]
        assert run(*arguments, cwd=tmp_path).code == 1
        assert run(*arguments, cwd=tmp_path).code == 1
        assert service.images_sent == 2
        (tmp_path / "scans" / "0001.png").write_bytes(png(1))
        assert run(*arguments, cwd=tmp_path).code == 1
        assert service.images_sent == 2
        assert run(*arguments, "--retry-failed", cwd=tmp_path).code == 0
        assert service.images_sent == 3
        assert run(*arguments, "--restart", cwd=tmp_path).code == 0
        assert service.images_sent == 6
    assert len(lines_of(tmp_path / "out.jsonl")) == 3
    assert len(lines_of(tmp_path / "out.jsonl.1")) == 4


def test_a_file_that_was_missing_is_sent_when_it_is_there(tmp_path: Path) -> None:
    names = write_images(tmp_path / "scans", 3)
    content = (tmp_path / names[1]).read_bytes()
    (tmp_path / names[1]).unlink()
    with serve_grpc(answer) as service:
        arguments = ["analyze", *options_to(service.address), *names, "-o", "out.jsonl"]
        missing = run(*arguments, cwd=tmp_path)
        assert missing.code == 1
        assert "--retry-failed" not in missing.stderr
        (tmp_path / names[1]).write_bytes(content)
        assert run(*arguments, cwd=tmp_path).code == 0
        assert service.images_sent == 3


def test_results_of_the_local_service_are_not_those_of_the_real_one(tmp_path: Path) -> None:
    write_images(tmp_path / "scans", 1)
    with serve_grpc(answer) as service:
        assert run("analyze", *options_to(service.address), "scans", "-o", "out.jsonl", cwd=tmp_path).code == 0
    refused = run("analyze", "--local", "scans", "-o", "out.jsonl", cwd=tmp_path)
    assert refused.code == 2
    assert "local: no in the journal, yes now" in refused.stderr


@pytest.mark.parametrize(
    ("name", "first", "then"),
    [
        ("res.txt", ["--format", "jsonl"], []),
        ("res.jsonl", [], ["--format", "text"]),
        ("link.txt", ["--format", "jsonl"], []),
    ],
)
def test_a_text_does_not_replace_a_journal(tmp_path: Path, name: str, first: list[str], then: list[str]) -> None:
    write_images(tmp_path / "scans", 2)
    if name == "link.txt":
        (tmp_path / name).symlink_to("results")
    with serve_grpc(answer) as service:
        arguments = ["analyze", *options_to(service.address), "scans", "-o", name]
        assert run(*arguments, *first, cwd=tmp_path).code == 0
        before = (tmp_path / name).read_bytes()
        refused = run(*arguments, *then, cwd=tmp_path)
        assert refused.code == 2
        assert f"{name} is a journal" in refused.stderr
        assert "--format jsonl" in refused.stderr
        assert run(*arguments, *then, "--dry-run", cwd=tmp_path).code == 2
        assert service.images_sent == 2
        assert (tmp_path / name).read_bytes() == before
        # What was redirected to a file was paid for, too.
        (tmp_path / name).write_bytes(before.partition(b"\n")[2])
        assert "has results in jsonl" in run(*arguments, *then, cwd=tmp_path).stderr
        (tmp_path / name).write_text("an older text")
        assert run(*arguments, *then, cwd=tmp_path).code == 0


def test_a_run_that_ended_before_its_first_result_binds_no_other(tmp_path: Path) -> None:
    write_images(tmp_path / "scans", 1)
    arguments = ["analyze", "scans", "-o", "out.jsonl"]
    assert run(*arguments, "-l", "ru", cwd=tmp_path).code == 2
    with serve_grpc(answer) as service:
        assert run(*arguments, *options_to(service.address), "-l", "en", cwd=tmp_path).code == 0
        assert run(*arguments, *options_to(service.address), "-l", "ru", cwd=tmp_path).code == 2


def test_a_journal_in_the_folder_that_is_read_can_be_begun_anew(tmp_path: Path) -> None:
    write_images(tmp_path / "scans", 2)
    with serve_grpc(answer) as service:
        command = ["analyze", *options_to(service.address), "scans", "-o", "scans/r.jsonl"]
        assert run(*command, cwd=tmp_path).code == 0
        anew = run(*command, "--restart", cwd=tmp_path)
        again = run(*command, cwd=tmp_path)
    assert "the earlier results are kept as scans/r.jsonl.1" in anew.complaints
    assert (anew.code, again.code) == (0, 0)
    assert not any("skipped" in line for line in (*anew.complaints, *again.complaints))
