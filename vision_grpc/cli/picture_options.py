"""What the commands that show pictures of results have in common."""

from pathlib import Path

import click

from vision_grpc.cli.sections import option

images_option = option(
    "Pictures",
    "--images",
    "folder",
    metavar="FOLDER",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Look for the pictures in FOLDER, and read no file outside of it.  [default: where the results say]",
)
