"""What `vision-grpc analyze --dry-run` says is what the run does."""

from pathlib import Path

import pytest
from command_line import options_to, run
from images_in_bytes import write_images
from scripted_service import answer, serve_grpc


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a folder of images, two of which cannot be read, and a page in place of an image."""
    scans = tmp_path / "scans"
    write_images(scans, 6)
    (scans / "empty.png").touch()
    (scans / "gone.png").symlink_to("nowhere")
    (tmp_path / "page.webp").write_bytes(b"<html>")
    return tmp_path


@pytest.mark.parametrize("fit", [[], ["--fit"]])
@pytest.mark.parametrize("bound", [[], ["--max-images", "8"]])
def test_what_cannot_be_sent_is_neither_sent_nor_billed(folder: Path, fit: list[str], bound: list[str]) -> None:
    with serve_grpc(answer) as service:
        options = [*options_to(service.address), *fit, *bound]
        names = ["page.webp", "missing.png", "scans"]
        dry = run("analyze", *options, *names, "--dry-run", cwd=folder)
        assert service.requests == []
        real = run("analyze", *options, *names, cwd=folder)
    # Of the eight that the bound allows, two are not images.
    assert dry.text.startswith("to send: 6 images")
    assert "billed: 6 units\n" in dry.text
    assert f"\n{2 if bound else 4} images not to be sent:\n" in dry.text
    assert sorted(dry.errors) == sorted(real.errors)
    assert "billed 6 units" in real.stderr
    assert dry.code == real.code == 1


def test_wrong_paths_alone_are_wrong_in_a_dry_run_too(folder: Path) -> None:
    with serve_grpc(answer) as service:
        command = ["analyze", *options_to(service.address), "a.png", "b.png"]
        dry, real = run(*command, "--dry-run", cwd=folder), run(*command, cwd=folder)
    assert dry.text.startswith("to send: 0 images")
    assert sorted(dry.errors) == sorted(real.errors)
    assert dry.code == real.code == 2


def test_a_dry_run_sends_and_writes_nothing(tmp_path: Path) -> None:
    write_images(tmp_path / "scans", 30)
    (tmp_path / "scans" / "a.webp").touch()
    with serve_grpc(answer) as service:
        arguments = ["analyze", *options_to(service.address), "scans", "-o", "out.jsonl"]
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
        dry = run("analyze", *options_to(service.address), "scans", *option, "--dry-run", cwd=tmp_path)
        assert told in dry.text
        real = run("analyze", *options_to(service.address), "scans", *option, cwd=tmp_path)
    assert dry.code == real.code == code


def test_a_budget_that_is_spent_ends_no_run_that_has_nothing_to_send(tmp_path: Path) -> None:
    write_images(tmp_path / "scans", 6)
    with serve_grpc(answer) as service:
        arguments = ["analyze", *options_to(service.address), "scans", "-o", "out.jsonl"]
        assert run(*arguments, cwd=tmp_path).code == 0
        dry = run(*arguments, "--budget", "3", "--dry-run", cwd=tmp_path)
        assert "billed: 0 units, within the budget of 3" in dry.text
        assert dry.code == run(*arguments, "--budget", "3", cwd=tmp_path).code == 0
