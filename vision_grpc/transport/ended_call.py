"""A call that was over as soon as it was started."""

from collections.abc import Sequence
from typing import Generic, TypeVar

from vision_grpc.errors import VisionError

_T = TypeVar("_T")


class EndedCall(Generic[_T]):
    """A call of which all is known; see `BatchCall`."""

    def __init__(self, outcome: _T | VisionError, contents: Sequence[bytes] = ()) -> None:
        self._contents = contents
        self._outcome = outcome

    def answer(self) -> _T:
        """Return the answer or raise the error; see `Call`."""
        if isinstance(self._outcome, VisionError):
            raise self._outcome
        return self._outcome

    def contents(self) -> Sequence[bytes]:
        """Return the images again; see `BatchCall`."""
        return self._contents

    def cancel(self) -> None:
        """Do nothing: the call is over."""
