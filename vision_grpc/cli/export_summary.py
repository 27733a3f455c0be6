"""What is said at the end of an export: what is exported where, and what is left out and why."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from vision_grpc.bulk.progress import Progress
from vision_grpc.cli.amounts import plural
from vision_grpc.cli.stderr import print_lines
from vision_grpc.cli.summary import describe_reasons
from vision_grpc.texts.quoting import quote_name

if TYPE_CHECKING:
    from vision_grpc.cli.export import ExportWishes
    from vision_grpc.cli.exporting import Export

_MOST_REASONS = 5


def print_export_summary(export: "Export", wishes: "ExportWishes", progress: Progress, *, quiet: bool) -> None:
    """Print the summary on stderr; with `quiet`, only what is wrong."""
    for line in _lines(export, wishes, progress, quiet=quiet):
        print_lines(line)


def _lines(export: "Export", wishes: "ExportWishes", progress: Progress, *, quiet: bool) -> Iterator[str]:
    yield from _what_is_wrong(export, wishes, progress)
    if export.without_content and export.exported and not quiet:
        yield f"{plural(export.without_content, 'image')} without {wishes.kind.missing}"
    if not export.exported:
        yield f"nothing to export: {_why_nothing(export, wishes)}"
    elif wishes.output is not None and not quiet:
        yield f"exported {plural(export.exported, 'image')} to {quote_name(wishes.output)}{_files(export)}"


def _what_is_wrong(export: "Export", wishes: "ExportWishes", progress: Progress) -> Iterator[str]:
    if progress.failures.count:
        images = plural(progress.failures.count, "image")
        yield f"{images} {'with errors' if wishes.kind.has_failed else 'left out (not read)'}:"
        yield from describe_reasons(progress.failures)
    if export.without_answers:
        images = plural(export.without_answers, "image")
        advice = "analyze them again, with --answers wire and another -o"
        yield f"{images} left out (the journal keeps no answers): {advice}"
    if export.without_pictures:
        yield f"{plural(export.without_pictures.total(), 'image')} left out (no picture at hand):"
        for reason, count in export.without_pictures.most_common(_MOST_REASONS):
            more = "" if count == 1 else f" and {count - 1:,} more"
            yield f"  {quote_name(export.first_without[reason])}{more}: {reason}"
    if export.damaged:
        yield f"{plural(export.damaged, 'line')} left out (not whole, as after a crash)"


def _why_nothing(export: "Export", wishes: "ExportWishes") -> str:
    if export.without_content:
        return f"no image has {wishes.kind.missing}, which ocr/v1 alone finds, with --model table"
    if export.left_out:
        return "no image is left"
    if wishes.key is not None:
        return "no key matches"
    return f"{', '.join(map(quote_name, wishes.journals))} has no results"


def _files(export: "Export") -> str:
    if export.files is None:
        return ""
    moved = f", {export.moved:,} under longer names, as other files were there" if export.moved else ""
    return f" ({plural(export.files, 'file')}{moved})"
