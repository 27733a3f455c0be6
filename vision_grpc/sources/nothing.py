"""What is said of a place in which no image is found."""

from collections.abc import Iterator

from vision_grpc.errors import Code
from vision_grpc.sources.item import Entry, Fault, Skipped
from vision_grpc.sources.options import SourceOptions


def or_nothing(
    entries: Iterator[Entry], name: str, options: SourceOptions, *, where: str, expected: str
) -> Iterator[Entry]:
    """Yield the entries, and a Fault after them if none is an image, a Fault, or left out by the user's settings."""
    has_image = is_anything = False
    for entry in entries:
        is_anything = True
        has_image = has_image or not isinstance(entry, Skipped) or entry.is_wished
        yield entry
    if not is_anything:
        yield report_nothing(name, options, where=where, expected=expected)
    elif not has_image:
        yield Fault.of(name, Code.NOT_FOUND, f"no image {where} can be sent as it is")


def report_nothing(name: str, options: SourceOptions, *, where: str, expected: str) -> Fault:
    """Return the Fault of a place in which nothing is; `expected` is said where no patterns are the reason."""
    has_patterns = options.include or options.exclude
    fault = f"no image {where} that the patterns leave, check them" if has_patterns else expected
    return Fault.of(name, Code.NOT_FOUND, fault)
