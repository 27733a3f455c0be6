"""Numbers, bytes and durations as people read them."""

from datetime import UTC, datetime

_MINUTE_S = 60
_HOUR_S = 60 * _MINUTE_S
_DAY_S = 24 * _HOUR_S
_THOUSAND = 1000
# The years 1 to 9999 have dates. Some file systems have times beyond them.
_FIRST_S, _LAST_S = -62_135_596_800, 253_402_300_799


def plural(count: int, noun: str, several: str | None = None) -> str:
    """Return a number with its noun: `1 image`, `1,234 images`; `several` is a plural that an s does not make."""
    nouns = f"{noun}s" if several is None else several
    return f"{count:,} {noun if count == 1 else nouns}"


def compact(count: int) -> str:
    """Return a number in at most four characters up to a billion: `999`, `12k`, `3M`. It is rounded down."""
    for unit in ("", "k", "M"):
        if count < _THOUSAND:
            return f"{count}{unit}"
        count //= _THOUSAND
    return f"{count}G"


def size(count: int) -> str:
    """Return a number of bytes: `12 bytes`, `3.4 KB`, `1.2 GB`, in powers of 1000."""
    if count < _THOUSAND:
        return plural(count, "byte")
    amount = float(count)
    for unit in ("KB", "MB", "GB"):
        amount /= _THOUSAND
        if amount < _THOUSAND - 0.05:
            return f"{amount:.1f} {unit}"
    return f"{amount / _THOUSAND:,.1f} TB"


def pace(images_per_s: float) -> str:
    """Return a pace with two or more digits that count: `312`, `4.1`, `0.083`."""
    if images_per_s >= 100 or images_per_s == 0:  # noqa: PLR2004 - three digits are enough
        return f"{images_per_s:,.0f}"
    return f"{images_per_s:.1f}" if images_per_s >= 1 else f"{images_per_s:.2g}"


def duration(seconds: float) -> str:
    """Return a time: `0.4 s`, `12 s`, `10 min 1 s`, `2 h 3 min`, `3 days 4 h`."""
    if seconds < 10:  # noqa: PLR2004 - whole seconds are exact enough then
        return f"{max(0.0, seconds):.1f} s"
    left = round(seconds)
    if left < _MINUTE_S:
        return f"{left} s"
    if left < _HOUR_S:
        return f"{left // _MINUTE_S} min {left % _MINUTE_S} s"
    if left < _DAY_S:
        return f"{left // _HOUR_S} h {left % _HOUR_S // _MINUTE_S} min"
    return f"{plural(left // _DAY_S, 'day')} {left % _DAY_S // _HOUR_S} h"


def short_duration(seconds: float) -> str:
    """Return a time in its largest unit: `12 s`, `10 min`, `2 h`, `3 d`."""
    left = max(0, round(seconds))
    for unit_s, unit in ((_DAY_S, "d"), (_HOUR_S, "h"), (_MINUTE_S, "min")):
        if left >= unit_s:
            return f"{left // unit_s} {unit}"
    return f"{left} s"


def moment(seconds: float) -> str:
    """Return a time in seconds since 1970 as ISO 8601 has it, in UTC: `2026-11-28T23:59:59Z`; the nearest there is."""
    shown = datetime.fromtimestamp(min(max(seconds, _FIRST_S), _LAST_S), UTC)
    return f"{shown.replace(tzinfo=None).isoformat(timespec='seconds')}Z"
