"""The commands that show pictures of results: overlay and report."""

import json
import shutil
import signal
from io import BytesIO
from pathlib import Path

import journaled
import pytest
from command_line import options_to, program_with_little_space
from command_line import run as run_program
from commands_here import Run, runner
from PIL import Image
from placed_words import Placed, page_with, placed
from scripted_service import Reply, serve_grpc

from vision_grpc.bulk.journal import LineWriter
from vision_grpc.cli.output import OutputFile
from vision_grpc.errors import Code
from vision_grpc.exports.pictures.finding import Pictures
from vision_grpc.messages import BatchAnalyzeRequest, BatchAnalyzeResponse
from vision_grpc.results import ImageResult

_PAGE = Path(__file__).parents[1] / "data" / "pages" / "en_sans.png"
_SIZE = (400, 300)
_WORDS = [[Placed("word", (40, 50, 120, 80)), Placed("another", (140, 50, 220, 80))]]


def write_journal(path: Path, *results: ImageResult, torn: bytes = b"", answers: str = "wire") -> None:
    writer = LineWriter(answers)  # type: ignore[arg-type] # one of them
    path.write_bytes(b"".join(writer.render(result) for result in results) + torn)


def save_picture(path: Path, size: tuple[int, int] = _SIZE) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", size, 240).save(path)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> Run:
    """Runs the command in this process."""
    return runner(monkeypatch, capfdbinary)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with two pictures, and a journal that has more."""
    monkeypatch.chdir(tmp_path)
    save_picture(tmp_path / "scans" / "a.png")
    save_picture(tmp_path / "scans" / "b" / "c.png")
    write_journal(
        tmp_path / "results.jsonl",
        placed("scans/a.png", _WORDS),
        placed("scans/b/c.png", []),
        placed("scans/moved.png", _WORDS),
        journaled.failed("scans/failed.png", Code.INVALID_ARGUMENT, "is no image"),
        torn=b'{"key": "scans/torn.png", "ok": tr',
    )
    return tmp_path


def is_drawn(path: Path) -> bool:
    with Image.open(path) as image:
        return image.size == _SIZE and image.convert("RGB").getcolors(1000) != [(_SIZE[0] * _SIZE[1], (240, 240, 240))]


def test_an_image_is_read_and_drawn_beside_it(tmp_path: Path) -> None:
    shutil.copy(_PAGE, tmp_path / "page.png")
    before = (tmp_path / "page.png").read_bytes()
    finished = run_program("overlay", "--local", "--languages", "en", "page.png", cwd=tmp_path)
    assert (finished.code, finished.stderr) == (0, "")
    with Image.open(tmp_path / "page.overlay.png") as image, Image.open(_PAGE) as original:
        assert image.size == original.size
    assert (tmp_path / "page.png").read_bytes() == before


def test_a_picture_that_was_made_smaller_is_drawn_in_its_own_pixels(run: Run, folder: Path) -> None:
    def script(request: BatchAnalyzeRequest) -> Reply:
        with Image.open(BytesIO(request.analyze_specs[0].content)) as sent:
            size = wide, high = sent.size
        word = Placed("word", (wide // 10, high // 10, wide // 2, high // 5))
        return BatchAnalyzeResponse(results=[page_with([[word]], size)])

    Image.new("1", (6000, 4000), 1).save(folder / "large.bmp")
    with serve_grpc(script) as service:
        assert run("overlay", *options_to(service.address), "--fit", "--level", "words", "large.bmp").code == 0
    with Image.open(folder / "large.overlay.png") as image:
        drawn = image.convert("RGB")
    assert drawn.size == (6000, 4000)
    colours = [drawn.getpixel((x, 600)) == (255, 255, 255) for x in (560, 640, 2960, 3040)]
    assert colours == [True, False, False, True]


def test_a_journal_is_drawn_to_a_folder(run: Run, folder: Path) -> None:
    finished = run("overlay", "--from", "results.jsonl", "-o", "out/")
    assert finished.code == 1
    assert finished.errors == [
        "error: scans/moved.png: no such file, check the path",
        "error: scans/failed.png: is no image",
    ]
    drawn = sorted(str(path.relative_to(folder / "out")) for path in (folder / "out").rglob("*.png"))
    assert drawn == ["scans/a.overlay.png", "scans/b/c.overlay.png"]
    assert is_drawn(folder / "out" / "scans" / "a.overlay.png")


@pytest.mark.parametrize("output", ["boxes.png", "boxes.jpg", "boxes.webp"])
def test_an_image_is_looked_up_by_its_key_or_its_name(run: Run, folder: Path, output: str) -> None:
    save_picture(folder / "elsewhere" / "a.png")
    for name in ("scans/a.png", "elsewhere/a.png"):
        finished = run("overlay", name, "--from", "results.jsonl", "-o", output, "--level", "words")
        assert (finished.code, finished.stderr) == (0, "")
        assert is_drawn(folder / output)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "error: name the images, or with --from the journal of an earlier run"),
        (
            ["scans/a.png", "--from", "results.jsonl", "--local"],
            "error: --from calls no service: drop --from or --local",
        ),
        (["scans/a.png", "--from", "results.jsonl", "-o", "scans/a.png"], "error: scans/a.png is read here, -o would"),
        (
            ["scans/a.png", "--from", "results.jsonl", "-o", "results.jsonl"],
            "error: results.jsonl: the end of the name",
        ),
        (["--from", "results.jsonl", "-o", "one.png"], "error: one.png is one file: of several images, name a folder"),
        (["other.png", "--from", "results.jsonl"], "error: other.png: is not in the journal"),
        (["--from", "scans/a.png"], "error: scans/a.png: is not a journal"),
    ],
)
def test_what_overlay_refuses(run: Run, folder: Path, arguments: list[str], complaint: str) -> None:
    pictures = {path: path.read_bytes() for path in folder.rglob("*.*") if path.is_file()}
    finished = run("overlay", *arguments)
    assert finished.code == 2
    assert finished.complaints[-1].startswith(complaint)
    assert {path: path.read_bytes() for path in folder.rglob("*.*") if path.is_file()} == pictures


def test_a_name_that_several_images_have(run: Run, folder: Path) -> None:
    write_journal(folder / "two.jsonl", placed("x/a.png", _WORDS), placed("y/a.png", _WORDS))
    finished = run("overlay", "a.png", "--from", "two.jsonl")
    assert finished.code == 2
    assert finished.errors == ["error: a.png: is several images in the journal: say x/a.png"]


def test_a_journal_without_answers(run: Run, folder: Path) -> None:
    write_journal(folder / "texts.jsonl", placed("scans/a.png", _WORDS), answers="none")
    finished = run("overlay", "--from", "texts.jsonl")
    assert finished.code == 2
    assert "keeps no answer" in finished.errors[0]
    assert run("report", "texts.jsonl", "-o", "report.html").code == 0
    assert "word another" in (folder / "report.html").read_text()


def test_a_report_has_all_images_and_says_what_is_missing(run: Run, folder: Path) -> None:
    finished = run("report", "results.jsonl", "-o", "report.html")
    assert finished.complaints[-1] == "2 images of 4 came without the picture: no such file, check the path (2)"
    assert "exported 4 images to report.html" in finished.stderr
    # A line is torn.
    assert finished.code == 1
    page = (folder / "report.html").read_text()
    entries = [line for line in page.splitlines() if 'data-kind="entry"' in line]
    assert len(entries) == 4
    assert page.count("data:image/jpeg") == 2
    # The same again, in place of the first; and nothing else is replaced.
    assert run("report", "results.jsonl", "-q", "-o", "report.html").code == 1
    assert (folder / "report.html").read_text() == page
    (folder / "other.html").write_text("<p>")
    refused = run("report", "results.jsonl", "-o", "other.html")
    assert (refused.code, (folder / "other.html").read_text()) == (2, "<p>")


def test_pictures_in_another_folder_and_none(run: Run, folder: Path) -> None:
    (folder / "scans").rename(folder / "moved")
    finished = run("report", "results.jsonl", "--images", "moved", "--key", "*a.png", "--title", "A & B")
    assert finished.text.count("data:image/jpeg") == 1
    assert '"title":"A & B"' in finished.text
    without = run("report", "results.jsonl", "--images", "moved", "--picture-size", "0")
    assert "data:image/jpeg" not in without.text
    assert "without the picture" not in without.stderr


def test_lines_from_stdin(folder: Path) -> None:
    finished = run_program("report", "-", cwd=folder, stdin=(folder / "results.jsonl").read_bytes())
    about = next(line for line in finished.text.splitlines() if 'data-kind="report"' in line)
    assert json.loads(about[about.index(">") + 1 : about.rindex("</")])["title"] == "stdin"


@pytest.mark.parametrize(("command", "output"), [(["report"], "out.html"), (["overlay", "--from"], "out/")])
def test_a_disk_without_room(folder: Path, command: list[str], output: str) -> None:
    program = program_with_little_space(300, "from vision_grpc.bulk import space; space.LEAST_BYTES = 0")
    finished = run_program(*command, "results.jsonl", "-o", output, cwd=folder, program=program)
    assert finished.code == 2
    assert len(finished.errors) == 1
    assert [*folder.glob("out*/**/*.png"), *folder.rglob("*.partial"), *folder.glob("*.html")] == []


def test_only_what_overlay_drew_of_the_same_image_is_replaced(run: Run, folder: Path) -> None:
    assert run("overlay", "scans/a.png", "--from", "results.jsonl").code == 0
    whole = (folder / "scans" / "a.overlay.png").read_bytes()
    assert run("overlay", "scans/a.png", "--from", "results.jsonl", "--level", "blocks").code == 0
    assert (folder / "scans" / "a.overlay.png").read_bytes() != whole
    # Of another image that has the same name, and beside a file of somebody else.
    save_picture(folder / "scans" / "a.webp")
    write_journal(folder / "webp.jsonl", placed("scans/a.webp", _WORDS))
    (folder / "out" / "scans").mkdir(parents=True)
    (folder / "out" / "scans" / "a.overlay.png").write_text("mine")
    for output in ([], ["-o", "out/"]):
        assert run("overlay", "--from", "webp.jsonl", *output).code == 0
    assert is_drawn(folder / "scans" / "a.webp.overlay.png")
    assert is_drawn(folder / "out" / "scans" / "a.webp.overlay.png")
    assert (folder / "out" / "scans" / "a.overlay.png").read_text() == "mine"
    for name in (folder / "scans").glob("a.webp*.png"):
        name.write_text("mine")
    write_journal(folder / "long.jsonl", placed("scans/" + "a" * 240 + ".png", _WORDS))
    save_picture(folder / "scans" / ("a" * 240 + ".png"))
    assert run("overlay", "--from", "long.jsonl").code == 0
    (longest,) = (folder / "scans").glob("a*~*.overlay.png")
    longest.write_text("mine")
    finished = run("overlay", "--from", "long.jsonl")
    assert finished.code == 2
    assert "is there, and is another file: name a folder with -o" in finished.errors[0]
    assert longest.read_text() == "mine"


def test_pictures_of_another_folder_are_not_drawn_beside_what_the_journal_names(run: Run, folder: Path) -> None:
    (folder / "scans").rename(folder / "moved")
    finished = run("overlay", "--from", "results.jsonl", "--images", "moved")
    assert (finished.code, [*folder.rglob("*.overlay.png")]) == (2, [])
    assert "name where the pictures go" in finished.errors[0]
    assert run("overlay", "--from", "results.jsonl", "--images", "moved", "-o", "out/").code == 1
    assert is_drawn(folder / "out" / "scans" / "a.overlay.png")


@pytest.mark.parametrize("name", ["boxes.jpg", "boxes.webp"])
def test_a_picture_that_is_too_long_for_its_format(run: Run, folder: Path, name: str) -> None:
    save_picture(folder / "long.png", (70_000, 2))
    write_journal(folder / "long.jsonl", placed("long.png", _WORDS, (70_000, 2)))
    finished = run("overlay", "--from", "long.jsonl", "-o", name)
    assert (finished.code, (folder / name).exists()) == (2, False)
    assert "has 70000 x 2 pixels, and" in finished.errors[0]


def test_a_signal_leaves_whole_pictures_and_no_half_ones(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find, write = Pictures.find, OutputFile.write

    def find_one(self: Pictures, result: ImageResult, **most: int | None) -> object:
        if result.key != "scans/a.png":
            signal.raise_signal(signal.SIGTERM)
        return find(self, result, **most)

    def write_slowly(self: OutputFile, data: bytes) -> None:
        signal.raise_signal(signal.SIGINT)
        write(self, data)

    with monkeypatch.context() as patched:
        patched.setattr(Pictures, "find", find_one)
        finished = run("overlay", "--from", "results.jsonl", "-o", "out/")
    assert (finished.code, finished.stderr) == (143, "interrupted\n")
    assert [path.name for path in (folder / "out").rglob("*.*")] == ["a.overlay.png"]
    # In the middle of a picture, that is finished.
    monkeypatch.setattr(OutputFile, "write", write_slowly)
    finished = run("overlay", "--from", "results.jsonl", "-o", "again/")
    assert (finished.code, finished.stderr) == (130, "interrupted\n")
    assert [path.name for path in (folder / "again").rglob("*.*")] == ["a.overlay.png"]
    assert is_drawn(folder / "again" / "scans" / "a.overlay.png")
