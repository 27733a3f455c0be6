#!/usr/bin/env python3
"""Compile protos/ into the package generated/vision_grpc_pb.

    scripts/generate.py            write the package anew
    scripts/generate.py --check    compare instead, exit 1 on any difference

Run by any Python from 3.11 to 3.12 (grpcio-tools 1.62.3 has no later wheels). The
compiler lives in an environment of its own, .venv-generate, made when missing.

protoc writes code for the top-level names `yandex`, `google` and `vision_grpc` and for the process-wide
descriptor pool. These belong to others, and to our own modules, so the output is moved under `vision_grpc_pb` and
registered in the pool of `scripts/pool_template.py`. For Python nothing is made of protos/google:
messages of google/* come from the protobuf and googleapis-common-protos packages that are
installed where the code runs, and their stubs from the pinned ones.
"""

import argparse
import filecmp
import os
import re
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROTOS = ROOT / "protos"
PACKAGE = "vision_grpc_pb"
OUTPUT = ROOT / "generated" / PACKAGE
POOL_TEMPLATE = ROOT / "scripts" / "pool_template.py"
CONSTRAINTS = ROOT / "scripts" / "constraints-generate.txt"
ENVIRONMENT = ROOT / ".venv-generate"
TOOLS = ("grpcio-tools", "mypy-protobuf", "googleapis-common-protos", "protobuf", "setuptools")

# Of the cloud's services, and of this project's own ones.
FOLDERS = ("vision_grpc", "yandex")
# Their services are called by the paths of the methods: nobody needs stubs for them.
WITHOUT_STUBS = ("vision_grpc/", "yandex/cloud/endpoint/", "yandex/cloud/iam/")
# Type checkers take protobuf's own types for it, which are the same: ours would be 67 KB.
TYPES_OF_PROTOBUF = "google/protobuf/descriptor.proto"
# In the order in which the pool takes them: a file after the files that it imports.
GOOGLE_FILES = (
    "google/protobuf/descriptor.proto",
    "google/protobuf/any.proto",
    "google/protobuf/duration.proto",
    "google/protobuf/empty.proto",
    "google/protobuf/timestamp.proto",
    "google/api/http.proto",
    "google/api/annotations.proto",
    "google/rpc/status.proto",
    "google/rpc/error_details.proto",
)
GOOGLE_IMPORTS = {
    "google/api/annotations.proto": ("google.api.http_pb2", "google.protobuf.descriptor_pb2"),
    "google/rpc/status.proto": ("google.protobuf.any_pb2",),
    "google/rpc/error_details.proto": ("google.protobuf.duration_pb2",),
}


class GenerationError(Exception):
    """The compiler's output is not what the rewriting expects."""


