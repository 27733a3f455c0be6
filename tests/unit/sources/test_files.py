import errno
import os
import threading
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
from images_in_bytes import png

from vision_grpc.config import Limits
from vision_grpc.errors import Code
from vision_grpc.sources.files import ImageSource, Source, explain_unread, read_image
from vision_grpc.sources.image import Image, Rejection

_LIMITS = Limits(content_bytes=100)


@pytest.mark.parametrize("image", [None, 7, (1, 2), {"a": png(1)}, [png(1)]])
def test_what_is_not_an_image_is_named_by_its_position_and_type(image: object) -> None:
    source = Source(cast("list[ImageSource]", [png(0), image]), _LIMITS)
    assert [image.key for image in source.pull(8)] == ["#0"]
    kind = type(image).__name__
    wanted = "a path, bytes, a file opened with mode 'rb', a picture of Pillow or an Image"
    assert str(source.error) == f"image 1 of the source is of type {kind}: give {wanted}"


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (Image("k", cast("bytes", "text")), "image 0 .* key 'k', holds a str and str: an Image takes a str and bytes"),
        (Image("k", cast("bytes", [1])), "holds a str and list"),
        (Image(cast("str", 5), png(1)), "with the key 5, holds a int and bytes"),
    ],
    ids=["text", "list", "key"],
)
def test_an_image_of_something_else_is_named_by_its_key(image: Image, message: str) -> None:
    source = Source([image], Limits())
    assert source.next() is None
    with pytest.raises(TypeError, match=message):
        raise source.error or AssertionError


@pytest.mark.parametrize(
    "name",
    [
        "ffd8ff" + "0" * 58,
        "89504e470d0a1a0a89504e470d0a1a0a",
        "iVBORw0KGgo/9j/4AAQSkZJRgABAQ",
        "data:image/png,of-a-folder/a.png",
    ],
)
def test_a_file_that_is_called_like_encoded_text_is_read(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_bytes(png(1))
    assert read_image(name, 0, _LIMITS) == Image(name, png(1))
    Path(name).unlink()
    missing = read_image(name, 0, _LIMITS)
    assert isinstance(missing, Rejection)
    assert "in place of a path: decode it first, and pass the bytes" in missing.error.message
    Path(name).mkdir()
    folder = read_image(name, 0, _LIMITS)
    assert isinstance(folder, Rejection)
    assert "is a folder, name the files in it" in folder.error.message


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (b64encode(png(1) * 3).decode(), "characters of base64 text of a PNG>: looks like base64 text of a PNG in"),
        (b64encode(png(1) * 3000).decode(), "characters of base64 text of a PNG>: looks like base64 text of a PNG in"),
        (f"data:image/png;base64,{b64encode(png(1)).decode()}", "of a data: URL>: looks like a data: URL in"),
        (str(b64encode(png(1) * 3000)), "looks like base64 text of a PNG in place of a path: decode it first"),
        ("x. " * 3000, "(9,000 characters): cannot be read (File name too long)"),
        ("a\0b", "$'a\\x00b': cannot be read: a path cannot have these characters"),
        ("a\r", "$'a\\r': no such file, check the path"),
    ],
)  # fmt: skip
def test_a_path_that_is_none_is_shown_bounded(path: str, message: str) -> None:
    rejected = read_image(path, 0, _LIMITS)
    assert isinstance(rejected, Rejection)
    assert rejected.key == path
    assert message in rejected.error.message
    assert len(rejected.error.message) < 400


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b64encode(png(1) * 3), "base64 text of a PNG"),
        (b"\xef\xbb\xbf" + b64encode(b"\xff\xd8\xff\xe0" * 30), "base64 text of a JPEG"),
        (png(1).hex().encode(), "hexadecimal text of a PNG"),
        (b"data:image/png;base64," + b64encode(png(1)), "a data: URL"),
    ],
)
def test_a_file_of_encoded_text_is_called_that(content: bytes, kind: str) -> None:
    rejected = read_image(content, 0, Limits())
    assert isinstance(rejected, Rejection)
    assert rejected.error.message == f"#0: the file is {kind} in place of the image itself: decode it first"


def test_no_key_makes_a_message_long() -> None:
    key = "k e y " * 100_000
    rejected = read_image(Image(key, b"x"), 0, Limits())
    assert isinstance(rejected, Rejection)
    assert rejected.key == key
    assert len(rejected.error.message) < 400
    assert len(repr(Image(key, b"x"))) < 400
    source = Source([Image(cast("str", png(1)), png(1))], Limits())
    source.next()
    assert "with the key <" in str(source.error)


