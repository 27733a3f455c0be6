"""Threads that jobs are handed to."""

import gc
import threading
import weakref

import pytest

from vision_grpc.threads import DaemonThreads


class _Images:
    pass


def test_jobs_are_done_in_order_and_in_one_thread() -> None:
    threads = DaemonThreads("test")
    futures = [threads.submit(lambda number=number: (number, threading.get_ident())) for number in range(9)]  # type: ignore[misc]
    threads.end()
    results = [future.result(20) for future in futures]
    assert [number for number, _ in results] == list(range(9))
    assert len({thread for _, thread in results}) == 1


def test_several_threads_work_side_by_side() -> None:
    threads = DaemonThreads("test", count=2)
    together = threading.Barrier(2)
    futures = [threads.submit(lambda: together.wait(20)) for _ in range(2)]
    assert sorted(future.result(20) for future in futures) == [0, 1]
    threads.end()


@pytest.mark.parametrize("error", [KeyError, StopIteration, SystemExit])
def test_what_a_job_raises_is_for_its_future_alone(error: type[BaseException]) -> None:
    def job() -> None:
        raise error

    threads = DaemonThreads("test")
    assert isinstance(threads.submit(job).exception(20), error)
    assert threads.submit(lambda: 7).result(20) == 7
    threads.end()


def test_a_job_cannot_be_cancelled() -> None:
    threads = DaemonThreads("test")
    go_on = threading.Event()
    threads.submit(lambda: go_on.wait(20))
    future = threads.submit(lambda: 7)
    assert not future.cancel()
    go_on.set()
    assert future.result(20) == 7
    threads.end()


@pytest.mark.parametrize("fails", [False, True])
def test_a_job_and_its_result_are_forgotten(fails: bool) -> None:  # noqa: FBT001 - the parameter
    def work(images: _Images) -> _Images:
        if fails:
            raise KeyError
        return images

    threads = DaemonThreads("test")
    images = _Images()
    seen = weakref.ref(images)
    future = threads.submit(lambda images=images: work(images))  # type: ignore[misc]
    future.exception(20)
    del images, future
    threads.submit(lambda: None).result(20)  # The thread is on its way to the next job now.
    if fails:
        gc.collect()
    assert seen() is None
    threads.end()


def test_threads_are_daemons_and_end() -> None:
    found: list[threading.Thread] = []
    threads = DaemonThreads("test-name")
    threads.submit(lambda: found.append(threading.current_thread())).result(20)
    assert found[0].daemon
    assert found[0].name == "test-name"
    threads.end()
    found[0].join(20)
    assert not found[0].is_alive()
