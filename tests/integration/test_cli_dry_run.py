"""What `vision-grpc analyze --dry-run` says is what the run does."""

from pathlib import Path

import pytest
from command_line import Finished, run
from images_in_bytes import png
from scripted_service import answer, serve_grpc


def errors(finished: Finished) -> list[str]:
    return sorted(line for line in finished.complaints if line.startswith("error: "))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a folder of images, two of which cannot be read, and a page in place of an image."""
    scans = tmp_path / "scans"
    scans.mkdir()
    for number in range(6):
        (scans / f"{number}.png").write_bytes(png(number))
    (scans / "empty.png").touch()
    (scans / "gone.png").symlink_to("nowhere")
    (tmp_path / "page.webp").write_bytes(b"<html>")
    return tmp_path


@pytest.mark.parametrize("fit", [[], ["--fit"]])
@pytest.mark.parametrize("bound", [[], ["--max-images", "8"]])
def test_what_cannot_be_sent_is_neither_sent_nor_billed(folder: Path, fit: list[str], bound: list[str]) -> None:
    with serve_grpc(answer) as service:
        options = ["--endpoint", service.address, "--insecure", *fit, *bound]
        names = ["page.webp", "missing.png", "scans"]
        dry = run("analyze", *options, *names, "--dry-run", cwd=folder)
        assert service.requests == []
        real = run("analyze", *options, *names, cwd=folder)
    # Of the eight that the bound allows, two are not images.
    assert dry.text.startswith("to send: 6 images")
    assert "billed: 6 units\n" in dry.text
    assert f"\n{2 if bound else 4} images not to be sent:\n" in dry.text
    assert errors(dry) == errors(real)
    assert "billed 6 units" in real.stderr
    assert dry.code == real.code == 1


def test_wrong_paths_alone_are_wrong_in_a_dry_run_too(folder: Path) -> None:
    with serve_grpc(answer) as service:
        command = ["analyze", "--endpoint", service.address, "--insecure", "a.png", "b.png"]
        dry, real = run(*command, "--dry-run", cwd=folder), run(*command, cwd=folder)
    assert dry.text.startswith("to send: 0 images")
    assert errors(dry) == errors(real)
    assert dry.code == real.code == 2
