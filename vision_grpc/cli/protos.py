"""`vision-grpc protos`: writes the protos of the service, for programs in other languages and for gateways."""

import sys
from pathlib import Path

import click

from vision_grpc.cli.exits import ALL_READ
from vision_grpc.sources.places.stdin import STDIN
from vision_grpc.texts.quoting import quote_name

# Not docstrings: Python leaves those out with -OO.
_HELP = """\
Write the protos of the service, for other languages and for gateways.

The folder compiles alone; its README.md has the commands for each language. The descriptor set is the same
contract as one file, as Envoy, grpcurl and buf read it.
"""
_EPILOG = """\b
Examples:
  vision-grpc protos --dir third_party/vision
  vision-grpc protos --descriptor-set vision.binpb
  buf curl --schema vision.binpb ...

\b
Exit codes:
  0  all is written
  2  wrong usage, or a file cannot be written
"""
# It comes first, and says whose folder it is.
_README = "README.md"
# For those who change the protos, and not in the wheel.
_BASELINE = "baseline.binpb"


@click.command(help=_HELP, epilog=_EPILOG)
@click.option(
    "--dir",
    "folder",
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    help="Write the protos into FOLDER. Those of an earlier run are replaced, files of yours are not.",
)
@click.option(
    "--descriptor-set",
    "file",
    metavar="FILE",
    type=click.Path(),
    help="Write a FileDescriptorSet with all imports to FILE; - is stdout.",
)
def protos(*, folder: Path | None, file: str | None) -> int:
    """Write the protos of the service, for other languages and for gateways."""
    if folder is None and file is None:
        message = "say what to write: --dir FOLDER, --descriptor-set FILE, or both"
        raise click.UsageError(message)
    if folder is not None:
        _write_folder(folder)
    if file is not None:
        _write_descriptor_set(file)
    return ALL_READ


def _write_folder(folder: Path) -> None:
    source = _source()
    names = sorted(path.relative_to(source) for path in source.rglob("*") if path.is_file() and path.name != _BASELINE)
    names.sort(key=lambda name: name.as_posix() != _README)
    if any((folder / name).exists() for name in names) and not _is_ours(folder, source):
        message = f"{quote_name(folder)} has files that vision-grpc did not write: name another folder"
        raise click.UsageError(message)
    for name in names:
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((source / name).read_bytes())


def _is_ours(folder: Path, source: Path) -> bool:
    written = folder / _README
    with (source / _README).open("rb") as ours:
        title = ours.readline()
    return written.is_file() and written.read_bytes().startswith(title)


def _write_descriptor_set(file: str) -> None:
    from vision_grpc.contract.descriptor_set import descriptor_set, is_descriptor_set

    if file == STDIN:
        sys.stdout.buffer.write(descriptor_set())
        sys.stdout.flush()
        return
    path = Path(file)
    # A pipe is written, not read.
    if path.is_file() and not is_descriptor_set(path.read_bytes()):
        message = f"{quote_name(path)} is there, and is not a descriptor set: name another file"
        raise click.UsageError(message)
    path.write_bytes(descriptor_set())


def _source() -> Path:
    """Return the folder of the protos: in the package where it is installed, beside it in a checkout."""
    package = Path(__file__).parent.parent
    installed = package / "protos"
    return installed if installed.is_dir() else package.parent / "protos"
