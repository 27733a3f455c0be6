"""The decisions of a bare call: a request of the caller's own, sent as it is."""

from vision_grpc.errors import VisionError
from vision_grpc.stream.verdict import Verdict, judge


class BareCall:
    """Retries a call only in two cases, once each, for they cost the service nothing.

    A token that the service refused is replaced; a call that did not get through by gRPC is sent by REST.
    """

    def __init__(self) -> None:
        self.refused: str | None = None
        """The authorization that the service refused."""
        self._left = {Verdict.REFRESH, Verdict.RESEND}

    def failed(self, error: VisionError, authorization: str | None) -> None:
        """Return if the call is to be sent again.

        Raises:
            VisionError: the error itself, if it is not.
        """
        verdict = judge(error)
        if verdict not in self._left or (verdict is Verdict.REFRESH and authorization is None):
            raise error
        self._left.discard(verdict)
        if verdict is Verdict.REFRESH:
            self.refused = authorization
