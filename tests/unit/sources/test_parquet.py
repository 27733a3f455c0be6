import io
import os
import struct
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from images_in_bytes import png
from read_entries import Read, read_entries

from vision_grpc.config import Limits
from vision_grpc.sources.containers.parquet import open_parquet, read_parquet
from vision_grpc.sources.item import Fault, Item, Skipped
from vision_grpc.sources.options import SourceOptions

_LIMITS = Limits()
_OPTIONS = SourceOptions()
_PLAIN: dict[str, Any] = {"use_dictionary": False, "compression": "none"}
_IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def file_of(columns: dict[str, Any], **options: Any) -> bytes:  # noqa: ANN401
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file, **options)
    return file.getvalue()


def entries(content: bytes, options: SourceOptions = _OPTIONS) -> list[Read | Skipped | Fault]:
    """Return what is in the Parquet file `t.parquet`."""
    return list(read_entries(read_parquet("t.parquet", io.BytesIO(content), options)))


def fault(found: list[Read | Skipped | Fault]) -> str:
    assert isinstance(found[-1], Fault)
    assert found[-1].name == "t.parquet"
    return str(found[-1].error)


def table_of(names: list[str]) -> bytes:
    """Return a file with a row; the columns that are called `image` hold one."""
    file = io.BytesIO()
    columns = [pa.array([png(0)] if name == "image" else ["x"]) for name in names]
    pq.write_table(pa.Table.from_arrays(columns, names=names), file)
    return file.getvalue()


def images(*paths: str | None) -> Any:  # noqa: ANN401
    return pa.array([{"bytes": png(number), "path": path} for number, path in enumerate(paths)], _IMAGE)


def test_hugging_faces_images_are_called_by_their_paths_or_the_numbers_of_their_rows() -> None:
    found = entries(file_of({"image": images("a/1.jpg", None, ""), "label": [1, 2, 3]}))
    assert found == [("a/1.jpg", png(0)), ("t.parquet#row=1", png(1)), ("t.parquet#row=2", png(2))]


@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary(), pa.binary_view()])
@pytest.mark.parametrize("is_struct", [False, True])
def test_bytes_of_any_kind_are_images(kind: Any, is_struct: bool) -> None:  # noqa: ANN401, FBT001
    column = pa.array([png(0), png(1)], kind)
    if is_struct:
        column = pa.StructArray.from_arrays([pa.array([1, 2]), column], ["n", "bytes"])
    assert entries(file_of({"text": ["x", "y"], "jpg": column})) == [
        ("t.parquet#row=0", png(0)),
        ("t.parquet#row=1", png(1)),
    ]


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (pa.array(["x", "й"]), ["x", "й"]),
        (pa.array(["x", None], pa.large_string()), ["x", "t.parquet#row=1"]),
        (pa.array([7, -1]), ["7", "-1"]),
        (pa.array([b"x", b"\xff"]), ["x", "\udcff"]),
        (pa.array(["x", "y"]).dictionary_encode(), ["x", "y"]),
        (pa.array(["x", "y"], pa.string_view()), ["x", "y"]),
    ],
)
def test_a_column_gives_the_keys(keys: Any, expected: list[str]) -> None:  # noqa: ANN401
    content = file_of({"id": keys, "image": images("1.jpg", "2.jpg")})
    found = entries(content, SourceOptions(key_column="id", image_column="image"))
    assert [entry[0] for entry in found] == expected
    numbered = entries(content, SourceOptions(key_column="row-number", image_column="image"))
    assert [entry[0] for entry in numbered] == ["t.parquet#row=0", "t.parquet#row=1"]


def test_an_item_knows_its_size_and_its_place() -> None:
    (item,) = read_parquet("t.parquet", io.BytesIO(file_of({"image": images("1.jpg")})), _OPTIONS)
    assert isinstance(item, Item)
    assert (item.content_bytes, item.held_bytes, item.place, item.path, item.is_passing) == (
        len(png(0)),
        len(png(0)),
        "t.parquet#row=0",
        None,
        False,
    )
    (unnamed,) = read_parquet("t.parquet", io.BytesIO(file_of({"image": images(None)})), _OPTIONS)
    assert isinstance(unnamed, Item)
    assert unnamed.place is None


def test_a_column_that_is_called_image_is_taken_of_several() -> None:
    columns = {"thumbnail": pa.array([b"t"]), "Image": pa.array([png(0)]), "mask": images("m.png")}
    assert entries(file_of(columns)) == [("t.parquet#row=0", png(0))]
    assert entries(file_of(columns), SourceOptions(image_column="mask")) == [("m.png", png(0))]


