"""Whose answers a tape has: it says so, and takes none of another service."""

import errno
import os
from pathlib import Path

import pytest
from taped import digest_of, place, recording, texts

from vision_grpc.network.endpoint import Endpoint
from vision_grpc.session.service_name import name_service
from vision_grpc.tape import Tape, TapeError
from vision_grpc.tape.errors import OtherServiceError
from vision_grpc.tape.store import MARKER, marker_of, service_in

__all__ = ["place"]


def test_the_first_answer_makes_the_tape_that_of_its_service(place: str) -> None:
    tape = Tape(place)
    tape.check_service("cloud.example")  # There is no tape yet.
    tape.record(digest_of(0), recording("0"), service="cloud.example")
    for each in (tape, Tape(place)):
        each.check_service("cloud.example")
        each.record(digest_of(1), recording("1"), service="cloud.example")
        with pytest.raises(OtherServiceError, match=r"answers of cloud\.example, and this client asks a service"):
            each.check_service("local")
        for number, other in ((2, "local"), (0, "other.example")):
            with pytest.raises(OtherServiceError, match=r"answers of cloud\.example, and this client asks"):
                each.record(digest_of(number), recording(), service=other)
        assert texts(each, range(3)) == ["0", "1", None]
        assert each.stats().service == "cloud.example"


def test_a_tape_that_names_no_service_is_for_any(place: str) -> None:
    tape = Tape(place)
    tape.record(digest_of(0), recording("0"))
    for name in ("local", "cloud.example"):
        for each in (tape, Tape(place)):
            each.check_service(name)
            each.record(digest_of(1), recording(name), service=name)
    assert texts(Tape(place), [0, 1]) == ["0", "cloud.example"]
    assert tape.stats().service is None


def test_who_names_no_service_may_add_to_any_tape(place: str) -> None:
    Tape(place).record(digest_of(0), recording("0"), service="local")
    Tape(place).record(digest_of(1), recording("1"))
    assert texts(Tape(place), [0, 1]) == ["0", "1"]


def test_the_tape_that_another_process_has_just_made_is_that_of_its_service(place: str) -> None:
    ours, theirs = Tape(place), Tape(place)
    assert texts(ours, [0]) == [None]
    theirs.record(digest_of(1), recording("theirs"), service="local")
    with pytest.raises(OtherServiceError, match="a service on this machine"):
        ours.record(digest_of(0), recording("ours"), service="cloud.example")
    assert texts(ours, [0, 1]) == [None, "theirs"]


def test_a_folder_that_was_made_anew_is_that_of_its_new_service(tmp_path: Path) -> None:
    folder = tmp_path / "tape"
    tape = Tape(folder)
    tape.record(digest_of(0), recording(), service="local")
    folder.rename(tmp_path / "old")
    Tape(folder).record(digest_of(1), recording(), service="cloud.example")
    with pytest.raises(OtherServiceError):
        tape.record(digest_of(0), recording(), service="local")
    assert texts(tape, [0, 1]) == [None, "Hello world"]


def test_a_full_disk_leaves_no_tape_without_its_service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", refuse)
        with pytest.raises(TapeError, match="the disk is full"):
            Tape(tmp_path / "tape").record(digest_of(0), recording(), service="local")
    assert [*(tmp_path / "tape").iterdir()] == []
    Tape(tmp_path / "tape").record(digest_of(0), recording(), service="cloud.example")
    assert Tape(tmp_path / "tape").stats().service == "cloud.example"


def test_a_file_system_without_links_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    tape = Tape(tmp_path / "tape")
    tape.record(digest_of(0), recording(), service="local")
    assert Tape(tmp_path / "tape").stats().service == "local"
    assert sorted(each.name for each in (tmp_path / "tape").iterdir()) == [digest_of(0)[:2], MARKER]


@pytest.mark.parametrize(
    ("marker", "service"),
    [
        (marker_of("local"), "local"),
        (marker_of("local").replace(b"\n", b"\r\n"), "local"),
        (b"service: cloud.example", "cloud.example"),
        (marker_of(None), None),
        (b"", None),
        (b"service: \nservice:\nservice:x", None),
        (b"service: \xff", None),
        (b"\x00" * 10_000 + b"\nservice: local\n", None),  # Nobody reads so far.
    ],
)
def test_the_marker_says_which_service_it_is(tmp_path: Path, marker: bytes, service: str | None) -> None:
    (tmp_path / MARKER).write_bytes(marker)
    assert Tape(tmp_path).stats().service == service
    assert len(marker) > 4_096 or service_in(marker) == service


def test_the_message_says_how_to_go_on(tmp_path: Path) -> None:
    tape = Tape(tmp_path / "tape")
    tape.record(digest_of(0), recording(), service="local")
    with pytest.raises(TapeError) as caught:
        tape.check_service("own-transport")
    message = str(caught.value)
    assert "has answers of a service on this machine, and this client asks a transport of your own; name" in message
    assert f"remove the last line of {tmp_path}/tape/{MARKER}" in message
    # And that is true.
    marker = tmp_path / "tape" / MARKER
    marker.write_text("\n".join(marker.read_text().splitlines()[:-1]))
    Tape(tmp_path / "tape").check_service("own-transport")


@pytest.mark.parametrize(
    ("endpoint", "name"),
    [
        ("localhost:50051", "local"),
        ("127.0.0.1:1", "local"),
        ("127.9.9.9:1", "local"),
        ("[::1]:8080", "local"),
        ("http://LOCALHOST", "local"),
        ("vision.api.cloud.yandex.net:443", "api.cloud.yandex.net"),
        ("https://OCR.api.cloud.yandex.net", "api.cloud.yandex.net"),
        ("api.cloud.yandex.net", "api.cloud.yandex.net"),
        ("notapi.cloud.yandex.net", "notapi.cloud.yandex.net"),
        ("vision.example:443", "vision.example"),
        ("vision.example:8443", "vision.example"),
        ("[2001:db8::1]:443", "2001:db8::1"),
    ],
)
def test_services_have_names(endpoint: str, name: str) -> None:
    assert name_service(Endpoint.parse(endpoint, insecure=False)) == name
    assert service_in(marker_of(name)) == name
