"""The Retry-After header of HTTP."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_SECONDS = re.compile(r"[0-9]{1,9}", re.ASCII)


def read_retry_after(value: str, now: datetime) -> float | None:
    """Return how many seconds to wait, None if the header is neither seconds nor a date.

    `now` is the wall clock, with a time zone, because the header may be a date. A date in the past means no wait.
    RFC 9110, section 10.2.3.
    """
    value = value.strip()
    if _SECONDS.fullmatch(value):
        return float(value)
    try:
        date = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=UTC)
    return max((date - now).total_seconds(), 0.0)
