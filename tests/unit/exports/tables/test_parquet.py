import io
from importlib import import_module
from pathlib import Path
from typing import Any, get_args

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hostile_results import HOSTILE, damaged, read
from journaled import failed

from vision_grpc import exports
from vision_grpc.arrow import Detail, schema, to_batch
from vision_grpc.arrow import parquet as writer
from vision_grpc.exports.tables.parquet import parquet


def test_a_file_has_the_columns_and_rows_of_the_batch() -> None:
    results = [read("a.png", *HOSTILE), failed("b.png"), damaged("c.png")]
    for detail in get_args(Detail):
        table = pq.read_table(io.BytesIO(b"".join(parquet(results, detail=detail))))
        assert table.schema.equals(schema(detail=detail), check_metadata=True)
        assert table.equals(pa.Table.from_batches([to_batch(results, detail=detail)]))


def test_row_groups_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "_GROUP_ROWS", 4)
    monkeypatch.setattr(writer, "_GROUP_BYTES", 50_000)
    results = [read(f"{number}.png", "word") for number in range(10)]
    results[5:5] = [read("large.png", *["word"] * 600)]
    pulled = iter(results)
    chunks = parquet(pulled)
    first = next(chunks)
    assert first.startswith(b"PAR1")
    assert next(pulled).key == "4.png"
    file = pq.ParquetFile(io.BytesIO(b"".join([first, *chunks])))
    groups = [file.metadata.row_group(group) for group in range(file.num_row_groups)]
    assert [group.num_rows for group in groups] == [4, 1, 4, 1]
    assert groups[0].column(0).statistics.max == "3.png"
    assert file.metadata.row_group(0).column(0).compression == "ZSTD"


def test_no_results_are_a_table_without_rows() -> None:
    table = pq.read_table(io.BytesIO(b"".join(parquet([]))))
    assert (table.num_rows, table.schema) == (0, schema(detail="words"))


def test_duckdb_finds_the_words(tmp_path: Path) -> None:
    path = tmp_path / "results.parquet"
    exports.write(path, "parquet", [read("a.png", "Привет", "мир"), read("empty.png"), failed("b.png")])
    found = duckdb.execute(
        """
        select key, word.text, word.box[1] as "left", word.confidence
        from read_parquet($1), unnest(pages) as p(page), unnest(page.blocks) as b(block),
            unnest(block.lines) as l(line), unnest(line.words) as w(word)
        order by word.text
        """,
        [str(path)],
    ).fetchall()
    assert found == [("a.png", "Привет", 1, 0.98), ("a.png", "мир", 1, 0.98)]
    errors = duckdb.execute("select key, error_code from read_parquet($1) where not ok", [str(path)]).fetchall()
    assert errors == [("b.png", "UNAVAILABLE")]


def test_pandas_reads_it(tmp_path: Path) -> None:
    pd: Any = import_module("pandas")  # It comes without types.
    path = tmp_path / "results.parquet"
    exports.write(path, "parquet", [read("a.png", "Привет", "мир"), failed("b.png")])
    frame = pd.read_parquet(path)
    assert [*frame.key] == ["a.png", "b.png"]
    assert frame.pages[0][0]["blocks"][0]["lines"][0]["words"][1]["text"] == "мир"
    assert frame.pages[1] is None


def test_it_is_a_kind_of_export() -> None:
    kind = exports.KINDS["parquet"]
    assert kind.writer() is parquet
    assert next(parquet([])).startswith(kind.begins)
