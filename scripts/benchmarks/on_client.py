"""Images by the asyncio client and by analyze_batches: the same work as that of an engine, in this process."""

import asyncio
from collections.abc import Callable
from itertools import cycle, islice
from typing import Any

from vision_grpc import AsyncVisionClient, Image
from vision_grpc.arrow import analyze_batches

from .engine_worker import Order, check, read_order
from .in_arrow import BLOCK, table
from .meter import answer_orders


class _Client:
    """Reads images of a block, again and again."""

    def __init__(self, order: Order, *, reads_text: bool) -> None:
        self._images = [Image(row["key"], row["image"]) for row in table(order.size).to_pylist()]
        self._reads_text = reads_text
        self._client = AsyncVisionClient(**order.settings)
        self._runner = asyncio.Runner()

    def __call__(self, images: int) -> None:
        """Read so many images."""
        check(self._runner.run(self._read(images)), images)

    async def _read(self, images: int) -> int:
        read = 0
        async for result in self._client.analyze_many(islice(cycle(self._images), images)):
            read += bool(result.text) if self._reads_text else result.ok
        return read


class _Batches:
    """Reads the record batches of a block, again and again."""

    def __init__(self, order: Order) -> None:
        self._batches: list[Any] = table(order.size).to_batches(max_chunksize=order.rows)
        self._settings = order.settings

    def __call__(self, images: int) -> None:
        """Read so many images."""
        given = islice(cycle(self._batches), images // BLOCK * len(self._batches))
        results = analyze_batches(given, **self._settings)
        check(sum(batch.num_rows - batch["text"].null_count for batch in results), images)


WAYS: dict[str, Callable[[Order], Callable[[int], None]]] = {
    "unread": lambda order: _Client(order, reads_text=False),
    "client": lambda order: _Client(order, reads_text=True),
    "batches": _Batches,
}


def main() -> None:
    """Do what standard input orders."""
    order = read_order(__doc__, WAYS)
    answer_orders(WAYS[order.way](order))


if __name__ == "__main__":
    main()
