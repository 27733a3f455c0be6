"""`--to-folder`: a text for each image, under a name that replaces nothing."""

import shutil
import threading
from pathlib import Path

import pytest
from command_line import lines_of, options_to, run
from images_in_bytes import png, write_images
from scripted_service import Reply, answer, numbers_of, serve_grpc

from vision_grpc.messages import BatchAnalyzeRequest


def test_texts_go_to_a_folder(tmp_path: Path) -> None:
    names = write_images(tmp_path / "scans", 10)
    with serve_grpc(answer) as service:
        finished = run("analyze", *options_to(service.address), "scans", "--to-folder", "texts", cwd=tmp_path)
        assert (finished.code, finished.stdout) == (0, b"")
        assert {path.read_text() for path in (tmp_path / "texts").rglob("*.txt")} == {f"{n}\n" for n in range(10)}
        shutil.rmtree(tmp_path / "texts")
        arguments = ["analyze", *options_to(service.address), "scans", "-o", "out.jsonl"]
        assert run(*arguments, cwd=tmp_path).code == 0
        # Nothing is sent for the texts of a journal.
        sent = service.images_sent
        assert run(*arguments, "--to-folder", "texts", cwd=tmp_path).code == 0
        assert service.images_sent == sent
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
        assert run("analyze", *options_to(service.address), *names, "--to-folder", "texts", cwd=tmp_path).code == 0
    assert (tmp_path / "texts" / "n" / "x.txt").read_text() == "98\n"
    assert (tmp_path / "texts" / "n" / "x.png.txt").read_text() == "99\n"


def test_texts_beside_the_images_replace_nothing(tmp_path: Path) -> None:
    write_images(tmp_path / "s", 3)
    (tmp_path / "s" / "0001.txt").write_text("LABEL")
    with serve_grpc(answer) as service:
        for _ in range(2):
            finished = run("analyze", *options_to(service.address), "s", "--to-folder", ".", cwd=tmp_path)
            assert finished.code == 0
            assert "texts are in . (1 under longer names, as other files were there)" in finished.stderr
    texts = {path.name: path.read_text() for path in (tmp_path / "s").glob("*.txt")}
    assert texts == {"0000.txt": "0\n", "0001.txt": "LABEL", "0001.png.txt": "1\n", "0002.txt": "2\n"}


@pytest.mark.parametrize("format_name", ["jsonl", "text"])
def test_an_output_in_the_folder_of_texts_stays(tmp_path: Path, format_name: str) -> None:
    (tmp_path / "r.png").write_bytes(png(7))
    with serve_grpc(answer) as service:
        arguments = ["analyze", *options_to(service.address), "r.png", "-o", "out/r.txt", "--format", format_name]
        (tmp_path / "out").mkdir()
        for _ in range(2):
            assert run(*arguments, "--to-folder", "out", cwd=tmp_path).code == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"r.txt", "r.png.txt"}
    assert (tmp_path / "out" / "r.png.txt").read_text() == "7\n"
    if format_name == "jsonl":
        assert [line["key"] for line in lines_of(tmp_path / "out" / "r.txt")] == ["r.png"]
    else:
        assert (tmp_path / "out" / "r.txt").read_text() == "7\n"
