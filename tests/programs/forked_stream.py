"""Forks in the middle of a stream of results: prints the numbers that parent and child get, a line each.

The child also prints how many streams it keeps for its end, if it keeps any.

Argument: `sync` or `asyncio`, and where it forks: `reader` or `source`.
"""

import asyncio
import os
import sys
from collections.abc import Iterator

from images_in_bytes import png
from scripted_service import answer

from vision_grpc import AsyncVisionClient, VisionClient
from vision_grpc.session.calls import _LEFT_AT_EXIT
from vision_grpc.testing import MemoryTransport

_IMAGES = 20
_FORK_AT = 3
_is_child = False


def _fork() -> None:
    global _is_child  # noqa: PLW0603 - a program
    sys.stdout.flush()
    child = os.fork()
    _is_child = child == 0
    if child:
        os.waitpid(child, 0)


def _images(place: str) -> Iterator[bytes]:
    for number in range(_IMAGES):
        if place == "source" and number == _FORK_AT:
            _fork()
        yield png(number)


def _print(texts: list[str], end: str) -> None:
    print("child" if _is_child else "parent", *texts, end, flush=True)  # noqa: T201


def read(place: str) -> None:
    """Read a stream, and fork."""
    client, texts = VisionClient(transport=MemoryTransport(answer)), list[str]()
    try:
        for result in client.analyze_many(_images(place), ordered=True):
            texts.append(result.text)
            if place == "reader" and len(texts) == _FORK_AT:
                _fork()
                texts = [] if _is_child else texts
    except RuntimeError as error:
        _print(texts, str(error))
    else:
        _print(texts, "end")


async def read_async(place: str) -> None:
    """Do what `read` does."""
    client, texts = AsyncVisionClient(transport=MemoryTransport(answer)), list[str]()
    images = list(_images("nowhere"))
    try:
        async for result in client.analyze_many(images, ordered=True):
            texts.append(result.text)
            if len(texts) == _FORK_AT:
                _fork()
                texts = [] if _is_child else texts
    except RuntimeError as error:
        _print(texts, str(error))
    else:
        _print(texts, "end")
    assert place == "reader"


def main() -> None:
    """Do what the arguments say."""
    kind, place = sys.argv[1:]
    if kind == "sync":
        read(place)
    else:
        asyncio.run(read_async(place))
    sys.stdout.flush()
    if _is_child:
        if _LEFT_AT_EXIT:
            _print([], f"keeps {len(_LEFT_AT_EXIT)} streams")
        os._exit(0)


main()
