"""Bad input to `vision-grpc analyze`: one clear line that names what is bad and the fix."""

import os
import shlex
import socket
import sys
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import PROGRAM, PROGRAM_WITHOUT_BACKOFF, cut_first_line, finish, options_to, run, start
from images_in_bytes import write_images
from PIL import Image
from scanned_pages import ScannedPage
from scripted_service import answer, serve_grpc

from vision_grpc.local import LocalVision


@pytest.fixture(scope="module")
def there() -> Iterator[tuple[str, ...]]:
    """The options that lead to a service."""
    with LocalVision() as vision:
        yield ("--endpoint", vision.grpc_endpoint, "--insecure")


@pytest.fixture
def folder(tmp_path: Path, pages: dict[str, ScannedPage]) -> Path:
    """A folder with one image that can be read."""
    cut_first_line(pages["en_sans"].path, tmp_path / "good.png")
    return tmp_path


def test_bad_images_leave_the_others_their_results(there: tuple[str, ...], folder: Path) -> None:
    good = (folder / "good.png").read_bytes()
    (folder / "empty.png").touch()
    (folder / "text.png").write_text("no image")
    (folder / "big.png").write_bytes(good.ljust(1024 * 1024 + 1, b"\0"))
    Image.new("1", (6000, 5000)).save(folder / "wide.png")
    Image.open(folder / "good.png").convert("L").save(folder / "cut.jpg")
    whole = (folder / "cut.jpg").read_bytes()
    (folder / "cut.jpg").write_bytes(whole[: whole.index(b"\xff\xda")])
    (folder / "bare").mkdir()
    named = ["missing.png", "empty.png", "text.png", "cut.jpg", "big.png", "wide.png", "bare", "good.png"]

    finished = run("analyze", *there, "--format", "jsonl", *named, cwd=folder)

    assert finished.code == 1
    told = {result["key"]: result for result in finished.objects}
    assert told.keys() == set(named) - {"bare"}
    assert [key for key, result in told.items() if result["ok"]] == ["good.png"]
    assert told["good.png"]["text"].startswith("The harbour was quiet")
    assert {result["error"]["code"] for result in told.values() if result["error"]} == {"NOT_FOUND", "INVALID_ARGUMENT"}
    complaints = {complaint.split(":")[1].strip(): complaint for complaint in finished.errors}
    assert len(complaints) == len(finished.errors) == len(named) - 1
    assert complaints["missing.png"] == "error: missing.png: no such file, check the path"
    assert complaints["empty.png"].startswith("error: empty.png: the file is empty")
    assert "only JPEG and PNG are accepted: convert it first" in complaints["text.png"]
    assert "truncated or damaged and cannot be decoded: copy or export it again" in complaints["cut.jpg"]
    assert "has 1,048,577 bytes, the limit is 1,048,576: save it smaller" in complaints["big.png"]
    assert "has 6000 x 5000 = 30,000,000 pixels, the limit is 20,000,000: scale it down" in complaints["wide.png"]
    assert complaints["bare"] == "error: bare: no image in this folder, expected *.jpg, *.jpeg or *.png"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (b"a.png\r", r"$'a.png\r'"),
        (b"two  blanks.png", "'two  blanks.png'"),
        (b" before and after ", "' before and after '"),
        (b"a\tb\n.png", r"$'a\tb\n.png'"),
        (b"caf\xe9.png", r"$'caf\xe9.png'"),
        ("gnp.\u202egpj".encode(), r"$'gnp.\u202egpj'"),
        (b"\x1b[2J.png", r"$'\e[2J.png'"),
        (b"x" * 250 + b".png", "x" * 250 + ".png"),
    ],
)
def test_a_name_is_shown_so_that_it_can_be_copied(tmp_path: Path, name: bytes, shown: str) -> None:
    options = ["--endpoint", "127.0.0.1:1", "--insecure", "--format", "jsonl"]
    missing = run("analyze", *options, name, cwd=tmp_path)
    assert missing.complaints == [f"error: {shown}: no such file, check the path"]
    (told,) = missing.objects
    assert (b64decode(told["key_bytes"]) if "key_bytes" in told else told["key"].encode()) == name
    (tmp_path / os.fsdecode(name)).touch()
    empty = run("analyze", *options, name, cwd=tmp_path)
    assert empty.complaints == [f"error: {shown}: the file is empty: copy or save it again"]
    (tmp_path / os.fsdecode(name)).unlink()
    (tmp_path / os.fsdecode(name)).mkdir()
    bare = run("analyze", *options, name, cwd=tmp_path)
    assert bare.complaints == [f"error: {shown}: no image in this folder, expected *.jpg, *.jpeg or *.png"]


