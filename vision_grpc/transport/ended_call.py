"""A batch whose call was over as soon as it was started."""

from collections.abc import Sequence

from vision_grpc.errors import VisionError
from vision_grpc.results import Answer


class EndedCall:
    """A call of which all is known; see `Call`."""

    def __init__(self, contents: Sequence[bytes], outcome: Answer | VisionError) -> None:
        self._contents = contents
        self._outcome = outcome

    def answer(self) -> Answer:
        """Return the answer or raise the error; see `Call`."""
        if isinstance(self._outcome, VisionError):
            raise self._outcome
        return self._outcome

    def contents(self) -> Sequence[bytes]:
        """Return the images again; see `Call`."""
        return self._contents

    def cancel(self) -> None:
        """Do nothing: the call is over."""
