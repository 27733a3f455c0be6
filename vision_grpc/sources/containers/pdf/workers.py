"""The processes that PDFium runs in. A PDF can make it hang or crash, which then ends such a process and no other.

PDFium takes one call at a time in a process, whatever the document
(https://pypdfium2-team.github.io/pypdfium2/python_api.html, "Incompatibility with Threading").
"""

import atexit
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from functools import partial
from multiprocessing import spawn
from queue import LifoQueue
from threading import Event
from time import monotonic
from typing import BinaryIO, TypeVar, cast

from vision_grpc.errors import Code, MachineError
from vision_grpc.sources.containers.pdf.page import DamagedPageError, PdfError
from vision_grpc.threads import start_thread

_T = TypeVar("_T")

PATIENCE_S = 30
"""How long a call may take. Eight threads that read ahead wait for two processes, each no longer than two minutes."""

_PROCESSES = 2
_EARLY_S = 2

# The same modules are found as here, however this program was started.
_PROGRAM = (
    "import sys; sys.path[:] = sys.argv[1:]; from vision_grpc.sources.containers.pdf.worker import serve; serve()"
)

_over = Event()


class WorkerLostError(DamagedPageError):
    """PDFium hung or crashed; the text says which."""


@contextmanager
def one_worker() -> "Generator[Worker]":
    """Give a worker, when one has no other call to answer.

    Raises:
        PdfError: this machine has no room for one.
    """
    worker = _pool.idle.get()
    try:
        yield worker
    except MachineError as error:
        raise PdfError(str(error), error.code) from error
    finally:
        _pool.idle.put(worker)


class Worker:
    """A process that is started at the first call, and anew after a call that ended it."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[bytes] | None = None

    def ask(self, call: Callable[[], _T]) -> _T:
        """Return what a call returns there, or raise what it raises there.

        Raises:
            WorkerLostError: PDFium hung or crashed.
            PdfError: no process can be started.
        """
        if self.process is not None:
            began_at = monotonic()
            try:
                return self._ask(self.process, call)
            except _CrashError:
                # An earlier document may have damaged the process, or somebody ended it; that shows early.
                if monotonic() - began_at > _EARLY_S:
                    raise
        return self._ask(self._start(), call)

    def _start(self) -> "subprocess.Popen[bytes]":
        if getattr(sys, "frozen", False):
            message = "cannot be read, as a program that is frozen into one file cannot start Python for it"
            raise PdfError(message, Code.FAILED_PRECONDITION)
        command = [spawn.get_executable(), "-c", _PROGRAM, *sys.path]
        pipe, nowhere = subprocess.PIPE, subprocess.DEVNULL
        # Ctrl-C in a terminal goes to the whole group of processes, also to one that has just begun to start.
        group = None if sys.platform == "win32" else 0
        try:
            self.process = subprocess.Popen(  # noqa: S603 - our own program
                command, stdin=pipe, stdout=pipe, stderr=nowhere, process_group=group
            )
            self._exchange(self.process, None)
        except (OSError, WorkerLostError) as error:
            if isinstance(error, OSError) and (shortage := MachineError.of(error, "cannot be read now")):
                raise shortage from error
            message = f"cannot be read, as the process that reads PDFs does not start ({error})"
            raise PdfError(message, Code.FAILED_PRECONDITION) from error
        return self.process

    def _ask(self, process: "subprocess.Popen[bytes]", call: Callable[[], _T]) -> _T:
        is_result, answer = self._exchange(process, call)
        if is_result:
            return cast("_T", answer)
        raise cast("Exception", answer)

    def _exchange(self, process: "subprocess.Popen[bytes]", call: Callable[[], object] | None) -> tuple[bool, object]:
        """Return the answer to a call, or to having been started."""
        calls, answers = cast("BinaryIO", process.stdin), cast("BinaryIO", process.stdout)
        is_answered, is_late = Event(), Event()
        start_thread(partial(_watch, process, is_answered, is_late), "vision-grpc-pdf-watch")
        try:
            if call is not None:
                pickle.dump(call, calls)
                calls.flush()
            return cast("tuple[bool, object]", pickle.load(answers))  # noqa: S301 - of our own process
        except (EOFError, OSError, pickle.UnpicklingError) as error:
            self._forget(process)
            if _over.is_set():
                message = "cannot be read any more: the process ends"
                raise PdfError(message, Code.CANCELLED) from error
            if is_late.is_set():
                message = f"PDFium did not come to an end within {PATIENCE_S} s: the PDF is damaged or too complex"
                raise WorkerLostError(message) from error
            raise _CrashError from error
        except BaseException:
            self._forget(process)  # Its answer would be taken for that to the next call.
            raise
        finally:
            is_answered.set()

    def _forget(self, process: "subprocess.Popen[bytes]") -> None:
        self.process = None
        process.kill()
        with suppress(OSError):  # What was not sent to it is lost.
            process.communicate()


class _CrashError(WorkerLostError):
    def __init__(self) -> None:
        super().__init__("PDFium crashed or took too much memory: the PDF is damaged or too complex")


def _watch(process: "subprocess.Popen[bytes]", is_answered: Event, is_late: Event) -> None:
    # Of a time for which this program and its workers were stopped, only a second counts.
    for _ in range(PATIENCE_S):
        if is_answered.wait(1):
            return
    is_late.set()
    process.kill()


class _Pool:
    """The workers, and those of them that have no call to answer."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        self.workers = [Worker() for _ in range(_PROCESSES)]
        # The last one used is taken first, so that one is enough for calls that are made one by one.
        self.idle: LifoQueue[Worker] = LifoQueue()
        for worker in self.workers:
            self.idle.put(worker)

    def end(self) -> None:
        """End the workers with this process, whatever they do; they would do so themselves, a little later."""
        _over.set()
        for worker in self.workers:
            if (process := worker.process) is not None:
                process.kill()
                process.wait()


_pool = _Pool()
atexit.register(_pool.end)
if hasattr(os, "register_at_fork"):
    # A child that was forked starts workers of its own: the pipes of these are not to be shared.
    os.register_at_fork(after_in_child=_pool.begin)