@pytest.mark.parametrize(
    "arguments",
    [["analyze", "--timeout", "x" * 50_000, "a.png"], ["analyze", "--root-certificates", "x " * 20_000, "a.png"],
     ["x" * 50_000], ["analyze", f"--{'x' * 50_000}"], ["analyze", "--transport", "y" * 50_000, "a.png"],
     ["analyze", "--endpoint", "y" * 50_000, "a.png"], ["analyze", "--server-name", "y " * 50_000, "a.png"],
     ["analyze", "--local", "-o", "z" * 50_000, "a.png"], ["analyze", "--local", "iVBORw0KGgo" * 4_000],
     ["serve", "--require-auth", "z" * 50_000], ["serve", "--tls-key", "z" * 9_999, "--tls-certificate", "z" * 9_999]],
    ids=["timeout", "roots", "command", "option", "transport", "endpoint", "server name", "output", "base64", "secrets",
         "key"],
)  # fmt: skip
def test_no_value_makes_a_message_long(arguments: list[str]) -> None:
    finished = run(*arguments)
    assert finished.code != 0
    assert 0 < len(finished.stderr) < 1000


def test_a_name_that_no_file_can_have_is_told_with_its_option() -> None:
    finished = run(
        "analyze", "--anonymous", "--endpoint", "127.0.0.1:1", "--root-certificates", "x. " * 20_000, "a.png"
    )
    (complaint,) = finished.complaints
    assert "--root-certificates" in complaint
    assert "File name too long" in complaint


def test_text_format_tells_of_bad_images_on_stderr_alone(there: tuple[str, ...], folder: Path) -> None:
    (folder / "empty.png").touch()
    finished = run("analyze", *there, "empty.png", "good.png", cwd=folder)
    assert finished.code == 1
    assert finished.text.startswith("==> good.png <==\nThe harbour was quiet")
    assert b"empty" not in finished.stdout
    (complaint,) = finished.errors
    assert complaint.startswith("error: empty.png: ")


_CODES = "codes such as ru,en, or * to detect them"
_NO_CODE = "must be at most 3: give ISO 639-1 codes such as 'ru'"


@pytest.mark.parametrize(
    ("options", "field", "fault"),
    [
        (["--languages", "a,b,c,d,e,f,g,h,i"], "--languages", f"has 9 elements, must have 1 to 8: give {_CODES}"),
        (["--languages", ","], "--languages", f"has 0 elements, must have 1 to 8: give {_CODES}"),
        (["--languages", "ru,en-US"], "--languages[1]", "'en-us' is 5 characters long, must be at most 3: give en"),
        (
            ["--languages", f"AQVN{'x' * 36}"],
            "--languages[0]",
            f"<40 characters that look like a secret> is 40 characters long, {_NO_CODE}",
        ),
        (["--languages", "ru+en"], "--languages[0]", "'ru+en' is 5 characters long, must be at most 3: give ru,en"),
        (["--folder-id", "f" * 51], "--folder-id (or YC_FOLDER_ID)", "is 51 characters long, must be at most 50"),
    ],
)
def test_a_field_that_breaks_the_contract_is_named(
    there: tuple[str, ...], folder: Path, options: list[str], field: str, fault: str
) -> None:
    finished = run("analyze", *there, *options, folder)
    assert (finished.code, finished.stdout) == (2, b"")
    (complaint,) = finished.complaints
    assert complaint == f"error: {field}: {fault}"


@pytest.mark.parametrize("output", [["-o", "out.jsonl"], ["-o", "out.txt"], ["--to-folder", "out"], ["--dry-run"]])
@pytest.mark.parametrize(
    "options", [["-l", "russian"], ["--folder-id", "a b"], ["--folder-id", "f" * 51], ["--endpoint", "a b:1"]]
)
def test_options_with_which_no_call_is_possible_are_refused_first(
    tmp_path: Path, options: list[str], output: list[str]
) -> None:
    (tmp_path / "good.png").write_bytes(b"never read")
    finished = run("analyze", "--anonymous", *options, *output, "good.png", "nowhere", cwd=tmp_path)
    assert (finished.code, finished.stdout, len(finished.complaints)) == (2, b"", 1)
    assert [each.name for each in tmp_path.iterdir()] == ["good.png"]


def test_languages_may_have_blanks_between_them(folder: Path) -> None:
    finished = run("analyze", "--local", "--languages", "ru, EN", "good.png", cwd=folder)
    assert (finished.code, finished.complaints) == (0, [])
    assert finished.text.startswith("The harbour was quiet")


