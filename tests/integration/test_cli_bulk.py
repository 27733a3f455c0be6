"""Bulk runs of `vision-grpc analyze`: what they keep, leave out, refuse and cost."""

import json
import os
import random
import shutil
import signal
import subprocess
import tarfile
import threading
from pathlib import Path

import pytest
from command_line import Finished, finish, lines_of, run, start
from images_in_bytes import png
from scripted_service import Reply, Service, answer, numbers_of, serve_grpc

from vision_grpc.errors import Code, ServiceError
from vision_grpc.messages import AnalyzeResult, BatchAnalyzeRequest, BatchAnalyzeResponse, Status

_WINDOW = 8 * 8
"""Images in the calls of the default window."""


def write_images(folder: Path, count: int, first: int = 0) -> list[str]:
    folder.mkdir(exist_ok=True)
    names = [f"{folder.name}/{number:04}.png" for number in range(first, first + count)]
    for number, name in enumerate(names, first):
        (folder.parent / name).write_bytes(png(number))
    return names


def there(service: Service) -> list[str]:
    return ["--endpoint", service.address, "--insecure"]


def images_sent(service: Service) -> int:
    return sum(len(request.analyze_specs) for request in service.requests)


def errors(finished: Finished) -> list[str]:
    return [line for line in finished.complaints if line.startswith("error: ")]


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
            running[:] = [start("analyze", *there(service), "scans", "-o", "out.jsonl", cwd=tmp_path)]
            finished = finish(running[0])
            if finished.code == 0:
                break
            assert finished.code == -signal.SIGKILL
        assert finished.code == 0
        assert deaths == []
        again = run("analyze", *there(service), "scans", "-o", "out.jsonl", "-l", "en", cwd=tmp_path)
        requests = len(service.requests)
        once_more = run("analyze", *there(service), "scans", "-o", "out.jsonl", cwd=tmp_path)
        assert (once_more.code, len(service.requests)) == (0, requests)
    keys = [line["key"] for line in lines_of(journal)]
    assert sorted(set(keys)) == names
    assert len(keys) - len(names) <= 8 * _WINDOW
    assert images_sent(service) - len(names) <= 8 * _WINDOW
    assert all(line["ok"] and int(line["text"]) == int(line["key"][6:10]) for line in lines_of(journal))
    assert again.code == 2
    assert "languages: * in the journal, en now" in again.stderr


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
            running[:] = [start("analyze", *there(service), *arguments, cwd=tmp_path)]
            finished = finish(running[0])
        assert finished.code == 1
        assert 300 - kills * 2 * _WINDOW <= billed <= 300
        assert "--budget 600" in finished.stderr
        before = billed
        assert run("analyze", *there(service), *arguments, cwd=tmp_path).code == 1
        assert billed == before
        assert run("analyze", *there(service), *arguments[:-1], "900", cwd=tmp_path).code == 0
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
        finished = run("analyze", *there(service), "scans", "-o", "out.jsonl", "--budget", "20", cwd=tmp_path)
    lines = lines_of(tmp_path / "out.jsonl")
    assert sorted(line["key"] for line in lines) == names
    assert sum(line["ok"] for line in lines) == 20
    assert finished.code == 1


def test_answers_that_are_lost_count_as_billed(tmp_path: Path) -> None:
    write_images(tmp_path / "scans", 8)
    # The service does not say whether it has done the work.
    with serve_grpc(lambda _: ServiceError(Code.UNKNOWN, "lost")) as service:
        arguments = ["analyze", *there(service), "scans", "-o", "out.jsonl", "--budget", "12", "--jobs", "1"]
        first = run(*arguments, cwd=tmp_path)
        assert (first.code, images_sent(service)) == (2, 8)
        run(*arguments, "--retry-failed", cwd=tmp_path)
        assert images_sent(service) == 12


