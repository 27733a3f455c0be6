"""Where the images of a run come from: keys that are there twice, lists, and files that vanish."""

import json
import subprocess
import tarfile
from pathlib import Path

from command_line import finish, lines_of, options_to, run, start
from images_in_bytes import write_images
from scripted_service import Reply, answer, serve_grpc

from vision_grpc.messages import BatchAnalyzeRequest


def test_the_second_image_of_a_key_is_left_out_and_both_sources_are_named(tmp_path: Path) -> None:
    names = write_images(tmp_path / "scans", 3)
    (tmp_path / "list").write_text(f"{names[1]}\n")
    with serve_grpc(answer) as service:
        arguments = ["analyze", *options_to(service.address), "scans", "--files-from", "list", "-o", "out.jsonl"]
        finished = run(*arguments, cwd=tmp_path)
        assert finished.code == 1
        (told,) = finished.errors
        assert told.startswith("error: scans/0001.png: two images have this key, number 2 of scans and line 1 of list")
        assert "1 image left out, as another one has the key:" in finished.complaints
        assert service.images_sent == 3
        assert sorted(line["key"] for line in lines_of(tmp_path / "out.jsonl")) == names
        assert run(*arguments, "--list-first", cwd=tmp_path).code == 2
        assert run("analyze", *options_to(service.address), "scans", "scans", "--list-first", cwd=tmp_path).code == 2
        assert service.images_sent == 3


def test_what_makes_keys_of_tar_files_say_more_is_named_as_an_option(tmp_path: Path) -> None:
    (name,) = write_images(tmp_path / "scans", 1)
    for archive in ("a.tar", "b.tar"):
        with tarfile.open(tmp_path / archive, "w") as tar:
            tar.add(tmp_path / name, name)
    for options in ([], ["--list-first"]):
        finished = run("analyze", "--local", "a.tar", "b.tar", "--dry-run", *options, cwd=tmp_path)
        assert "set --member-keys path" in finished.stderr


def test_a_key_of_a_manifest_may_hold_any_character(tmp_path: Path) -> None:
    write_images(tmp_path / "scans", 2)
    lines = (
        json.dumps({"key": key, "path": f"scans/000{number}.png"}) for number, key in enumerate(["\ud800", "a\nb"])
    )
    (tmp_path / "list.jsonl").write_text("\n".join(lines))
    with serve_grpc(answer) as service:
        finished = run("analyze", *options_to(service.address), "--manifest", "list.jsonl", cwd=tmp_path)
    assert finished.code == 0
    heads = [line for line in finished.text.splitlines() if line.startswith("==>")]
    assert heads == [r"==> $'\ud800' <==", r"==> $'a\nb' <=="]


def test_files_that_vanish_meanwhile_are_errors_of_their_own(tmp_path: Path) -> None:
    names = write_images(tmp_path / "scans", 40)

    def script(request: BatchAnalyzeRequest) -> Reply:
        (tmp_path / names[-1]).unlink(missing_ok=True)
        return answer(request)

    with serve_grpc(script) as service:
        finished = run("analyze", *options_to(service.address), "scans", "-o", "out.jsonl", "--jobs", "1", cwd=tmp_path)
    assert finished.code == 1
    by_key = {line["key"]: line for line in lines_of(tmp_path / "out.jsonl")}
    assert by_key.keys() == set(names)
    assert [key for key, line in by_key.items() if not line["ok"]] == [names[-1]]
    assert by_key[names[-1]]["error"]["code"] == "NOT_FOUND"


def test_names_come_from_stdin(tmp_path: Path) -> None:
    names = write_images(tmp_path / "scans", 5)
    with serve_grpc(answer) as service:
        arguments = ["analyze", *options_to(service.address), "-0", "--files-from", "-", "-o", "out.jsonl"]
        finished = run(*arguments, stdin="\0".join(names).encode(), cwd=tmp_path)
    assert finished.code == 0
    assert sorted(line["key"] for line in lines_of(tmp_path / "out.jsonl")) == names


def test_a_list_that_is_slow_to_come_holds_up_no_result(tmp_path: Path) -> None:
    names = write_images(tmp_path / "scans", 2)
    with serve_grpc(answer) as service:
        arguments = ["analyze", *options_to(service.address), "--files-from", "-", "--format", "jsonl"]
        process = start(*arguments, stdin=subprocess.PIPE, cwd=tmp_path)
        assert process.stdin is not None
        assert process.stdout is not None
        for name in names:
            process.stdin.write(f"{name}\n".encode())
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["key"] == name
        finished = finish(process)
    assert finished.code == 0
