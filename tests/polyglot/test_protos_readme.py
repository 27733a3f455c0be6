"""The commands of protos/README.md: in an empty folder they compile protos/ alone, and each sample reads two pages."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from environments import ROOT, Environment
from peers import program
from quota_service import quota_service

from vision_grpc import VisionClient
from vision_grpc.local import LocalVision

PROTOS = ROOT / "protos"
SAMPLES = ROOT / "scripts" / "examples" / "clients"
IMAGES = ("en.png", "ru.png", "broken.png")
# Compilers that take longer than all other tests of this folder together.
COMPILE = os.environ.get("VISION_GRPC_TESTS_POLYGLOT") == "1"

DEBIAN_CRATES = Path("/usr/share/cargo/registry")
CARGO_CONFIG = f"""
[source.crates-io]
replace-with = "debian"
[source.debian]
directory = "{DEBIAN_CRATES}"
"""
CARGO = """
[package]
name = "read"
version = "0.1.0"
edition = "2021"
[dependencies]
prost = "*"
prost-types = "*"
[build-dependencies]
prost-build = "*"
"""
RUST_MAIN = """
use prost::Message;
fn main() {
    let request = BatchAnalyzeRequest { folder_id: "b1g".into(), ..Default::default() };
    println!("{:?}", request.encode_to_vec());
}
"""

pytestmark = pytest.mark.timeout(300)


def sections(language: str = "sh") -> dict[str, list[str]]:
    """Return the blocks of commands under each heading of the README, or those of code in a language."""
    found: dict[str, list[str]] = {}
    for section in re.split(r"^#+ ", (PROTOS / "README.md").read_text(), flags=re.MULTILINE)[1:]:
        title, _, text = section.partition("\n")
        found[title] = re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return found


@dataclass(frozen=True)
class Language:
    """A section of the README: the programs that its commands need, and the sample that they run."""

    title: str
    sample: str = ""
    generators: tuple[str, ...] = ()
    compilers: tuple[str, ...] = ()
    is_slow: bool = False

    @property
    def generation(self) -> str | None:
        blocks = sections()[self.title]
        return blocks[0] if not self.sample or len(blocks) > 1 else None

    @property
    def reading(self) -> str:
        return sections()[self.title][-1].replace("en.png ru.png", " ".join(IMAGES))


LANGUAGES = [
    Language("Java", "Read.java", ("protoc", "grpc_java_plugin"), ("javac", "java"), is_slow=True),
    Language("C++", "read.cc", ("protoc", "grpc_cpp_plugin"), ("g++", "pkg-config"), is_slow=True),
    Language("Node with proto-loader", "read.mjs", (), ("node",)),
    Language("TypeScript with protobuf-es and connect-es", "read_connect.ts", ("buf", "protoc-gen-es"), ("tsc",)),
    Language("TypeScript with ts-proto", "read_ts_proto.ts", ("protoc", "protoc-gen-ts_proto"), ("tsc",)),
    Language("Call it without code", "read_buf.sh", (), ("buf", "jq", "base64")),
]
GO = Language("Go", "", ("protoc", "protoc-gen-go", "protoc-gen-go-grpc"))
CSHARP = Language("C#", "", ("protoc",))
GATEWAY = Language("Put a gateway before it", "", ("protoc", "protoc-gen-grpc-gateway"))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the protos and nothing else, and the tools of this environment on the PATH."""
    shutil.copytree(PROTOS, tmp_path / "work" / "protos")
    tools = tmp_path / "tools"
    tools.mkdir()
    compiler = ROOT / ".venv-generate" / "bin" / "python"
    if shutil.which("protoc") is None and compiler.exists():
        (tools / "protoc").write_text(f'#!/bin/sh\nexec {compiler} -m grpc_tools.protoc "$@"\n')
        (tools / "protoc").chmod(0o755)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"], str(tools)])
    monkeypatch.setenv("PATH", path)
    return tmp_path / "work"