def test_the_second_image_of_a_key_is_left_out_and_both_sources_are_named(tmp_path: Path) -> None:
    names = write_images(tmp_path / "scans", 3)
    (tmp_path / "list").write_text(f"{names[1]}\n")
    with serve_grpc(answer) as service:
        arguments = ["analyze", *there(service), "scans", "--files-from", "list", "-o", "out.jsonl"]
        finished = run(*arguments, cwd=tmp_path)
        assert finished.code == 1
        (told,) = errors(finished)
        assert told.startswith("error: scans/0001.png: two images have this key, number 2 of scans and line 1 of list")
        assert "1 image left out, as another one has the key:" in finished.complaints
        assert images_sent(service) == 3
        assert sorted(line["key"] for line in lines_of(tmp_path / "out.jsonl")) == names
        assert run(*arguments, "--list-first", cwd=tmp_path).code == 2
        assert run("analyze", *there(service), "scans", "scans", "--list-first", cwd=tmp_path).code == 2
        assert images_sent(service) == 3


def test_what_makes_keys_of_tar_files_say_more_is_named_as_an_option(tmp_path: Path) -> None:
    (name,) = write_images(tmp_path / "scans", 1)
    for archive in ("a.tar", "b.tar"):
        with tarfile.open(tmp_path / archive, "w") as tar:
            tar.add(tmp_path / name, name)
    for options in ([], ["--list-first"]):
        finished = run("analyze", "--local", "a.tar", "b.tar", "--dry-run", *options, cwd=tmp_path)
        assert "set --member-keys path" in finished.stderr


def test_a_second_process_is_refused(tmp_path: Path) -> None:
    write_images(tmp_path / "scans", 3)
    arrived, goes_on = threading.Event(), threading.Event()

    def script(request: BatchAnalyzeRequest) -> Reply:
        arrived.set()
        goes_on.wait(30)
        return answer(request)

    with serve_grpc(script) as service:
        arguments = ["analyze", *there(service), "scans", "-o", "out.jsonl"]
        first = start(*arguments, cwd=tmp_path)
        assert arrived.wait(30)
        second = run(*arguments, cwd=tmp_path)
        goes_on.set()
        assert finish(first).code == 0
    assert second.code == 2
    assert "out.jsonl" in errors(second)[-1]
    assert len(lines_of(tmp_path / "out.jsonl")) == 3


def test_a_run_of_some_images_says_how_to_go_on(tmp_path: Path) -> None:
    names = write_images(tmp_path / "scans", 30)
    with serve_grpc(answer) as service:
        arguments = ["analyze", *there(service), "scans", "-o", "out.jsonl", "--max-images", "12"]
        for expected, code in ((12, 1), (24, 1), (30, 0), (30, 0)):
            finished = run(*arguments, cwd=tmp_path)
            assert (finished.code, images_sent(service)) == (code, expected)
            assert ("to go on: " in finished.stderr) == (code == 1)
    assert sorted(line["key"] for line in lines_of(tmp_path / "out.jsonl")) == names


def test_failed_images_are_sent_again_when_that_makes_sense_or_is_asked_for(tmp_path: Path) -> None:
    write_images(tmp_path / "scans", 3)
    (tmp_path / "scans" / "0001.png").write_text("no image")
    with serve_grpc(answer) as service:
        arguments = ["analyze", *there(service), "scans", "-o", "out.jsonl"]
        assert run(*arguments, cwd=tmp_path).code == 1
        assert run(*arguments, cwd=tmp_path).code == 1
        assert images_sent(service) == 2
        (tmp_path / "scans" / "0001.png").write_bytes(png(1))
        assert run(*arguments, cwd=tmp_path).code == 1
        assert images_sent(service) == 2
        assert run(*arguments, "--retry-failed", cwd=tmp_path).code == 0
        assert images_sent(service) == 3
        assert run(*arguments, "--restart", cwd=tmp_path).code == 0
        assert images_sent(service) == 6
    assert len(lines_of(tmp_path / "out.jsonl")) == 3
    assert len(lines_of(tmp_path / "out.jsonl.1")) == 4


def test_a_file_that_was_missing_is_sent_when_it_is_there(tmp_path: Path) -> None:
    names = write_images(tmp_path / "scans", 3)
    content = (tmp_path / names[1]).read_bytes()
    (tmp_path / names[1]).unlink()
    with serve_grpc(answer) as service:
        arguments = ["analyze", *there(service), *names, "-o", "out.jsonl"]
        missing = run(*arguments, cwd=tmp_path)
        assert missing.code == 1
        assert "--retry-failed" not in missing.stderr
        (tmp_path / names[1]).write_bytes(content)
        assert run(*arguments, cwd=tmp_path).code == 0
        assert images_sent(service) == 3


