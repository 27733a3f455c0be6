"""What is said at the end of a run: what was read, what was not and why, what it cost, and how to go on."""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypedDict

from vision_grpc.bulk.ending import Ending
from vision_grpc.bulk.failures import Failures, Reason
from vision_grpc.bulk.operations import Tally
from vision_grpc.bulk.progress import PassedOver, Progress, Snapshot
from vision_grpc.cli.amounts import duration, pace, plural, size
from vision_grpc.cli.flags import image_error_in_flags
from vision_grpc.cli.next_command import next_command, replace_option
from vision_grpc.cli.status import kinds
from vision_grpc.cli.stderr import join_lines, print_lines
from vision_grpc.sources.kinds import CONTAINERS
from vision_grpc.texts.quoting import quote_name

_MOST_REASONS = 12
_FIT = "--fit"


class Whereabouts(TypedDict):
    """Where the results of a run are, in the words of `End`."""

    output: Path | None
    journal: Path | None
    texts: Path | None
    moved_texts: int


@dataclass(frozen=True, slots=True)
class End:
    """How a run ended, and where its results are."""

    ending: Ending
    output: Path | None = None
    """The file that has the results, None where no file has them."""
    journal: Path | None = None
    """The journal that the same command goes on from, or begins."""
    texts: Path | None = None
    """The folder that has the texts."""
    moved_texts: int = 0
    """How many of them have longer names because other files were there."""
    fits: bool = False
    """Whether images were fitted."""
    budget: int | None = None
    lost: int = 0
    """Units, at most, that are billed for answers that were lost."""
    unwritten: int = 0
    """Images, at most, whose answers came and could not be written."""
    most: int | None = None
    """How many images the run was to send, None for all."""
    accepted: int = 0
    """Images that the service has accepted, and whose results are still to be fetched."""
    unmet: int = 0
    """Such images of earlier runs that were not among those of this one, so that no run fetches their results."""
    earlier: Tally = field(default_factory=Tally)
    """What became of the images that earlier runs have sent."""
    only_fetches: bool = False
    """Whether nothing was to be sent, and results of operations were fetched."""
    only_replays: bool = False
    """Whether nothing was to be sent, and results came from a tape."""


def print_summary(progress: Progress, seen: Snapshot, end: End, *, quiet: bool) -> None:
    """Print the summary on stderr; with `quiet`, only what is wrong and what to do about it.

    A run of one image has no summary, unless it has a journal, files were passed over or its limits ended it.
    """
    is_cut = end.ending in {Ending.LIMIT, Ending.BUDGET}
    if seen.total <= 1 and not (end.journal is not None or seen.skipped or is_cut):
        return
    for line in _lines(progress, seen, end, quiet=quiet):
        print_lines(line)


def _lines(progress: Progress, seen: Snapshot, end: End, *, quiet: bool) -> Iterator[str]:
    if not quiet:
        yield _read_line(progress, seen)
        if not end.only_fetches:
            yield from _earlier_operations(end.earlier)
    yield from _what_is_wrong(progress, end)
    if seen.tape_failures:
        outcome = "nothing was sent for" if end.only_replays else "a repeated run may pay again for"
        yield f"the tape failed {plural(seen.tape_failures, 'time')}: {outcome} those images"
    if end.accepted:
        yield f"{plural(end.accepted, 'image')} accepted and not read yet: the service keeps the results for three days"
    if end.unmet:
        yield f"{plural(end.unmet, 'image')} accepted in earlier runs and not read, and not among those of this one"
    if not quiet:
        yield _costs(progress, seen, end)
        yield from _places(end)
    yield from _next_steps(progress, end)


def _read_line(progress: Progress, seen: Snapshot) -> str:
    of = "" if progress.is_listed else "at least "
    read = seen.read + progress.earlier_read
    line = f"read {read:,} of {of}{plural(seen.known, 'image')}"
    if progress.earlier_read:
        line += f", {progress.earlier_read:,} of them in earlier runs,"
    if seen.done == seen.earlier and seen.earlier:
        return line.removesuffix(",")
    line += f" in {duration(seen.elapsed_s)}"
    # What took no second says nothing of the pace.
    if seen.read and seen.mean_per_s and seen.elapsed_s >= 1:
        line += f" ({pace(seen.mean_per_s)} images/s)"
    return line


