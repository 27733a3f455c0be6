"""One run of `vision-grpc analyze`: from its options to its exit code."""

import logging
import sys
import time
from collections.abc import Callable, Iterable
from functools import partial
from itertools import chain, islice
from typing import TYPE_CHECKING, cast

import click

from vision_grpc.bulk.admission import Admission
from vision_grpc.bulk.budget import Budget
from vision_grpc.bulk.ending import Ending
from vision_grpc.bulk.flight import Flight
from vision_grpc.bulk.forecast import Forecast
from vision_grpc.bulk.journal.errors import name_of
from vision_grpc.bulk.lookahead import list_ahead
from vision_grpc.bulk.operations import Operations, Tally, is_kept
from vision_grpc.bulk.progress import Progress
from vision_grpc.bulk.run import BulkRun
from vision_grpc.cli.amounts import plural
from vision_grpc.cli.complaints import Complaints
from vision_grpc.cli.dry_run import print_dry_run, units_left
from vision_grpc.cli.exits import NOTHING_DONE, RunCounts
from vision_grpc.cli.flags import image_error_in_flags
from vision_grpc.cli.interrupts import Interrupts
from vision_grpc.cli.next_command import next_command
from vision_grpc.cli.progress import Display, show_progress
from vision_grpc.cli.results import Results
from vision_grpc.cli.stderr import print_line, with_notes
from vision_grpc.cli.summary import End, print_summary
from vision_grpc.errors import AdvisedError, Code
from vision_grpc.results import ImageResult
from vision_grpc.session.monitor import Stats
from vision_grpc.sources.item import Fault, Item
from vision_grpc.texts.quoting import quote_name

if TYPE_CHECKING:
    from vision_grpc.bulk.journal import Recorded
    from vision_grpc.cli.run_wishes import RunWishes
    from vision_grpc.client import VisionClient

_log = logging.getLogger(__name__)


