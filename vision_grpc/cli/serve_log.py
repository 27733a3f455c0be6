"""The log of the service on stderr, as lines or as JSON. Whoever reads it slowly, or not at all, holds up no call."""

import json
import logging
import queue
import sys
import threading
import traceback
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import cast

from vision_grpc.cli.logs import DATED, LineFormatter
from vision_grpc.cli.stderr import escape, join_lines

# As local/calls/log.py names them; help is printed without the service, so it is not imported.
_FIELDS = "call_fields"
# Where calls come faster than the lines are read, or nobody reads them, the rest is lost, and counted.
_MOST_WAITING = 10_000
# How long the end of the program waits for its last lines to be taken.
_LAST_LINES_S = 0.3
# What asyncio says is about the machine, such as that no file can be opened any more.
_LEVELS = {"vision_grpc": 0, "asyncio": logging.WARNING}


class ServiceLog:
    """Writes lines to stderr in a thread of its own."""

    def __init__(self, level: int, *, as_json: bool) -> None:
        self._as_json = as_json
        self._waiting: queue.Queue[str | None] = queue.Queue(_MOST_WAITING)
        self._lost = 0
        self._writer = threading.Thread(target=self._write, name="vision-log", daemon=True)
        handler = _Handler(self)
        handler.setFormatter(JsonFormatter() if as_json else LineFormatter(DATED))
        for name, least in _LEVELS.items():
            logger = logging.getLogger(name)
            logger.addHandler(handler)
            logger.setLevel(max(least, level) if level > logging.DEBUG else level)
            logger.propagate = False

    def advise(self, message: str) -> None:
        """Print a warning for whoever starts the service: `warning: ...` among lines, a record among JSON."""
        if self._as_json:
            logging.getLogger(__name__).warning(message)
        else:
            self.put(escape(join_lines(f"warning: {message}")))

    def put(self, lines: str) -> None:
        """Print lines as soon as the earlier ones are taken; returns at once."""
        try:
            self._waiting.put_nowait(lines)
        except queue.Full:
            self._lost += 1

    def start(self) -> None:
        """Begin to write."""
        self._writer.start()

    def close(self) -> None:
        """Write what waits, if it is taken quickly."""
        try:
            self._waiting.put(None, timeout=_LAST_LINES_S)
        except queue.Full:
            return
        self._writer.join(_LAST_LINES_S)

    def _write(self) -> None:
        while (lines := self._waiting.get()) is not None:
            sys.stderr.write(f"{lines}\n")
            if self._lost and self._waiting.empty():
                lost, self._lost = self._lost, 0
                logging.getLogger(__name__).warning("%d lines were lost here: stderr is read too slowly", lost)


@contextmanager
def service_log(level: int, *, as_json: bool) -> Generator[ServiceLog]:
    """Provide the log of the service; what waits is written at the end."""
    log = ServiceLog(level, as_json=as_json)
    log.start()
    try:
        yield log
    finally:
        log.close()


class JsonFormatter(logging.Formatter):
    """Makes an object of a record: time, level, logger, message, and the fields of a call or the traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the object in ASCII, on one line."""
        fields = cast("Mapping[str, object] | None", getattr(record, _FIELDS, None))
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            # The fields are beside it.
            "message": record.getMessage() if fields is None else record.getMessage().partition(" ")[0],
        }
        if fields is not None:
            line |= fields
        if record.exc_info:
            line["traceback"] = "".join(traceback.format_exception(*record.exc_info))
        return json.dumps(line)


class _Handler(logging.Handler):
    def __init__(self, log: ServiceLog) -> None:
        super().__init__()
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        self._log.put("\n".join(map(escape, self.format(record).splitlines())))
