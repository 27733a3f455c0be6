"""The service of a shared quota, from its line of JSON to its end."""

import asyncio
import json
import logging
import signal
from typing import TYPE_CHECKING

import click

from vision_grpc.texts.extras import MissingExtraError
from vision_grpc.texts.quoting import quote_name

if TYPE_CHECKING:
    from pathlib import Path

    from vision_grpc.cli.serve_log import ServiceLog
    from vision_grpc.quota import Usage
    from vision_grpc.quota.service import QuotaServer

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_MOST_NAMED = 5
_log = logging.getLogger(__name__)


def serve_quota(
    requests_per_s: float | None,
    images_per_s: float | None,
    *,
    host: str,
    port: int,
    tls_files: "tuple[Path, Path] | None",
    every_s: float,
    log: "ServiceLog",
) -> None:
    """Hand out the quota until a signal comes.

    Raises:
        click.ClickException: the extra `quota` is not installed.
        SettingError: the service cannot listen there, or not with these files.
    """
    try:
        from vision_grpc.quota.service import QuotaServer
    except MissingExtraError as error:
        raise click.ClickException(str(error)) from error

    async def serve() -> None:
        server = QuotaServer(requests_per_s, images_per_s, tls_files=tls_files)
        ending = _watch_signals()
        address = await server.start(host, port)
        if not _is_loopback(host):
            log.advise(
                f"everybody who can reach this machine on {host} can take from the quota and see the names of clients"
            )
        _log.info(
            "handing out %s on %s, Ctrl-C ends the service", describe_quota(requests_per_s, images_per_s), address
        )
        click.echo(json.dumps({"address": address}))
        reason = await _report(server, ending, every_s)
        _log.info("%s: the service ends; clients go on without it", reason)
        await server.stop()

    asyncio.run(serve())


def describe_quota(requests_per_s: float | None, images_per_s: float | None) -> str:
    """Return a quota in words."""
    parts = [] if requests_per_s is None else [f"{requests_per_s:g} requests/s"]
    if images_per_s is not None:
        parts.append(f"{images_per_s:g} images/s")
    return " and ".join(parts)


def _watch_signals() -> "asyncio.Future[str]":
    """Return a future of the signal that asks for the end. A second signal ends the program at once."""
    loop = asyncio.get_running_loop()
    ending: asyncio.Future[str] = loop.create_future()

    def end(number: signal.Signals) -> None:
        for each in _SIGNALS:
            loop.remove_signal_handler(each)
            signal.signal(each, signal.SIG_DFL)
        ending.set_result(number.name)

    for each in _SIGNALS:
        loop.add_signal_handler(each, end, each)
    return ending


async def _report(server: "QuotaServer", ending: "asyncio.Future[str]", every_s: float) -> str:
    """Log who takes what until the end; return what asked for it."""
    taken = 0
    while True:
        done, _ = await asyncio.wait([ending], timeout=every_s)
        if done:
            return ending.result()
        usage = server.usage()
        before, taken = taken, usage.other_requests + sum(each.requests for each in usage.clients)
        if taken > before:  # Nothing is said of a night in which nothing runs.
            _log.info("%s", _line(usage))


def _line(usage: "Usage") -> str:
    active = [each for each in usage.clients if each.requests_per_s > 0]
    requests_per_s = sum(each.requests_per_s for each in active)
    images_per_s = sum(each.images_per_s for each in active)
    named = [f"{quote_name(each.client)} {each.requests_per_s:.3g}/s" for each in active[:_MOST_NAMED]]
    if len(active) > _MOST_NAMED:
        named.append(f"{len(active) - _MOST_NAMED} others")
    return (
        f"{requests_per_s:.3g} requests/s and {images_per_s:.3g} images/s were permitted in the last minute, "
        f"of {describe_quota(usage.requests_per_s, usage.images_per_s)}: {', '.join(named) or 'to nobody'}"
    )


def _is_loopback(host: str) -> bool:
    from vision_grpc.network.endpoint import Endpoint

    return Endpoint(host, port=0, plaintext=True).is_loopback
