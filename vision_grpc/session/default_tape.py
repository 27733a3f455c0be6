"""The tape of clients that are given none, for all of the process: `vision_grpc.testing.recorded` sets one."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vision_grpc.tape import Tape


class DefaultTape:
    """The tapes that were set and are still wanted; clients that are made take the last of them."""

    def __init__(self) -> None:
        self._tapes: list[Tape] = []

    @property
    def tape(self) -> "Tape | None":
        """The tape of a client that is made now, None as it is outside tests."""
        return self._tapes[-1] if self._tapes else None

    def push(self, tape: "Tape") -> None:
        """Let clients take this tape until it is removed."""
        self._tapes.append(tape)

    def remove(self, tape: "Tape") -> None:
        """Let clients take it no more."""
        self._tapes.remove(tape)


DEFAULT_TAPE = DefaultTape()
