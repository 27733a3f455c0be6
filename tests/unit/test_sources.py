import os
from pathlib import Path

import pytest

from vision_grpc.config import Limits
from vision_grpc.errors import Code
from vision_grpc.results import ImageError
from vision_grpc.sources import Image, key_of, read_content

_LIMITS = Limits(content_bytes=100)


def test_keys(tmp_path: Path) -> None:
    assert key_of(tmp_path / "a.png", 3) == str(tmp_path / "a.png")
    assert key_of("a.png", 3) == "a.png"
    assert key_of(b"bytes", 3) == "#3"
    assert key_of(Image("mine", b"bytes"), 3) == "mine"


def test_a_file_up_to_the_limit_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"x" * 100)
    assert read_content(path, _LIMITS) == read_content(str(path), _LIMITS) == b"x" * 100


def test_a_file_over_the_limit_is_told_by_its_whole_size(tmp_path: Path) -> None:
    path = tmp_path / "big.png"
    with path.open("wb") as file:
        file.truncate(5_000_000_000)  # Sparse: reading it all would need 5 GB of memory.
    error = read_content(path, _LIMITS)
    assert isinstance(error, ImageError)
    assert error.message.startswith(f"{path}: the file has 5,000,000,000 bytes, the limit is 100")


@pytest.mark.parametrize(
    ("name", "code", "told"),
    [
        ("missing.png", Code.NOT_FOUND, "no such file"),
        ("", Code.INVALID_ARGUMENT, "is a folder"),
        ("nul\0.png", Code.INVALID_ARGUMENT, "cannot be read"),
        ("x" * 300, Code.INVALID_ARGUMENT, "cannot be read"),
    ],
)
def test_what_cannot_be_read_names_the_file(tmp_path: Path, name: str, code: Code, told: str) -> None:
    path = os.path.join(tmp_path, name)  # noqa: PTH118 - Path would drop the empty name
    error = read_content(path, _LIMITS)
    assert isinstance(error, ImageError)
    assert error.code is code
    assert told in error.message
    assert str(tmp_path) in error.message


def test_the_bytes_stay_out_of_repr() -> None:
    assert repr(Image("k", b"secret")) == "Image(key='k', content=<6 bytes>)"
