"""Each client over each transport, joined to a scripted service."""

from collections.abc import Iterator

import pytest
from drivers import WAYS, Connect, Driver, Way
from scripted_service import Script, Service, answer

from vision_grpc.testing import without_backoff


@pytest.fixture(params=WAYS, ids=str)
def way(request: pytest.FixtureRequest) -> Way:
    """The kind of client and the kind of transport that a test runs with."""
    return request.param  # type: ignore[no-any-return]


@pytest.fixture(params=[way for way in WAYS if way.is_real], ids=str)
def real_way(request: pytest.FixtureRequest) -> Way:
    """The same, where there is a socket in it."""
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def connect(way: Way) -> Iterator[Connect]:
    """Start a service with a script, and return a client of it and the service; no retry waits."""
    with without_backoff(), way.running() as start:

        def connect(script: Script = answer, **options: object) -> tuple[Driver, Service]:
            service = start(script)
            return way.client(service, **options), service

        yield connect
