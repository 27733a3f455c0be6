"""`vision-grpc operations wait`: waits for operations, and prints their results as `analyze` does."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from vision_grpc.cli.logs import show_logs
from vision_grpc.cli.numbers import DAY_S, Seconds
from vision_grpc.cli.operation_options import ids_argument, of_ocr_v1, operation_service_options
from vision_grpc.cli.operations_help import WAIT_EPILOG, WAIT_HELP
from vision_grpc.cli.output_options import OutputWishes, answers_option, format_option, output_option
from vision_grpc.cli.reading_options import timeout_option
from vision_grpc.cli.sections import SectionedCommand, option
from vision_grpc.config import Timeouts

if TYPE_CHECKING:
    from vision_grpc.session.settings import Arguments

_SHOWN, _WAITING = "What is shown", "Waiting"
_OPERATION_S = Timeouts().operation_s


@click.command("wait", cls=SectionedCommand, help=WAIT_HELP, epilog=WAIT_EPILOG)
@ids_argument
@format_option
@output_option
@answers_option
@option(
    _WAITING,
    "--within",
    "within_s",
    metavar="SECONDS",
    type=Seconds(most=3 * DAY_S),
    default=_OPERATION_S,
    help=f"Give up what is not ready after this time; it can be fetched later.  [default: {_OPERATION_S:g}]",
)
@operation_service_options
@timeout_option
@option(_SHOWN, "-q", "--quiet", is_flag=True, help="Print only errors, and the next command, on stderr.")
@option(_SHOWN, "-v", "--verbose", is_flag=True, help="Print the log on stderr, and every error.")
@option(
    _SHOWN,
    "--progress/--no-progress",
    default=None,
    help="Show how many results are there.  [default: unless a terminal shows the results]",
)
def command(
    *,
    operation_ids: Sequence[str],
    format_name: Literal["text", "jsonl"] | None,
    output_path: Path | None,
    answers: Literal["wire", "json", "none"] | None,
    within_s: float,
    service: "Arguments",
    timeout_s: float,
    quiet: bool,
    verbose: bool,
    progress: bool | None,
) -> int:
    """Wait for operations, and print their results."""
    service = of_ocr_v1(service)
    output = OutputWishes(
        format_name=format_name,
        answers=answers,
        no_result=False,
        output_path=output_path,
        to_folder=None,
        retry_failed=False,
        restart=False,
    )
    output.check()
    show_logs(logging.DEBUG if verbose else logging.ERROR if quiet else logging.WARNING)
    from vision_grpc.cli.analysis import Analysis
    from vision_grpc.cli.wait_wishes import WaitWishes

    wishes = WaitWishes.of(operation_ids, output, service, timeout_s=timeout_s, within_s=within_s)
    wishes.check()
    return Analysis(wishes, quiet=quiet, verbose=verbose, progress=progress).run()
