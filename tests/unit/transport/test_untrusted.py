"""A call that failed for a certificate is done when it is known why, or cannot be."""

import sys
import threading
from collections.abc import Iterable
from typing import NoReturn

import grpc
import pytest

from vision_grpc.network.attempt import Attempt
from vision_grpc.network.deadline import Deadline
from vision_grpc.network.dialer import Dialer
from vision_grpc.network.endpoint import Endpoint
from vision_grpc.network.tls import Tls
from vision_grpc.transport.grpc.untrusted import Refusals


class _Failure:
    def __init__(self, code: grpc.StatusCode, details: str) -> None:
        self._code = code
        self._details = details

    def code(self) -> grpc.StatusCode:
        return self._code

    def details(self) -> str:
        return self._details

    def initial_metadata(self) -> Iterable[tuple[str, str | bytes]]:
        return ()

    trailing_metadata = initial_metadata


_REFUSED = _Failure(grpc.StatusCode.UNAVAILABLE, "OPENSSL_internal:CERTIFICATE_VERIFY_FAILED")


@pytest.fixture
def attempt() -> Attempt:
    return Attempt(Endpoint("vision.example", 443, plaintext=False), Deadline.after(1.0))


def _no_thread(_: threading.Thread) -> NoReturn:
    message = "can't start new thread"
    raise RuntimeError(message)


def test_any_other_call_is_done_at_once(attempt: Attempt, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading.Thread, "start", _no_thread)
    done: list[str] = []
    for code, details in ((grpc.StatusCode.OK, ""), (grpc.StatusCode.UNAVAILABLE, "Connection refused")):
        Refusals(Tls()).explain_first(_Failure(code, details), attempt, lambda: done.append(attempt.note))
    assert done == ["", ""]


def test_a_refused_one_is_done_when_it_is_known_why(attempt: Attempt, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Dialer, "why_refused", lambda *_: "it was issued by nobody")
    done, notes = threading.Event(), list[str]()

    def on_done() -> None:
        notes.append(attempt.note)
        done.set()

    Refusals(Tls()).explain_first(_REFUSED, attempt, on_done)
    assert done.wait(30)
    assert notes == ["it was issued by nobody"]


def test_a_refused_one_is_done_also_without_a_thread(attempt: Attempt, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading.Thread, "start", _no_thread)
    done: list[str] = []
    Refusals(Tls()).explain_first(_REFUSED, attempt, lambda: done.append(attempt.note))
    assert done == [""]


def test_calls_that_are_refused_together_are_explained_by_one_look(monkeypatch: pytest.MonkeyPatch) -> None:
    looks, begun, may_end = list[Attempt](), threading.Event(), threading.Event()

    def look(_: Dialer, attempt: Attempt) -> str:
        looks.append(attempt)
        begun.set()
        assert may_end.wait(30)
        return "it was issued by nobody"

    monkeypatch.setattr(Dialer, "why_refused", look)
    endpoint = Endpoint("vision.example", 443, plaintext=False)
    attempts = [Attempt(endpoint, Deadline.after(60.0)) for _ in range(8)]
    refusals, done = Refusals(Tls()), threading.Semaphore(0)
    for attempt in attempts:
        refusals.explain_first(_REFUSED, attempt, done.release)
    assert begun.wait(30)
    assert not done.acquire(blocking=False)
    may_end.set()
    assert all(done.acquire(timeout=30) for _ in attempts)
    assert {attempt.note for attempt in attempts} == {"it was issued by nobody"}
    assert looks == attempts[:1]
    refusals.explain_first(_REFUSED, attempts[1], done.release)
    assert done.acquire(timeout=30)
    assert looks == attempts[:2], "the certificate may be another one by then"


def test_no_thread_is_started_when_the_interpreter_ends(attempt: Attempt, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "is_finalizing", lambda: True)
    monkeypatch.setattr(Dialer, "why_refused", lambda *_: "it was issued by nobody")
    done: list[str] = []
    Refusals(Tls()).explain_first(_REFUSED, attempt, lambda: done.append(attempt.note))
    assert done == [""]
