"""Waits for a permit of a quota that gives none, and prints what happens then.

- Ctrl-C ends the stream, and the client can be used again.
- A forked child begins anew, with a quota that gives permits, while its parent waits.
- The main thread ends while the stream of another one waits.
"""

import os
import signal
import threading

from images_in_bytes import png
from scripted_quota import ScriptedQuota
from scripted_service import answer

from vision_grpc import Limits, VisionClient
from vision_grpc.testing import MemoryTransport

_WAIT_S = 60


def _tell(*words: object) -> None:
    print(*words, flush=True)  # noqa: T201


def _interrupt() -> None:
    quota = ScriptedQuota(on_empty=lambda: os.kill(os.getpid(), signal.SIGINT))
    with VisionClient(transport=MemoryTransport(answer), quota=quota) as client:
        try:
            client.analyze(png(0))
        except KeyboardInterrupt:
            _tell("interrupted")
        quota.hand_out(2)
        _tell(client.analyze(png(1)).text)


def _exit() -> None:
    waits = threading.Event()
    client = VisionClient(transport=MemoryTransport(answer), quota=ScriptedQuota(on_empty=waits.set))
    threading.Thread(target=lambda: client.analyze(png(0)), daemon=True).start()
    waits.wait(_WAIT_S)
    _tell("waits")


def _fork() -> None:
    waits, done = threading.Event(), threading.Event()
    quota = ScriptedQuota(on_empty=waits.set)
    client = VisionClient(transport=MemoryTransport(answer), quota=quota, limits=Limits(calls_in_flight=1))

    def read() -> None:
        client.analyze(png(0))
        done.set()

    threading.Thread(target=read, daemon=True).start()
    waits.wait(_WAIT_S)
    if (child := os.fork()) == 0:
        quota.__init__(1)  # type: ignore[misc] # as a quota begins anew in a forked child
        _tell("child", client.analyze(png(1)).text)
        client.close()
        os._exit(0)
    os.waitpid(child, 0)
    quota.hand_out(1)
    _tell("parent", done.wait(_WAIT_S), len(quota.asked))


_interrupt()
_fork()
_exit()
