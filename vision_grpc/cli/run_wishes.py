"""All that the options say about a run, in the terms of the library."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import click

from vision_grpc.bulk.journal import look
from vision_grpc.cli.cache_options import NO_CACHE, CacheWishes
from vision_grpc.cli.connect import check_options, connect
from vision_grpc.config import Timeouts

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from vision_grpc.api.api import Api, Model
    from vision_grpc.bulk.admission import Place
    from vision_grpc.bulk.journal import Journal, Recorded
    from vision_grpc.bulk.journal.header import Settings
    from vision_grpc.bulk.operations import Operations
    from vision_grpc.bulk.run import Prepare
    from vision_grpc.cli.output_options import OutputWishes
    from vision_grpc.cli.quota_options import QuotaWishes
    from vision_grpc.cli.source_options import SourceWishes
    from vision_grpc.client import VisionClient
    from vision_grpc.config import Limits
    from vision_grpc.events import Event
    from vision_grpc.session.settings import Arguments


@dataclass(frozen=True, slots=True, kw_only=True)
class RunWishes:
    """What is to be read, by which service, and where the results go."""

    source: "SourceWishes"
    output: "OutputWishes"
    quota: "QuotaWishes"
    service: "Arguments"
    languages: Sequence[str]
    model: "Model | None"
    local: bool
    timeout_s: float
    operation_s: float = Timeouts().operation_s
    """How long an accepted image is waited for."""
    cache: CacheWishes = NO_CACHE

    only_fetches = False
    """Whether nothing is sent, and results of operations are fetched."""

    def check(self) -> None:
        """Check that a call is possible, before anything is listed or opened.

        Raises:
            click.ClickException, InvalidRequestError: it is not.
        """
        check_options(self.service, self.languages, self.model, local=self.local)
        if self.quota.deferred and self.api.deferred is None:
            message = f"--deferred needs operations, which {self.api.name} does not have: drop it, or add --api ocr/v1"
            raise click.UsageError(message, click.get_current_context())
        self.cache.check()

    @property
    def api(self) -> "Api":
        """The API of the calls."""
        from vision_grpc.session.settings import find_api

        return find_api(self.service.api, {} if self.local else os.environ)

    def limits(self) -> "Limits":
        """Return the limits of the options, with those of the API."""
        return self.api.limits(self.quota.limits())

    @property
    def settings(self) -> "Settings":
        """What all runs on one journal have to share."""
        source = self.source
        return {
            "api": self.api.name,
            "model": self.model or "page",
            "languages": self.languages,
            "fit": source.fit,
            "local": self.local,
            "sources": sorted(source.names),
            "include": list(source.include),
            "exclude": list(source.exclude),
            **source.key_settings,
        }

    def places(self) -> "Iterator[Place]":
        """Return the places of the images, without the files that the run itself writes."""
        own = [path for path in (self.output.output_path, self.output.to_folder) if path is not None]
        return self.source.places(self.source.options(own, self.api))

    def look(self) -> "Recorded | None":
        """Return what earlier runs have recorded, None without a journal to go on from. It changes nothing."""
        output = self.output
        if not output.is_journal or output.output_path is None or output.restart:
            return None
        return look(output.output_path, self.settings, retry_failed=output.retry_failed)

    def prepare(self) -> "Prepare | None":
        """Return what makes an image fit to be sent, None if images are sent as they are."""
        if not self.source.fit:
            return None
        from vision_grpc.sources.fit import prepare

        return partial(prepare, limits=self.limits())

    def operations(self, journal: "Journal | None") -> "Operations | None":
        """Return the operations of earlier runs; None where none can be put on record."""
        if journal is None or self.api.deferred is None:
            return None
        from vision_grpc.bulk.operations import Operations

        return Operations(journal.done.accepted, journal.accept)

    def connect(self, on_event: "Callable[[Event], None]") -> "AbstractContextManager[VisionClient]":
        """Return the client of the run, as a context; see `connect`."""
        return connect(
            self.service,
            local=self.local,
            timeout_s=self.timeout_s,
            operation_s=self.operation_s,
            limits=self.limits(),
            on_event=on_event,
            cache=self.cache.tape(),
            quota=self.quota.shared(self.service.root_certificates),
        )
