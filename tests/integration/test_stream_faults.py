"""Streams against a service on real sockets that dies, stays silent or never was."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing

import pytest
from held_port import held_port
from images_in_bytes import number_in, png
from scripted_service import Reply, answer, numbers_of, serve_grpc

from vision_grpc import AsyncVisionClient, Image, Limits, RetryPolicy, Timeouts, VisionClient
from vision_grpc.contract.sizes import MOST_IMAGES
from vision_grpc.errors import Code
from vision_grpc.local.faults.kinds.times import Hang
from vision_grpc.messages import BatchAnalyzeRequest


def test_a_service_that_stays_silent_fails_each_image_in_time() -> None:
    timeouts = Timeouts(call_s=0.2, total_s=0.5)
    retry = RetryPolicy(initial_backoff_s=0.01)
    with (
        serve_grpc(lambda _: Hang()) as service,
        VisionClient(service.address, insecure=True, transport="grpc", timeouts=timeouts, retry=retry) as client,
    ):
        results = list(client.analyze_many(png(number) for number in range(20)))
    assert sorted(int(result.key.removeprefix("#")) for result in results) == list(range(20))
    assert {result.error.code for result in results if result.error} == {Code.DEADLINE_EXCEEDED}


def test_a_service_that_is_not_there_fails_each_image() -> None:
    retry = RetryPolicy(attempts=2, initial_backoff_s=0.01, max_backoff_s=0.5)
    with (
        held_port() as port,
        VisionClient(f"127.0.0.1:{port}", insecure=True, transport="grpc", retry=retry) as client,
    ):
        results = list(client.analyze_many(png(number) for number in range(20)))
    assert len(results) == 20
    assert {result.error.code for result in results if result.error} == {Code.UNAVAILABLE}


@pytest.mark.usefixtures("patient_sources")
def test_some_silent_calls_do_not_hold_up_the_others() -> None:
    lock = threading.Lock()
    silent: set[int] = set()

    def script(request: BatchAnalyzeRequest) -> Reply:
        first = numbers_of(request)[0]
        with lock:
            if first % 40 == 0 and first not in silent:
                silent.add(first)
                return Hang()
        return answer(request)

    retry = RetryPolicy(initial_backoff_s=0.01)
    with (
        serve_grpc(script) as service,
        VisionClient(
            service.address, insecure=True, transport="grpc", timeouts=Timeouts(call_s=0.2), retry=retry
        ) as client,
    ):
        results = list(client.analyze_many(png(number) for number in range(200)))
    assert sorted(int(result.text) for result in results) == list(range(200))
    assert len(silent) == 5


# Sources


def test_a_blocked_source_does_not_hold_back_the_results_of_what_came_before_it() -> None:
    """An event loop gets them while the source still blocks in its thread."""
    released = threading.Event()

    def images() -> Iterator[bytes]:
        for number in range(20):
            yield png(number)
        assert released.wait(20)
        yield png(20)

    async def read(address: str) -> list[str]:
        texts: list[str] = []
        async with AsyncVisionClient(address, insecure=True, transport="grpc") as client:
            async for result in client.analyze_many(images()):
                texts.append(result.text)
                if len(texts) == 16:
                    released.set()
        return texts

    with serve_grpc(answer) as service:
        texts = asyncio.run(read(service.address))
    assert sorted(map(int, texts)) == list(range(21))


def test_an_asynchronous_source_that_pauses_gets_its_results_meanwhile() -> None:
    async def read(address: str) -> list[str]:
        seen = asyncio.Event()
        texts: list[str] = []

        async def images() -> object:
            for number in range(11):
                yield png(number)
            await asyncio.wait_for(seen.wait(), 20)
            yield png(11)

        async with AsyncVisionClient(address, insecure=True, transport="grpc") as client:
            async for result in client.analyze_many(images()):  # type: ignore[arg-type]
                texts.append(result.text)
                if len(texts) == 11:
                    seen.set()
        return texts

    with serve_grpc(answer) as service:
        texts = asyncio.run(read(service.address))
    assert sorted(map(int, texts)) == list(range(12))


async def test_an_asynchronous_source_that_raises_does_so_after_its_results() -> None:
    async def images() -> object:
        for number in range(20):
            yield png(number)
        message = "the queue is gone"
        raise ConnectionError(message)

    texts: list[str] = []

    async def read(client: AsyncVisionClient) -> None:
        async for result in client.analyze_many(images()):  # type: ignore[arg-type]
            texts.append(result.text)  # noqa: PERF401 - what came before the error is wanted

    with serve_grpc(answer) as service:
        async with AsyncVisionClient(service.address, insecure=True, transport="grpc") as client:
            with pytest.raises(ConnectionError, match="the queue is gone"):
                await read(client)
    assert sorted(map(int, texts)) == list(range(20))


async def test_an_endless_asynchronous_source_ends_with_its_reader() -> None:
    pulled = 0

    async def images() -> AsyncIterator[Image]:
        nonlocal pulled
        while True:
            yield Image(str(pulled), png(pulled))
            pulled += 1

    with serve_grpc(answer) as service:
        async with AsyncVisionClient(service.address, insecure=True, transport="grpc") as client:
            async with aclosing(client.analyze_many(images())) as results:
                taken = [await anext(results) for _ in range(3)]
            assert all(result.ok for result in taken)
            after_close = pulled
            await client.analyze(png(1))
            assert pulled == after_close
    assert pulled <= 2 * Limits().calls_in_flight * MOST_IMAGES


def test_one_client_serves_several_threads_at_once() -> None:
    threads = 6
    texts: dict[int, list[int]] = {}

    def work(client: VisionClient, worker: int) -> None:
        images = (png(1_000 * worker + number) for number in range(100))
        texts[worker] = [int(result.text) for result in client.analyze_many(images, ordered=True)]

    with (
        serve_grpc(answer) as service,
        VisionClient(service.address, insecure=True, transport="grpc", limits=Limits(calls_in_flight=3)) as client,
    ):
        workers = [threading.Thread(target=work, args=(client, worker)) for worker in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        stats = client.stats()
    assert texts == {worker: [1_000 * worker + number for number in range(100)] for worker in range(threads)}
    assert stats.images_succeeded == 100 * threads
    assert stats.calls_in_flight == 0


def test_a_window_of_more_calls_than_one_connection_takes() -> None:
    """The number of streams of one connection is limited, by servers to 100 for example."""
    seen: set[int] = set()

    def script(request: BatchAnalyzeRequest) -> Reply:
        seen.update(number_in(spec.content) for spec in request.analyze_specs)
        return answer(request)

    limits = Limits(calls_in_flight=200)
    with (
        serve_grpc(script) as service,
        VisionClient(service.address, insecure=True, transport="grpc", limits=limits) as client,
    ):
        results = list(client.analyze_many(png(number) for number in range(2_000)))
    assert all(result.ok for result in results)
    assert len(seen) == len(results) == 2_000
