"""Retries that do not wait."""

from collections.abc import Generator
from contextlib import contextmanager

from vision_grpc.session.retry_waits import RETRY_WAITS


@contextmanager
def without_backoff() -> Generator[None, None, None]:
    """Let no client wait before it sends images again: in tests, three retries take milliseconds.

    It holds for the streams that begin within, of all clients in the process, over every transport. They are retried
    as often as their policy says, whatever wait the service asks for; a service that is away is not waited for. The
    quotas of `Limits` and all deadlines stay.

        with without_backoff(), VisionClient(transport=MemoryTransport(handler)) as client:
            ...
    """
    RETRY_WAITS.turn_off()
    try:
        yield
    finally:
        RETRY_WAITS.turn_on()
