"""`vision-grpc operations`: what the service has accepted, listed, looked at, fetched and cancelled by hand."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import lines_of, start
from commands_here import Run, runner
from held_service import HeldService, accepted_in, begin, read_in, serve_held, wait_until
from images_in_bytes import png, write_images


@pytest.fixture
def service() -> Iterator[HeldService]:
    with serve_held() as service:
        yield service


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes], tmp_path: Path) -> Run:
    monkeypatch.chdir(tmp_path)
    return runner(monkeypatch, capfdbinary)


@pytest.fixture
def ids(here: Run, service: HeldService, tmp_path: Path) -> list[str]:
    write_images(tmp_path / "scans", 2)
    return [line["operation"] for line in begin(here, service, "scans")]


def test_a_journal_s_operations_are_listed(here: Run, ids: list[str]) -> None:
    listed = here("operations", "list", "out.jsonl")
    assert listed.code == 0
    assert [line.split()[0] for line in listed.text.splitlines()] == ids
    assert all("expires" in line and line.endswith(".png") for line in listed.text.splitlines())
    objects = here("operations", "list", "--json", "out.jsonl").objects
    assert [line["id"] for line in objects] == ids
    assert {*objects[0]} == {"id", "accepted_at", "expires_at", "key"}


def test_a_journal_without_any_has_nothing_to_list(here: Run, service: HeldService, ids: list[str]) -> None:
    del ids
    assert here("analyze", *service.options, "scans", "-o", "out.jsonl").code == 0
    listed = here("operations", "list", "out.jsonl")
    assert (listed.code, listed.stdout) == (0, b"")
    assert listed.complaints == ["out.jsonl: no results are to be fetched"]


def test_an_operation_is_looked_at(here: Run, service: HeldService, ids: list[str]) -> None:
    done = here("operations", "get", *service.there, ids[0])
    assert (done.code, done.text.split()[:2]) == (0, [ids[0], "ready,"])
    assert f"operations wait {ids[0]}" in done.stderr
    [told] = here("operations", "get", *service.there, "--json", ids[0]).objects
    assert (told["id"], told["state"], told["error"]) == (ids[0], "ready", None)
    assert service.seen == []


def test_results_are_fetched_as_by_analyze(here: Run, service: HeldService, tmp_path: Path, ids: list[str]) -> None:
    one = here("operations", "wait", *service.there, ids[0])
    assert (one.code, one.text, one.stderr) == (0, "35 bytes\n", "")
    both = here("operations", "wait", *service.there, "--format", "jsonl", *ids, ids[0])
    assert sorted(line["key"] for line in both.objects) == sorted(ids)
    kept = here("operations", "wait", *service.there, *ids, "-o", "fetched.jsonl")
    assert kept.code == 0, kept.stderr
    assert sorted(read_in(tmp_path / "fetched.jsonl")) == sorted(ids)
    again = here("operations", "wait", *service.there, *ids, "-o", "fetched.jsonl")
    assert "read 2 of 2 images, 2 of them in earlier runs" in again.complaints
    assert service.seen == []


def _accept_one(service: HeldService, folder: Path) -> str:
    """Kill a run once the service has accepted its file; return the operation."""
    (folder / "a.png").write_bytes(png(1))
    process = start("analyze", *service.options, "a.png", "-o", "out.jsonl", cwd=folder)
    wait_until(lambda: accepted_in(folder / "out.jsonl") == 1)
    process.kill()
    process.wait()
    [line] = lines_of(folder / "out.jsonl")
    return str(line["operation"])


def test_an_operation_is_cancelled(here: Run, service: HeldService, tmp_path: Path) -> None:
    operation_id = _accept_one(service, tmp_path)
    waiting = here("operations", "get", *service.there, operation_id)
    assert (waiting.code, waiting.text.split()[1]) == (1, "waiting,")
    cancelled = here("operations", "cancel", *service.there, operation_id)
    assert (cancelled.code, cancelled.text.split()[1]) == (0, "cancelled,")
    waited = here("operations", "wait", *service.there, operation_id)
    assert waited.code == 1
    assert "was cancelled" in waited.stderr
    run_again = here("analyze", *service.options, "a.png", "-o", "out.jsonl")
    assert run_again.code == 1
    assert "--retry-failed" in run_again.stderr


def test_what_is_late_can_be_fetched_later(here: Run, service: HeldService, tmp_path: Path) -> None:
    operation_id = _accept_one(service, tmp_path)
    late = here("operations", "wait", *service.there, operation_id, "--within", "0.3", "-o", "late.jsonl")
    assert late.code == 1
    assert "has no result after 0.3 s" in late.stderr
    assert "to fetch 1 result: " in late.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["operations", "list"], "Missing argument 'JOURNAL'"),
        (["operations", "list", "nowhere.jsonl"], "nowhere.jsonl: cannot be read"),
        (["operations", "list", "a.png"], "is not a journal"),
        (["operations", "get"], "Missing argument 'ID'"),
        (["operations", "get", "out.jsonl"], "operations list out.jsonl prints ids"),
        (["operations", "get", " "], "is not the id of an operation"),
        (["operations", "wait", "x" * 51], "is not the id of an operation"),
        (["operations", "wait", "--api", "vision/v1", "op"], "drop --api vision/v1"),
        (["operations", "fetch", "op"], "there is no command fetch"),
        (["operations", "gte", "op"], "did you mean get?"),
        (["analyze", "--deferred", "a.png"], "--deferred needs operations, which vision/v1 does not have"),
    ],
)
def test_errors_name_the_fix(here: Run, tmp_path: Path, arguments: list[str], said: str) -> None:
    (tmp_path / "a.png").write_bytes(png(1))
    finished = here(*arguments)
    assert finished.code == 2
    assert said in finished.stderr


@pytest.mark.parametrize("command", ["get", "cancel", "wait"])
def test_an_unknown_operation_is_named(here: Run, service: HeldService, command: str) -> None:
    finished = here("operations", command, *service.there, "fd8nosuch")
    assert finished.code == 2
    assert "operation fd8nosuch" in finished.stderr
    assert "send the file again" in finished.stderr


def test_the_variable_of_another_api_is_passed_over(
    here: Run, service: HeldService, ids: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VISION_GRPC_API", "vision/v1")
    assert here("operations", "get", *service.there, ids[0]).code == 0
