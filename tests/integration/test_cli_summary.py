"""What `vision-grpc analyze` says at its end, and that what it says to type works."""

import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import Finished, lines_of, run
from images_in_bytes import png
from PIL import Image
from scripted_service import Reply, Service, serve_grpc

from vision_grpc.errors import Code, ServiceError
from vision_grpc.local.faults.kinds.lines import Close
from vision_grpc.local.faults.kinds.times import Hang
from vision_grpc.messages import AnalyzeResult, BatchAnalyzeRequest, BatchAnalyzeResponse

_NAMES = ["a.png", "b b.png", "it's.png", "new\nline.png", "\udcff.png"]


def answer(request: BatchAnalyzeRequest) -> BatchAnalyzeResponse:
    """Find no text, whatever the images are."""
    return BatchAnalyzeResponse(results=[AnalyzeResult() for _ in request.analyze_specs])


@pytest.fixture
def service() -> Iterator[Service]:
    with serve_grpc(answer) as service:
        yield service


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a folder of images, whose name needs quoting."""
    scans = tmp_path / "my scans"
    scans.mkdir()
    for number, name in enumerate(_NAMES):
        (scans / name).write_bytes(png(number))
    return tmp_path


def analyze(service: Service, folder: Path, *options: object) -> Finished:
    return run("analyze", "--endpoint", service.address, "--insecure", *options, cwd=folder)


def type_command(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Type the command that ends a line into a shell."""
    command = line[line.index(shlex.quote(sys.executable)) :]
    return subprocess.run(
        ["/bin/bash", "-c", command], cwd=folder, capture_output=True, text=True, check=False, timeout=60
    )


def test_all_is_well(service: Service, folder: Path) -> None:
    finished = analyze(service, folder, "-o", "out.jsonl", "my scans")
    assert finished.code == 0
    read, cost, place = finished.complaints
    assert read.startswith("read 5 of 5 images in ")
    assert cost.startswith("billed 5 units, sent ")
    assert place == "results are in out.jsonl"
    assert analyze(service, folder, "-q", "-o", "quiet.jsonl", "my scans") == (0, b"", "")


def test_texts_for_another_program_have_a_summary_too(service: Service, folder: Path) -> None:
    finished = analyze(service, folder, "my scans")
    assert finished.stdout.count(b"==>") == len(_NAMES)
    assert finished.complaints[0].startswith("read 5 of 5 images in ")


def test_one_image_is_read_in_silence(service: Service, folder: Path) -> None:
    assert analyze(service, folder, "my scans/a.png").stderr == ""


def test_the_failed_are_grouped_and_the_command_for_them_works(service: Service, folder: Path) -> None:
    broken = ["1 x.png", "it's bro\nken.png"]
    for name in broken:
        (folder / "my scans" / name).touch()
    finished = analyze(service, folder, "-o", "out file.jsonl", "my scans")
    assert finished.code == 1
    assert "2 images not read:" in finished.complaints
    assert "  2  INVALID_ARGUMENT, such as 'my scans/1 x.png': the file is empty: copy or save it again" in (
        finished.complaints
    )
    for name in broken:
        (folder / "my scans" / name).write_bytes(png(99))
    (line,) = (line for line in finished.complaints if "--retry-failed" in line)
    assert type_command(line, folder).returncode == 0
    assert sum(told["ok"] for told in lines_of(folder / "out file.jsonl")) == len(_NAMES) + len(broken)


def test_a_limit_ends_with_the_command_that_goes_on(service: Service, folder: Path) -> None:
    finished = analyze(service, folder, "--max-images", "2", "-o", "out.jsonl", "my scans")
    assert finished.complaints[-1].startswith("to go on: ")
    for expected in (4, 5):
        again = type_command(finished.complaints[-1], folder)
        assert len(lines_of(folder / "out.jsonl")) == expected
    assert again.returncode == 0
    assert "read 5 of 5 images, 4 of them in earlier runs, in " in again.stderr


def test_a_budget_ends_with_the_command_for_a_larger_one(service: Service, folder: Path) -> None:
    finished = analyze(service, folder, "--budget", "3", "-o", "out.jsonl", "my scans")
    assert len(lines_of(folder / "out.jsonl")) == 3
    assert finished.complaints[-1].startswith("to go on with a larger budget: ")
    assert type_command(finished.complaints[-1], folder).returncode == 0
    assert len(lines_of(folder / "out.jsonl")) == 5


