"""`vision-grpc tape`: looks after the answers that runs have kept."""

from importlib import import_module

import click

from vision_grpc.cli.commands import Commands
from vision_grpc.cli.exits import NOTHING_DONE
from vision_grpc.cli.tape_help import EPILOG, HELP


class _TapeCommands(Commands):
    about = {  # noqa: RUF012 - not changed
        "stats": "Count the answers on a tape.",
        "prune": "Remove the entries that were written first.",
        "verify": "Read all of a tape, and name what is damaged.",
    }

    def load(self, name: str) -> click.Command:
        command: click.Command = import_module(f"vision_grpc.cli.tape_{name}").command
        return command


@click.group(cls=_TapeCommands, help=HELP, epilog=EPILOG, invoke_without_command=True)
@click.pass_context
def tape(context: click.Context) -> None:
    """Run a command, or print the help."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help(), err=True)
        context.exit(NOTHING_DONE)
