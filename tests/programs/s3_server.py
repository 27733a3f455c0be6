"""Serves S3 from memory on a free port of loopback, which it prints when it listens; it ends with its stdin."""

import logging
import sys

from moto.server import ThreadedMotoServer

logging.getLogger("werkzeug").setLevel(logging.ERROR)
server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
_, port = server.get_host_and_port()
print(port, flush=True)  # noqa: T201
sys.stdin.read()
