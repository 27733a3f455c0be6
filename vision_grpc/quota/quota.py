"""The interface of quotas."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol


class Grant(NamedTuple):
    """Permission for requests: one for each of `waits_s`."""

    waits_s: Sequence[float]
    """When each request may leave: so many seconds after the grant came. Never empty."""

    requests_per_s: float
    """The client's share at the moment, for people to see."""

    is_alone: bool = False
    """Whether the service of the quota was not reached, so that the client goes on at a share without it."""

    images: int | None = None
    """So many images may each request have, where that is fewer than was asked for."""


class Quota(Protocol):
    """A quota that several clients share. A client asks it from one thread, and closes it from another one.

    It can be pickled, and connects when it is first asked: no thread and no connection is made before. In a forked
    child it begins anew, for the child has neither the threads of its parent nor connections of its own.
    """

    def reserve(self, requests: int, images: int) -> Grant:
        """Wait until a request of at most so many images may leave soon, and return the permission for it.

        There may be permissions for more requests of that size, up to `requests`. Where the quota never lets so many
        images through at once, they are for fewer, and the client makes its requests smaller. A service that cannot be
        reached is no error: the grant then says so.

        Raises:
            VisionError: the quota was closed, or it cannot be used as it is set up.
        """
        ...

    def close(self) -> None:
        """End the connection; a `reserve` under way in another thread raises, as each later one does.

        Closing again does nothing.
        """
        ...