class Analysis:
    """A run: what was asked for, and what has happened so far."""

    def __init__(self, wishes: "RunWishes", *, quiet: bool, verbose: bool, progress: bool | None) -> None:
        self._wishes = wishes
        self._quiet = quiet
        self._shows_progress = progress
        self._complaints = Complaints(prints_all=verbose)
        self._progress = Progress(time.monotonic(), most=wishes.quota.max_images)
        self._counts = RunCounts()
        self._recorded: Recorded | None = None

    def forecast(self) -> int:
        """Print what the run would send, bill and pass over, and return the exit code."""
        limits = self._wishes.limits()
        forecast = Forecast(self._wishes.quota.max_images, self._wishes.api)
        for item in self._admit(self._look).items():
            if self._is_fetched(item.key, forecast):
                continue
            error = forecast.add(item, limits, fits=self._wishes.source.fit)
            if error is not None:
                self._counts.count(ImageResult(item.key, error=error))
                self._complaints.print(item.key, error)
        quota, fits = self._wishes.quota, self._wishes.source.fit
        print_dry_run(
            self._progress,
            forecast,
            limits,
            fits=fits,
            budget=quota.budget,
            deferred=quota.deferred,
            has_tape=self._wishes.cache.cache is not None,
        )
        left = units_left(self._progress, self._wishes.quota.budget)
        is_too_costly = left is not None and forecast.billed_units > left
        ending = Ending.BUDGET if is_too_costly else Ending.LIMIT if forecast.beyond else Ending.COMPLETE
        return self._exit_code(ending, found=forecast.images + forecast.fetched)

    def _is_fetched(self, key: str, forecast: Forecast) -> bool:
        """Count an image whose result would be fetched, as an earlier run has sent it; return whether that is so."""
        accepted = None if self._recorded is None else self._recorded.accepted.get(key)
        if accepted is None:
            return False
        if not is_kept(accepted, time.time()):
            self._progress.earlier_billed_units += accepted.units
            return False
        forecast.fetch(accepted.units)
        return True

    def run(self) -> int:
        """Run, and return the exit code."""
        with Interrupts() as interrupts:
            try:
                return self._run(interrupts)
            except KeyboardInterrupt as error:
                print_line(with_notes("interrupted", error))
                return interrupts.exit_code

    def _run(self, interrupts: Interrupts) -> int:
        if self._wishes.source.list_first:
            self._list()
        with Results(self._wishes.output, self._wishes.settings, interrupts.held) as results:
            items = self._admit(partial(self._open, results), on_image=results.claim).items()
            if not self._wishes.source.is_slow:
                items = list_ahead(items, time.monotonic)
            if (first := next(items, None)) is None:
                results.catch_up()
                operations = self._wishes.operations(results.journal)
                self._summarize(self._end(Ending.COMPLETE, results, operations=operations), Stats())
                return self._exit_code(Ending.COMPLETE)
            # Of a slow source, or one that passes, the next image may not be asked for yet: it counts as several.
            several, head = True, [first]
            if results.ordered and not (self._wishes.source.is_slow or first.is_passing):
                head += islice(items, 1)
                several = len(head) > 1
            if results.journal is not None and results.journal.kept_aside is not None and not self._quiet:
                print_line(f"the earlier results are kept as {name_of(results.journal.kept_aside)}")
            return self._send(chain(head, items), results, interrupts, several=several)

    def _send(self, items: Iterable[Item], results: Results, interrupts: Interrupts, *, several: bool) -> int:
        flight, budget, operations = Flight(), self._budget(results), self._wishes.operations(results.journal)
        with self._wishes.connect(flight) as client:
            display = show_progress(
                lambda: self._progress.snapshot(time.monotonic(), client.stats()),
                wanted=self._shows_progress,
                quiet=self._quiet,
                output_is_terminal=results.output is not None and results.output.is_terminal,
            )
            run = BulkRun(
                client,
                items,
                results.sink(display.room_for, several=several),
                self._progress,
                languages=self._wishes.languages,
                model=self._wishes.model,
                ordered=results.ordered,
                prepare=self._wishes.prepare(),
                is_slow=self._wishes.source.is_slow,
                max_images=self._wishes.quota.max_images,
                budget=budget,
                flight=flight,
                deferred=self._wishes.quota.deferred,
                operations=operations,
                limits=self._wishes.limits(),
            )
            try:
                describe = partial(_describe_flight, flight, client, can_go_on=operations is not None)
                ending = self._follow(run, describe, interrupts, display)
                if ending is Ending.INTERRUPTED:
                    print_line("interrupted")
                code = self._exit_code(ending)
                accepted = 0 if operations is None else operations.units
                is_void = code == NOTHING_DONE
                results.finish(ending, self._progress, budget, lost=run.lost, accepted=accepted, is_void=is_void)
            except (AdvisedError, OSError, click.ClickException):
                end = self._end(Ending.FAILED, results, run=run, operations=operations, unwritten=run.unwritten)
                self._summarize(end, client.stats())
                raise
            self._summarize(self._end(ending, results, run=run, operations=operations), client.stats())
        return interrupts.exit_code if ending is Ending.INTERRUPTED else code

    def _follow(self, run: BulkRun, describe: "Callable[[], str]", interrupts: Interrupts, display: Display) -> Ending:
        """Show a run until it ends, and return why it ended; `describe` says what a signal makes it wait for."""
        try:
            with interrupts.gently(run.interrupt, describe), display:
                return self._note_results(run)
        except KeyboardInterrupt:
            return Ending.INTERRUPTED

    def _note_results(self, run: BulkRun) -> Ending:
        """Count the results of a run and print the errors, and return why the run ended."""
        results = run.results()
        is_verbose = _log.isEnabledFor(logging.DEBUG)
        while True:
            try:
                result = next(results)
            except StopIteration as end:
                if run.refusal is not None:
                    self._counts.count_refusal()
                    print_line(f"error: the service refused the credentials or the folder: {run.refusal}")
                return cast("Ending", end.value)
            self._counts.count(result)
            if result.error is not None:
                self._complaints.print(result.key, result.error)
            if is_verbose:
                _log.debug("%s: by %s, request id %s", quote_name(result.key), result.transport, result.request_id)

    def _admit(
        self, open_recorded: "Callable[[], Recorded | None]", on_image: "Callable[[str], object] | None" = None
    ) -> Admission:
        return Admission(
            self._wishes.places(),
            open_recorded,
            self._progress,
            self._report,
            on_image=on_image,
            is_listed=self._wishes.source.list_first,
        )

    def _open(self, results: Results) -> "Recorded | None":
        """Open what keeps the results, and return what earlier runs have recorded there."""
        recorded = results.open()
        if results.journal is not None:
            self._progress.earlier_billed_units = results.journal.done.billed
        return recorded

    def _list(self) -> None:
        """Count all images.

        Raises:
            click.UsageError: two of them have one key.
        """

        def refuse(fault: Fault) -> None:
            if fault.error.code is Code.ALREADY_EXISTS:
                raise click.UsageError(image_error_in_flags(fault.error), click.get_current_context())

        admission = Admission(self._wishes.places(), self._look, Progress(time.monotonic()), refuse)
        self._progress.listed(sum(1 for _ in admission.items()))
        self._progress.listing_ended()

    def _report(self, fault: Fault) -> None:
        self._counts.count_fault()
        self._complaints.print(fault.name, fault.error)

    def _look(self) -> "Recorded | None":
        """Return what earlier runs have recorded, without changing anything."""
        self._recorded = recorded = self._wishes.look()
        if recorded is not None:
            self._progress.earlier_billed_units = recorded.billed
        return recorded

    def _budget(self, results: Results) -> Budget | None:
        if (journal := results.journal) is None:
            return None if self._wishes.quota.budget is None else Budget(self._wishes.quota.budget)
        if self._wishes.quota.budget is None and not journal.done.counts_lost:
            return None
        most = sys.maxsize if self._wishes.quota.budget is None else self._wishes.quota.budget
        spent = journal.done.billed + journal.done.accepted_units
        return Budget(most, spent=spent, record=journal.note_billed)

    def _exit_code(self, ending: Ending, *, found: int = 0) -> int:
        progress = self._progress
        is_whole = ending is Ending.COMPLETE and not (progress.skipped or progress.earlier_failed)
        if ending is not Ending.REFUSED:
            found += progress.earlier_read + progress.earlier_failed
        return self._counts.exit_code(earlier=found, is_whole=is_whole)

    def _end(
        self,
        ending: Ending,
        results: Results,
        *,
        run: BulkRun | None = None,
        operations: Operations | None = None,
        unwritten: int = 0,
    ) -> End:
        accepted = 0 if operations is None else operations.pending
        # Until all images were listed, what was not met may still come.
        unmet = operations.unmet if operations is not None and ending is Ending.COMPLETE else 0
        return End(
            ending,
            fits=self._wishes.source.fit,
            budget=self._wishes.quota.budget,
            most=self._wishes.quota.max_images,
            lost=0 if run is None else run.lost,
            unwritten=unwritten,
            accepted=accepted - unmet,
            unmet=unmet,
            earlier=Tally() if operations is None else operations.tally,
            only_fetches=self._wishes.only_fetches,
            only_replays=self._wishes.cache.cache_mode == "none",
            **results.whereabouts,
        )

    def _summarize(self, end: End, stats: Stats) -> None:
        seen = self._progress.snapshot(time.monotonic(), stats)
        print_summary(self._progress, seen, end, quiet=self._quiet)
        if (
            self._counts.calls_failed
            and self._exit_code(end.ending) == NOTHING_DONE
            and not (self._wishes.local or self._quiet)
        ):
            print_line(f"to find the cause, run {next_command(arguments=['doctor', '--call'])} with the same options")


def _describe_flight(flight: Flight, client: "VisionClient", *, can_go_on: bool) -> str:
    """Return what is waited for when a run is to end; `can_go_on` says that the next run knows the operations."""
    parts = [f"finishing {plural(flight.images, 'image')} in flight"] if flight.images else []
    if waiting := client.stats().operations_waiting:
        later = ", which the next run can fetch, too" if can_go_on else ""
        parts.append(f"waiting for {plural(waiting, 'result')} of accepted images{later}")
    return " and ".join(parts) or "ending"
