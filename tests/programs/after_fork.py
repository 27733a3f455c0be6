"""Uses a client, forks, and uses it in both processes: prints `child well` and `parent well`.

Arguments: the endpoint, the transport, and what the parent does before it forks.
"""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from itertools import count

from images_in_bytes import png

from vision_grpc import ImageResult, Limits, VisionClient

# A child that hangs is what this is about: it must not hang the test.
_LONGEST_S = 20


def _check(client: VisionClient, name: str) -> None:
    results = list(client.analyze_many((png(number) for number in range(40)), ordered=True))
    assert [result.text for result in results] == [str(number) for number in range(40)]
    assert client.analyze(png(7)).text == "7"
    os.write(1, f"{name} well\n".encode())


def _hold(lock: threading.Lock, held: threading.Event, release: threading.Event) -> None:
    with lock:
        held.set()
        release.wait(_LONGEST_S)


def _check_refused(stream: Iterator[ImageResult]) -> None:
    """A child that goes on with a stream of its parent gets no result of it; a hang would end it."""
    with suppress(RuntimeError):
        next(stream)
        message = "a child has gone on with a stream of its parent"
        raise AssertionError(message)


def _fork(client: VisionClient, case: str, stream: Iterator[ImageResult] | None) -> int:
    """Use the client in a child; return its exit code, or the negative number of the signal that ended it."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    signal.alarm(_LONGEST_S)
    if case == "close":
        client.close()
        os.write(1, b"child well\n")
    else:
        if stream is not None:
            _check_refused(stream)
        _check(client, "child")
        client.close()
    os._exit(0)


def main() -> None:
    endpoint, transport, case = sys.argv[1:]
    limits = Limits(requests_per_s=1_000)
    client = VisionClient(endpoint, insecure=True, transport=transport, limits=limits)  # type: ignore[arg-type]
    release = threading.Event()
    stream = None
    if case != "unused":
        assert client.analyze(png(1)).ok
    if case == "streaming":
        stream = client.analyze_many(png(number) for number in count())
        next(stream)
    if case == "locked":
        # Another thread is in the middle of something when the process forks.
        locks = [client._shared.throttle._lock]
        if transport == "rest":
            locks.append(client._connection()._calls._lock)  # type: ignore[attr-defined]
        for lock in locks:
            held = threading.Event()
            threading.Thread(target=_hold, args=(lock, held, release)).start()
            held.wait()
    # gRPC skips what it does for forks while another of its threads is at work, and then its part of the child may
    # crash: nothing of ours is to blame, and nothing of ours may turn that into a child that hangs.
    attempts = 20 if case == "streaming" else 1
    while (status := _fork(client, case, stream)) == -signal.SIGSEGV and attempts > 1:
        attempts -= 1
    release.set()
    assert status == 0, f"the child ended with {status}"
    _check(client, "parent")
    if stream is not None:
        assert all(next(stream).ok for _ in range(50))
        stream.close()
    client.close()


if __name__ == "__main__":
    main()
