"""`analyze --cache`: what was read once is not sent again."""

import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from command_line import finish, lines_of, options_to, program_with_little_space, run, start
from images_in_bytes import write_images
from scripted_service import Reply, Service, answer, numbers_of, serve_grpc
from taped import digest_of, recording

from vision_grpc.messages import BatchAnalyzeRequest
from vision_grpc.tape import Tape

if TYPE_CHECKING:
    import subprocess

_WINDOW = 8 * 8
"""Images in the calls of the default window."""


def _sent(service: Service) -> list[int]:
    return sorted(number for request in service.requests for number in numbers_of(request))


def test_a_run_that_is_repeated_costs_nothing(tmp_path: Path) -> None:
    write_images(tmp_path / "scans", 30)
    with serve_grpc(answer) as service:
        analyze = ["analyze", *options_to(service.address), "scans", "--cache", "tape", "-o"]
        first = run(*analyze, "first.jsonl", cwd=tmp_path)
        again = run(*analyze, "again.jsonl", cwd=tmp_path)
        assert _sent(service) == [*range(30)]
    assert (first.code, again.code) == (0, 0)
    assert "billed 30 units, sent " in first.stderr
    assert "billed 0 units, 30 from the tape, free" in again.stderr
    lines = lines_of(tmp_path / "again.jsonl")
    assert {line["key"]: line["text"] for line in lines} == {
        line["key"]: line["text"] for line in lines_of(tmp_path / "first.jsonl")
    }
    assert all((line["transport"], line["attempts"], line["units"]) == ("tape", 0, 0) for line in lines)


def test_limits_and_budgets_are_about_what_is_sent(tmp_path: Path) -> None:
    names = write_images(tmp_path / "scans", 40)
    with serve_grpc(answer) as service:
        analyze = ["analyze", *options_to(service.address), "scans", "--cache", "tape", "-o"]
        assert run(*analyze, "a.jsonl", "--max-images", "20", cwd=tmp_path).code == 1
        limited = run(*analyze, "b.jsonl", "--max-images", "3", cwd=tmp_path)
        assert _sent(service) == [*range(23)]
        costly = run(*analyze, "c.jsonl", "--budget", "7", cwd=tmp_path)
        assert _sent(service) == [*range(30)]
        whole = run(*analyze, "c.jsonl", "--budget", "17", cwd=tmp_path)
        assert _sent(service) == [*range(40)]
    assert "read 23 of 40 images" in limited.stderr
    assert "billed 3 units, 20 from the tape, free" in limited.stderr
    assert "billed 7 units, 23 from the tape, free" in costly.stderr
    assert [finished.code for finished in (limited, costly, whole)] == [1, 1, 0]
    assert sorted(line["key"] for line in lines_of(tmp_path / "c.jsonl")) == names


def test_nothing_is_sent_and_no_account_is_needed_with_the_mode_none(tmp_path: Path) -> None:
    write_images(tmp_path / "scans", 4)
    with serve_grpc(answer) as service:
        assert run("analyze", *options_to(service.address), "scans", "--cache", "tape", cwd=tmp_path).code == 0
    (tmp_path / "scans" / "0001.png").unlink()
    write_images(tmp_path / "new", 6)
    offline = ["analyze", "--cache", "tape", "--cache-mode", "none", "--endpoint", "vision.example"]
    known, mixed = (run(*offline, *folders, cwd=tmp_path) for folders in (["scans"], ["scans", "new/0005.png"]))
    assert known.code == 0
    assert mixed.code == 1
    assert "new/0005.png: it is not on the tape" in mixed.stderr


def test_the_tape_of_another_service_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    write_images(tmp_path / "scans", 3)
    Tape(tmp_path / "tape").record(digest_of(0), recording(), service="api.cloud.yandex.net")
    with serve_grpc(answer) as service:
        analyze = ["analyze", *options_to(service.address), "scans", "--cache", "tape"]
        finished = run(*analyze, cwd=tmp_path)
        assert not service.requests
        assert finished.code == 2
        assert finished.text == ""
        assert "answers of api.cloud.yandex.net, and this client asks a service on this machine" in finished.stderr
        assert "Traceback" not in finished.stderr
        marker = tmp_path / "tape" / "vision-grpc-tape"
        # As the message says.
        marker.write_text("".join(marker.read_text().splitlines(keepends=True)[:-1]))
        assert run(*analyze, cwd=tmp_path).code == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--cache", "scans"], "scans is not a tape, and has other files in it"),
        (["--cache", "scans/0000.png"], "0000.png"),
        (["--cache", ""], "--cache: the place of a tape is ''"),
        (["--cache-mode", "all"], "--cache-mode is about a tape: add --cache"),
    ],
)
def test_what_can_be_no_tape_is_refused_before_anything_is_sent(
    tmp_path: Path, arguments: list[str], words: str
) -> None:
    write_images(tmp_path / "scans", 2)
    with serve_grpc(answer) as service:
        finished = run("analyze", *options_to(service.address), "scans", *arguments, cwd=tmp_path)
        assert not service.requests
    assert finished.code == 2
    assert words in finished.stderr


def test_a_full_disk_under_the_tape_loses_no_result(tmp_path: Path) -> None:
    write_images(tmp_path / "scans", 20)
    with serve_grpc(answer) as service:
        analyze = ["analyze", *options_to(service.address), "scans", "--cache", "tape"]
        finished = run(*analyze, cwd=tmp_path, program=program_with_little_space(200))
        assert _sent(service) == [*range(20)]
        assert finished.code == 0
        assert finished.text.count("==> ") == 20
        assert finished.stderr.count("results go on without the tape") == 1
        assert "the tape failed 20 times" in finished.stderr
        assert run(*analyze, cwd=tmp_path).code == 0
        assert len(_sent(service)) == 40


def test_who_was_killed_pays_only_for_what_was_in_flight(tmp_path: Path) -> None:
    write_images(tmp_path / "scans", 300)
    running: list[subprocess.Popen[bytes]] = []
    lock = threading.Lock()

    def script(request: BatchAnalyzeRequest) -> Reply:
        with lock:
            if len(service.requests) == 20:
                running[0].kill()
        return answer(request)

    with serve_grpc(script) as service:
        analyze = ["analyze", *options_to(service.address), "scans", "--cache", "tape", "-o"]
        running.append(start(*analyze, "killed.jsonl", cwd=tmp_path))
        finish(running[0])
        assert run(*analyze, "whole.jsonl", cwd=tmp_path).code == 0
        sent = _sent(service)
    assert len(lines_of(tmp_path / "whole.jsonl")) == 300
    assert len(sent) - 300 <= _WINDOW
    written = {line["key"] for line in lines_of(tmp_path / "killed.jsonl")}
    twice = {f"scans/{number:04}.png" for number in range(300) if sent.count(number) > 1}
    assert written.isdisjoint(twice)
