"""Options that say where answers are kept, so that they cost nothing again."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import click

from vision_grpc.cli.flags import in_flags
from vision_grpc.cli.sections import grouped, option

if TYPE_CHECKING:
    # Imported where it is used, as help and usage errors are to come soon.
    from vision_grpc.tape import Tape

_SECTION = "Quota and cost"
PLACE: dict[str, Any] = {
    "metavar": "DIR_OR_URL",
    "help": "Keep the answers there, on a tape; what it has already is not sent, and costs nothing.",
}
"""What an option for the place of a tape is."""

MODE: dict[str, Any] = {
    "metavar": "MODE",
    "type": click.Choice(["none", "once", "all"]),
    "help": "Send what is not on the tape (once), nothing (none), or everything, which is recorded anew (all).  "
    "[default: once]",
}
"""What an option for its mode is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheWishes:
    """What the options say."""

    flag: ClassVar[str] = "--cache"

    cache: str | None = None
    cache_mode: Literal["none", "once", "all"] | None = None

    def tape(self) -> "Tape | None":
        """Return the tape, None without one.

        Raises:
            click.ClickException: there can be none at that place.
        """
        if self.cache is None:
            if self.cache_mode is not None:
                message = f"{self.flag}-mode is about a tape: add {self.flag}, or drop it"
                raise click.UsageError(message, click.get_current_context())
            return None
        from vision_grpc.tape import Tape

        try:
            return Tape(self.cache, mode=self.cache_mode or "once")
        except ValueError as error:
            message = f"{self.flag}: {in_flags(error)}"
            raise click.ClickException(message) from error

    def check(self) -> None:
        """Look whether the tape can be read, before anything is paid for that cannot be kept.

        Raises:
            click.ClickException: there can be none at that place.
            TapeError: it is something else, or cannot be read.
        """
        if (tape := self.tape()) is not None:
            tape.find([])


NO_CACHE = CacheWishes()
cache_options = grouped(
    "cache", CacheWishes, (option(_SECTION, "--cache", **PLACE), option(_SECTION, "--cache-mode", **MODE))
)
"""Adds the options to a command, which gets them as the argument `cache`."""
