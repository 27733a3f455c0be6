"""Open files, buffers and pictures through both clients, over every transport."""

import asyncio
import io
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from drivers import Connect
from images_in_bytes import png
from PIL import Image as Pillow
from scripted_service import answer, numbers_of

from vision_grpc import AsyncVisionClient, Image, ImageResult, Limits
from vision_grpc.messages import BatchAnalyzeRequest, BatchAnalyzeResponse
from vision_grpc.results.layout import Box
from vision_grpc.sources.files import ImageSource
from vision_grpc.testing import MemoryTransport

_SOON_S = 20.0


def _boxed(request: BatchAnalyzeRequest) -> BatchAnalyzeResponse:
    """Answer each image with a word in a box of 10 x 20 pixels."""
    response = BatchAnalyzeResponse()
    for _ in request.analyze_specs:
        page = response.results.add().results.add().text_detection.pages.add()
        box = page.blocks.add().lines.add().words.add(text="word").bounding_box
        for x, y in ((0, 0), (0, 20), (10, 20), (10, 0)):
            box.vertices.add(x=x, y=y)
    return response


def test_images_of_all_kinds_are_sent_in_one_stream(connect: Connect) -> None:
    client, service = connect()
    images: list[ImageSource] = [
        io.BytesIO(png(0)),
        bytearray(png(1)),
        memoryview(png(2)),
        Image("mine", bytearray(png(3))),
        io.BufferedReader(io.BytesIO(png(4))),
        png(5),
    ]
    results = client.collect(images, ordered=True)
    assert [result.text for result in results] == [str(number) for number in range(6)]
    assert [result.key for result in results] == ["#0", "#1", "#2", "mine", "#4", "#5"]
    assert sorted(number for request in service.requests for number in numbers_of(request)) == list(range(6))


def test_one_of_each_kind_is_analyzed(connect: Connect) -> None:
    client, _ = connect()
    for image in (io.BytesIO(png(7)), bytearray(png(7)), memoryview(png(7))):
        assert client.analyze(image).text == "7"


def test_a_buffer_that_a_source_fills_anew_is_copied_in_between(connect: Connect) -> None:
    client, _ = connect()

    def images() -> Iterator[bytearray]:
        buffer = bytearray(png(0))
        for number in range(20):
            buffer[:] = png(number)
            yield buffer
        buffer[:] = b"x"

    assert [result.text for result in client.collect(images(), ordered=True)] == [str(number) for number in range(20)]


def test_a_mistake_ends_a_stream_after_the_images_before_it(connect: Connect) -> None:
    client, _ = connect()
    results: list[ImageResult] = []
    with pytest.raises(TypeError, match="the file is open as text"):
        client.collect([png(0), io.StringIO("text")], on_result=results.append)  # type: ignore[list-item]
    assert [result.text for result in results] == ["0"]


def test_a_picture_has_its_boxes_in_its_own_pixels(connect: Connect) -> None:
    exif = Pillow.Exif()
    exif[0x0112] = 6  # Its first column is the top of what is to be seen.
    file = io.BytesIO()
    Pillow.new("L", (400, 200), 255).save(file, "PNG", exif=exif)
    turned = Pillow.open(file)
    client, service = connect(_boxed, limits=Limits(pixels=20_000))
    images: list[ImageSource] = [Pillow.new("L", (100, 50)), Pillow.new("RGB", (400, 200)), turned, png(3)]
    results = client.collect(images, ordered=True)
    assert [result.key for result in results] == ["#0", "#1", "#2", "#3"]
    assert [[word.box for word in result.words()] for result in results] == [
        [Box(0, 0, 10, 20)], [Box(0, 0, 20, 40)], [Box(0, 180, 40, 200)], [Box(0, 0, 10, 20)],
    ]  # fmt: skip
    assert results[3].fitted is None
    fitted: Any = results[2].fitted
    assert (fitted["width"], fitted["height"], fitted["orientation"]) == (400, 200, 6)
    sent = [spec.content for request in service.requests for spec in request.analyze_specs if spec.content != png(3)]
    assert sorted(Pillow.open(io.BytesIO(content)).size for content in sent) == [(100, 50), (100, 200), (200, 100)]
    [box] = [word.box for word in client.analyze(Pillow.new("RGB", (400, 200))).words()]
    assert box == Box(0, 0, 20, 40)


class _Slow(io.RawIOBase):
    """A file that gives its bytes when a test lets it."""

    def __init__(self, content: bytes) -> None:
        self._file = io.BytesIO(content)
        self.is_asked, self.may_answer = threading.Event(), threading.Event()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - of `io`
        self.is_asked.set()
        assert self.may_answer.wait(_SOON_S)
        return self._file.readinto(buffer)


@pytest.mark.parametrize("how", ["analyze", "list", "asynchronous"])
async def test_a_file_is_read_beside_the_event_loop(how: str) -> None:
    file = _Slow(png(1))

    async def images() -> AsyncIterator[ImageSource]:
        yield file

    async with AsyncVisionClient(transport=MemoryTransport(answer)) as client:

        async def read() -> str:
            if how == "analyze":
                return (await client.analyze(file)).text
            return "".join([result.text async for result in client.analyze_many([file] if how == "list" else images())])

        reading = asyncio.create_task(read())
        assert await asyncio.to_thread(file.is_asked.wait, _SOON_S)
        file.may_answer.set()
        assert await asyncio.wait_for(reading, _SOON_S) == "1"


async def test_a_buffer_is_copied_before_a_task_that_analyzes_it_waits() -> None:
    async with AsyncVisionClient(transport=MemoryTransport(answer)) as client:
        for buffer in (bytearray(png(1)), io.BytesIO(png(1))):
            task = asyncio.create_task(client.analyze(buffer))
            await asyncio.sleep(0)
            if isinstance(buffer, io.BytesIO):
                buffer.close()
            else:
                buffer[:] = b"x"
            assert (await task).text == "1"
