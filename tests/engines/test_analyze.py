"""`analyze` of vision_grpc.ray and vision_grpc.spark, on real engines against a service that counts."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from engine_runs import Engine
from images_in_bytes import write_images
from pyarrow import parquet
from scripted_service import Reply, answer, numbers_of, serve_grpc

from vision_grpc import Limits
from vision_grpc.contract.sizes import MOST_IMAGES
from vision_grpc.messages import BatchAnalyzeRequest

pytestmark = [pytest.mark.environment, pytest.mark.timeout(600)]

_IMAGES = 3_000
_PARTS = 12
# Images of the calls that a worker has under way: a client of Ray reads four batches at the same time.
_UNDER_WAY = {"ray": 4 * Limits().calls_in_flight * MOST_IMAGES, "spark": Limits().calls_in_flight * MOST_IMAGES}


class _Counting:
    """A service that counts how often it read each image, and can hold its answers."""

    def __init__(self) -> None:
        self.times: Counter[int] = Counter()
        self.address = ""
        self.holds_after = _IMAGES + 1
        self.is_holding = threading.Event()
        self.may_go_on = threading.Event()

    def script(self, request: BatchAnalyzeRequest) -> Reply:
        self.times.update(numbers_of(request))
        if len(self.times) >= self.holds_after:
            self.is_holding.set()
            self.may_go_on.wait()
        return answer(request)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.address.rpartition(":")[2])

    @property
    def repeated(self) -> int:
        """How many images were read more often than once, each time counted."""
        return self.times.total() - len(self.times)


@contextmanager
def _counting() -> Iterator[_Counting]:
    counting = _Counting()
    with serve_grpc(counting.script) as service:
        counting.address = f"http://{service.address}"
        try:
            yield counting
        finally:
            counting.may_go_on.set()


def _is_whole(rows: list[list[object]]) -> bool:
    """Return whether each image is there once, with its own text and without an error."""
    expected = [(str(number), str(number), None) for number in range(_IMAGES)]
    return sorted(map(tuple, (row[:3] for row in rows))) == sorted(expected)


def test_each_image_is_read_once(engine: Engine) -> None:
    with _counting() as service:
        rows = engine.read("plain", {"endpoint": service.address}, images=_IMAGES, size=20_000, parts=_PARTS)
    assert _is_whole(rows)
    assert service.repeated == 0


def test_a_killed_worker_costs_no_row_and_repeats_what_was_under_way(engine: Engine) -> None:
    with _counting() as service:
        service.holds_after = _IMAGES // 3
        run = engine.start("plain", {"endpoint": service.address}, images=_IMAGES, size=20_000, parts=2)
        service.is_holding.wait()
        run.kill_a_worker(service.port)
        service.may_go_on.set()
        rows = run.finish()
    assert _is_whole(rows)
    assert 0 < service.repeated <= _UNDER_WAY[engine.name]


@pytest.mark.parametrize("engine", ["ray"], indirect=True)
def test_the_newest_answers_are_kept(engine: Engine) -> None:
    first, replaced, both, newer, too_many, same_rows = engine.run("ray_answers.py")
    assert first == replaced == [True, False, False, False]
    assert both == [True, True, False, False]
    assert newer == [False, True, True, False]
    assert too_many == [False, False, False, False]
    assert same_rows == [True, False, False, False]


def test_with_a_tape_a_killed_worker_repeats_what_was_under_way_alone(engine: Engine, tmp_path: Path) -> None:
    with _counting() as service:
        service.holds_after = _IMAGES // 3
        settings = {"endpoint": service.address, "cache": str(tmp_path / "tape")}
        run = engine.start("plain", settings, images=_IMAGES, size=20_000, parts=4)
        service.is_holding.wait()
        run.kill_a_worker(service.port)
        service.may_go_on.set()
        rows = run.finish()
    assert _is_whole(rows)
    assert service.repeated <= _UNDER_WAY[engine.name]


def test_with_a_tape_a_killed_driver_goes_on_where_it_was(engine: Engine, tmp_path: Path) -> None:
    with _counting() as service:
        service.holds_after = _IMAGES // 3
        settings = {"endpoint": service.address, "cache": str(tmp_path / "tape")}
        size = {"images": _IMAGES, "size": 20_000, "parts": 4}
        run = engine.start("plain", settings, **size)
        service.is_holding.wait()
        run.kill()
        service.may_go_on.set()
        rows = engine.read("plain", settings, **size)
    assert _is_whole(rows)
    assert service.repeated <= 2 * _UNDER_WAY[engine.name]
    assert sum(row[3] == "tape" for row in rows) >= _IMAGES // 3 - 2 * _UNDER_WAY[engine.name]


def test_odd_rows_are_rows(engine: Engine) -> None:
    with _counting() as service:
        rows = engine.read("odd", {"endpoint": service.address})
    assert _in_brief(rows) == {
        ("good", "1", "", "grpc"),
        ("good", "4", "", "grpc"),
        (None, "5", "", "grpc"),
        ("null", None, "null: the row has no image, it is null", None),
        ("empty", None, "empty: the file is empty: copy or save it again", None),
        ("2 MB", None, "'2 MB': the file has 2,000,000 bytes, the limit is 1,048,576", None),
    }
    assert service.times == {1: 1, 4: 1, 5: 1}


def test_structs_hold_bytes_or_a_path(engine: Engine) -> None:
    with _counting() as service:
        rows = engine.read("structs", {"endpoint": service.address})
    assert _in_brief(rows) == {
        (6, "6", "", "grpc"),
        (7, "7", "", "grpc"),
        (8, None, "8: the row has no image, it is null", None),
        (9, None, "9: the row has no image, it is null", None),
    }


def test_text_is_paths_and_urls(engine: Engine, tmp_path: Path) -> None:
    with _counting() as service:
        rows = engine.read("places", {"endpoint": service.address})
    assert _in_brief(rows) == {
        ("a", "10", "", "grpc"),
        ("b", "10", "", "grpc"),
        ("c", None, f"{tmp_path}/missing.png: no such file, check the path", None),
        ("d", None, "d: the row has no image, it is null", None),
    }


def test_the_recipe_reads_a_folder(engine: Engine, tmp_path: Path) -> None:
    write_images(tmp_path / "scans", 3)
    with _counting() as service:
        engine.read("recipe", {"endpoint": service.address})
    texts = parquet.read_table(tmp_path / "texts").to_pylist()
    assert sorted((Path(row["path"]).name, row["text"]) for row in texts) == [
        ("0000.png", "0"),
        ("0001.png", "1"),
        ("0002.png", "2"),
    ]


def test_what_is_wrong_is_refused_before_an_image_is_sent(engine: Engine) -> None:
    with _counting() as service:
        refusals = engine.read("unfit", {"endpoint": service.address})
    expected = [
        ("TypeError", "image='number': the column is of type double, accepted are binary, text (paths and URLs), or"),
        ("TypeError", "image='list': the column is of type list<"),
        ("ValueError", "image='missing': there is no such column, name one of those there are: image, key, number"),
        ("TypeError", "key='number': the column is of type double, accepted are text, binary or whole numbers"),
        ("TypeError", "key='list': the column is of type list<"),
        ("ValueError", "keep='missing': there is no such column, name one of those there are: image, key, number"),
        ("ValueError", "the column 'text' has the name of a column of results: rename it"),
        ("TypeError", "keep is 'number', must be a list of names of columns, such as ['page']"),
        ("ValueError", "detail: one of 'text', 'words', 'wire' is needed, not 'lines'"),
        ("TypeError", "languages is 'ru', must be a list of codes"),
        ("TypeError", "AsyncVisionClient has no argument rps: give limits=Limits(requests_per_s=...)"),
        ("TypeError", "credentials is of type ApiKey, which cannot be sent to workers: leave it out, and the workers"),
    ]
    assert [
        (kind, message[: len(start)]) for (kind, message), (_, start) in zip(refusals, expected, strict=True)
    ] == expected
    assert not service.times


def _in_brief(rows: list[list[object]]) -> set[tuple[object, ...]]:
    """Return key, text, what is wrong without the advice, and transport of each row."""
    brief = [(key, text, str(error or "").partition(": save it")[0], transport) for key, text, error, transport in rows]
    assert len(set(brief)) == len(brief)
    return set(brief)
