"""Uses `AsyncVisionClient`, forks, and calls in both processes: prints `child well` and `parent well`.

Arguments: the endpoint, the transport, what the parent does with its client before it forks (`open`, `closed`,
`dropped` or `unused`), and what the child calls with: `asyncio`, `sync` or `same`, which is its parent's client.
"""

import asyncio
import gc
import os
import signal
import sys
from typing import Any

from images_in_bytes import png

from vision_grpc import AsyncVisionClient, VisionClient

# A child that hangs is what this is about: it must not hang the test.
_LONGEST_S = 20
_IMAGES = 40


async def _read(client: AsyncVisionClient) -> None:
    results = [result async for result in client.analyze_many(map(png, range(_IMAGES)), ordered=True)]
    assert [result.text for result in results] == [*map(str, range(_IMAGES))]
    assert (await client.analyze(png(7))).text == "7"


async def _read_and_close(client: AsyncVisionClient) -> None:
    async with client:
        await _read(client)


def _call(endpoint: str, options: dict[str, Any], how: str, parents: AsyncVisionClient) -> None:
    if how == "sync":
        with VisionClient(endpoint, **options) as client:
            assert [result.ok for result in client.analyze_many(map(png, range(_IMAGES)))] == [True] * _IMAGES
    elif how == "same":
        asyncio.run(_read(parents))
    else:
        asyncio.run(_read_and_close(AsyncVisionClient(endpoint, **options)))


def _check_refused(client: AsyncVisionClient, loop: asyncio.AbstractEventLoop) -> None:
    """A child that goes on with the event loop of its parent is told so; a hang would end it."""
    try:
        loop.run_until_complete(_read(client))
        said = "nothing"
    except RuntimeError as error:
        said = str(error)
    assert "event loop" in said, said


def main() -> None:
    endpoint, transport, before, how = sys.argv[1:]
    options: dict[str, Any] = {"insecure": True, "transport": transport}
    client = AsyncVisionClient(endpoint, **options)
    loop = asyncio.new_event_loop()
    if before != "unused":
        loop.run_until_complete(_read_and_close(client) if before == "closed" else _read(client))
    if before == "dropped":
        cycle: list[object] = [client]
        cycle.append(cycle)
        client, cycle = AsyncVisionClient(endpoint, **options), []
    child = os.fork()
    if not child:
        signal.alarm(_LONGEST_S)
        _call(endpoint, options, how, client)
        if before == "open":
            _check_refused(client, loop)
        client = None  # type: ignore[assignment]
        gc.collect()
        os.write(1, b"child well\n")
        sys.exit()  # Not `os._exit`: the interpreter ends as any other does.
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status == 0, f"the child ended with {status}"
    if before == "open":
        loop.run_until_complete(_read_and_close(client))
    else:
        _call(endpoint, options, "asyncio", client)
    loop.close()
    os.write(1, b"parent well\n")


if __name__ == "__main__":
    main()
