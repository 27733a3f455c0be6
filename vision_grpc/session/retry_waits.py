"""Whether retries wait, for all clients of the process: `vision_grpc.testing.without_backoff` turns that off."""


class RetryWaits:
    """The switch, which streams look at as they begin."""

    def __init__(self) -> None:
        self.are_on = True


RETRY_WAITS = RetryWaits()