@pytest.mark.parametrize(
    ("columns", "options", "message"),
    [
        (
            {"a": pa.array([b"x"]), "b": images("1.jpg")},
            _OPTIONS,
            "has several columns that may hold images: 'a', 'b'; name one of them with image_column",
        ),
        (
            {"a": pa.array(["x"]), "b": pa.array([[1]])},
            _OPTIONS,
            "has no column of images, which are binary or structs with bytes. Its columns: a (string), b (list<",
        ),
        (
            {"a": pa.array([b"x"])},
            SourceOptions(image_column="b"),
            "has no column 'b' for images. Its columns: a (binary)",
        ),
        (
            {"a": pa.array(["x"])},
            SourceOptions(image_column="a"),
            "has no images in the column 'a': it holds string, and images are binary",
        ),
        ({"a": pa.array([b"x"])}, SourceOptions(key_column="k"), "has no column 'k' for keys. Its columns: a (binary)"),
        (
            {"a": pa.array([b"x"]), "k": pa.array([0.5])},
            SourceOptions(key_column="k"),
            "has no keys in the column 'k': it holds double, and keys are text or whole numbers",
        ),
    ],
)
def test_columns_that_are_not_clear_are_listed(columns: dict[str, Any], options: SourceOptions, message: str) -> None:
    assert fault(entries(file_of(columns), options)).startswith(f"INVALID_ARGUMENT: t.parquet: {message}")


@pytest.mark.parametrize(
    ("names", "options", "message"),
    [
        (["image", "image", "k"], _OPTIONS, "has 2 columns that are called 'image'"),
        (["image", "k", "image"], SourceOptions(image_column="image"), "has 2 columns that are called 'image'"),
        (["image", "k", "k"], SourceOptions(key_column="k"), "has 2 columns that are called 'k'"),
    ],
)
def test_columns_of_one_name_are_refused(names: list[str], options: SourceOptions, message: str) -> None:
    assert fault(entries(table_of(names), options)) == f"INVALID_ARGUMENT: t.parquet: {message}: rename all but one"


def test_columns_of_one_name_that_are_not_needed_are_left_alone() -> None:
    assert entries(table_of(["k", "k", "image"])) == [("t.parquet#row=0", png(0))]


@pytest.mark.parametrize(("field", "value"), [("bytes", b"x"), ("path", "x")])
def test_fields_of_one_name_are_refused(field: str, value: str | bytes) -> None:
    columns = [pa.array([content]) for content in (png(0), "1.jpg", value)]
    content = file_of({"image": pa.StructArray.from_arrays(columns, ["bytes", "path", field])})
    message = f"has 2 fields in the column 'image' that are called '{field}': rename all but one"
    assert fault(entries(content)) == f"INVALID_ARGUMENT: t.parquet: {message}"


def test_many_columns_are_not_all_listed() -> None:
    found = fault(entries(file_of({f"column {number}": [number] for number in range(1000)})))
    assert len(found) < 500


def test_rows_without_an_image_are_counted() -> None:
    rows = pa.array([None, {"bytes": None, "path": None}, {"bytes": png(2), "path": None}], _IMAGE)
    skipped = [Skipped(f"t.parquet#row={row}", "row without an image", can_be_fitted=False) for row in (0, 1)]
    assert entries(file_of({"image": rows})) == [*skipped, ("t.parquet#row=2", png(2))]
    assert entries(file_of({"image": pa.array([b"", None])})) == [
        ("t.parquet#row=0", b""),
        Skipped("t.parquet#row=1", "row without an image", can_be_fitted=False),
    ]


def test_an_image_over_the_limit_is_an_error() -> None:
    content = file_of({"image": pa.array([b"x" * 2_000_000, png(1)])})
    large, small = entries(content)
    assert str(large[1]).startswith("INVALID_ARGUMENT: t.parquet#row=0: the file has 2,000,000 bytes, the limit is")
    assert small == ("t.parquet#row=1", png(1))


