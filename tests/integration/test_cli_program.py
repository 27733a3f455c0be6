"""The program around the commands: what it loads, what it explains, how it ends."""

import json
import os
import re
import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from command_line import cut_first_line, finish, read_line, run, start
from scanned_pages import ScannedPage

from vision_grpc import __version__
from vision_grpc.auth.default import VARIABLES
from vision_grpc.messages import AnalyzeResult, BatchAnalyzeRequest, BatchAnalyzeResponse
from vision_grpc_pb.yandex.cloud.ai.vision.v1 import vision_service_pb2_grpc

LIST_MODULES = """
import sys
from vision_grpc.cli import main
sys.argv[0] = "vision-grpc"
try:
    main()
finally:
    print(*sys.modules, file=sys.stderr)
"""


LAST = b"the last one"


class StallingService(vision_service_pb2_grpc.VisionServiceServicer):
    """Leaves the call that has the last image without an answer for as long as the caller waits."""

    def __init__(self) -> None:
        self.endpoint = ""
        self._stalled = threading.Event()
        self._with_last = 0

    def others(self, images: int) -> int:
        """Wait for the last of so many images; return how many do not travel with it, and are answered."""
        assert self._stalled.wait(30)
        return images - self._with_last

    def BatchAnalyze(  # noqa: N802 - the name that the stubs give it
        self, request: BatchAnalyzeRequest, context: grpc.ServicerContext
    ) -> BatchAnalyzeResponse:
        if not any(spec.content.endswith(LAST) for spec in request.analyze_specs):
            return BatchAnalyzeResponse(results=[AnalyzeResult() for _ in request.analyze_specs])
        caller_left = threading.Event()
        context.add_callback(caller_left.set)
        self._with_last = len(request.analyze_specs)
        self._stalled.set()
        caller_left.wait()
        return BatchAnalyzeResponse()


@pytest.fixture
def stalling() -> Iterator[StallingService]:
    service = StallingService()
    server = grpc.server(ThreadPoolExecutor(2))
    vision_service_pb2_grpc.add_VisionServiceServicer_to_server(service, server)
    service.endpoint = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    yield service
    server.stop(None).wait()


@pytest.fixture
def names(tmp_path: Path, pages: dict[str, ScannedPage]) -> list[str]:
    """Nine images in a folder: two calls at least."""
    images = [f"{number}.png" for number in range(9)]
    line = cut_first_line(pages["en_sans"].path, tmp_path / images[0])
    for image in images[1:]:
        shutil.copy(line, tmp_path / image)
    with (tmp_path / images[-1]).open("ab") as last:
        last.write(LAST)
    return images


def test_an_interrupt_while_the_program_loads_is_one_too() -> None:
    program = """
import sys
class Interrupt:
    def find_spec(self, name, path, target=None):
        if name == "vision_grpc.cli.app":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupt())
from vision_grpc.cli import main
main()
"""
    finished = run("analyze", "a.png", program=("-c", program))
    assert (finished.code, finished.stdout, finished.stderr.strip()) == (130, b"", "interrupted")


def test_a_result_is_handed_on_as_soon_as_it_is_there(
    stalling: StallingService, tmp_path: Path, names: list[str]
) -> None:
    process = start("analyze", "--endpoint", stalling.endpoint, "--insecure", ".", "--format", "jsonl", cwd=tmp_path)
    # Nothing ends while the last call waits, so these lines can only come from a flush.
    answered = stalling.others(9)
    assert sorted(json.loads(read_line(process))["key"] for _ in range(answered)) == names[:answered]
    assert process.poll() is None
    process.kill()
    finish(process)


def test_a_reader_that_leaves_ends_the_run_in_silence(
    stalling: StallingService, tmp_path: Path, names: list[str]
) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    options = ["--endpoint", stalling.endpoint, "--insecure", "--format", "jsonl"]
    process = start("analyze", *options, *names, cwd=tmp_path, stdout=writing)
    os.close(writing)
    assert finish(process) == (141, b"", "")


def test_a_bug_keeps_its_traceback() -> None:
    broken = "import vision_grpc.cli.analysis as a; a.list_ahead = None; from vision_grpc.cli import main; main()"
    finished = run("analyze", "--local", "x.png", program=("-c", broken))
    assert finished.code == 1
    assert finished.complaints[0] == "Traceback (most recent call last):"
    assert finished.complaints[-1].startswith("TypeError: ")


def test_version() -> None:
    assert run("--version") == (0, f"vision-grpc {__version__}\n".encode(), "")


HEAVY = {
    "PIL",
    "asyncio",
    "cryptography",
    "google.protobuf",
    "grpc",
    "http.client",
    "msgspec",
    "obstore",
    "pyarrow",
    "rich.console",
    "tesserocr",
    "vision_grpc.client",
    "vision_grpc.messages",
}


