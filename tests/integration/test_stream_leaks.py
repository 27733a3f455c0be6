"""What a stream leaves behind: nothing, however it ends."""

import asyncio
import gc
import os
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from itertools import count
from pathlib import Path

import pytest
from images_in_bytes import png
from scripted_service import Service, answer, serve_grpc, serve_rest

from vision_grpc import AsyncVisionClient, VisionClient
from vision_grpc.errors import TransportError
from vision_grpc.local.faults.kinds.times import Hang
from vision_grpc.messages import AnalyzeSpec, BatchAnalyzeRequest, Feature

_SERVERS = {"grpc": serve_grpc, "rest": serve_rest}
_PROGRAM = Path(__file__).parent.parent / "programs" / "after_fork.py"


@pytest.fixture(params=_SERVERS)
def transport(request: pytest.FixtureRequest) -> str:
    return request.param  # type: ignore[no-any-return]


def _sockets_to(port: int) -> int:
    """Return how many connections this process has to a port as a client."""
    own = set(map(_target, Path("/proc/self/fd").iterdir()))
    tables = [Path("/proc/self/net", table).read_text().splitlines()[1:] for table in ("tcp", "tcp6")]
    lines = [line.split() for table in tables for line in table]
    return sum(f"socket:[{fields[9]}]" in own and fields[2].endswith(f":{port:04X}") for fields in lines)


def _target(descriptor: Path) -> str:
    """Return what a file descriptor stands for; the one by which the folder was read is gone."""
    try:
        return str(descriptor.readlink())
    except FileNotFoundError:
        return ""


def _port(service: Service) -> int:
    return int(service.address.rsplit(":", 1)[1])


def _gone(port: int, threads: set[threading.Thread]) -> bool:
    """Whether connections and threads have ended, but for the threads that were there before, given a moment."""
    gc.collect()
    waited = threading.Event()
    for _ in range(3_000):
        if not _sockets_to(port) and not [new for new in threading.enumerate() if _is_ours(new) and new not in threads]:
            return True
        waited.wait(0.01)
    return False


def _is_ours(thread: threading.Thread) -> bool:
    """Whether a client made it, and not the service beside it."""
    return thread.name.startswith(("vision", "channel"))


def _read_all(client: VisionClient, port: int) -> None:
    assert len(list(client.analyze_many(png(number) for number in range(100)))) == 100
    assert _sockets_to(port) > 0


def _read_a_few(client: VisionClient, port: int) -> None:
    results = client.analyze_many(png(number) for number in count())
    next(results)
    assert _sockets_to(port) > 0
    results.close()


def _forget(client: VisionClient, port: int) -> None:
    results = client.analyze_many(png(number) for number in count())
    next(results)
    assert _sockets_to(port) > 0


@pytest.mark.parametrize("use", [_read_all, _read_a_few, _forget])
def test_no_thread_and_no_connection_outlives_a_client(
    transport: str, use: Callable[[VisionClient, int], None]
) -> None:
    with _SERVERS[transport](answer) as service:
        threads = set(threading.enumerate())
        with VisionClient(service.address, insecure=True, transport=transport) as client:  # type: ignore[arg-type]
            use(client, _port(service))
        assert _gone(_port(service), threads)


@pytest.mark.parametrize("images", [100, 3])
async def test_no_task_and_no_connection_outlives_an_asynchronous_client(transport: str, images: int) -> None:
    tasks = asyncio.all_tasks()
    with _SERVERS[transport](answer) as service:
        threads = set(threading.enumerate())
        async with AsyncVisionClient(service.address, insecure=True, transport=transport) as client:  # type: ignore[arg-type]
            async with aclosing(client.analyze_many(png(number) for number in range(100))) as results:
                for _ in range(images):
                    await anext(results)
                    assert _sockets_to(_port(service)) > 0
            assert await _ends(tasks)
        assert await asyncio.to_thread(_gone, _port(service), threads)


async def _ends(tasks: set["asyncio.Task[object]"]) -> bool:
    """Whether no tasks but these are left, once those that were cancelled have ended."""
    left = asyncio.all_tasks() - tasks - {asyncio.current_task()}
    # gRPC keeps one that polls for all channels of the process.
    left = {task for task in left if "grpc" not in repr(task.get_coro())}
    if left:
        await asyncio.wait(left, timeout=30)
    return all(task.done() for task in left)


