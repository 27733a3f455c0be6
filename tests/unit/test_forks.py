"""A child that is forked while another thread holds a lock of the package can use what the lock is for."""

import os
import signal
import ssl
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any

import pytest
from taped import digest_of, recording, texts

from vision_grpc.network.tls.contexts import Once
from vision_grpc.sources.fit.memory import picture_memory
from vision_grpc.sources.fit.opening import _pillow_bound
from vision_grpc.tape import Tape, TapeError


def works_in_a_child(lock: Any, use: Callable[[], object]) -> bool:  # noqa: ANN401 - there is no type for locks
    """Fork while another thread holds a lock; return whether something can be used in the child."""
    held, done = Event(), Event()

    def hold() -> None:
        with lock:
            held.set()
            done.wait(60)

    thread = Thread(target=hold)
    thread.start()
    try:
        assert held.wait(60)
        child = os.fork()
        if not child:
            signal.alarm(20)
            with suppress(BaseException):
                use()
                os._exit(0)
            os._exit(1)
        return os.waitpid(child, 0)[1] == 0
    finally:
        done.set()
        thread.join()


def test_a_tape_with_limits(tmp_path: Path) -> None:
    tape = Tape(tmp_path / "tape", most_bytes=1_000_000)
    tape.record(digest_of(0), recording("parent"))
    assert works_in_a_child(tape._upkeep._lock, lambda: tape.record(digest_of(1), recording("child")))
    assert texts(tape, [0, 1]) == ["parent", "child"]


def test_a_tape_in_a_store() -> None:
    pytest.importorskip("obstore")
    tape = Tape("memory:///forked-while-it-was-read")
    for number in range(3):
        tape.record(digest_of(number), recording())
    assert texts(tape, range(3)) == ["Hello world"] * 3

    def use() -> None:  # It cannot be read there, and says so.
        with pytest.raises(TapeError, match="start processes by spawn"):
            texts(tape, range(3))

    assert works_in_a_child(tape._store._lock, use)  # type: ignore[attr-defined]
    assert texts(tape, range(3)) == ["Hello world"] * 3


def test_a_context_of_tls() -> None:
    once = Once(lambda: ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    assert works_in_a_child(once._lock, once)


def test_memory_for_pictures() -> None:
    def use() -> None:
        with picture_memory.held_for(10**9):
            pass

    assert works_in_a_child(picture_memory._turn, use)
    assert works_in_a_child(picture_memory._freed, use)
    with picture_memory.held_for(10**9):  # A child does not wait for what its parent decodes.
        assert works_in_a_child(Lock(), use)


def test_the_bound_of_pillow() -> None:
    def use() -> None:
        with _pillow_bound.raised_for(10**9):
            pass

    assert works_in_a_child(_pillow_bound._lock, use)