def test_what_was_passed_over_is_read_by_the_command_that_is_told(service: Service, folder: Path) -> None:
    for name, form in {"a.webp": "WEBP", "B.TIFF": "TIFF", "c.bmp": "BMP"}.items():
        Image.new("RGB", (40, 30), "white").save(folder / "my scans" / name, form)
    (folder / "my scans" / "x.doc").touch()
    finished = analyze(service, folder, "-o", "out.jsonl", "my scans")
    assert finished.code == 1
    assert "3 files skipped: 1 .tiff, 1 .webp, 1 .bmp (such as 'my scans/B.TIFF'): add --fit to read them" in (
        finished.complaints
    )
    assert "1 file skipped: 1 .doc ('my scans/x.doc'): not images, --exclude leaves them out" in finished.complaints
    assert len(lines_of(folder / "out.jsonl")) == len(_NAMES)
    assert type_command(finished.complaints[-1], folder).returncode == 0
    fitted = {told["key"]: told["ok"] for told in lines_of(folder / "out-fitted.jsonl")}
    assert fitted == dict.fromkeys([f"my scans/{name}" for name in ("a.webp", "B.TIFF", "c.bmp")], True)


def test_a_run_that_was_done_before_says_so(service: Service, folder: Path) -> None:
    analyze(service, folder, "-o", "out.jsonl", "my scans")
    finished = analyze(service, folder, "-o", "out.jsonl", "my scans")
    assert finished.complaints == [
        "read 5 of 5 images, 5 of them in earlier runs",
        "billed 0 units (5 with those of earlier runs)",
        "results are in out.jsonl",
    ]
    assert len(service.requests) == 1


def test_listing_first_counts_each_image_once(service: Service, folder: Path) -> None:
    (folder / "my scans" / "x.doc").touch()
    finished = analyze(service, folder, "--list-first", "-o", "out.jsonl", "my scans")
    assert finished.complaints[0].startswith("read 5 of 5 images in ")
    assert finished.complaints[1] == "1 file skipped: 1 .doc ('my scans/x.doc'): not images, --exclude leaves them out"
    again = analyze(service, folder, "--list-first", "-o", "out.jsonl", "my scans")
    assert again.complaints[0] == "read 5 of 5 images, 5 of them in earlier runs"


def test_a_dry_run_sends_nothing(service: Service, folder: Path) -> None:
    finished = analyze(service, folder, "--dry-run", "--images-per-second", "2", "-o", "out.jsonl", "my scans")
    size = sum(file.stat().st_size for file in (folder / "my scans").iterdir())
    assert finished.text.splitlines() == [
        f"to send: 5 images, {size} bytes",
        "billed: 5 units",
        "time: at least 2.5 s at this quota",
    ]
    assert finished.stderr == ""
    assert service.requests == []
    assert {path.name for path in folder.iterdir()} == {"my scans"}


def test_no_file_is_named_that_has_no_results(service: Service, folder: Path) -> None:
    with serve_grpc(lambda _: ServiceError(Code.UNIMPLEMENTED, "no such method")) as other:
        refused = analyze(other, folder, "my scans", "-o", "t.txt", "--format", "text")
    assert refused.code == 2
    assert not any(folder.glob("t.txt*"))
    (folder / "others").mkdir()
    for name in ("a.doc", "b.webp"):
        (folder / "others" / name).touch()
    nothing = analyze(service, folder, "others", "-o", "others.jsonl", "--to-folder", "texts")
    assert nothing.code != 0
    assert not any(folder.glob("*.jsonl"))
    for finished in (refused, nothing):
        assert "are in" not in finished.stderr
    whole = analyze(service, folder, "my scans", "-o", "t.txt", "--format", "text")
    assert whole.complaints[-1] == "results are in t.txt"
    assert (folder / "t.txt").exists()


def test_lost_answers_are_said_with_what_was_billed(folder: Path) -> None:
    lost: list[int] = []

    def lose_the_first(request: BatchAnalyzeRequest) -> Reply:
        if lost:
            return answer(request)
        lost.append(len(request.analyze_specs))
        return Close()

    for number in range(5, 20):
        (folder / "my scans" / f"{number}.png").write_bytes(png(number))
    with serve_grpc(lose_the_first) as service:
        finished = analyze(service, folder, "my scans", "-o", "out.jsonl", "--budget", "12", "-j", "1", "-q")
        sent = service.images_sent
    # On a busy machine, the first call has fewer than eight. The next one may leave on the connection that is closing,
    # and be lost as well.
    assert lost[0] <= sent <= 12
    assert finished.complaints[-2:-1] == ["stopped by the budget, as lost answers may be billed"]
    assert finished.complaints[-1].startswith("to go on with a larger budget: ")
    assert len(lines_of(folder / "out.jsonl")) == sent - lost[0]


def test_a_silent_service_is_said_to_have_used_up_the_budget(folder: Path) -> None:
    with serve_grpc(lambda _: Hang()) as service:
        finished = analyze(service, folder, "my scans", "-o", "out.jsonl", "--budget", "5", "--timeout", "1")
    assert "stopped by the budget, as lost answers may be billed" in finished.complaints
    assert "billed 0 units, and up to 5 more for lost answers" in finished.stderr
    assert "again" not in finished.stderr
