"""Options in groups: in the help under headings, and in a command as one value a group."""

from collections.abc import Callable, Sequence
from dataclasses import fields
from functools import wraps
from typing import Any, TypeVar

import click

_T = TypeVar("_T")
Command = Callable[..., int]


class Option(click.Option):
    """An option that belongs to a section of the help."""

    def __init__(self, *arguments: Any, section: str = "Options", **settings: Any) -> None:  # noqa: ANN401 - click's own
        super().__init__(*arguments, **settings)
        self.section = section


class SectionedCommand(click.Command):
    """A command whose help has its options under the headings of their sections."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, section by section in the order of the first option of each."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for option in self.get_params(ctx):
            # The text above the options describes the arguments; some releases of click have a record for them, too.
            record = None if isinstance(option, click.Argument) else option.get_help_record(ctx)
            if record is not None:
                sections.setdefault(getattr(option, "section", "Other options"), []).append(record)
        for name, records in sections.items():
            with formatter.section(name):
                formatter.write_dl(records)


def option(section: str, *names: str, **settings: Any) -> Callable[[Command], Command]:  # noqa: ANN401 - click's own
    """Return a decorator that adds an option in a section of the help."""
    return click.option(*names, cls=Option, section=section, **settings)


def grouped(
    argument: str, group: type[_T], options: Sequence[Callable[[Command], Command]]
) -> Callable[[Command], Command]:
    """Return a decorator that adds options to a command, which gets their values as one argument.

    `group` is a dataclass that has a field of the same name for each option; other fields have `init=False`.
    """
    names = [each.name for each in fields(group) if each.init]  # type: ignore[arg-type]

    def decorate(command: Command) -> Command:
        @wraps(command)
        def collect(**values: Any) -> int:  # noqa: ANN401 - of any option
            value = group(**{name: values.pop(name) for name in names})
            return command(**{argument: value}, **values)

        for each in reversed(options):
            each(collect)
        return collect

    return decorate
