"""The decisions of a bare call: a request of the caller's own, sent as it is."""

from vision_grpc.errors import VisionError
from vision_grpc.stream.verdict import Verdict, judge


class BareCall:
    """Not retried, with two exceptions that cost the service nothing, each once.

    A token that the service refuses is replaced; a call that one protocol could not carry takes the other.
    """

    def __init__(self) -> None:
        self.refused: str | None = None
        """The authorization that the service refused."""
        self._left = {Verdict.REFRESH, Verdict.RESEND}

    def failed(self, error: VisionError, authorization: str | None) -> None:
        """Return where the call is to be sent again.

        Raises:
            VisionError: the error itself, where it is not.
        """
        verdict = judge(error)
        if verdict not in self._left or (verdict is Verdict.REFRESH and authorization is None):
            raise error
        self._left.discard(verdict)
        if verdict is Verdict.REFRESH:
            self.refused = authorization