def test_a_file_up_to_the_limit_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(png(1).ljust(100))
    expected = Image(str(path), png(1).ljust(100))
    assert read_image(path, 0, _LIMITS) == read_image(str(path), 0, _LIMITS) == expected


def test_bytes_and_images_are_checked_like_files() -> None:
    assert read_image(png(1), 7, _LIMITS) == Image("#7", png(1))
    assert read_image(Image("mine", png(1)), 7, _LIMITS) == Image("mine", png(1))
    refused = read_image(Image("mine", b"x"), 7, _LIMITS)
    assert isinstance(refused, Rejection)
    assert refused.error.code is Code.INVALID_ARGUMENT
    assert refused.error.message.startswith("mine: the file is no image")


def test_a_file_over_the_limit_is_reported_with_its_whole_size(tmp_path: Path) -> None:
    path = tmp_path / "big.png"
    with path.open("wb") as file:
        file.truncate(5_000_000_000)  # Sparse: reading it all would need 5 GB of memory.
    refused = read_image(path, 0, _LIMITS)
    assert isinstance(refused, Rejection)
    assert refused.error.message.startswith(f"{path}: the file has 5,000,000,000 bytes, the limit is 100")


@pytest.mark.parametrize(("size", "fits"), [(90, True), (100, True), (101, False), (5000, False)])
def test_a_pipe_has_no_size_and_is_read_up_to_the_limit(tmp_path: Path, size: int, *, fits: bool) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    content = png(1).ljust(size)
    writer = threading.Thread(target=pipe.write_bytes, args=(content,))
    writer.start()
    read = read_image(pipe, 0, _LIMITS)
    writer.join()
    if fits:
        assert read == Image(str(pipe), content)
    else:
        assert isinstance(read, Rejection)
        assert read.error.message.startswith(f"{pipe}: the file has 101 bytes, the limit is 100")


@pytest.mark.parametrize(
    ("name", "code", "message"),
    [
        ("missing.png", Code.NOT_FOUND, "no such file"),
        ("", Code.INVALID_ARGUMENT, "is a folder"),
        ("nul\0.png", Code.INVALID_ARGUMENT, "cannot be read"),
        ("x" * 300, Code.INVALID_ARGUMENT, "cannot be read"),
    ],
)
def test_what_cannot_be_read_names_the_file(tmp_path: Path, name: str, code: Code, message: str) -> None:
    path = os.path.join(tmp_path, name)  # noqa: PTH118 - Path would drop the empty name
    refused = read_image(path, 0, _LIMITS)
    assert isinstance(refused, Rejection)
    assert refused.key == path
    assert refused.error.code is code
    assert message in refused.error.message
    assert str(tmp_path) in refused.error.message


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.ENOTCONN])
def test_a_disk_that_fails_may_be_there_again_later(number: int) -> None:
    unread = explain_unread("scans/a.png", OSError(number, os.strerror(number)))
    assert unread.code is Code.UNAVAILABLE
    assert unread.message.startswith("scans/a.png: cannot be read now")


def test_the_bytes_stay_out_of_repr() -> None:
    assert repr(Image("k", b"secret")) == "Image(key='k', content=<6 bytes>)"


def test_a_source_is_pulled_no_further_than_asked() -> None:
    taken: list[int] = []

    def images() -> Iterator[bytes]:
        for number in range(5):
            taken.append(number)
            yield png(number)

    source = Source(images(), _LIMITS)
    assert taken == []
    assert source.pull(2) == [Image("#0", png(0)), Image("#1", png(1))]
    assert taken == [0, 1]
    assert not source.exhausted
    assert [image.key for image in source.pull(4)] == ["#2", "#3", "#4"]
    assert source.exhausted
    assert source.error is None


def test_a_source_that_raises_ends_with_what_came_before() -> None:
    def images() -> Iterator[ImageSource]:
        yield png(0)
        yield "no-such-file.png"
        message = "the disk is gone"
        raise OSError(message)

    source = Source(images(), _LIMITS)
    first, second = source.pull(8)
    assert (first.key, second.key) == ("#0", "no-such-file.png")
    assert isinstance(second, Rejection)
    assert source.exhausted
    assert str(source.error) == "the disk is gone"