def test_results_of_the_local_service_are_not_those_of_the_real_one(tmp_path: Path) -> None:
    write_images(tmp_path / "scans", 1)
    with serve_grpc(answer) as service:
        assert run("analyze", *there(service), "scans", "-o", "out.jsonl", cwd=tmp_path).code == 0
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
        arguments = ["analyze", *there(service), "scans", "-o", name]
        assert run(*arguments, *first, cwd=tmp_path).code == 0
        before = (tmp_path / name).read_bytes()
        refused = run(*arguments, *then, cwd=tmp_path)
        assert refused.code == 2
        assert f"{name} is a journal" in refused.stderr
        assert "--format jsonl" in refused.stderr
        assert run(*arguments, *then, "--dry-run", cwd=tmp_path).code == 2
        assert images_sent(service) == 2
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
        assert run(*arguments, *there(service), "-l", "en", cwd=tmp_path).code == 0
        assert run(*arguments, *there(service), "-l", "ru", cwd=tmp_path).code == 2


def test_a_dry_run_sends_and_writes_nothing(tmp_path: Path) -> None:
    write_images(tmp_path / "scans", 30)
    (tmp_path / "scans" / "a.webp").touch()
    with serve_grpc(answer) as service:
        arguments = ["analyze", *there(service), "scans", "-o", "out.jsonl"]
        dry = run(*arguments, "--dry-run", "--images-per-second", "2", cwd=tmp_path)
        assert not (tmp_path / "out.jsonl").exists()
        assert service.requests == []
        assert dry.code == 1
        total = sum(path.stat().st_size for path in (tmp_path / "scans").glob("*.png"))
        assert f"to send: 30 images, {total / 1000:.1f} KB" in dry.text
        assert "billed: 30 units" in dry.text
        assert "time: at least 15 s at this quota" in dry.text
        assert "1 .webp" in dry.text
        assert run(*arguments, "--max-images", "10", cwd=tmp_path).code == 1
        before = (tmp_path / "out.jsonl").read_bytes()
        dry = run(*arguments, "--dry-run", cwd=tmp_path)
        assert "to send: 20 images" in dry.text
        assert "done before: 10 images" in dry.text
        assert (tmp_path / "out.jsonl").read_bytes() == before


@pytest.mark.parametrize(
    ("option", "told", "code"),
    [
        (["--max-images", "4"], "left for later runs: 2 images, as --max-images is 4", 1),
        (["--max-images", "6"], "to send: 6 images", 0),
        (["--budget", "4"], "the budget of 4 ends the run after 4", 1),
        (["--budget", "6"], "within the budget of 6", 0),
    ],
)
def test_a_dry_run_ends_where_the_run_would(tmp_path: Path, option: list[str], told: str, code: int) -> None:
    write_images(tmp_path / "scans", 6)
    with serve_grpc(answer) as service:
        dry = run("analyze", *there(service), "scans", *option, "--dry-run", cwd=tmp_path)
        assert told in dry.text
        real = run("analyze", *there(service), "scans", *option, cwd=tmp_path)
    assert dry.code == real.code == code


def test_a_budget_that_is_spent_ends_no_run_that_has_nothing_to_send(tmp_path: Path) -> None:
    write_images(tmp_path / "scans", 6)
    with serve_grpc(answer) as service:
        arguments = ["analyze", *there(service), "scans", "-o", "out.jsonl"]
        assert run(*arguments, cwd=tmp_path).code == 0
        dry = run(*arguments, "--budget", "3", "--dry-run", cwd=tmp_path)
        assert "billed: 0 units, within the budget of 3" in dry.text
        assert dry.code == run(*arguments, "--budget", "3", cwd=tmp_path).code == 0


def test_a_journal_in_the_folder_that_is_read_can_be_begun_anew(tmp_path: Path) -> None:
    write_images(tmp_path / "scans", 2)
    with serve_grpc(answer) as service:
        command = ["analyze", *there(service), "scans", "-o", "scans/r.jsonl"]
        assert run(*command, cwd=tmp_path).code == 0
        anew = run(*command, "--restart", cwd=tmp_path)
        again = run(*command, cwd=tmp_path)
    assert "the earlier results are kept as scans/r.jsonl.1" in anew.complaints
    assert (anew.code, again.code) == (0, 0)
    assert not any("skipped" in line for line in (*anew.complaints, *again.complaints))


