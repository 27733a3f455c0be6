"""A line on stderr for each image that is not read, as long as that is readable."""

from typing import TYPE_CHECKING

from vision_grpc.bulk.failures import Failures
from vision_grpc.cli.flags import image_error_in_flags
from vision_grpc.cli.stderr import print_line
from vision_grpc.texts.quoting import quote_name

if TYPE_CHECKING:
    from vision_grpc.results import ImageError

MOST = 20
"""How many errors of one kind are printed; the others are counted in the summary alone."""


class Complaints:
    """Prints errors: the first ones of each kind, or all."""

    def __init__(self, *, prints_all: bool) -> None:
        self._prints_all = prints_all
        self._seen = Failures()

    def print(self, name: str, error: "ImageError") -> None:
        """Print the error of an image or of a part of a source."""
        count = self._seen.add(name, error).count
        if not self._prints_all and count > MOST:
            if count == MOST + 1:
                print_line("further errors of this kind are only counted; -v prints all")
            return
        # Some messages begin with the name of the image.
        about = f"{quote_name(name)}: "
        print_line(f"error: {about}{image_error_in_flags(error).removeprefix(about)}")
