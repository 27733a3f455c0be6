"""Fixtures that tests of documents share."""

from collections.abc import Iterator

import pytest

from vision_grpc.sources.containers.pdf.workers import _pool


@pytest.fixture
def new_workers() -> Iterator[None]:
    """Let the processes that PDFium runs in be started anew, and end afterwards."""
    _end()
    yield
    _end()


def _end() -> None:
    for worker in _pool.workers:
        if worker.process is not None:
            worker.process.kill()
            worker.process.communicate()
            worker.process = None