def main() -> int:
    """Generate or check; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare with what is committed, write nothing")
    check = parser.parse_args().check
    with tempfile.TemporaryDirectory() as scratch:
        fresh = Path(scratch) / PACKAGE
        generate(make_environment(), fresh, Path(scratch))
        if not check:
            shutil.rmtree(OUTPUT, ignore_errors=True)
            shutil.copytree(fresh, OUTPUT)
            return 0
        drift = differences(fresh, OUTPUT)
    for line in drift:
        print(line, file=sys.stderr)
    if drift:
        print("generated/ is not what protos/ compile to: run scripts/generate.py", file=sys.stderr)
    return 1 if drift else 0


def make_environment() -> Path:
    """Return the Python of an environment that holds exactly the pinned tools."""
    python = ENVIRONMENT / "bin" / "python"
    pins = dict(line.split("==") for line in CONSTRAINTS.read_text().split() if "==" in line)
    if not python.exists() or installed_versions(python) != {name: pins[name] for name in TOOLS}:
        venv.create(ENVIRONMENT, clear=True, with_pip=True)
        options = ["-qq", "--only-binary=:all:", f"--constraint={CONSTRAINTS}"]
        subprocess.run([python, "-m", "pip", "install", *options, *TOOLS], check=True)
    if (found := installed_versions(python)) != {name: pins[name] for name in TOOLS}:
        message = f"{ENVIRONMENT} holds {found}, but {CONSTRAINTS} pins other versions"
        raise GenerationError(message)
    return python


def installed_versions(python: Path) -> dict[str, str]:
    """Return name -> version of the tools in the environment of `python`."""
    script = (
        "import importlib.metadata as m, sys\n"
        "for name in sys.argv[1:]:\n"
        "    try: print(name, m.version(name))\n"
        "    except m.PackageNotFoundError: pass\n"
    )
    listing = subprocess.run([python, "-c", script, *TOOLS], check=True, capture_output=True, text=True).stdout
    return dict(line.split() for line in listing.splitlines())


def generate(python: Path, package: Path, scratch: Path) -> None:
    """Write the whole package to `package`."""
    raw = scratch / "raw"
    raw.mkdir()
    ours = sorted(path.relative_to(PROTOS).as_posix() for name in FOLDERS for path in (PROTOS / name).rglob("*.proto"))
    site_packages = next((ENVIRONMENT / "lib").glob("python3.*")) / "site-packages"
    protoc(python, [f"-I{PROTOS}", *outputs(raw), *ours])
    # Stubs of google/* are made without the comments: those texts are Google's.
    google_folders = (site_packages, site_packages / "grpc_tools/_proto")
    for name in GOOGLE_FILES:
        source = next(path for folder in google_folders if (path := folder / name).exists())
        write(scratch / "bare" / name, re.sub(r'^([^"\n]*?)//.*$', r"\1", source.read_text(), flags=re.MULTILINE))
    protoc(python, [f"-I{scratch / 'bare'}", f"--mypy_out=quiet:{raw}", *GOOGLE_FILES])

    write(package / "__init__.py", '"""Messages and service stubs compiled from protos/ by scripts/generate.py."""\n')
    write(package / "py.typed", "")
    write(package / "_pool.py", POOL_TEMPLATE.read_text())
    for name in ours:
        stem = name.removesuffix(".proto")
        has_service = bool(re.search(r"^service ", (PROTOS / name).read_text(), re.MULTILINE))
        write(package / f"{stem}_pb2.py", relocate_messages((raw / f"{stem}_pb2.py").read_text(), stem))
        write(package / f"{stem}_pb2.pyi", relocate_types((raw / f"{stem}_pb2.pyi").read_text()))
        if has_service and not name.startswith(WITHOUT_STUBS):
            write(package / f"{stem}_pb2_grpc.py", relocate_imports((raw / f"{stem}_pb2_grpc.py").read_text(), stem))
            write(package / f"{stem}_pb2_grpc.pyi", relocate_types((raw / f"{stem}_pb2_grpc.pyi").read_text()))
    for name in GOOGLE_FILES:
        stem = name.removesuffix(".proto")
        write(package / f"{stem}_pb2.py", google_module(name))
        types = (raw / f"{stem}_pb2.pyi").read_text()
        own = f"from {stem.replace('/', '.')}_pb2 import *\n"
        write(package / f"{stem}_pb2.pyi", own if name == TYPES_OF_PROTOBUF else relocate_types(types))
    for folder in [path for path in package.rglob("*") if path.is_dir()]:
        write(folder / "__init__.py", "")


def protoc(python: Path, arguments: list[str]) -> None:
    """Run the pinned compiler with its plug-ins on the path."""
    path = f"{python.parent}{os.pathsep}{os.environ['PATH']}"
    subprocess.run([python, "-m", "grpc_tools.protoc", *arguments], check=True, env={**os.environ, "PATH": path})


def outputs(folder: Path) -> list[str]:
    """Return the options that make protoc write all four kinds of files."""
    plugins = {"python": "", "grpc_python": "", "mypy": "quiet:", "mypy_grpc": "quiet:"}
    return [f"--{plugin}_out={options}{folder}" for plugin, options in plugins.items()]


def relocate_messages(code: str, stem: str) -> str:
    """Move a *_pb2.py under our package and into our pool."""
    module = stem.replace("/", ".")
    rules = (
        (r"^from google\.protobuf import descriptor_pool as _descriptor_pool$", f"from {PACKAGE} import _pool"),
        (r"_descriptor_pool\.Default\(\)", "_pool.POOL"),
        (rf"Messages\(DESCRIPTOR, '{re.escape(module)}_pb2'", f"Messages(DESCRIPTOR, '{PACKAGE}.{module}_pb2'"),
        (r"^# @@protoc_insertion_point\(module_scope\)$", "_pool.make_picklable(DESCRIPTOR, _globals)"),
    )
    for pattern, replacement in rules:
        code = substitute(pattern, replacement, code, expected=1)
    return relocate_imports(code, stem)


def relocate_imports(code: str, stem: str) -> str:
    """Let a module import its neighbours from our package."""
    source = (PROTOS / f"{stem}.proto").read_text()
    imports = len(re.findall(r'^import "', source, re.MULTILINE))
    if "import grpc\n" in code:
        # A service module imports the files of its requests and answers only.
        imports = len(set(re.findall(r"(\w+__pb2|\w+_pb2)(?=\.\w+\.(?:SerializeToString|FromString))", code)))
    pattern = r"^from (google|vision_grpc|yandex)(\S*) import (\w+_pb2) as "
    return substitute(pattern, rf"from {PACKAGE}.\1\2 import \3 as ", code, expected=imports)


def relocate_types(stub: str) -> str:
    """Move the names in a .pyi under our package."""
    return substitute(r"(?<![\w.])((?:google|vision_grpc|yandex)\.[\w.]+_pb2)\b", rf"{PACKAGE}.\1", stub, expected=None)


def substitute(pattern: str, replacement: str, text: str, *, expected: int | None) -> str:
    """Replace every match; fail unless their number is the expected one."""
    text, count = re.subn(pattern, replacement, text, flags=re.MULTILINE)
    if expected is not None and count != expected:
        message = f"{pattern!r} matched {count} times, expected {expected}: has the compiler's output changed?"
        raise GenerationError(message)
    return text


def google_module(name: str) -> str:
    """Return a module that takes a file of google/* from its own package into our pool."""
    module = name.removesuffix(".proto").replace("/", ".") + "_pb2"
    parent, _, leaf = module.rpartition(".")
    imports = "".join(f"import {PACKAGE}.{needed}  # noqa: F401\n" for needed in GOOGLE_IMPORTS.get(name, ()))
    return (
        f'"""{name}, registered in the pool of this package. Generated, do not edit."""\n'
        f"from {parent} import {leaf} as _source\n"
        f"{imports}"
        f"from {PACKAGE} import _pool\n\n"
        f"DESCRIPTOR = _pool.add_foreign_file(_source.DESCRIPTOR.serialized_pb, __name__, globals())\n"
    )


def write(path: Path, text: str) -> None:
    """Write a text file, making its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def differences(fresh: Path, committed: Path) -> list[str]:
    """Return a line for each file that is missing, unexpected or changed."""
    names = {path.relative_to(folder) for folder in (fresh, committed) for path in folder.rglob("*") if path.is_file()}
    lines: list[str] = []
    for name in sorted(name for name in names if "__pycache__" not in name.parts):
        if not (committed / name).exists():
            lines.append(f"missing: {name}")
        elif not (fresh / name).exists():
            lines.append(f"unexpected: {name}")
        elif not filecmp.cmp(fresh / name, committed / name, shallow=False):
            lines.append(f"changed: {name}")
    return lines


if __name__ == "__main__":
    sys.exit(main())
