"""The commands of the program, each imported when it is used: gRPC takes longer to load than help may."""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import click

from vision_grpc.texts.quoting import quote_name

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

SHORT_HELP = {
    "analyze": "Print the text of images.",
    "doctor": "Check the settings and the connection to the service.",
    "export": "Make tables and documents of results.",
    "operations": "List, look at, fetch or cancel what the service has accepted.",
    "overlay": "Draw the boxes of what was read over pictures.",
    "protos": "Write the protos of the service, for other languages and for gateways.",
    "quota": "Share one quota between many clients.",
    "report": "Make a page to look at results with.",
    "serve": "Run a local Vision service over gRPC and REST.",
    "tape": "Look at the answers that runs have kept, or keep fewer.",
}
_IMAGES = (".jpg", ".jpeg", ".png")


class Commands(click.Group):
    """The commands by name. A command that does not exist is an error that names one that does."""

    about: Mapping[str, str] = SHORT_HELP
    """What is said of each command in the list of them."""

    def load(self, name: str) -> click.Command:
        """Return a command, imported."""
        command: click.Command = getattr(import_module(f"vision_grpc.cli.{name}"), name)
        return command

    def advise(self, word: str) -> str:
        """Return what to do about a command that does not exist, to be put after what is wrong."""
        from difflib import get_close_matches

        if near := get_close_matches(word.lower(), self.about, n=1):
            return f", did you mean {near[0]}?"
        return f"; the commands are {', '.join(self.about)}"

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names."""
        return [*self.about]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - as above
        """Return a command, None if it does not exist."""
        return self.load(cmd_name) if cmd_name in self.about else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that the arguments name, and the arguments that are left for it.

        Raises:
            click.UsageError: it does not exist.
        """
        # While a shell completes, nothing is an error.
        if args[0] in self.about or args[0].startswith("-") or ctx.resilient_parsing:
            return super().resolve_command(ctx, args)
        message = f"there is no command {quote_name(args[0])}{self.advise(args[0])}"
        raise click.UsageError(message, ctx)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - as above
        """Write the list of commands, without importing one."""
        with formatter.section("Commands"):
            formatter.write_dl([*self.about.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list["CompletionItem"]:
        """Return the commands that begin so, without importing one."""
        from click.shell_completion import CompletionItem

        names = [CompletionItem(name, help=text) for name, text in self.about.items() if name.startswith(incomplete)]
        return [*names, *click.Command.shell_complete(self, ctx, incomplete)]


class Program(Commands):
    """The commands of the program, of which `analyze` reads what is no command."""

    def advise(self, word: str) -> str:
        """Return what to do about a command that does not exist; see `Commands`."""
        advice = super().advise(word)
        if not advice.startswith(",") and (word.lower().endswith(_IMAGES) or Path(word).exists()):
            return f"; vision-grpc analyze {quote_name(word)} reads images"
        return advice
