"""Each client over each transport, joined to a scripted service."""

from collections.abc import Iterator

import pytest
from drivers import WAYS, Connect, Driver, Way
from scripted_service import Script, Service, answer

from vision_grpc import RetryPolicy

_IMPATIENT = RetryPolicy(initial_backoff_s=0.001, max_backoff_s=0.002)


@pytest.fixture(params=WAYS, ids=str)
def way(request: pytest.FixtureRequest) -> Way:
    """The kind of client and the kind of transport that a test runs with."""
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def connect(way: Way) -> Iterator[Connect]:
    """Start a service with a script, and return a client of it and the service; the client waits little."""
    with way.running() as start:

        def connect(script: Script = answer, **options: object) -> tuple[Driver, Service]:
            service = start(script)
            return way.client(service, **{"retry": _IMPATIENT, **options}), service

        yield connect
