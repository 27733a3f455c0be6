"""`vision-grpc analyze`: reads the text of images, prints it or keeps it in files."""

import logging
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import click

from vision_grpc.cli.analyze_help import EPILOG, HELP
from vision_grpc.cli.cache_options import CacheWishes, cache_options
from vision_grpc.cli.connect import service_options
from vision_grpc.cli.logs import show_logs
from vision_grpc.cli.output_options import OutputWishes, output_options
from vision_grpc.cli.quota_options import QuotaWishes, quota_options
from vision_grpc.cli.reading_options import (
    languages_option,
    local_option,
    model_option,
    refuse_beside_local,
    timeout_option,
)
from vision_grpc.cli.sections import SectionedCommand, option
from vision_grpc.cli.source_options import SourceWishes, refuse_overwriting, source_options
from vision_grpc.sources.places.stdin import STDIN

if TYPE_CHECKING:
    # Imported where it is used: gRPC takes longer to load than help and usage errors may.
    from vision_grpc.session.settings import Arguments

_SHOWN = "What is shown"


@click.command(cls=SectionedCommand, help=HELP, epilog=EPILOG)
@source_options
@languages_option
@model_option
@output_options
@quota_options
@cache_options
@local_option
@service_options
@timeout_option
@option(_SHOWN, "--dry-run", is_flag=True, help="Say what would be sent, billed and passed over, and send nothing.")
@option(_SHOWN, "-q", "--quiet", is_flag=True, help="Print only errors, and the next command, on stderr.")
@option(_SHOWN, "-v", "--verbose", is_flag=True, help="Print the log on stderr, and every error.")
@option(
    _SHOWN,
    "--progress/--no-progress",
    default=None,
    help="Show how far the run is.  [default: unless a terminal shows the results]",
)
def analyze(
    *,
    source: SourceWishes,
    languages: str,
    model: Literal["page", "line"] | None,
    output: OutputWishes,
    quota: QuotaWishes,
    cache: CacheWishes,
    local: bool,
    service: "Arguments",
    timeout_s: float,
    dry_run: bool,
    quiet: bool,
    verbose: bool,
    progress: bool | None,
) -> int:
    """Print the text of images."""
    if local:
        refuse_beside_local(service)
    source.check()
    output.check()
    if STDIN in source.names:
        _check_stdin(source.paths)
    if output.output_path is not None:
        refuse_overwriting(str(output.output_path), source.paths)
    show_logs(logging.DEBUG if verbose else logging.ERROR if quiet else logging.WARNING)
    from vision_grpc.cli.analysis import Analysis
    from vision_grpc.cli.run_wishes import RunWishes
    from vision_grpc.session.languages import clean_languages

    wishes = RunWishes(
        source=source,
        output=output,
        quota=quota,
        cache=cache,
        service=service,
        languages=clean_languages([languages]),
        model=model,
        local=local,
        timeout_s=timeout_s,
    )
    wishes.check()
    analysis = Analysis(wishes, quiet=quiet, verbose=verbose, progress=progress)
    return analysis.forecast() if dry_run else analysis.run()


def _check_stdin(paths: Sequence[str]) -> None:
    context = click.get_current_context()
    reads, pipe = ("an image", "a file") if STDIN in paths else ("a list", "one")
    if sys.stdin is None or sys.stdin.isatty():
        state = "closed" if sys.stdin is None else "a terminal"
        message = f"- reads {reads} from stdin, which is {state}: pipe {pipe} in"
        raise click.UsageError(message, context)
    try:
        os.read(sys.stdin.fileno(), 0)
    except OSError as error:
        message = f"- reads {reads} from stdin, which cannot be read ({error.strerror}): pipe {pipe} in"
        raise click.UsageError(message, context) from error