def test_files_below_the_folder_are_read_where_the_bytes_are_missing(tmp_path: Path) -> None:
    (tmp_path / "data" / "images").mkdir(parents=True)
    (tmp_path / "data" / "images" / "1.png").write_bytes(png(1))
    (tmp_path / "secret.png").write_bytes(png(2))
    paths = ["images/1.png", "../secret.png", "x/../../secret.png", str(tmp_path / "secret.png"), "images/2.png"]
    rows = pa.array([{"bytes": None, "path": path} for path in paths], _IMAGE)
    file = tmp_path / "data" / "t.parquet"
    file.write_bytes(file_of({"image": rows}))
    found, *outside, missing = read_entries(open_parquet(str(file), _OPTIONS))
    assert found == ("images/1.png", png(1))
    for entry in outside:
        assert "which is not below this Parquet file's folder: store the bytes in it" in str(entry[1])
    assert "no such file" in str(missing[1])
    assert all("not below" in str(entry[1]) for entry in entries(file.read_bytes()))


def test_a_file_without_rows_is_a_fault() -> None:
    content = file_of({"image": pa.array([], pa.binary())})
    assert fault(entries(content)) == "NOT_FOUND: t.parquet: no image in this file"


@pytest.mark.parametrize("content", [b"", b"PAR1", b"no parquet" * 100, b"PAR1" + bytes(1000) + b"PAR1"])
def test_what_is_not_a_parquet_file_is_a_fault(content: bytes) -> None:
    assert fault(entries(content)).startswith("DATA_LOSS: t.parquet: is not a Parquet file, or is damaged (")


def test_a_cut_file_is_a_fault() -> None:
    content = file_of({"image": images("1.jpg", "2.jpg")})
    for left in range(0, len(content), 97):
        assert "is not a Parquet file, or is damaged" in fault(entries(content[:left]))


def test_groups_of_rows_beside_a_damaged_one_are_read() -> None:
    column = pa.array([os.urandom(2000) for _ in range(30)])
    # Statistics would hold the least and the largest image a second time.
    options = {"use_dictionary": False, "compression": "none", "write_statistics": False}
    content = bytearray(file_of({"image": column}, row_group_size=10, write_page_checksum=True, **options))
    middle = content.index(column[15].as_py())
    content[middle] ^= 1
    found = entries(bytes(content))
    assert len(found) == 21
    (broken,) = [entry for entry in found if isinstance(entry, Fault)]
    assert str(broken.error).startswith("DATA_LOSS: t.parquet: the rows 10 to 19 cannot be read (")
    assert [entry[0] for entry in found if isinstance(entry, Read)][10] == "t.parquet#row=20"


@pytest.mark.parametrize("value", [0, 0xFF])
def test_a_damaged_footer_ends_in_a_fault_at_most(value: int) -> None:
    rows = pa.array([{"bytes": png(row), "path": str(row)} for row in range(3)], _IMAGE)
    content = file_of({"image": rows}, store_schema=False)
    (size,) = struct.unpack("<I", content[-8:-4])
    for place in range(len(content) - 8 - size, len(content) - 8):
        for entry in entries(content[:place] + bytes([value]) + content[place + 1 :]):
            assert isinstance(entry, (Read, Skipped, Fault))


@pytest.mark.parametrize("path", ["missing.parquet", "folder.parquet"])
def test_a_file_that_cannot_be_opened_is_a_fault(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("folder.parquet").mkdir()
    (only,) = open_parquet(path, _OPTIONS)
    assert isinstance(only, Fault)
    assert only.name == path


def test_an_image_that_the_file_has_once_is_not_in_memory_for_all_rows() -> None:
    content = file_of({"image": pa.array([bytes(500_000)] * 200)})
    assert len(content) < 1_000_000
    before, most = pa.total_allocated_bytes(), 0
    for entry in read_parquet("t.parquet", io.BytesIO(content), _OPTIONS):
        assert isinstance(entry, Item)
        most = max(most, pa.total_allocated_bytes() - before)
    assert most < 10_000_000


def test_a_few_megabytes_are_in_memory_at_a_time() -> None:
    size = 100_000
    # Batches of the writer decide how long pages are, which are read as a whole.
    content = file_of({"image": pa.array([bytes(size)] * 1000)}, use_dictionary=False, write_batch_size=10)
    before, most = pa.total_allocated_bytes(), 0
    for entry in read_parquet("t.parquet", io.BytesIO(content), _OPTIONS):
        assert isinstance(entry, Item)
        most = max(most, pa.total_allocated_bytes() - before)
    assert most < 40 * 1_048_576


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    content = file_of({"image": images("1.jpg")})
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    message = "t.parquet: cannot be read, pyarrow is not installed: pip install 'vision-grpc[parquet]'"
    assert fault(entries(content)) == f"FAILED_PRECONDITION: {message}"
