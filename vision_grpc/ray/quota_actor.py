"""The actor behind a `RayQuota`."""

from vision_grpc.quota.desk import Desk, Permits
from vision_grpc.quota.usage import Usage


class QuotaActor:
    """Hands out permits to all who ask, on its event loop."""

    def __init__(self, requests_per_s: float | None = None, images_per_s: float | None = None) -> None:
        numbers = {"requests_per_s": requests_per_s, "images_per_s": images_per_s}
        self._numbers = {key: value for key, value in numbers.items() if value is not None}
        self._desk = Desk(requests_per_s, images_per_s)

    async def numbers(self) -> dict[str, float]:
        """Return the quota."""
        return self._numbers

    async def reserve(self, client: str, requests: int, images: int) -> Permits:
        """Return when requests may leave; see `Desk`."""
        return await self._desk.reserve(client, requests, images)

    async def usage(self) -> Usage:
        """Return who takes what."""
        return self._desk.usage()