def test_a_token_does_not_travel_in_plaintext(folder: Path) -> None:
    options = ["--endpoint", "vision.example:80", "--insecure"]
    finished = run("analyze", *options, folder, variables={"YC_IAM_TOKEN": "t0ken"})
    assert (finished.code, finished.stdout) == (2, b"")
    (complaint,) = finished.complaints
    assert complaint.startswith(
        "error: refusing to send credentials to vision.example:80 in plaintext; drop --insecure or"
    )
    assert "t0ken" not in complaint


def test_no_credentials(folder: Path) -> None:
    finished = run("analyze", folder)
    assert (finished.code, finished.stdout) == (2, b"")
    (complaint,) = finished.complaints
    assert complaint.startswith("error: no credentials in the environment or in ")
    assert "; set one of YC_API_KEY, YC_IAM_TOKEN" in complaint
    assert "credentials=" not in complaint
    assert complaint.endswith("to try it without an account, use --local; for a service of your own, --anonymous")


def test_a_service_of_ones_own_on_another_machine_needs_no_credentials(folder: Path) -> None:
    with LocalVision(host="0.0.0.0") as vision:  # noqa: S104 - to be reached as it is from elsewhere
        finished = run("analyze", "--endpoint", vision.grpc_endpoint, "--insecure", "--anonymous", folder)
    assert (finished.code, finished.complaints) == (0, [])
    assert "The harbour was quiet" in finished.text


def test_the_folder_of_the_environment_is_not_for_the_local_service(folder: Path) -> None:
    finished = run("analyze", "--local", folder, variables={"YC_FOLDER_ID": "f" * 51})
    assert (finished.code, finished.complaints) == (0, [])


def test_nobody_need_listen_to_stderr(there: tuple[str, ...], folder: Path) -> None:
    program = "import os, sys; os.close(2); os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
    finished = run(*PROGRAM, "analyze", "-v", *there, "good.png", "no.png", cwd=folder, program=("-c", program))
    assert (finished.code, finished.stderr) == (1, "")
    assert "The harbour was quiet" in finished.text


@pytest.mark.parametrize(
    ("closed", "path", "told"),
    [
        (
            0,
            "-",
            "- reads an image from stdin, which is closed: pipe a file in",
        ),
        (1, "good.png", "stdout: cannot be written (Bad file descriptor), name another place with -o"),
    ],
)
def test_a_closed_stream_is_told_by_name(
    there: tuple[str, ...], folder: Path, closed: int, path: str, told: str
) -> None:
    program = f"import os, sys; os.close({closed}); os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
    finished = run(*PROGRAM, "analyze", *there, path, cwd=folder, program=("-c", program))
    assert finished.code == 2
    (complaint,) = finished.complaints
    assert complaint.removesuffix(" (see python -m vision_grpc analyze --help)") == f"error: {told}"


def test_a_stdin_that_is_for_writing_is_told_before_anything_is_sent(folder: Path) -> None:
    with (folder / "other").open("wb") as other:
        process = start("analyze", "--endpoint", "127.0.0.1:1", "good.png", "-", cwd=folder, stdin=other.fileno())
        finished = finish(process)
    assert finished.code == 2
    (complaint,) = finished.complaints
    assert complaint.startswith("error: - reads an image from stdin, which cannot be read (Bad file descriptor): pipe")


@pytest.mark.parametrize("host", ["foo..bar", "a" * 100])
@pytest.mark.parametrize("transport", ["auto", "grpc", "rest"])
def test_a_host_that_is_no_name(folder: Path, host: str, transport: str) -> None:
    options = ["--endpoint", host, "--anonymous", "--transport", transport]
    finished = run("analyze", *options, "good.png", cwd=folder)
    assert finished.code == 2
    (complaint,) = finished.complaints
    assert complaint.startswith("error: the endpoint ")
    assert "neither host:port nor a URL" in complaint


def test_no_language_data(folder: Path) -> None:
    finished = run("analyze", "--local", folder, variables={"TESSDATA_PREFIX": str(folder)})
    assert (finished.code, finished.stdout) == (2, b"")
    (complaint,) = finished.complaints
    assert complaint.startswith("error: no Tesseract language data: ")
    assert f"TESSDATA_PREFIX={folder}" in complaint
    assert "Install it" in complaint


