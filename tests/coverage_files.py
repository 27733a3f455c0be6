"""Coverage of programs that are killed or interrupted, which must not hang or end the whole run."""

import sqlite3
from collections.abc import Generator
from contextlib import closing
from pathlib import Path

import pytest
from coverage import Coverage


@pytest.fixture
def uncounted_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measure no coverage in the programs that a test starts.

    An interrupt may leave a lock of the measuring taken, for which the program then waits for ever: seen in three of
    2,400, and in runs of the whole suite.
    """
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    """Remove data that a killed program left half written, before pytest-cov combines what there is."""
    result = yield
    if session.config.getoption("cov_source", None) and not hasattr(session.config, "workerinput"):
        remove_broken(Path(str(Coverage().get_option("run:data_file"))))
    return result


def remove_broken(data_file: Path) -> None:
    """Remove those files of data that SQLite finds damaged."""
    for part in data_file.absolute().parent.glob(f"{data_file.name}.*"):
        if not _is_sound(part):
            part.unlink()


def _is_sound(part: Path) -> bool:
    try:
        with closing(sqlite3.connect(part)) as connection:
            # An empty file is sound to SQLite, and is no data.
            connection.execute("select 1 from coverage_schema")
            found: list[tuple[str]] = connection.execute("pragma integrity_check").fetchall()
            return found == [("ok",)]
    except sqlite3.DatabaseError:
        return False