async def test_cancelling_the_reader_passes_through_and_cancels_its_calls(transport: str) -> None:
    arrived = threading.Event()

    def script(_: BatchAnalyzeRequest) -> Hang:
        arrived.set()
        return Hang()

    tasks = asyncio.all_tasks()
    with _SERVERS[transport](script) as service:
        async with AsyncVisionClient(service.address, insecure=True, transport=transport) as client:  # type: ignore[arg-type]

            async def read() -> None:
                async for _ in client.analyze_many(png(number) for number in count()):
                    pass

            reader = asyncio.create_task(read())
            assert await asyncio.to_thread(arrived.wait, 20)
            reader.cancel()
            with pytest.raises(asyncio.CancelledError):
                await reader
            assert await _ends(tasks)
            assert client.stats().calls_in_flight == 0


async def test_cancelling_a_single_call_passes_through(transport: str) -> None:
    arrived = threading.Event()

    def script(_: BatchAnalyzeRequest) -> Hang:
        arrived.set()
        return Hang()

    with _SERVERS[transport](script) as service:
        async with AsyncVisionClient(service.address, insecure=True, transport=transport) as client:  # type: ignore[arg-type]
            for call in (client.analyze(png(1)), client.batch_analyze(_request())):
                arrived.clear()
                task = asyncio.ensure_future(call)
                assert await asyncio.to_thread(arrived.wait, 20)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task


def _request() -> BatchAnalyzeRequest:
    return BatchAnalyzeRequest(
        analyze_specs=[AnalyzeSpec(content=png(1), features=[Feature(type=Feature.TEXT_DETECTION)])]
    )


async def test_closing_a_client_ends_the_calls_of_others_with_an_error_of_ours(transport: str) -> None:
    """Not with a cancellation that nobody asked for."""
    arrived = threading.Event()

    def script(_: BatchAnalyzeRequest) -> Hang:
        arrived.set()
        return Hang()

    with _SERVERS[transport](script) as service:
        uses: list[tuple[Callable[[AsyncVisionClient], Awaitable[object]], type[Exception], str]] = [
            (lambda client: client.analyze(png(1)), RuntimeError, "^the client is closed"),
            (lambda client: client.batch_analyze(_request()), TransportError, "cancelled"),
        ]
        for use, kind, words in uses:
            arrived.clear()
            client = AsyncVisionClient(service.address, insecure=True, transport=transport)  # type: ignore[arg-type]
            task = asyncio.ensure_future(use(client))
            assert await asyncio.to_thread(arrived.wait, 20)
            await client.aclose()
            with pytest.raises(kind, match=words):
                await asyncio.wait_for(task, 20)


def test_closing_a_client_in_another_thread_ends_its_streams(transport: str) -> None:
    arrived = threading.Event()
    errors: list[BaseException] = []

    def script(_: BatchAnalyzeRequest) -> Hang:
        arrived.set()
        return Hang()

    with _SERVERS[transport](script) as service:
        client = VisionClient(service.address, insecure=True, transport=transport)  # type: ignore[arg-type]

        def read() -> None:
            try:
                list(client.analyze_many(png(number) for number in count()))
            except (TransportError, RuntimeError) as error:
                errors.append(error)

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        assert arrived.wait(20)
        client.close()
        reader.join(30)
        assert not reader.is_alive()
    assert [str(error) for error in errors] == ["the client is closed"]


def test_a_second_event_loop_is_refused_in_clear_words(transport: str) -> None:
    with _SERVERS[transport](answer) as service:
        client = AsyncVisionClient(service.address, insecure=True, transport=transport)  # type: ignore[arg-type]

        async def use() -> None:
            assert (await client.analyze(png(1))).ok
            assert (await client.batch_analyze(_request())).results

        async def use_and_close() -> None:
            await use()
            await client.aclose()

        with asyncio.Runner() as first, asyncio.Runner() as second:
            first.run(use())
            for _ in range(2):
                with pytest.raises(RuntimeError, match="another event loop"):
                    second.run(use())
            first.run(use_and_close())


@pytest.mark.parametrize("case", ["used", "unused", "streaming", "locked", "close"])
def test_a_forked_child_calls_on_a_connection_of_its_own(transport: str, case: str) -> None:
    with _SERVERS[transport](answer) as service:
        done = subprocess.run(
            [sys.executable, str(_PROGRAM), service.address, transport, case],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
    assert done.stdout.split() == ["child", "well", "parent", "well"], done.stderr
