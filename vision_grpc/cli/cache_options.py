"""The options of the commands that read images: where answers are kept, so that they cost nothing again."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import click

from vision_grpc.cli.flags import in_flags
from vision_grpc.cli.sections import grouped, option

if TYPE_CHECKING:
    # Imported where it is used, as help and usage errors are to come soon.
    from vision_grpc.tape import Tape

_SECTION = "Quota and cost"


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheWishes:
    """What the options say."""

    cache: str | None = None
    cache_mode: Literal["none", "once", "all"] | None = None

    def tape(self) -> "Tape | None":
        """Return the tape, None without one.

        Raises:
            click.ClickException: there can be none at that place.
        """
        if self.cache is None:
            if self.cache_mode is not None:
                message = "--cache-mode is about a tape: add --cache, or drop it"
                raise click.UsageError(message, click.get_current_context())
            return None
        from vision_grpc.tape import Tape

        try:
            return Tape(self.cache, mode=self.cache_mode or "once")
        except ValueError as error:
            message = f"--cache: {in_flags(error)}"
            raise click.ClickException(message) from error

    def check(self) -> None:
        """Look whether the tape can be read, before anything is paid for that cannot be kept.

        Raises:
            click.ClickException: there can be none at that place.
            TapeError: it is something else, or cannot be read.
        """
        if (tape := self.tape()) is not None:
            tape.find([])


_OPTIONS = (
    option(
        _SECTION,
        "--cache",
        metavar="DIR_OR_URL",
        help="Keep the answers there, on a tape; what it has already is not sent, and costs nothing.",
    ),
    option(
        _SECTION,
        "--cache-mode",
        metavar="MODE",
        type=click.Choice(["none", "once", "all"]),
        help="Send what is not on the tape (once), nothing (none), or everything, which is recorded anew (all).  "
        "[default: once]",
    ),
)
NO_CACHE = CacheWishes()
cache_options = grouped("cache", CacheWishes, _OPTIONS)
"""Adds the options to a command, which gets them as the argument `cache`."""
