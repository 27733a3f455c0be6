"""The state of a run in one line: as long as the terminal is wide, or whole."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from vision_grpc.bulk.progress import Snapshot
from vision_grpc.cli.amounts import compact, duration, pace, plural, short_duration
from vision_grpc.texts.quoting import quote_name

_LEAST_BAR = 10
_MOST_BAR = 40
_WIDE = 60
_MOST_KINDS = 4


class Piece(NamedTuple):
    """A piece of the line, and its style as rich calls it."""

    text: str
    style: str = ""


class _Part(NamedTuple):
    """What the line may say: in several wordings, the longest first."""

    place: int
    """Where it stands in the line, from the left."""
    wordings: Sequence[str]
    style: str = ""


def status_pieces(seen: Snapshot, width: int, *, has_blocks: bool = True) -> list[Piece]:
    """Return the line in at most `width` columns: what matters least is left out first, then words are shortened.

    All characters are one column wide; with `has_blocks`, those of the bar are not ASCII.
    """
    gap = "  " if width >= _WIDE else " "
    chosen: dict[int, _Part] = {}
    wordings: dict[int, str] = {}
    left = width + len(gap)
    for part in _parts(seen):
        shortest = part.wordings[-1]
        if len(gap) + len(shortest) <= left:
            left -= len(gap) + len(shortest)
            chosen[part.place], wordings[part.place] = part, shortest
    for place, part in chosen.items():
        room = left + len(wordings[place])
        longest = next(wording for wording in part.wordings if len(wording) <= room)
        left = room - len(longest)
        wordings[place] = longest
    pieces = [Piece(wordings[place], chosen[place].style) for place in sorted(chosen)]
    if seen.is_listed and seen.total and left >= len(gap) + _LEAST_BAR:
        bar = _bar(seen.done / seen.total, min(_MOST_BAR, left - len(gap)), has_blocks=has_blocks)
        return [*bar, Piece(gap), *_joined(pieces, gap)]
    return [*_joined(pieces, gap)]


def status_line(seen: Snapshot) -> str:
    """Return all that the line can say."""
    return ", ".join(part.wordings[0] for part in sorted(_parts(seen)))


def kinds(counts: Sequence[tuple[str, int]]) -> str:
    """Return counts by kind, the largest first: `3 .webp, 1 .tiff`; of many kinds only some."""
    ordered = sorted(counts, key=lambda kind: -kind[1])
    shown = [f"{count:,} {_printable(name)}" for name, count in ordered[:_MOST_KINDS]]
    if more := ordered[_MOST_KINDS:]:
        shown.append(f"{sum(count for _, count in more):,} others")
    return ", ".join(shown)


def _printable(name: str) -> str:
    """Return the name of a kind, which may be the suffix of any file."""
    return name if name.isprintable() else quote_name(name)


def _parts(seen: Snapshot) -> Iterator[_Part]:
    """Yield what there is to say, what matters most first."""
    if seen.away_s is not None:
        away = duration(seen.away_s)
        yield _Part(8, [f"the service is away for {away}", f"service away {away}", "no service"], "bold yellow")
    yield _Part(1, _done_of_total(seen), "bold")
    if seen.failed:
        by_code = kinds([*seen.failed_by_code.items()])
        failed = f"{seen.failed:,} failed"
        yield _Part(4, [f"{failed} ({by_code})", failed, f"{compact(seen.failed)} failed"], "red")
    if seen.left_s is not None:
        yield _Part(3, [f"{duration(seen.left_s)} left", f"{short_duration(seen.left_s)} left"])
    if seen.pace_per_s is not None:
        images_per_s = pace(seen.pace_per_s)
        yield _Part(2, [f"{images_per_s} images/s", f"{images_per_s}/s"], "cyan")
    if seen.is_throttled and seen.away_s is None:
        yield _Part(8, ["waiting for quota", "quota wait"], "yellow")
    if seen.retries:
        yield _Part(5, [f"{seen.retries:,} retried", f"{compact(seen.retries)} retried"], "yellow")
    yield from _under_way(seen)
    if skipped := sum(seen.skipped.values()) + seen.faults:
        yield _Part(9, [f"{skipped:,} skipped"], "yellow")
    if seen.earlier:
        yield _Part(10, [f"{seen.earlier:,} done before"])


def _under_way(seen: Snapshot) -> Iterator[_Part]:
    if seen.calls_in_flight:
        yield _Part(6, [f"{plural(seen.calls_in_flight, 'call')} in flight", f"{seen.calls_in_flight} in flight"])
    if seen.operations:
        yield _Part(7, [f"{plural(seen.operations, 'result')} awaited", f"{seen.operations} awaited"])


def _done_of_total(seen: Snapshot) -> list[str]:
    if not seen.is_listed:
        return [
            f"{seen.done:,} of at least {seen.total:,}",
            f"{seen.done:,}/{seen.total:,}+",
            f"{compact(seen.done)}/{compact(seen.total)}+",
        ]
    share = f" ({_percent(seen)})" if seen.total else ""
    return [
        f"{seen.done:,}/{seen.total:,}{share}",
        f"{seen.done:,}/{seen.total:,}",
        f"{compact(seen.done)}/{compact(seen.total)}",
    ]


def _percent(seen: Snapshot) -> str:
    # Rounded down: 100 % is the end.
    return f"{100 * seen.done // seen.total} %"


def _bar(share: float, width: int, *, has_blocks: bool) -> list[Piece]:
    done, rest = ("━", "─") if has_blocks else ("#", ".")
    filled = int(share * width)
    return [Piece(done * filled, "green"), Piece(rest * (width - filled), "dim")]


def _joined(pieces: Sequence[Piece], gap: str) -> Iterator[Piece]:
    for number, piece in enumerate(pieces):
        if number:
            yield Piece(gap)
        yield piece
