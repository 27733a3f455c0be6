"""Serves in a process that SIGKILL ends in the middle of a request, and in another after it.

Arguments: the transport, the port, a file that gets a line with the numbers of its images for each
request which is about to be answered, and how many requests each process sees before it dies; the one
after the last stays.
A line on stdout says each time that the service listens, a line on stdin lets it rise again.
"""

import os
import signal
import sys
import threading
from itertools import count

from scripted_service import Reply, Server, Service, answer, numbers_of

from vision_grpc.messages import BatchAnalyzeRequest


def live(transport: str, port: int, log: int, requests: int | None) -> None:
    """Serve, until the request that kills."""
    seen = count(1)

    def script(request: BatchAnalyzeRequest) -> Reply:
        if next(seen) == requests:
            os.kill(os.getpid(), signal.SIGKILL)
        os.write(log, f"{' '.join(map(str, numbers_of(request)))}\n".encode())
        return answer(request)

    Server(Service(script), port, speaks_http2=transport == "grpc")
    print("listening", flush=True)  # noqa: T201
    threading.Event().wait()


def main() -> None:
    """Live as often as there are deaths, and once more."""
    transport, port, path, *deaths = sys.argv[1:]
    log = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for requests in [*map(int, deaths), None]:
        # What is imported is shared; no thread runs before the server begins.
        child = os.fork()
        if child == 0:
            live(transport, int(port), log, requests)
        os.waitpid(child, 0)
        sys.stdin.readline()


main()
