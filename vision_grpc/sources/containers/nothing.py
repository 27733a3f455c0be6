"""What is said of a file that holds no image at all."""

from vision_grpc.errors import Code
from vision_grpc.sources.item import Fault
from vision_grpc.sources.options import SourceOptions


def report_nothing(name: str, options: SourceOptions) -> Fault:
    """Return the fault of a container in which nothing was found that could be an image."""
    has_patterns = bool(options.include or options.exclude)
    fault = "no image in this file that the patterns leave, check them" if has_patterns else "no image in this file"
    return Fault.of(name, Code.NOT_FOUND, fault)
