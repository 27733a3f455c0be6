"""What the commands that show pictures of results have in common."""

import os
from collections.abc import Iterable
from pathlib import Path

import click

from vision_grpc.cli.sections import option
from vision_grpc.texts.quoting import quote_name

images_option = option(
    "Pictures",
    "--images",
    "folder",
    metavar="FOLDER",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Look for the pictures in FOLDER, and read no file outside of it.  [default: where the results say]",
)


def refuse_replacing(output: Path | None, inputs: Iterable[str | os.PathLike[str]]) -> None:
    """Check that the output is none of the files that are read, nor a journal.

    Raises:
        click.UsageError: it is.
    """
    from vision_grpc.bulk.journal.header import BEGINNING

    if output is None or not os.path.isfile(output):  # noqa: PTH113 - unlike Path.is_file, it never raises
        return
    real = os.path.realpath(output)
    is_input = any(os.path.realpath(each) == real for each in inputs)
    if is_input or _begins_with(real, BEGINNING):
        what = "is read here" if is_input else "is a journal"
        message = f"{quote_name(output)} {what}, -o would replace it: name another file"
        raise click.UsageError(message, click.get_current_context())


def _begins_with(path: str, beginning: bytes) -> bool:
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - as above
            return file.read(len(beginning)) == beginning
    except OSError:
        return False
