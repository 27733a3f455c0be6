"""The quota of calls and of images, as the cloud has them, so that clients can be tried against one."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple, TypeAlias

from vision_grpc.codec.retry_info import LONGEST_WAIT_S
from vision_grpc.errors import Code, ServiceError

Kind: TypeAlias = Literal["synchronous", "deferred", "status", "results"]
"""The kinds of calls of ocr/v1 that have a quota each."""

DOCUMENTED: Mapping[Kind, float] = {"synchronous": 1.0, "deferred": 10.0, "status": 50.0, "results": 50.0}
"""The quotas of ocr/v1 that the documentation of the cloud names, in calls a second."""

# Tests that end leave their buckets behind.
_MOST_TESTS = 1000
# Far below one image; waits are told in whole nanoseconds, cut off.
_ROUNDING = 1e-6


class Gauge(NamedTuple):
    """How much of one quota is left."""

    per_s: float
    left: float
    """What may be had now; below 0 after a call that was larger than the quota of a second."""
    refused: int
    """The calls that were refused for it."""


class Bucket:
    """Fills with `per_s` units a second up to those of one second, and at least one.

    A call that is larger than a full bucket is let in by a full one and leaves it in debt. So the units of a longer
    time are never more than its quota and one bucket or call, and no call is refused for ever.
    """

    def __init__(self, unit: str, per_s: float, clock: Callable[[], float]) -> None:
        self._unit = unit
        self._per_s = per_s
        self._clock = clock
        self._capacity = max(1.0, per_s)
        self._left = self._capacity
        self._filled_at = clock()
        self._refused = 0

    def take(self, count: int) -> None:
        """Take so many units.

        Raises:
            ServiceError: RESOURCE_EXHAUSTED with the time to wait; nothing was taken.
        """
        self._fill()
        missing = min(count, self._capacity) - self._left
        if missing > _ROUNDING:
            self._refused += 1
            wait_s = math.ceil(min(missing / self._per_s, LONGEST_WAIT_S) * 1000) / 1000
            message = f"the quota of {self._per_s:g} {self._unit} a second is used up"
            raise ServiceError(Code.RESOURCE_EXHAUSTED, message, retry_after_s=wait_s)
        self._left -= count

    @property
    def gauge(self) -> Gauge:
        """What is left now."""
        self._fill()
        return Gauge(self._per_s, self._left, self._refused)

    def _fill(self) -> None:
        now = self._clock()
        self._left = min(self._capacity, self._left + (now - self._filled_at) * self._per_s)
        self._filled_at = now


class Quota:
    """The buckets of a service: each test has its own ones, so that tests which run in parallel do not meet.

    All calls without a test id share the buckets of the empty id.
    """

    def __init__(
        self,
        *,
        requests_per_s: float | None = None,
        images_per_s: float | None = None,
        calls_per_s: Mapping[Kind, float] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rates: dict[str, float | None] = {"requests": requests_per_s, "images": images_per_s}
        self._rates |= {_unit_of(kind): per_s for kind, per_s in (calls_per_s or {}).items()}
        self._clock = clock
        self._tests: OrderedDict[str, dict[str, Bucket]] = OrderedDict()

    def take_request(self, test_id: str = "") -> None:
        """Count a call.

        Raises:
            ServiceError: RESOURCE_EXHAUSTED, and when to come again.
        """
        self._take("requests", 1, test_id)

    def take_images(self, count: int, test_id: str = "") -> None:
        """Count the images of a call; raises as `take_request`."""
        self._take("images", count, test_id)

    def take_call(self, kind: Kind, test_id: str = "") -> None:
        """Count a call of a kind; raises as `take_request`."""
        self._take(_unit_of(kind), 1, test_id)

    def state(self, test_id: str = "") -> dict[str, Gauge]:
        """Return the gauges of a test: `requests`, `images`, calls by their kind, without those that have no limit."""
        return {unit: bucket.gauge for unit, bucket in self._buckets(test_id).items()}

    def reset(self, test_id: str | None = None) -> None:
        """Fill the buckets of a test, None for all, and forget how many calls they refused."""
        if test_id is None:
            self._tests.clear()
        else:
            self._tests.pop(test_id, None)

    def _take(self, unit: str, count: int, test_id: str) -> None:
        if (bucket := self._buckets(test_id).get(unit)) is not None:
            bucket.take(count)

    def _buckets(self, test_id: str) -> dict[str, Bucket]:
        if test_id not in self._tests:
            if len(self._tests) == _MOST_TESTS:
                self._tests.popitem(last=False)
            rates = self._rates.items()
            self._tests[test_id] = {unit: Bucket(unit, rate, self._clock) for unit, rate in rates if rate is not None}
        self._tests.move_to_end(test_id)
        return self._tests[test_id]


def _unit_of(kind: Kind) -> str:
    return f"{kind} calls"
