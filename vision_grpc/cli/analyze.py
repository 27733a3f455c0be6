"""`vision-grpc analyze`: prints the text of images to stdout or writes it to a file."""

import logging
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from vision_grpc.cli.connect import connect, service_options
from vision_grpc.cli.exits import NOTHING_DONE, RunCounts
from vision_grpc.cli.flags import image_error_in_flags
from vision_grpc.cli.inputs import STDIN, list_images, open_images
from vision_grpc.cli.logs import show_logs
from vision_grpc.cli.output import Output, open_output
from vision_grpc.cli.seconds import DAY_S, Seconds
from vision_grpc.cli.stderr import print_line
from vision_grpc.config import Timeouts
from vision_grpc.texts.quoting import quote_name

if TYPE_CHECKING:
    # Imported where they are used: gRPC and rich take longer to load than help and usage errors may.
    from vision_grpc.cli.formats import Format
    from vision_grpc.cli.progress import ProgressBar
    from vision_grpc.results import ImageResult
    from vision_grpc.session.settings import Arguments

# Not a docstring: Python leaves those out with -OO.
_HELP = """\
Print the text of images.

PATH is a JPEG or PNG file, a folder or - for one image on stdin. A folder stands for all *.jpg,
*.jpeg and *.png files in it and its subfolders, in sorted order; hidden files and links to
folders are left out.

Texts are printed in the order of the images, lines of jsonl in the order in which images are
finished. stdout has nothing but results. An image that cannot be read is a line on stderr, and
the others are read.
"""
_EPILOG = """\b
Examples:
  vision-grpc analyze --local scan.png
  vision-grpc analyze --languages ru,en scans/ > texts.txt
  vision-grpc analyze --format jsonl -o texts.jsonl scans/ extra.png
  vision-grpc analyze --client-certificate me.pem --client-key me.key a.png
  vision-grpc analyze --format jsonl scans/ | jq -r 'select(.ok).text'
  curl -s https://vision.example/scan.png | vision-grpc analyze --local -

\b
Each line of jsonl is an object with
  key         path of the image, - for stdin
  ok          true if the image was read
  retryable   true if it may succeed a little later
  text        text of the image
  error       code and message, null if ok
  attempts    how often it was sent, 0 if it never was
  transport   grpc or rest
  request_id  id of the call, for the service's support
  result      complete answer: boxes, confidences, languages

\b
Exit codes:
  0    all images were read
  1    some images were not read; stderr names each
  2    nothing was done: wrong usage, no credentials, no image found, the
       service was not reached or refused all calls, or the output cannot
       be written; a file named by -o is unchanged
  130  interrupted by Ctrl-C; with -o, finished results are in OUT.partial
  141  the reader of stdout has closed it

\b
Environment:
  YC_API_KEY, YC_IAM_TOKEN, YC_SERVICE_ACCOUNT_KEY_FILE, YC_OAUTH_TOKEN,
  YC_TOKEN, YC_METADATA_ADDR, VISION_GRPC_IAM_ENDPOINT, YC_FOLDER_ID,
  VISION_GRPC_ENDPOINT, VISION_GRPC_TRANSPORT, SSL_CERT_FILE, SSL_CERT_DIR
  and those of the proxy, such as https_proxy and no_proxy;
  see vision-grpc --help.
  With --local, only VISION_GRPC_TRANSPORT and TESSDATA_PREFIX (folder of
  Tesseract's language data) are used.
"""
_log = logging.getLogger(__name__)