def _earlier_operations(earlier: Tally) -> Iterator[str]:
    if earlier.fetched:
        line = f"fetched {plural(earlier.fetched, 'result')} of images that earlier runs had sent"
        yield f"{line}, {earlier.unread:,} of files that cannot be read any more" if earlier.unread else line
    again = [
        f"{count:,} {reason}"
        for count, reason in (
            (earlier.expired, "sent more than three days ago"),
            (earlier.changed, "changed since"),
            (earlier.failed, "failed or unknown at the service"),
        )
        if count
    ]
    if again:
        count = earlier.expired + earlier.changed + earlier.failed
        yield f"sent {plural(count, 'image')} of earlier runs again: {', '.join(again)}"


def _what_is_wrong(progress: Progress, end: End) -> Iterator[str]:
    if progress.failures.count:
        yield f"{plural(progress.failures.count, 'image')} not read:"
        yield from describe_reasons(progress.failures)
    if progress.earlier_failed:
        yield f"{plural(progress.earlier_failed, 'image')} not read in earlier runs, and not sent again"
    yield from describe_gaps(progress, fits=end.fits)
    if end.ending is Ending.LIMIT and end.most is not None:
        yield f"stopped after {plural(end.most, 'image')}, as --max-images asks"
    if end.ending is Ending.BUDGET:
        yield f"stopped by the budget{', as lost answers may be billed' if end.lost else ''}"


def describe_gaps(progress: Progress, *, fits: bool) -> Iterator[str]:
    """Yield lines on what of the sources is no image of the run: parts that cannot be read, files passed over."""
    if progress.faults.count:
        yield f"{plural(progress.faults.count, 'part')} of the sources cannot be read:"
        yield from describe_reasons(progress.faults)
    if progress.doubles.count:
        yield f"{plural(progress.doubles.count, 'image')} left out, as another one has the key:"
        yield from describe_reasons(progress.doubles)
    fittable = {name: kind for name, kind in progress.skipped.items() if kind.can_be_fitted and not fits}
    others = {name: kind for name, kind in progress.skipped.items() if name not in fittable}
    if fittable:
        yield f"{_skipped(fittable)}: add {_FIT} to read them"
    containers = {name: others.pop(name) for name in list(others) if name in CONTAINERS}
    if containers:
        patterns = " ".join(f"--include '*{name}'" for name in containers)
        yield f"{_skipped(containers)}: name them, or add {patterns}, to read what is in them"
    if others:
        yield f"{_skipped(others)}: not images, --exclude leaves them out"
    if progress.left_out:
        left_out = [
            (kind if count == 1 else kind.replace("page", "pages", 1), count)
            for kind, count in progress.left_out.items()
        ]
        yield f"left out as asked: {kinds(left_out)}"


def _skipped(by_kind: Mapping[str, PassedOver]) -> str:
    count = sum(kind.count for kind in by_kind.values())
    example = quote_name(next(iter(by_kind.values())).name)
    such = example if count == 1 else f"such as {example}"
    shown = kinds([(name, kind.count) for name, kind in by_kind.items()])
    return f"{plural(count, 'file')} skipped: {shown} ({such})"


def describe_reasons(failures: Failures) -> Iterator[str]:
    """Yield lines on what is wrong with images or parts of sources, a reason a line."""
    reasons = failures.reasons
    width = len(f"{reasons[0].count:,}")
    for reason in reasons[:_MOST_REASONS]:
        name = quote_name(reason.name)
        said = join_lines(image_error_in_flags(reason.error)).removeprefix(f"{name}: ")
        code = reason.error.code.name
        # Of several, the numbers in the message are those of the first.
        about = f"{code}: {said} ({name})" if reason.count == 1 else f"{code}, such as {name}: {said}"
        yield f"  {reason.count:>{width},}  {about}"
    if more := reasons[_MOST_REASONS:]:
        yield f"  {sum(reason.count for reason in more):>{width},}  for {plural(len(more), 'other reason')}"


