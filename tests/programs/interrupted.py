"""Interrupts streams of one client at random moments, and uses it after each: prints `well` when all went well.

Arguments: the endpoint, the transport, how often, and a seed.
"""

import os
import random
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import count, takewhile
from queue import SimpleQueue

from images_in_bytes import png

from vision_grpc import Timeouts, VisionClient
from vision_grpc.transport.grpc import thread_channel

_LONGEST_S = 0.03


def _interrupt(go: SimpleQueue[float]) -> None:
    time.sleep(go.get())
    os.kill(os.getpid(), signal.SIGINT)


def _images_until_end(thread: threading.Thread) -> Iterator[bytes]:
    return takewhile(lambda _: thread.is_alive(), map(png, count()))


def main() -> None:
    endpoint, transport, times, seed = sys.argv[1:]
    # Every second interrupt leaves a channel that does not close, for which the client waits in vain.
    thread_channel._CLOSED_WITHIN_S = 0.2
    rng = random.Random(seed)  # noqa: S311 - no secret
    timeouts = Timeouts(call_s=2, total_s=4)
    with VisionClient(endpoint, insecure=True, transport=transport, timeouts=timeouts) as client:  # type: ignore[arg-type]
        for _ in range(int(times)):
            go: SimpleQueue[float] = SimpleQueue()
            interrupting = threading.Thread(target=_interrupt, args=(go,))
            interrupting.start()  # No interrupt comes here: it could become another error in Python's own code.
            with suppress(KeyboardInterrupt):
                go.put(rng.uniform(0, _LONGEST_S))
                # It ends by itself too: an interrupt that comes in a finalizer, of gRPC's calls perhaps, is ignored.
                for _result in client.analyze_many(_images_until_end(interrupting)):
                    pass
                interrupting.join()
            results = list(client.analyze_many(map(png, range(16))))
            assert all(result.ok for result in results), results
    os.write(1, b"well\n")


if __name__ == "__main__":
    main()
