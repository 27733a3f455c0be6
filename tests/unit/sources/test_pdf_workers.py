"""PDFs that make PDFium hang or crash, and the processes in which it does."""

import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from threading import Event

import pytest
from documents import PdfPage, hanging_page, make_pdf, text

from vision_grpc.errors import Code
from vision_grpc.results import ImageError
from vision_grpc.sources.containers.pdf import document, open_pdf, pdfium, workers
from vision_grpc.sources.containers.pdf.page import PdfError
from vision_grpc.sources.containers.pdf.workers import WorkerLostError, one_worker
from vision_grpc.sources.fit import Fitted, prepare
from vision_grpc.sources.item import Item
from vision_grpc.sources.options import SourceOptions
from vision_grpc.threads import start_thread

_SMALL = PdfPage(text("written here"), box=(0, 600, 300, 800))


@pytest.fixture(autouse=True)
def _new_workers(new_workers: None) -> None:
    """Have workers that no other test has used."""


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "PATIENCE_S", 3)
    monkeypatch.setattr(document, "_MOST_LOST_S", 6)


def ask(call: Callable[[], object]) -> object:
    with one_worker() as worker:
        return worker.ask(call)


def pages(content: bytes, options: SourceOptions | None = None) -> list[Fitted | ImageError]:
    entries = open_pdf(content, "a.pdf", options or SourceOptions(fit=True))
    return [prepare(entry) for entry in entries if isinstance(entry, Item)]


def faults(results: list[Fitted | ImageError]) -> list[str]:
    errors = [result for result in results if isinstance(result, ImageError)]
    assert not any(error.retryable for error in errors)
    return [error.message for error in errors]


@pytest.mark.usefixtures("_impatient")
@pytest.mark.parametrize("skip_text", [False, True])
def test_a_page_that_hangs_is_an_error_and_the_others_are_read(skip_text: bool) -> None:  # noqa: FBT001 - a case
    results = pages(make_pdf([PdfPage(), hanging_page(), PdfPage()]), SourceOptions(fit=True, skip_text=skip_text))
    assert [isinstance(result, Fitted) for result in results] == [True, False, True]
    assert faults(results) == [
        "a.pdf#page=2: PDFium did not come to an end within 3 s: the PDF is damaged or too complex"
    ]


@pytest.mark.usefixtures("_impatient")
def test_a_document_of_which_two_pages_hang_is_given_up_and_the_next_one_is_read() -> None:
    results = pages(make_pdf([hanging_page()] * 20 + [PdfPage()]))
    assert len([fault for fault in faults(results) if "did not come to an end" in fault]) == 2
    assert faults(results)[2:] == [
        f"a.pdf#page={number}: not read, as PDFium hung or crashed on other pages: the PDF is damaged or too complex"
        for number in range(3, 22)
    ]
    assert all(isinstance(result, Fitted) for result in pages(make_pdf([PdfPage()] * 3)))


@pytest.mark.usefixtures("_impatient")
def test_pages_are_read_while_another_document_hangs() -> None:
    hanging = Event()

    def hang() -> None:
        entry = next(open_pdf(make_pdf([hanging_page()]), "b.pdf", SourceOptions(fit=True)))
        assert isinstance(entry, Item)
        hanging.set()
        prepare(entry)

    thread = start_thread(hang, "hangs")
    assert hanging.wait(60)
    assert isinstance(pages(make_pdf([_SMALL]))[0], Fitted)
    thread.join(60)


def test_a_crash_costs_a_call_that_is_made_again() -> None:
    assert ask(os.getpid) != os.getpid()
    with pytest.raises(WorkerLostError, match="PDFium crashed"):
        ask(os.abort)
    assert ask(os.getpid) != os.getpid()


def test_a_page_that_crashes_is_an_error_and_the_others_are_read(monkeypatch: pytest.MonkeyPatch) -> None:

    def crash_at_2(call: Callable[..., object], *given: object) -> Callable[[], object]:
        return partial(os.abort) if call is pdfium.fit_page and given[1] == 2 else partial(call, *given)

    monkeypatch.setattr(document, "partial", crash_at_2)
    results = pages(make_pdf([_SMALL] * 3))
    assert [isinstance(result, Fitted) for result in results] == [True, False, True]
    assert faults(results) == [
        "a.pdf#page=2: PDFium crashed or took too much memory: the PDF is damaged or too complex"
    ]


def test_a_worker_that_was_killed_is_replaced() -> None:
    number = ask(os.getpid)
    assert isinstance(number, int)
    os.kill(number, signal.SIGKILL)
    assert isinstance(pages(make_pdf([_SMALL]))[0], Fitted)


def test_a_call_that_takes_too_much_memory_is_an_error_alone() -> None:
    with pytest.raises(MemoryError):
        ask(partial(bytearray, 5 * 1024**3))
    assert isinstance(pages(make_pdf([_SMALL]))[0], Fitted)


def test_ctrl_c_does_not_end_a_worker() -> None:
    number = ask(os.getpid)
    assert isinstance(number, int)
    os.kill(number, signal.SIGINT)
    assert ask(os.getpid) == number


def test_what_is_printed_is_no_answer(capfd: pytest.CaptureFixture[str]) -> None:
    assert ask(partial(os.write, 1, b"printed")) == 7
    assert ask(partial(os.write, 2, b"printed")) == 7
    assert capfd.readouterr() == ("", "")


def test_documents_in_memory_leave_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    entries = list(open_pdf(make_pdf([_SMALL]), "a.pdf", SourceOptions(fit=True)))
    assert len(list(tmp_path.iterdir())) == 1
    del entries
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("executable", ["/absent/python", sys.executable + "-no", "/bin/true"])
def test_a_machine_without_python_for_it_is_told(executable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("multiprocessing.spawn.get_executable", lambda: executable)
    (error,) = pages(make_pdf([_SMALL] * 2))
    assert isinstance(error, ImageError)
    assert error.code == Code.FAILED_PRECONDITION
    assert "the process that reads PDFs does not start" in error.message


def test_a_frozen_program_is_not_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    with pytest.raises(PdfError, match="frozen"):
        ask(os.getpid)


_HANGS = """
import os, signal, sys, threading
from vision_grpc.sources.containers.pdf import open_pdf
from vision_grpc.sources.containers.pdf.workers import _pool
from vision_grpc.sources.fit import prepare
from vision_grpc.sources.options import SourceOptions
item = next(open_pdf(sys.argv[1], "a.pdf", SourceOptions(fit=True)))
"""


@pytest.mark.parametrize(
    ("ends", "code"),
    [
        ("threading.Thread(target=prepare, args=(item,), daemon=True).start()", 0),
        ("threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start(); prepare(item)", -signal.SIGINT),
        ("threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGKILL)).start(); prepare(item)", -signal.SIGKILL),
    ],
    ids=["end", "Ctrl-C", "kill"],
)
def test_the_process_ends_during_a_hang_with_its_workers(ends: str, code: int, tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(make_pdf([hanging_page()]))
    program = (
        _HANGS + "print([worker.process.pid for worker in _pool.workers if worker.process][0], flush=True)\n" + ends
    )
    ended = subprocess.run([sys.executable, "-c", program, path], capture_output=True, timeout=25, check=False)
    assert ended.returncode == code
    assert (b"KeyboardInterrupt" in ended.stderr) == (code == -signal.SIGINT)
    assert _is_over(int(ended.stdout))


def _is_over(number: int) -> bool:
    """Return whether a process ends that may have a moment to do so."""
    try:
        descriptor = os.pidfd_open(number)
    except ProcessLookupError:
        return True
    return bool(select.select([descriptor], [], [], 10)[0])