def modules_of(*arguments: str, **variables: str) -> set[str]:
    """Return what the command has imported at its end."""
    return {*run(*arguments, variables=variables, program=("-c", LIST_MODULES)).complaints[-1].split()}


@pytest.mark.parametrize("arguments", [["--version"], ["-V"], ["--help"], ["-h"], [], ["analyse"]])
def test_the_program_explains_itself_without_its_commands(arguments: list[str]) -> None:
    modules = modules_of(*arguments)
    assert "vision_grpc.cli.app" in modules
    commands = {"vision_grpc.cli.analyze", "vision_grpc.cli.doctor", "vision_grpc.cli.serve", "vision_grpc.results"}
    assert not (HEAVY | commands) & modules


@pytest.mark.parametrize("command", ["analyze", "doctor", "serve"])
def test_commands_explain_themselves_without_heavy_imports(command: str) -> None:
    modules = modules_of(command, "-h")
    assert f"vision_grpc.cli.{command}" in modules
    assert not HEAVY & modules


@pytest.mark.parametrize("words", ["vision-grpc ", "vision-grpc analyze --", "vision-grpc analyze --format "])
def test_completion_does_not_wait_for_heavy_imports(words: str) -> None:
    modules = modules_of(_VISION_GRPC_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD=str(words.count(" ")))
    assert "vision_grpc.cli.app" in modules
    assert not HEAVY & modules


def test_the_help_names_each_variable_that_decides_about_connections() -> None:
    told = run("--help").text
    proxies = ("grpc_proxy", "https_proxy", "http_proxy", "all_proxy", "no_proxy", "no_grpc_proxy")
    for variable in (*proxies, "SSL_CERT_FILE", "SSL_CERT_DIR"):
        assert re.search(rf"\b{variable}\b", told), variable
    assert "docs/proxies.md" in told
    assert "https_proxy and no_proxy; see vision-grpc --help" in " ".join(run("analyze", "--help").text.split())


@pytest.mark.parametrize("command", [[], ["analyze"], ["doctor"], ["serve"]])
def test_help_teaches(command: list[str]) -> None:
    finished = run(*command, "--help", variables={"COLUMNS": "80"})
    assert (finished.code, finished.stderr) == (0, "")
    assert max(map(len, finished.text.splitlines())) < 80
    assert "\n  Examples:\n" in finished.text
    assert "\n  Environment:\n" in finished.text
    # Words say which numbers an option takes, and not a range as click writes it.
    assert not re.search(r"\[[^]]*\bx[<>]|[<>]=?x\b", finished.text)
    # What the examples call exists.
    for example in re.findall(r"vision-grpc (\w+ .*)", finished.text.split("Examples:")[1]):
        command_name, *words = example.split()
        known = run(command_name, "--help").text
        assert all(word in known for word in words if word.startswith("--"))


def test_help_lists_environment_and_exit_codes() -> None:
    overview = run("--help").text
    others = ("YC_METADATA_ADDR", "VISION_GRPC_IAM_ENDPOINT", "YC_FOLDER_ID", "VISION_GRPC_ENDPOINT")
    for variable in (*VARIABLES, *others, "VISION_GRPC_TRANSPORT"):
        assert re.search(rf"^  +{variable}  ", overview, re.MULTILINE)
    explained = run("analyze", "--help").text.split("Exit codes:")[1]
    assert re.findall(r"^ +(\d+)  ", explained, re.MULTILINE) == ["0", "1", "2", "130", "141", "143"]


def test_no_command_is_wrong_usage_with_the_help_on_stderr() -> None:
    finished = run()
    assert (finished.code, finished.stdout) == (2, b"")
    assert finished.stderr.startswith("Usage: ")


@pytest.mark.parametrize("missing", ["click", "rich"])
def test_without_its_extra_the_command_line_says_what_to_install(missing: str) -> None:
    without = f"import sys; sys.modules[{missing!r}] = None; from vision_grpc.cli import main; main()"
    finished = run("--version", program=("-c", without))
    assert finished == (2, b"", "error: the command line needs its extra: pip install 'vision-grpc[cli]'\n")


@pytest.mark.parametrize(
    "command",
    [
        ["analyze", "--local", "x.png"],
        ["overlay", "--local", "x.png"],
        ["serve"],
        ["serve", "--require-auth", "x"],
        ["serve", "--backend", "ocr/v1"],
    ],
)
def test_without_its_extra_the_local_service_says_what_to_install(command: list[str]) -> None:
    without = "import sys; sys.modules['tesserocr'] = None; from vision_grpc.cli import main; main()"
    finished = run(*command, program=("-c", without))
    assert (finished.code, finished.stdout) == (2, b"")
    (complaint,) = finished.complaints
    assert complaint.endswith("tesserocr: pip install 'vision-grpc[local]'")