def test_a_key_of_a_manifest_may_hold_any_character(tmp_path: Path) -> None:
    write_images(tmp_path / "scans", 2)
    lines = (
        json.dumps({"key": key, "path": f"scans/000{number}.png"}) for number, key in enumerate(["\ud800", "a\nb"])
    )
    (tmp_path / "list.jsonl").write_text("\n".join(lines))
    with serve_grpc(answer) as service:
        finished = run("analyze", *there(service), "--manifest", "list.jsonl", cwd=tmp_path)
    assert finished.code == 0
    heads = [line for line in finished.text.splitlines() if line.startswith("==>")]
    assert heads == [r"==> $'\ud800' <==", r"==> $'a\nb' <=="]


def test_files_that_vanish_meanwhile_are_errors_of_their_own(tmp_path: Path) -> None:
    names = write_images(tmp_path / "scans", 40)

    def script(request: BatchAnalyzeRequest) -> Reply:
        (tmp_path / names[-1]).unlink(missing_ok=True)
        return answer(request)

    with serve_grpc(script) as service:
        finished = run("analyze", *there(service), "scans", "-o", "out.jsonl", "--jobs", "1", cwd=tmp_path)
    assert finished.code == 1
    by_key = {line["key"]: line for line in lines_of(tmp_path / "out.jsonl")}
    assert by_key.keys() == set(names)
    assert [key for key, line in by_key.items() if not line["ok"]] == [names[-1]]
    assert by_key[names[-1]]["error"]["code"] == "NOT_FOUND"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_only_be_read_is_said_before_anything_is_sent(tmp_path: Path) -> None:
    write_images(tmp_path / "scans", 1)
    (tmp_path / "locked").mkdir(mode=0o500)
    finished = run("analyze", "--endpoint", "127.0.0.1:1", "--insecure", "scans", "-o", "locked/r.jsonl", cwd=tmp_path)
    assert finished.code == 2
    assert "locked/r.jsonl" in errors(finished)[0]


def test_texts_go_to_a_folder(tmp_path: Path) -> None:
    names = write_images(tmp_path / "scans", 10)
    with serve_grpc(answer) as service:
        finished = run("analyze", *there(service), "scans", "--to-folder", "texts", cwd=tmp_path)
        assert (finished.code, finished.stdout) == (0, b"")
        assert {path.read_text() for path in (tmp_path / "texts").rglob("*.txt")} == {f"{n}\n" for n in range(10)}
        shutil.rmtree(tmp_path / "texts")
        arguments = ["analyze", *there(service), "scans", "-o", "out.jsonl"]
        assert run(*arguments, cwd=tmp_path).code == 0
        # Nothing is sent for the texts of a journal.
        sent = images_sent(service)
        assert run(*arguments, "--to-folder", "texts", cwd=tmp_path).code == 0
        assert images_sent(service) == sent
        assert len([*(tmp_path / "texts").rglob("*.txt")]) == len(names)


def test_the_names_of_texts_follow_the_sources(tmp_path: Path) -> None:
    write_images(tmp_path / "n", 20)
    (tmp_path / "n" / "x.jpg").write_bytes(png(98))
    (tmp_path / "n" / "x.png").write_bytes(png(99))
    names = ["n/x.jpg", *(f"n/{number:04}.png" for number in range(20)), "n/x.png"]
    last_is_answered = threading.Event()

    def script(request: BatchAnalyzeRequest) -> Reply:
        numbers = numbers_of(request)
        if 98 in numbers:
            last_is_answered.wait(20)
        if 99 in numbers:
            last_is_answered.set()
        return answer(request)

    with serve_grpc(script) as service:
        assert run("analyze", *there(service), *names, "--to-folder", "texts", cwd=tmp_path).code == 0
    assert (tmp_path / "texts" / "n" / "x.txt").read_text() == "98\n"
    assert (tmp_path / "texts" / "n" / "x.png.txt").read_text() == "99\n"


