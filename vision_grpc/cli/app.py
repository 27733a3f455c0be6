"""The program: its commands, and how it ends."""

import signal

import click

from vision_grpc.cli.analyze import analyze
from vision_grpc.cli.doctor import doctor
from vision_grpc.cli.exits import INTERRUPTED, NOTHING_DONE
from vision_grpc.cli.flags import in_flags
from vision_grpc.cli.serve import serve
from vision_grpc.cli.stderr import tell
from vision_grpc.cli.stdout import open_stdout
from vision_grpc.errors import VisionError
from vision_grpc.version import __version__

_EPILOG = """\b
Examples:
  vision-grpc analyze --local scan.png
  vision-grpc analyze --languages ru,en --format jsonl -o texts.jsonl scans/
  vision-grpc serve --grpc-port 50051 --rest-port 8080
  vision-grpc doctor --call

\b
Environment:
  Credentials are the first of these that is there:
  YC_API_KEY                   API key of a service account
  YC_IAM_TOKEN                 IAM token
  YC_SERVICE_ACCOUNT_KEY_FILE  authorized key of a service account (JSON)
  YC_OAUTH_TOKEN               OAuth token of a user
  YC_TOKEN                     IAM or OAuth token
  (no variable)                the current profile of yc
  YC_METADATA_ADDR             metadata service, where not a cloud machine's

\b
  VISION_GRPC_IAM_ENDPOINT     where tokens are exchanged
  YC_FOLDER_ID                 folder to bill, for tokens of user accounts
  VISION_GRPC_ENDPOINT         host:port or URL of the service
  VISION_GRPC_TRANSPORT        auto, grpc or rest

Each command explains itself: vision-grpc analyze --help
"""


@click.group(epilog=_EPILOG, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="vision-grpc", message="%(prog)s %(version)s")
@click.pass_context
def app(context: click.Context) -> None:
    """Read the text of JPEG and PNG images with the Vision service, or with a local one."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help(), err=True)
        context.exit(NOTHING_DONE)


app.add_command(analyze)
app.add_command(doctor)
app.add_command(serve)


def run() -> int:
    """Carry out the command and return its exit code.

    What is wrong with the usage, the files or the service is one line on stderr. Anything else
    is a bug of ours and keeps its traceback.
    """
    open_stdout()
    try:
        code: int = app.main(standalone_mode=False)
    except click.Abort as abort:
        # Ctrl-C again, while threads wind down, ends the program at once and without a traceback.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        tell(_with_notes("interrupted", abort.__cause__))
        return INTERRUPTED
    except click.UsageError as error:
        see = "" if error.ctx is None else f" (see {error.ctx.command_path} --help)"
        told = error.format_message().removesuffix(".")
        tell(f"error: {told}{see}")
        return NOTHING_DONE
    except click.ClickException as error:
        tell(_with_notes(f"error: {error.format_message()}", error))
        return NOTHING_DONE
    except VisionError as error:
        tell(_with_notes(f"error: {in_flags(str(error))}", error))
        return NOTHING_DONE
    return code


def _with_notes(line: str, error: BaseException | None) -> str:
    return "; ".join([line, *getattr(error, "__notes__", ())])
