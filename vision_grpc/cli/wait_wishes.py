"""What is asked of a run that sends nothing, and waits for operations by their ids."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from vision_grpc.bulk.admission import Place
from vision_grpc.bulk.journal import Accepted
from vision_grpc.bulk.operations import Operations
from vision_grpc.cli.quota_options import QuotaWishes
from vision_grpc.cli.run_wishes import RunWishes
from vision_grpc.cli.source_options import SourceWishes
from vision_grpc.config import Limits
from vision_grpc.sources.item import Item

if TYPE_CHECKING:
    from vision_grpc.bulk.journal import Journal
    from vision_grpc.bulk.journal.header import Settings
    from vision_grpc.cli.output_options import OutputWishes
    from vision_grpc.session.settings import Arguments


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitWishes(RunWishes):
    """The operations in place of images; their ids are the keys of the results."""

    only_fetches = True

    @classmethod
    def of(
        cls,
        operation_ids: Sequence[str],
        output: "OutputWishes",
        service: "Arguments",
        *,
        timeout_s: float,
        within_s: float,
    ) -> Self:
        """Return the wishes to wait for these operations."""
        source = SourceWishes(
            paths=operation_ids,
            files_from=(),
            null=False,
            manifest=(),
            include=(),
            exclude=(),
            follow_links=False,
            fit=False,
            skip_text=False,
            max_pages=None,
            member_keys="stem",
            image_column=None,
            key_column=None,
            list_first=False,
        )
        quota = QuotaWishes(
            jobs=Limits().calls_in_flight,
            rps=None,
            images_per_second=None,
            shared_quota=None,
            max_images=None,
            budget=None,
            deferred=None,
        )
        return cls(
            source=source,
            output=output,
            quota=quota,
            service=service,
            languages=["*"],
            model=None,
            local=False,
            timeout_s=timeout_s,
            operation_s=within_s,
        )

    @property
    def settings(self) -> "Settings":
        """What all runs on one journal have to share."""
        return {"api": self.api.name, "local": False, "operations": sorted(self.source.paths)}

    def places(self) -> Iterator[Place]:
        """Yield the operations as images."""
        items = [Item(each, lambda _: b"") for each in self.source.paths]
        yield Place("the operations", items)

    def operations(self, journal: "Journal | None") -> Operations:
        """Return the operations that are not done, none of which is put on record: the command has their ids."""
        done = () if journal is None else journal.done
        now = time.time()
        accepted = {each: Accepted(each, each, now) for each in self.source.paths if each not in done}
        return Operations(accepted, lambda _: None, sends_again=False)