def test_texts_beside_the_images_replace_nothing(tmp_path: Path) -> None:
    write_images(tmp_path / "s", 3)
    (tmp_path / "s" / "0001.txt").write_text("LABEL")
    with serve_grpc(answer) as service:
        for _ in range(2):
            finished = run("analyze", *there(service), "s", "--to-folder", ".", cwd=tmp_path)
            assert finished.code == 0
            assert "texts are in . (1 under longer names, as other files were there)" in finished.stderr
    texts = {path.name: path.read_text() for path in (tmp_path / "s").glob("*.txt")}
    assert texts == {"0000.txt": "0\n", "0001.txt": "LABEL", "0001.png.txt": "1\n", "0002.txt": "2\n"}


@pytest.mark.parametrize("format_name", ["jsonl", "text"])
def test_an_output_in_the_folder_of_texts_stays(tmp_path: Path, format_name: str) -> None:
    (tmp_path / "r.png").write_bytes(png(7))
    with serve_grpc(answer) as service:
        arguments = ["analyze", *there(service), "r.png", "-o", "out/r.txt", "--format", format_name]
        (tmp_path / "out").mkdir()
        for _ in range(2):
            assert run(*arguments, "--to-folder", "out", cwd=tmp_path).code == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"r.txt", "r.png.txt"}
    assert (tmp_path / "out" / "r.png.txt").read_text() == "7\n"
    if format_name == "jsonl":
        assert [line["key"] for line in lines_of(tmp_path / "out" / "r.txt")] == ["r.png"]
    else:
        assert (tmp_path / "out" / "r.txt").read_text() == "7\n"


def test_many_failures_of_one_kind_do_not_flood_the_terminal(tmp_path: Path) -> None:
    names = write_images(tmp_path / "scans", 100)
    for name in names[1:]:
        (tmp_path / name).write_bytes(b"")
    with serve_grpc(answer) as service:
        finished = run("analyze", *there(service), "scans", "--format", "jsonl", cwd=tmp_path)
        assert finished.code == 1
        assert len(errors(finished)) == 20
        assert sum("further errors of this kind" in line for line in finished.complaints) == 1
        assert "99  INVALID_ARGUMENT, such as scans/0001.png: the file is empty" in finished.stderr
        assert len(errors(run("analyze", *there(service), "scans", "-v", cwd=tmp_path))) == 99


def test_names_come_from_stdin(tmp_path: Path) -> None:
    names = write_images(tmp_path / "scans", 5)
    with serve_grpc(answer) as service:
        arguments = ["analyze", *there(service), "-0", "--files-from", "-", "-o", "out.jsonl"]
        finished = run(*arguments, stdin="\0".join(names).encode(), cwd=tmp_path)
    assert finished.code == 0
    assert sorted(line["key"] for line in lines_of(tmp_path / "out.jsonl")) == names


def test_a_list_that_is_slow_to_come_holds_up_no_result(tmp_path: Path) -> None:
    names = write_images(tmp_path / "scans", 2)
    with serve_grpc(answer) as service:
        arguments = ["analyze", *there(service), "--files-from", "-", "--format", "jsonl"]
        process = start(*arguments, stdin=subprocess.PIPE, cwd=tmp_path)
        assert process.stdin is not None
        assert process.stdout is not None
        for name in names:
            process.stdin.write(f"{name}\n".encode())
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["key"] == name
        finished = finish(process)
    assert finished.code == 0


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--retry-failed"], "--retry-failed is about the results of earlier runs"),
        (["--restart", "-o", "o.txt"], "--restart is about the results of earlier runs"),
        (["--answers", "wire"], "--answers is about lines of jsonl"),
        (["-0"], "-0 says how names are separated in a list"),
        (["--skip-text"], "--skip-text is about the pages of documents"),
        (["--max-pages", "3"], "--max-pages is about the pages of documents"),
        (["--budget", "0"], "Invalid value for '--budget'"),
        (["--rps", "nan"], "Invalid value for '--rps'"),
        (["--files-from", "-", "--list-first"], "--list-first reads the sources twice"),
    ],
)
def test_options_that_make_no_sense_together_are_refused(tmp_path: Path, options: list[str], told: str) -> None:
    finished = run("analyze", "--local", "a.png", *options, stdin=b"", cwd=tmp_path)
    assert (finished.code, finished.stdout) == (2, b"")
    assert told in finished.complaints[0]
