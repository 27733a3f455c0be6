"""The Retry-After header of HTTP."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from vision_grpc.codec.retry_info import LONGEST_WAIT_S

# A fraction is not allowed, but some services send one, and mean it.
_SECONDS = re.compile(r"[0-9]+(?:\.[0-9]*)?", re.ASCII)
# Headers that came several times are joined with commas, and two forms of dates have one after the weekday.
_ITEM = re.compile(r"\s*(?:[a-z]+\s*,)?[^,]+", re.ASCII | re.IGNORECASE)


def read_retry_after(value: str, now: datetime) -> float | None:
    """Return how many seconds to wait, None if the header has neither seconds nor a date; the longest wait of several.

    `now` is the time on the clock of the service, with a time zone, because the header may be a date. A date in the
    past means no wait. No wait is longer than a RetryInfo can tell. RFC 9110, 10.2.3.
    """
    return max(_waits(value, now), default=None)


def read_date(value: str) -> datetime | None:
    """Return the first date of a header such as Date, with a time zone; None if it is malformed. RFC 9110, 5.6.7."""
    return next(filter(None, map(_date, _items(value))), None)


def _waits(value: str, now: datetime) -> Iterator[float]:
    for item in _items(value):
        if _SECONDS.fullmatch(item):
            yield min(float(item), LONGEST_WAIT_S)
        elif (date := _date(item)) is not None:
            yield min(max((date - now).total_seconds(), 0.0), LONGEST_WAIT_S)


def _items(value: str) -> Iterator[str]:
    return (item.strip() for item in _ITEM.findall(value))


def _date(text: str) -> datetime | None:
    if not text.isascii():  # int() takes the digits of other scripts.
        return None
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    # What has no time zone is in UTC.
    return date.replace(tzinfo=UTC) if date.tzinfo is None else date