@click.command(help=_HELP, epilog=_EPILOG)
@click.argument("paths", metavar="PATH...", nargs=-1, required=True)
@click.option("--local", is_flag=True, help="Use a local service, started for this run.")
@service_options
@click.option(
    "--languages", metavar="CODES", default="*", help="Languages of the texts, as in ru,en.  [default: * (detect them)]"
)
@click.option(
    "--model", type=click.Choice(["page", "line"]), help="Whether images show pages or single lines.  [default: page]"
)
@click.option(
    "--format",
    "format_name",
    type=click.Choice(["text", "jsonl"]),
    default="text",
    help="Format of the output.  [default: text]",
)
@click.option("--no-result", is_flag=True, help="Leave the field result out of jsonl.")
@click.option(
    "-o",
    "--output",
    "output_path",
    metavar="OUT",
    type=click.Path(path_type=Path),
    help="Write to a file, which appears when it is complete.",
)
@click.option(
    "--timeout",
    "timeout_s",
    metavar="SECONDS",
    type=Seconds(most=DAY_S),
    default=Timeouts().call_s,
    help=f"Longest time for a call of up to 8 images.  [default: {Timeouts().call_s:g}]",
)
@click.option("-q", "--quiet", is_flag=True, help="Print only errors on stderr.")
@click.option("-v", "--verbose", is_flag=True, help="Print the log on stderr.")
@click.option("--progress/--no-progress", default=None, help="Show a progress bar.  [default: on a terminal]")
def analyze(
    *,
    paths: Sequence[str],
    local: bool,
    service: "Arguments",
    languages: str,
    model: Literal["page", "line"] | None,
    format_name: Literal["text", "jsonl"],
    no_result: bool,
    output_path: Path | None,
    timeout_s: float,
    quiet: bool,
    verbose: bool,
    progress: bool | None,
) -> int:
    """Print the text of images."""
    if local:
        _refuse_beside_local(
            {
                "--endpoint": service.endpoint,
                "--root-certificates": service.root_certificates,
                "--client-certificate": service.client_certificate,
                "--server-name": service.server_name,
            }
        )
    if STDIN in paths:
        _check_stdin(paths)
    show_logs(logging.DEBUG if verbose else logging.ERROR if quiet else logging.WARNING)
    complaints: list[str] = []
    total = _count_images(paths, output_path, complaints)
    for complaint in complaints:
        print_line(f"error: {complaint}")
    counts = RunCounts(wrong_paths=len(complaints))
    if total == 0:
        return counts.exit_code
    _log.info("%d images to read", total)
    with ExitStack() as stack:
        output = stack.enter_context(open_output(output_path))
        client = stack.enter_context(connect(service, local=local, timeout_s=timeout_s))
        form = _make_format(format_name, total, with_result=not no_result)
        results = client.analyze_many(open_images(paths), languages=languages, model=model or "", ordered=form.ordered)
        if progress is None:
            progress = not quiet and total > 1 and sys.stderr.isatty() and not output.is_terminal
        bar = stack.enter_context(_progress_bar(total)) if progress else None
        _print_results(results, form, output, counts, bar)
        if counts.exit_code == NOTHING_DONE:
            output.discard()
            if counts.calls_failed and not (local or quiet):
                print_line("to find the cause, run vision-grpc doctor --call with the same options")
    return counts.exit_code


def _refuse_beside_local(options: Mapping[str, object]) -> None:
    for option, value in options.items():
        if value is not None:
            message = f"--local starts its own service: drop --local or {option}"
            raise click.UsageError(message, click.get_current_context())


def _check_stdin(paths: Sequence[str]) -> None:
    context = click.get_current_context()
    if paths.count(STDIN) > 1:
        message = "- stands for one image on stdin: name it once"
        raise click.UsageError(message, context)
    if sys.stdin is None or sys.stdin.isatty():
        state = "closed" if sys.stdin is None else "a terminal"
        message = f"- reads an image from stdin, which is {state}: pipe a file in"
        raise click.UsageError(message, context)
    try:
        os.read(sys.stdin.fileno(), 0)
    except OSError as error:
        message = f"- reads an image from stdin, which cannot be read ({error.strerror}): pipe a file in"
        raise click.UsageError(message, context) from error


def _count_images(paths: Sequence[str], output_path: Path | None, complaints: list[str]) -> int:
    """Return how many images there are, before the first is sent.

    Raises:
        click.UsageError: the output would replace one of them.
    """
    total = 0
    for image in list_images(paths, complaints):
        total += 1
        if output_path is not None and isinstance(image, Path) and _is_same_file(output_path, image):
            message = f"{quote_name(image)} is one of the images, -o would overwrite it: name another file"
            raise click.UsageError(message, click.get_current_context())
    return total


def _is_same_file(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:  # One of them does not exist.
        return False


def _make_format(name: Literal["text", "jsonl"], total: int, *, with_result: bool) -> "Format":
    from vision_grpc.cli.formats import JsonLines, PlainText

    return PlainText(headers=total > 1) if name == "text" else JsonLines(with_result=with_result)


def _progress_bar(total: int) -> "ProgressBar":
    from vision_grpc.cli.progress import ProgressBar

    return ProgressBar(total)


def _print_results(
    results: "Iterable[ImageResult]", form: "Format", output: Output, counts: RunCounts, bar: "ProgressBar | None"
) -> None:
    for result in results:
        counts.count(result.check())
        record = form.render(result)
        if record:
            with nullcontext() if bar is None else bar.room_for(output):
                output.write(record)
        if result.error is not None:
            # Some messages begin with the name of the image.
            about = f"{quote_name(result.key)}: "
            print_line(f"error: {about}{image_error_in_flags(result.error).removeprefix(about)}")
        _log.debug("%s: by %s, request id %s", quote_name(result.key), result.transport, result.request_id)
        if bar is not None:
            bar.advance(failed=counts.failed)
