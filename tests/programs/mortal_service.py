"""Serves in a process that SIGKILL ends in the middle of a request, and in another after it.

Arguments: the transport, the port, a file that gets a line with the numbers of its images for each
request which is about to be answered, and how many requests each process sees before it dies; the one
after the last stays.
A line on stdout says each time that the service listens, a line on stdin lets it rise again.
"""

import os
import signal
import sys
from itertools import count

from scripted_service import Reply, RestServer, Service, answer, numbers_of, start_grpc

from vision_grpc.messages import BatchAnalyzeRequest


def live(transport: str, port: int, log: int, requests: int | None) -> None:
    """Serve, until the request that kills."""
    seen = count(1)

    def script(request: BatchAnalyzeRequest) -> Reply:
        if next(seen) == requests:
            os.kill(os.getpid(), signal.SIGKILL)
        os.write(log, f"{' '.join(map(str, numbers_of(request)))}\n".encode())
        return answer(request)

    service = Service(script)
    if transport == "grpc":
        server = start_grpc(service, port)
        print("listening", flush=True)  # noqa: T201
        server.wait()
    else:
        over_rest = RestServer(service, port)
        print("listening", flush=True)  # noqa: T201
        over_rest.serve_forever()


def main() -> None:
    """Live as often as there are deaths, and once more."""
    transport, port, path, *deaths = sys.argv[1:]
    log = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for requests in [*map(int, deaths), None]:
        # What is imported is shared; gRPC has not begun anything before it is called.
        child = os.fork()
        if child == 0:
            live(transport, int(port), log, requests)
        os.waitpid(child, 0)
        sys.stdin.readline()


main()
