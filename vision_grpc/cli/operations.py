"""`vision-grpc operations`: what the service has accepted, and has still to be fetched."""

from importlib import import_module

import click

from vision_grpc.cli.commands import Commands
from vision_grpc.cli.exits import NOTHING_DONE
from vision_grpc.cli.operations_help import EPILOG, HELP


class _OperationCommands(Commands):
    about = {  # noqa: RUF012 - not changed
        "list": "List the operations of a journal.",
        "get": "Say whether an operation is done.",
        "wait": "Wait for operations, and print their results.",
        "cancel": "End an operation before it has a result.",
    }

    def load(self, name: str) -> click.Command:
        command: click.Command = import_module(f"vision_grpc.cli.operations_{name}").command
        return command


@click.group(cls=_OperationCommands, help=HELP, epilog=EPILOG, invoke_without_command=True)
@click.pass_context
def operations(context: click.Context) -> None:
    """Run a command, or print the help."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help(), err=True)
        context.exit(NOTHING_DONE)
