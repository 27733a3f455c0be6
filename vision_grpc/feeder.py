"""Images for an event loop: pulled and read beside it, a few at a time."""

import asyncio
from collections.abc import AsyncIterable, Callable, Iterable, Sequence

from vision_grpc.config import Limits
from vision_grpc.images import Image, Refusal
from vision_grpc.sources import ImageSource, Source, read_image


class Feeder:
    """A task that pulls as many images as are wanted, and no more.

    `on_news` is called when there is something to `take`. Ordinary iterables are pulled, and
    files read, in a thread: either may block.
    """

    def __init__(
        self, images: Iterable[ImageSource] | AsyncIterable[ImageSource], limits: Limits, on_news: Callable[[], None]
    ) -> None:
        self._limits = limits
        self._on_news = on_news
        self._wanted = 0
        self._resume = asyncio.Event()
        self._images: list[Image | Refusal] = []
        self.has_news = False
        self.exhausted = False
        self.error: Exception | None = None
        if isinstance(images, AsyncIterable):
            self._task = asyncio.create_task(self._pull_async(images))
        elif isinstance(images, list | tuple) and all(isinstance(image, Image | bytes) for image in images):
            self._task = asyncio.create_task(self._pull_at_once(Source(images, limits)))
        else:
            self._task = asyncio.create_task(self._pull_in_thread(Source(images, limits)))

        self._task.add_done_callback(self._ended)

    def want(self, images: int) -> None:
        """Ask for so many more images."""
        self._wanted = images
        self._resume.set()

    def take(self) -> Sequence[Image | Refusal]:
        """Return what has come since the last time; what was wanted and is not there is no longer wanted."""
        images, self._images = self._images, []
        self._wanted = 0
        self.has_news = False
        return images

    async def aclose(self) -> None:
        """Stop pulling."""
        self._task.cancel()
        await asyncio.wait([self._task])

    async def _pull_in_thread(self, source: Source) -> None:
        while not source.exhausted:
            await self._until_wanted()
            self._images += await asyncio.to_thread(source.pull, self._wanted)
            self.exhausted, self.error = source.exhausted, source.error
            self._tell()

    async def _pull_at_once(self, source: Source) -> None:
        """Pull what is in memory: nothing blocks, and a thread would only cost."""
        while not source.exhausted:
            await self._until_wanted()
            self._images += source.pull(self._wanted)
            self.exhausted, self.error = source.exhausted, source.error
            self._tell()

    async def _pull_async(self, images: AsyncIterable[ImageSource]) -> None:
        await self._until_wanted()
        position = 0
        try:
            async for source in images:
                if isinstance(source, Image | bytes):
                    image = read_image(source, position, self._limits)
                else:
                    image = await asyncio.to_thread(read_image, source, position, self._limits)
                position += 1
                self._images.append(image)
                self._tell()
                await self._until_wanted()
        except Exception as error:  # noqa: BLE001 - the caller's own, raised again at the end of the stream
            self.error = error
        self.exhausted = True
        self._tell()

    async def _until_wanted(self) -> None:
        while len(self._images) >= self._wanted:
            self._resume.clear()
            await self._resume.wait()

    def _ended(self, _: "asyncio.Task[None]") -> None:
        """Do not let the stream wait for a task that is over, whatever ended it."""
        if not self.exhausted:
            self.exhausted = True
            self.error = RuntimeError("the source of images was cancelled")
            self._tell()

    def _tell(self) -> None:
        self.has_news = True
        self._on_news()