def test_a_service_that_nobody_reaches(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        nowhere = f"127.0.0.1:{server.getsockname()[1]}"
    arguments = ["analyze", "--endpoint", nowhere, "--insecure", "--format", "jsonl", "good.png"]
    finished = run(*arguments, cwd=folder, program=PROGRAM_WITHOUT_BACKOFF)
    assert finished.code == 2
    (told,) = finished.objects
    assert (told["ok"], told["retryable"], told["error"]["code"]) == (False, True, "UNAVAILABLE")
    complaint, advice = finished.complaints
    assert complaint.startswith(f"error: good.png: {nowhere} was not reached")
    assert (
        advice
        == f"to find the cause, run {shlex.quote(sys.executable)} -m vision_grpc doctor --call with the same options"
    )


def test_a_service_that_is_too_slow(there: tuple[str, ...], folder: Path) -> None:
    arguments = ["analyze", *there, "--timeout", "0.001", "good.png"]
    finished = run(*arguments, cwd=folder, program=PROGRAM_WITHOUT_BACKOFF)
    assert (finished.code, finished.stdout) == (2, b"")
    complaint, _ = finished.complaints
    assert complaint.startswith("error: good.png: no answer from 127.0.0.1:")
    # On a busy machine nothing may be left of it for the call.
    assert complaint.endswith((" within 0.001 s", " within 0 s"))


def test_no_more_of_stdin_is_read_than_shows_that_it_is_too_much(there: tuple[str, ...]) -> None:
    finished = run("analyze", *there, "-", stdin=bytes(10_000_000))
    assert finished.code == 1
    assert "-: the file has 1,048,577 bytes, the limit is 1,048,576" in finished.stderr


@pytest.mark.parametrize("name", ["missing.png", "bare"])
def test_paths_without_any_image(there: tuple[str, ...], tmp_path: Path, name: str) -> None:
    (tmp_path / "bare").mkdir()
    finished = run("analyze", *there, name, cwd=tmp_path)
    assert (finished.code, finished.stdout) == (2, b"")
    (complaint,) = finished.complaints
    assert complaint.startswith(f"error: {name}: no ")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["analyze"], "name the images: PATH, --files-from or --manifest"),
        (["analyze", "--frobnicate", "x.png"], "No such option"),
        (["analyze", "--transport", "pigeon", "x.png"], "Invalid value for '--transport'"),
        (["analyze", "--timeout", "0", "x.png"], "Invalid value for '--timeout'"),
        (["analyze", "--timeout", "86401", "x.png"], "Invalid value for '--timeout'"),
        (["analyze", "--local", "--endpoint", "h:1", "x.png"], "--local starts its own service: drop --local or"),
        (["analyze", "--local", "-", "-"], "- stands for one image on stdin: name it once"),
        (
            ["frobnicate"],
            "there is no command frobnicate; the commands are analyze, doctor, export, operations, overlay",
        ),
        (
            ["analyze", "--client-key", __file__, "x.png"],
            "--client-certificate and --client-key go together: name",
        ),
        (["doctor", "--client-certificate", __file__], "--client-certificate and --client-key go together: name"),
        (
            ["doctor", "--client-key", "no.pem"],
            "Invalid value for '--client-key': File 'no.pem' does",
        ),
        (["analyze", "--local", "--server-name", "x", "x.png"], "--local starts its own service: drop --local or"),
        (["serve", "--grpc-port", "65536"], "Invalid value for '--grpc-port'"),
        (["serve", "--token-lifetime", "inf"], "Invalid value for '--token-lifetime'"),
        (["serve", "--token-lifetime", "1e300"], "Invalid value for '--token-lifetime'"),
        (["analyze", "--timeout", "nan", "x.png"], "Invalid value for '--timeout': 'nan' is not a number of seconds"),
        (["doctor", "--timeout", "nan"], "Invalid value for '--timeout': 'nan' is not a number of seconds"),
        (["doctor", "--timeout", "inf"], "Invalid value for '--timeout'"),
    ],
)
def test_wrong_usage_is_one_line_that_leads_to_the_help(arguments: list[str], told: str) -> None:
    finished = run(*arguments, stdin=b"")
    assert (finished.code, finished.stdout) == (2, b"")
    (complaint,) = finished.complaints
    assert complaint.startswith(f"error: {told}")
    assert complaint.endswith("--help)")


def test_many_failures_of_one_kind_do_not_flood_the_terminal(tmp_path: Path) -> None:
    names = write_images(tmp_path / "scans", 100)
    for name in names[1:]:
        (tmp_path / name).write_bytes(b"")
    with serve_grpc(answer) as service:
        finished = run("analyze", *options_to(service.address), "scans", "--format", "jsonl", cwd=tmp_path)
        assert finished.code == 1
        assert len(finished.errors) == 20
        assert sum("further errors of this kind" in line for line in finished.complaints) == 1
        assert "99  INVALID_ARGUMENT, such as scans/0001.png: the file is empty" in finished.stderr
        assert len(run("analyze", *options_to(service.address), "scans", "-v", cwd=tmp_path).errors) == 99


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