@pytest.fixture
def node_folder(folder: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Path:
    modules = request.getfixturevalue("node_modules") / "node_modules"
    (folder / "node_modules").symlink_to(modules)
    (folder / "package.json").write_text('{"type": "module"}')
    monkeypatch.setenv("PATH", os.pathsep.join([str(modules / ".bin"), os.environ["PATH"]]))
    return folder


def bash(commands: str, folder: Path, **variables: str) -> str:
    command = ["bash", "-euo", "pipefail", "-c", commands]
    finished = subprocess.run(
        command,
        cwd=folder,
        # buf and go keep what they make in the home.
        env=os.environ | {"HOME": str(folder.parent)} | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


@pytest.fixture(scope="session")
def images(two_lines: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two pages, in two alphabets, and what is no picture."""
    folder = tmp_path_factory.mktemp("images")
    for name, line in zip(IMAGES, two_lines, strict=False):
        shutil.copy(line, folder / name)
    (folder / IMAGES[-1]).write_bytes(b"no picture")
    return folder


@pytest.fixture(scope="session")
def words(vision: LocalVision, images: Path) -> list[str]:
    """The words of both pages as our client has them."""
    with VisionClient(vision.grpc_endpoint, insecure=True) as client:
        results = client.analyze_many([images / name for name in IMAGES[:2]], languages=["en", "ru"], ordered=True)
        return [" ".join(word.text for word in result.words()) for result in results]


@pytest.fixture
def check(vision: LocalVision, images: Path, words: list[str]) -> Callable[..., None]:
    """Runs what reads the images, and compares."""

    def run(commands: str, folder: Path, **variables: str) -> None:
        for name in IMAGES:
            shutil.copy(images / name, folder)
        printed = bash(commands, folder, ENDPOINT=vision.grpc_endpoint, **variables).splitlines()
        assert [line.strip() for line in printed[:2]] == words
        assert printed[2].startswith("error: ")
        assert len(printed) == len(IMAGES)

    return run


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.title)
def test_the_sample_reads_two_pages_with_the_words_of_our_client(
    language: Language, folder: Path, request: pytest.FixtureRequest, check: Callable[..., None]
) -> None:
    if language.sample.endswith((".ts", ".mjs")):
        request.getfixturevalue("node_folder")
    for name in (*language.generators, *language.compilers):
        program(name, "scripts/test --polyglot installs it on Debian")
    if language.generation is not None:
        bash(language.generation, folder)
    if language.is_slow and not COMPILE:
        pytest.skip("the code is generated; to compile it takes long: scripts/test --polyglot does")
    shutil.copy(SAMPLES / language.sample, folder)
    check(language.reading, folder)


@pytest.mark.parametrize("language", [GO, CSHARP, GATEWAY], ids=lambda language: language.title)
def test_the_code_is_generated(language: Language, folder: Path) -> None:
    for name in language.generators:
        program(name, "scripts/test --polyglot installs it on Debian")
    if language is CSHARP and "--csharp_out" not in bash("protoc --help", folder):
        pytest.skip("the protoc of grpcio-tools makes no C#; scripts/test --polyglot installs Debian's")
    assert language.generation is not None
    bash(language.generation, folder)
    assert any(path.is_file() for path in (folder / "gen").rglob("*"))


def test_go_reads_two_pages_with_the_words_of_our_client(folder: Path, check: Callable[..., None]) -> None:
    """By GOPATH with Debian's packages: a module proxy is not asked."""
    for name in ("go", *GO.generators):
        program(name, "scripts/test --polyglot installs it on Debian")
    debian = Path("/usr/share/gocode")
    if not (debian / "src/google.golang.org/grpc").exists():
        pytest.skip("Debian's package golang-google-grpc-dev is not installed")
    if not COMPILE:
        pytest.skip("to compile it takes long: scripts/test --polyglot does")
    assert GO.generation is not None
    bash(GO.generation, folder)
    upstream = folder / "go" / "src" / "github.com" / "yandex-cloud"
    upstream.mkdir(parents=True)
    shutil.move(folder / "gen", upstream / "go-genproto")
    shutil.copy(SAMPLES / "read.go", folder)
    shutil.copy(Path(__file__).parent / "debian_codec.go", folder)
    gopath = f"{folder / 'go'}:{debian}"
    commands = f'go build -o read read.go debian_codec.go && ./read "$ENDPOINT" {" ".join(IMAGES)}'
    check(commands, folder, GO111MODULE="off", GOPATH=gopath, GOFLAGS="")


def test_rust_compiles_the_messages(folder: Path) -> None:
    """With Debian's crates, which have prost and no tonic."""
    program("cargo", "scripts/test --polyglot installs it on Debian")
    if not list(DEBIAN_CRATES.glob("prost-build-*")):
        pytest.skip("Debian's package librust-prost-build-dev is not installed")
    if not COMPILE:
        pytest.skip("to compile it takes long: scripts/test --polyglot does")
    build, included = sections("rust")["Rust"]
    for name, text in {
        "build.rs": build.replace("tonic_prost_build::configure()", "prost_build::Config::new()"),
        "src/main.rs": included.replace("vision_service_client::VisionServiceClient", "BatchAnalyzeRequest")
        + RUST_MAIN,
        "Cargo.toml": CARGO,
        ".cargo/config.toml": CARGO_CONFIG,
    }.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    home = os.environ["HOME"]  # rustup keeps the compiler there.
    assert bash("cargo run --offline --quiet", folder, HOME=home, CARGO_HOME=str(folder)) == "[18, 3, 98, 49, 103]\n"


@pytest.mark.environment
def test_the_official_sdk_reads_two_pages_with_the_words_of_our_client(
    sdk: Environment, tmp_path: Path, check: Callable[..., None]
) -> None:
    check(f'{sdk.python} {SAMPLES / "read_sdk.py"} "$ENDPOINT" {" ".join(IMAGES)}', tmp_path)


def test_the_folder_compiles_with_buf_alone(folder: Path) -> None:
    bash("buf build protos && buf lint protos && buf breaking protos --against protos/baseline.binpb", folder)


def test_a_shared_quota_is_asked_by_its_proto(folder: Path) -> None:
    [command] = sections()["Share a quota with programs in other languages"]
    with quota_service("--rps", 100) as (_, address):
        answer = json.loads(bash(command, folder, QUOTA=address))
    assert answer["requestsPerSecond"] == 100
    assert len(answer["waits"]) == 1


def test_a_server_without_reflection_is_called_by_the_descriptor_set(folder: Path) -> None:
    bash(f"{sys.executable} -P -m vision_grpc protos --descriptor-set vision.binpb", folder)
    printed = bash("buf curl --schema vision.binpb --list-methods http://127.0.0.1:9", folder)
    assert "yandex.cloud.ai.vision.v1.VisionService/BatchAnalyze" in printed


def test_samples_are_short_and_all_of_them_are_run() -> None:
    run = {language.sample for language in LANGUAGES} | {"read.go", "read_sdk.py"}
    assert {path.name for path in SAMPLES.iterdir()} == run
    assert all(len(path.read_text().splitlines()) < 60 for path in SAMPLES.iterdir())