def _costs(progress: Progress, seen: Snapshot, end: End) -> str:
    parts = [f"billed {plural(seen.billed_units, 'unit')}"]
    if end.lost:
        parts[0] += f", and up to {end.lost:,} more for lost answers"
    if end.accepted:
        parts[0] += ", and more once what was accepted is read"
    if end.unwritten:
        parts[0] += f", and up to {end.unwritten:,} more for answers that could not be written"
    if progress.earlier_billed_units:
        parts[0] += f" ({seen.billed_units + progress.earlier_billed_units:,} with those of earlier runs)"
    if seen.from_tape:
        parts.append(f"{seen.from_tape:,} from the tape, free")
    if seen.content_bytes:
        parts.append(f"sent {size(seen.content_bytes)}")
    if seen.retries:
        parts.append(f"sent {plural(seen.retries, 'image')} again")
    if seen.throttled_s >= 1:
        parts.append(f"waited {duration(seen.throttled_s)} for the quota")
    return ", ".join(parts)


def _places(end: End) -> Iterator[str]:
    places = [] if end.output is None else [f"results are in {quote_name(end.output)}"]
    if end.texts is not None:
        moved = f" ({end.moved_texts:,} under longer names, as other files were there)" if end.moved_texts else ""
        places.append(f"texts are in {quote_name(end.texts)}{moved}")
    if places:
        yield ", ".join(places)


def _next_steps(progress: Progress, end: End) -> Iterator[str]:
    if end.journal is None:
        return
    arguments = sys.argv[1:]
    again = next_command()
    stdin = ", with the same input" if "-" in arguments else ""
    if end.ending is Ending.BUDGET and end.budget is not None:
        # Earlier runs may have spent more than the budget of this one.
        spent = progress.earlier_billed_units + progress.billed_units + end.lost
        larger = replace_option(arguments, str(max(2 * end.budget, spent + end.budget)), "--budget")
        yield f"to go on with a larger budget{stdin}: {next_command(arguments=larger)}"
    elif end.ending is not Ending.COMPLETE:
        yield f"to go on{stdin}: {again}"
    else:
        yield from _second_tries(progress, end, again, stdin)


def _second_tries(progress: Progress, end: End, again: str, stdin: str) -> Iterator[str]:
    tried_again = sum(reason.count for reason in progress.failures.reasons if reason.is_tried_again)
    lasting = progress.failures.count - tried_again + progress.earlier_failed
    if end.accepted:
        yield f"to fetch {plural(end.accepted, 'result')}{stdin}: {again}"
    if end.unmet:
        yield f"to see the operations of those: {next_command(arguments=['operations', 'list', str(end.journal)])}"
    if end.only_fetches:
        return
    if (retryable := tried_again - end.accepted) > 0:
        yield f"to send {plural(retryable, 'image')} again that may succeed now{stdin}: {again}"
    if lasting:
        command = next_command("--retry-failed")
        yield f"to send all failed images again{stdin}, once the causes are mended: {command}"
    if not end.fits and end.journal is not None:
        yield from _fitting(progress, end.journal, stdin)


def _fitting(progress: Progress, journal: Path, stdin: str) -> Iterator[str]:
    """Yield how to fit what was not read. A journal keeps to its settings, so it takes another one."""
    kinds_left = [name for name, kind in progress.skipped.items() if kind.can_be_fitted and name.startswith(".")]
    another = replace_option(sys.argv[1:], str(journal.with_stem(f"{journal.stem}-fitted")), "-o", "--output")
    if any(map(_advises_fit, progress.failures.reasons)):
        yield f"to fit images{stdin}, all in a new journal: {next_command(_FIT, arguments=another)}"
    elif kinds_left and not any(word.startswith("--include") for word in another):
        patterns = [word for name in kinds_left for word in ("--include", f"*{name}")]
        yield f"to read them{stdin}, in another journal: {next_command(_FIT, *patterns, arguments=another)}"


def _advises_fit(reason: Reason) -> bool:
    return _FIT in image_error_in_flags(reason.error)
