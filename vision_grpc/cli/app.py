"""The program: its commands and its exit codes."""

import os
import signal
import sys
from pathlib import Path

import click

from vision_grpc.cli.commands import Program
from vision_grpc.cli.exits import INTERRUPTED, NOTHING_DONE
from vision_grpc.cli.flags import in_flags
from vision_grpc.cli.stderr import print_line, with_notes
from vision_grpc.cli.stdout import open_stdout
from vision_grpc.errors import AdvisedError, MachineError
from vision_grpc.texts.extras import MissingExtraError
from vision_grpc.texts.quoting import quote_name, shorten
from vision_grpc.version import __version__

# Not a docstring: Python leaves those out with -OO.
_HELP = "Read the text of images with Yandex Vision OCR, or with a local service."
_EPILOG = """\b
Examples:
  vision-grpc analyze --local scan.png
  vision-grpc analyze --languages ru,en --format jsonl -o texts.jsonl scans/
  vision-grpc export results.jsonl -o words.tsv
  vision-grpc serve --port 8080
  vision-grpc doctor --call

\b
Environment:
  The first of these that is set has the credentials:
  YC_API_KEY                   API key of a service account
  YC_IAM_TOKEN                 IAM token
  YC_SERVICE_ACCOUNT_KEY_FILE  authorized key of a service account (JSON)
  YC_OAUTH_TOKEN               OAuth token of a user
  YC_TOKEN                     IAM or OAuth token
  (no variable)                current profile of the yc tool
  YC_METADATA_ADDR             metadata service; on the cloud's virtual
                               machines, it is found without this

\b
  VISION_GRPC_IAM_ENDPOINT     IAM service that issues tokens
  YC_FOLDER_ID                 folder to bill, for user accounts
  VISION_GRPC_ENDPOINT         host:port or URL of the service
  VISION_GRPC_TRANSPORT        auto, grpc or rest
  VISION_GRPC_API              vision/v1 or ocr/v1
  SSL_CERT_FILE, SSL_CERT_DIR  certificates to trust in place of the system's
  grpc_proxy, https_proxy,     proxy (http://host:port); which of them counts
  http_proxy, all_proxy        for what, docs/proxies.md says
  no_proxy, no_grpc_proxy      hosts that are reached without the proxy

For the options of a command: vision-grpc analyze --help
"""


@click.group(
    cls=Program,
    help=_HELP,
    epilog=_EPILOG,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, "-V", "--version", prog_name="vision-grpc", message="%(prog)s %(version)s")
@click.pass_context
def app(context: click.Context) -> None:
    """Run a command, or print the help."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help(), err=True)
        context.exit(NOTHING_DONE)


def run() -> int:
    """Run the command and return its exit code.

    Wrong usage and problems with files or the service are reported by one line on stderr. Any other
    exception is a bug and keeps its traceback.
    """
    open_stdout()
    try:
        code: int = app.main(prog_name=_program_name(), standalone_mode=False)
    except click.Abort as abort:
        # Another Ctrl-C, while threads end, ends the program at once and without a traceback.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        print_line(with_notes("interrupted", abort.__cause__))
        return INTERRUPTED
    except click.UsageError as error:
        see = "" if error.ctx is None else f" (see {error.ctx.command_path} --help)"
        message = shorten(error.format_message().removesuffix("."))
        print_line(f"error: {message}{see}")
        return NOTHING_DONE
    except click.ClickException as error:
        print_line(with_notes(f"error: {error.format_message()}", error))
        return NOTHING_DONE
    except AdvisedError as error:
        print_line(with_notes(f"error: {in_flags(error)}", error))
        return NOTHING_DONE
    except (OSError, MemoryError, ImportError) as error:
        # Of imports, these are the surroundings: an extra is missing, or protobuf is one that the stubs refuse, which
        # names no module. Any other is a bug.
        if isinstance(error, ImportError) and not (isinstance(error, MissingExtraError) or error.name is None):
            raise
        print_line(with_notes(f"error: {_describe(error)}", error))
        return NOTHING_DONE
    return code


def _program_name() -> str:
    """Return the program as help names it, and the completion of shells."""
    # Run as `python -m vision_grpc`, or by a program of the user's own.
    return "vision-grpc" if Path(sys.argv[0]).stem == "vision-grpc" else "python -m vision_grpc"


def _describe(error: OSError | MemoryError | ImportError) -> str:
    """Return what is wrong with what surrounds the program."""
    name: str | bytes | int | os.PathLike[str] | None = getattr(error, "filename", None)
    shown = quote_name(os.fsdecode(name)) if isinstance(name, str | bytes | os.PathLike) else None
    if shortage := MachineError.of(error, shown or "this program cannot go on"):
        return in_flags(shortage)
    if isinstance(error, OSError) and shown is not None:
        return f"{shown}: {error.strerror}"
    return str(error)
