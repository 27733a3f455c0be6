"""What a process and all that it started have spent, as Linux counts it."""

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, Self

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_LOOK_S = 0.5
# Of what stands after the name in /proc/PID/stat, see proc_pid_stat(5).
_PARENT = 1
_TIMES = slice(11, 13)
_STARTED = 19


class _Process(NamedTuple):
    parent: int
    started: int
    cpu_s: float


class ProcessTree:
    """A process and its descendants.

    They are looked at twice a second: what one takes after the last look before its end is not known, as Ray's
    daemons do not wait for their children.
    """

    def __init__(self, root: int) -> None:
        self._root = root
        self._spent: dict[tuple[int, int], float] = {}
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._looks = threading.Thread(target=self._look_on, daemon=True)

    def cpu_s(self) -> float:
        """Return the seconds of CPU of all of them so far, also of those that have ended."""
        with self._lock:
            running = dict(_running())
            for pid, process in running.items():
                if _descends(running, pid, self._root):
                    self._spent[pid, process.started] = process.cpu_s
            return sum(self._spent.values())

    def _look_on(self) -> None:
        while not self._ended.wait(_LOOK_S):
            self.cpu_s()

    def __enter__(self) -> Self:
        self._looks.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._looks.join()


def _running() -> Iterator[tuple[int, _Process]]:
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            _, _, after_name = (folder / "stat").read_text().rpartition(")")
            fields = after_name.split()
            cpu_s = sum(map(int, fields[_TIMES])) / _TICKS_PER_S
            yield int(folder.name), _Process(int(fields[_PARENT]), int(fields[_STARTED]), cpu_s)


def _descends(running: Mapping[int, _Process], pid: int, root: int) -> bool:
    while pid != root and pid in running:
        pid = running[pid].parent
    return pid == root
