import asyncio
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from vision_grpc import AuthError, ImageFailedError, InvalidRequestError, Limits
from vision_grpc.arrow import analyze_batches, schema
from vision_grpc.arrow.analysis import analysis
from vision_grpc.auth import IamToken
from vision_grpc.config import Timeouts
from vision_grpc.messages import BatchAnalyzeRequest, BatchAnalyzeResponse
from vision_grpc.session.client_settings import ClientSettings
from vision_grpc.session.session import Session
from vision_grpc.testing import Answers, AsyncMemoryTransport, blank_image

_PNG = blank_image()
_GOOD = ["binary", "large_binary", "binary_view"]


class _Service:
    """Counts what it is sent, and answers each image with its number of bytes."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self._answers = Answers("Hello world")

    def __call__(self, request: BatchAnalyzeRequest) -> BatchAnalyzeResponse:
        self.sizes += [len(spec.content) for spec in request.analyze_specs]
        return self._answers(request)


@pytest.fixture
def service() -> _Service:
    return _Service()


def _analyze(service: _Service, batches: object, **options: Any) -> list[Any]:  # noqa: ANN401
    return [*analyze_batches(batches, transport=AsyncMemoryTransport(service), **options)]


def _until_error(service: _Service, batches: object, **options: Any) -> tuple[list[Any], Exception]:  # noqa: ANN401
    found: list[Any] = []
    try:
        for batch in analyze_batches(batches, transport=AsyncMemoryTransport(service), **options):
            found.append(batch)  # noqa: PERF402 - they are kept where an exception comes
    except (TypeError, ImageFailedError) as error:
        return found, error
    pytest.fail("it raised nothing")


def _rows(batches: list[Any], *names: str) -> list[tuple[object, ...]]:
    return [tuple(row[name] for name in names) for batch in batches for row in batch.to_pylist()]


def _images(kind: str = "binary", keys: object = None, *images: object) -> Any:  # noqa: ANN401 - pyarrow has no types
    given = images or (_PNG, _PNG)
    names = keys if keys is not None else [str(number) for number in range(len(given))]
    return pa.record_batch({"image": pa.array(given, getattr(pa, kind)()), "key": names})


@pytest.mark.parametrize("kind", _GOOD)
def test_each_row_has_one_row_under_its_key(service: _Service, kind: str) -> None:
    batches = [_images(kind, ["a", "b"]), _images(kind, ["a", "a"])]
    found = _analyze(service, batches)
    assert _rows(found, "key", "ok", "text") == [(key, True, "Hello world") for key in ("a", "b", "a", "a")]
    assert [batch.num_rows for batch in found] == [2, 2]
    assert len(service.sizes) == 4


def test_rows_that_cannot_be_sent_are_rows_with_errors(service: _Service) -> None:
    large = _PNG + bytes(2_000_000)
    found = _analyze(service, [_images("binary", [None, "b", "c", "d"], None, b"", large, _PNG)])
    assert _rows(found, "key", "ok", "error_code", "attempts") == [
        (None, False, "INVALID_ARGUMENT", 0),
        ("b", False, "INVALID_ARGUMENT", 0),
        ("c", False, "INVALID_ARGUMENT", 0),
        ("d", True, None, 1),
    ]
    assert [message for (message,) in _rows(found, "error_message")[:2]] == [
        "#0: the row has no image, it is null",
        "b: the file is empty: copy or save it again",
    ]
    assert service.sizes == [len(_PNG)]


@pytest.mark.parametrize(
    "keys",
    [
        pa.array([7, 7], pa.int8()),
        pa.array([2**64 - 1, None], pa.uint64()),
        pa.array([b"\xff", b""]),
        pa.array(["x", "x"], pa.large_string()),
        pa.array(["x", None], pa.string_view()),
        pa.array(["x", "y"]).dictionary_encode(),
        pa.nulls(2),
    ],
    ids=lambda keys: str(keys.type),
)
def test_keys_come_out_as_they_came(service: _Service, keys: Any) -> None:  # noqa: ANN401
    [found] = _analyze(service, [_images("binary", keys)])
    assert found.column("key").equals(keys)
    assert found.column("ok").to_pylist() == [True, True]


def test_columns_are_carried_over_whatever_they_are(service: _Service) -> None:
    notes = pa.array([{"a": [1, None]}, None])
    batch = _images().append_column("note", notes).append_column("page", pa.array([3, 4])).append_column("x", notes)
    [found] = _analyze(service, [batch], key="page", keep=["note", "image"])
    assert found.schema.names[:4] == ["page", "note", "image", "ok"]
    assert found.column("note").equals(notes)
    assert found.schema.names[3:] == schema().names[2:]
    assert found.schema.metadata == schema().metadata


def test_paths_are_read_and_what_is_at_none_is_an_error(service: _Service, tmp_path: Path) -> None:
    file = tmp_path / "scan 1.png"
    file.write_bytes(_PNG)
    places = [str(file), file.as_uri(), str(tmp_path), "no.png", "https://x/a.png", "s3://bucket/", "ftp://a", "", None]
    found = _analyze(service, [pa.record_batch({"place": places})], image="place", key="place")
    assert [ok for (ok,) in _rows(found, "ok")] == [True, True, *[False] * 7]
    assert [key for (key,) in _rows(found, "place")] == places
    assert len(service.sizes) == 2


def test_structs_have_bytes_or_a_path(service: _Service, tmp_path: Path) -> None:
    file = tmp_path / "scan.png"
    file.write_bytes(_PNG)
    rows: list[dict[str, Any] | None] = [
        {"bytes": _PNG, "path": "elsewhere.png"},
        {"bytes": None, "path": str(file)},
        {"bytes": None, "path": None},
        None,
    ]
    keys = pa.array(range(4))
    for images in (pa.array(rows), pa.array(rows).slice(0)):
        found = _analyze(service, [pa.record_batch({"image": images, "key": keys})])
        assert [ok for (ok,) in _rows(found, "ok")] == [True, True, False, False]
    for field, expected in (("bytes", [True, False, False, False]), ("path", [False, True, False, False])):
        narrow = pa.array([row and {field: row[field]} for row in rows])
        found = _analyze(service, [pa.record_batch({"image": narrow, "key": keys})])
        assert [ok for (ok,) in _rows(found, "ok")] == expected


def test_slices_and_dictionaries_are_read(service: _Service) -> None:
    batch = _images("binary", ["a", "b", "c"], None, _PNG, b"")
    assert _rows(_analyze(service, [batch.slice(1, 1)]), "key", "ok") == [("b", True)]
    encoded = pa.record_batch({"image": batch.column("image").dictionary_encode(), "key": batch.column("key")})
    assert _rows(_analyze(service, [encoded]), "ok") == [(False,), (True,), (False,)]


_REFUSED = {
    "double": pa.array([1.5]),
    "int64": pa.array([1]),
    "list<item: int64>": pa.array([[1]]),
    "list<item: binary>": pa.array([[b"x"]]),
    "struct<a: binary>": pa.array([{"a": b"x"}]),
    "struct<bytes: list<item: int64>, path: string>": pa.array([{"bytes": [1], "path": "a"}]),
    "struct<bytes: binary, path: int64>": pa.array([{"bytes": b"x", "path": 1}]),
    "fixed_size_list<item: int64>[2]": pa.array([[1, 2]], pa.list_(pa.int64(), 2)),
    "bool": pa.array([True]),
}


@pytest.mark.parametrize("kind", _REFUSED)
@pytest.mark.parametrize("is_known", [True, False])
def test_an_image_column_of_another_type_is_refused_before_anything_is_sent(
    service: _Service, kind: str, *, is_known: bool
) -> None:
    batch = pa.record_batch({"scan": _REFUSED[kind], "key": ["a"]})
    with pytest.raises(TypeError) as caught:
        _analyze(service, batch if is_known else [batch], image="scan")
    assert str(caught.value) == (
        f"image='scan': the column is of type {kind}, accepted are binary, text (paths and URLs), "
        "or structs with a field bytes (binary) or path (text)"
    )
    assert service.sizes == []


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"key": "page"}, "key='page': the column is of type double, accepted are text, binary or whole numbers"),
        ({"image": "scan"}, "image='scan': there is no such column, name one of those there are: image, key, page, ok"),
        ({"key": "scan"}, "key='scan': there is no such column"),
        ({"keep": ["scan"]}, "keep='scan': there is no such column"),
        ({"keep": ["ok"]}, "the column 'ok' has the name of a column of results: rename it"),
        ({"keep": ["key"]}, "the column 'key' is named more than once in key and keep"),
        ({"keep": "page"}, "keep is 'page', must be a list of names of columns"),
        ({"keep": [1]}, "keep is [1], must be a list of names of columns"),
        ({"image": 1}, "image is 1, must be the name of a column"),
        ({"detail": "lines"}, "detail: one of 'text', 'words', 'wire' is needed, not 'lines'"),
        ({"on_error": "skip"}, "on_error is 'skip', must be one of row, raise"),
        ({"api": "vision/v9"}, "the API 'vision/v9' is not one of"),
        ({"rps": 1}, "AsyncVisionClient has no argument rps: give limits=Limits(requests_per_s=...)"),
        ({"limits": 5}, "limits is 5, must be Limits"),
    ],
    ids=str,
)
def test_arguments_are_checked_before_a_batch_is_read(
    service: _Service, options: dict[str, Any], expected: str
) -> None:
    batch = _images().append_column("page", pa.array([1.5, 2])).append_column("ok", pa.array([1, 2]))
    with pytest.raises((TypeError, ValueError)) as caught:
        analyze_batches(batch, transport=AsyncMemoryTransport(service), **options)
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_languages_are_checked_at_once(service: _Service) -> None:
    with pytest.raises(InvalidRequestError):
        analyze_batches([], languages=["x" * 99], transport=AsyncMemoryTransport(service))


def test_columns_of_one_name_are_refused(service: _Service) -> None:
    batch = pa.RecordBatch.from_arrays([pa.array([_PNG])] * 3, ["image", "image", "key"])
    with pytest.raises(ValueError, match="image='image': 2 columns have this name"):
        _analyze(service, batch)


@pytest.mark.parametrize("given", ["scans", b"x", {"image": []}, 5, None, pa.RecordBatch])
def test_what_is_not_batches_is_refused(service: _Service, given: object) -> None:
    with pytest.raises(TypeError, match="batches is"):
        _analyze(service, given)


def test_what_is_not_a_batch_ends_the_run_after_the_rows_before(service: _Service) -> None:
    found, error = _until_error(service, [_images(), [1]])
    assert str(error).startswith("batch 1 is of type list: pyarrow record batches")
    assert _rows(found, "ok") == [(True,), (True,)]


def test_a_later_batch_of_another_type_ends_the_run_after_the_rows_before(service: _Service) -> None:
    batches = [_images(), pa.record_batch({"image": [1], "key": ["a"]})]
    found, error = _until_error(service, batches)
    assert isinstance(error, TypeError)
    assert "of type int64" in str(error)
    assert _rows(found, "ok") == [(True,), (True,)]


@pytest.mark.parametrize(
    "make",
    [
        lambda batch: batch,
        lambda batch: pa.Table.from_batches([batch]),
        lambda batch: pa.RecordBatchReader.from_batches(batch.schema, [batch]),
        lambda batch: iter([batch]),
        lambda batch: [pa.Table.from_batches([batch])],
        lambda batch: [batch.slice(0, 0), batch, batch.slice(0, 0)],
    ],
    ids=["batch", "table", "reader", "iterator", "tables", "empty ones"],
)
def test_batches_come_as_arrow_has_them(service: _Service, make: Any) -> None:  # noqa: ANN401
    assert _rows(_analyze(service, make(_images())), "key", "ok") == [("0", True), ("1", True)]


def test_nothing_in_nothing_out(service: _Service) -> None:
    assert _analyze(service, []) == []
    assert _analyze(service, [_images().slice(0, 0)]) == []


def test_a_batch_with_large_results_comes_in_parts(service: _Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(analysis, "_MOST_BYTES", 30)
    found = _analyze(service, [_images("binary", None, *[_PNG] * 7)], detail="words")
    assert [batch.num_rows for batch in found] == [1] * 7
    assert [key for (key,) in _rows(found, "key")] == [str(number) for number in range(7)]


def test_a_failed_image_raises_where_that_is_wanted(service: _Service) -> None:
    found, error = _until_error(service, [_images(), _images("binary", None, _PNG, None)], on_error="raise")
    assert isinstance(error, ImageFailedError)
    assert "the row has no image" in str(error)
    assert _rows(found, "key") == [("0",), ("1",), ("0",)]


def test_batches_are_let_go(service: _Service) -> None:
    """Memory stays flat: of all batches only a few are there at the same time."""
    alive = most = 0

    def let_go() -> None:
        nonlocal alive
        alive -= 1

    def batches() -> Iterator[Any]:
        nonlocal alive, most
        for _ in range(300):
            batch = _images()
            weakref.finalize(batch, let_go)
            alive += 1
            most = max(most, alive)
            yield batch

    rows = sum(batch.num_rows for batch in analyze_batches(batches(), transport=AsyncMemoryTransport(service)))
    assert rows == 600
    assert most <= 60


async def test_in_an_event_loop_batches_are_awaited(service: _Service) -> None:
    found = [batch async for batch in analyze_batches([_images()], transport=AsyncMemoryTransport(service))]
    assert _rows(found, "ok") == [(True,), (True,)]
    with pytest.raises(RuntimeError, match="iterate with `async for"):
        iter(analyze_batches([_images()], transport=AsyncMemoryTransport(service)))


def test_a_run_that_is_left_closes_its_client(service: _Service) -> None:
    class Closing(AsyncMemoryTransport):
        closed = False

        async def aclose(self) -> None:
            self.closed = True

    transport = Closing(service)
    found = iter(analyze_batches([_images()] * 9, transport=transport))
    next(found)
    assert not transport.closed
    found.close()  # type: ignore[attr-defined]
    assert transport.closed


def test_without_a_token_nothing_is_sent(service: _Service) -> None:
    def fail() -> str:
        message = "no token today"
        raise AuthError(message)

    with pytest.raises(AuthError, match="of IamToken raised AuthError"):
        _analyze(service, [_images()], credentials=IamToken(fail), timeouts=Timeouts(total_s=1))
    assert service.sizes == []


def test_the_callers_settings_are_kept(service: _Service) -> None:
    [found] = _analyze(service, [_images()], limits=Limits(content_bytes=len(_PNG) - 1))
    assert found.column("ok").to_pylist() == [False, False]


def test_batches_may_be_read_in_several_threads(service: _Service) -> None:
    counts: list[int] = []

    def run() -> None:
        counts.append(sum(batch.num_rows for batch in _analyze(service, [_images()] * 5)))

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts == [10] * 3


def test_the_settings_are_those_of_a_client() -> None:
    code = Session.__init__.__wrapped__.__code__  # type: ignore[attr-defined]
    names = code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount]
    assert sorted(ClientSettings.__annotations__) == sorted(names)


def test_a_loop_of_another_thread_does_not_matter(service: _Service) -> None:
    async def main() -> int:
        found = await asyncio.to_thread(_analyze, service, [_images()])
        return sum(batch.num_rows for batch in found)

    assert asyncio.run(main()) == 2


def test_a_task_that_is_executed_again_costs_nothing(service: _Service, tmp_path: Path) -> None:
    batches = [_images("binary", ["a", "b"], blank_image("one"), blank_image("two"))]
    fresh, found = (_analyze(service, batches, cache=tmp_path / "tape") for _ in range(2))
    assert len(service.sizes) == 2
    assert _rows(found, "key", "text", "transport", "attempts") == [(key, "Hello world", "tape", 0) for key in "ab"]
    assert _rows(fresh, "key", "text", "ok") == _rows(found, "key", "text", "ok")
