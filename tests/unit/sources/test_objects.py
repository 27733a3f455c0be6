"""Open files, buffers and pictures as images, and what looks like one and is not."""

import gzip
import io
import mmap
import tarfile
import tempfile
import zipfile
from array import array
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from images_in_bytes import png
from PIL import Image as Pillow
from PIL import ImageOps

from vision_grpc.config import Limits
from vision_grpc.errors import Code
from vision_grpc.sources.files import ImageSource, check_many, read_image
from vision_grpc.sources.image import FittedImage, Image, Pulled, Rejection

_PNG = png(1)
_LIMITS = Limits()


def _read(source: Any, limits: Limits = _LIMITS) -> Pulled:  # noqa: ANN401 - wrong ones too
    return read_image(source, 3, limits)


def _fault(source: Any, limits: Limits = _LIMITS) -> str:  # noqa: ANN401 - wrong ones too
    rejection = _read(source, limits)
    assert isinstance(rejection, Rejection), rejection
    assert "\n" not in rejection.error.message
    assert len(rejection.error.message) < 300
    return rejection.error.message


@contextmanager
def _closing(file: Any) -> Iterator[Any]:  # noqa: ANN401 - of any kind
    yield file
    if hasattr(file, "close"):
        file.close()


class _Counting(io.RawIOBase):
    """A file without end that counts what is read of it."""

    def __init__(self) -> None:
        self.bytes_read = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - of `io`
        self.bytes_read += len(buffer)
        return len(buffer)


class _Reader:
    """What has a method `read`, and nothing else of a file."""

    def __init__(self, parts: list[Any]) -> None:
        self._parts = iter(parts)

    def read(self, _: int, /) -> Any:  # noqa: ANN401 - wrong ones too
        part = next(self._parts, b"")
        if isinstance(part, Exception):
            raise part
        return part


class _Asynchronous:
    async def read(self, size: int = -1) -> bytes:
        return _PNG[:size]


class _Response:
    """As `requests` and `httpx` have one."""

    content = _PNG

    def read(self) -> bytes:
        return self.content


class _Upload(_Reader):
    """As web frameworks have one: `name` is the field of the form."""

    name = "file"
    filename = "scan.png"


def _spooled(content: bytes) -> Any:  # noqa: ANN401 - of `tempfile`
    file = tempfile.SpooledTemporaryFile()  # noqa: SIM115 - read by a test
    file.write(content)
    file.seek(0)
    return file


def _zipped(content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("in/a.png", content)
    return file.getvalue()


def _tarred(content: bytes) -> Any:  # noqa: ANN401 - of `tarfile`
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        member = tarfile.TarInfo("in/a.png")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    file.seek(0)
    return tarfile.open(fileobj=file).extractfile("in/a.png")


def _after(skipped: bytes, content: bytes) -> io.BytesIO:
    file = io.BytesIO(skipped + content)
    file.seek(len(skipped))
    return file


def _mapped(content: bytes) -> mmap.mmap:
    mapped = mmap.mmap(-1, len(content))
    mapped[:] = content
    return mapped


_FILES: dict[str, Callable[[bytes], Any]] = {
    "BytesIO": io.BytesIO,
    "from where it stands": lambda content: _after(b"before", content),
    "spooled": _spooled,
    "gzip": lambda content: gzip.GzipFile(fileobj=io.BytesIO(gzip.compress(content))),
    "zip": lambda content: zipfile.ZipFile(io.BytesIO(_zipped(content))).open("in/a.png"),  # noqa: SIM115
    "tar": _tarred,
    "mmap": _mapped,
    "in parts": lambda content: _Reader([content[:1], content[1:9], content[9:]]),
    "of bytearrays": lambda content: _Reader([bytearray(content[:5]), memoryview(content)[5:]]),
    "upload": lambda content: _Upload([content]),
}


@pytest.mark.parametrize("kind", _FILES)
def test_a_binary_file_is_read(kind: str) -> None:
    # Of a file in a tar, Python 3.11 has no name, while later ones have that of the member.
    keys = {"zip": ["in/a.png"], "tar": ["#3", "in/a.png"], "upload": ["scan.png"]}.get(kind, ["#3"])
    with _closing(_FILES[kind](_PNG)) as file:
        assert _read(file) in [Image(key, _PNG) for key in keys]


@pytest.mark.parametrize("kind", _FILES)
def test_a_binary_file_over_the_limit_is_refused(kind: str) -> None:
    content, limits = _PNG.ljust(200_000), Limits(content_bytes=199_999)
    with _closing(_FILES[kind](content)) as file:
        assert "the file has at least 200,000 bytes, the limit is 199,999" in _fault(file, limits)
    with _closing(_FILES[kind](content)) as file:
        assert isinstance(_read(file, Limits(content_bytes=200_000)), Image)


@pytest.mark.parametrize("buffering", [0, -1])
def test_an_open_file_has_its_path_as_key_and_stays_open(tmp_path: Path, buffering: int) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(_PNG)
    with path.open("rb", buffering=buffering) as file:
        assert _read(file) == Image(str(path), _PNG)
        assert not file.closed
        assert _fault(file) == f"{path}: nothing is left to read in the file: rewind it with seek(0)"
        file.seek(0)
        assert isinstance(_read(file), Image)


@pytest.mark.parametrize("name", [None, 4, "", "<stdin>", b""], ids=repr)
def test_a_file_without_a_name_is_called_by_its_position(name: object) -> None:
    file = _Reader([_PNG])
    file.name = name  # type: ignore[attr-defined]
    assert _read(file).key == "#3"


@pytest.mark.parametrize("limit", [1, 1_000, 65_536, 1_000_000])
def test_no_more_than_a_byte_over_the_limit_is_read(limit: int) -> None:
    file = _Counting()
    assert f"the limit is {limit:,}" in _fault(file, Limits(content_bytes=limit))
    assert file.bytes_read == limit + 1


@pytest.mark.parametrize(
    ("file", "told"),
    [
        (io.BytesIO(), "#3: the file is empty: copy or save it again"),
        (_after(_PNG, b""), "#3: nothing is left to read in the file: rewind it with seek(0)"),
        (_Reader([_PNG[:5], None]), "#3: the file has no bytes yet: wait for them, and pass the bytes"),
        (_Reader([_PNG[:5], OSError(5, "Input/output error")]), "#3: cannot be read now: a disk or device"),
        (_Reader([ConnectionResetError(104, "Connection reset by peer")]), "be read now (Connection reset by peer)"),
        (_Reader([TimeoutError("read operation")]), "#3: the file cannot be read now (TimeoutError)"),
        (_Reader([RuntimeError("https://user:pw@host/?sig=secret")]), "#3: the file cannot be read (RuntimeError)"),
        (_Reader([EOFError("end")]), "#3: the file cannot be read (EOFError)"),
        (gzip.GzipFile(fileobj=io.BytesIO(gzip.compress(_PNG)[:-9])), "#3: the file cannot be read (EOFError)"),
    ],
    ids=["empty", "at its end", "not ready", "EIO", "reset", "late", "library", "EOF", "gzip"],
)
def test_a_file_that_cannot_be_read_is_a_rejection(file: object, told: str) -> None:
    assert told in _fault(file)


class _Field:
    """A field of Django: it opens its file when it is used."""

    def __init__(self, path: Path) -> None:
        self._path, self.name = path, path.name
        self.closed = True

    @property
    def encoding(self) -> object:
        self._path.stat()
        return None

    @property
    def read(self) -> Callable[[int], bytes]:
        return io.BytesIO(self._path.read_bytes()).read


def test_a_file_that_is_opened_by_its_first_use_may_be_missing(tmp_path: Path) -> None:
    read = _read(_Field(tmp_path / "gone.png"))
    assert isinstance(read, Rejection)
    assert (read.key, read.error.code) == ("gone.png", Code.NOT_FOUND)
    assert read.error.message == "gone.png: no such file, check the path"


def test_a_path_that_can_be_read_is_a_path(tmp_path: Path) -> None:
    class Local:
        def __fspath__(self) -> str:
            return str(path)

        def read(self) -> str:
            return path.read_text(encoding="utf-8")

    path = tmp_path / "a.png"
    path.write_bytes(_PNG)
    assert _read(Local()) == Image(str(path), _PNG)


def test_a_file_that_is_closed_or_written_to_is_a_rejection(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    with path.open("ab") as file:
        assert _fault(file) == f"{path}: the file is not open for reading: open it with mode 'rb'"
    assert _fault(file) == f"{path}: the file is closed: pass it while it is open"


@pytest.mark.parametrize(
    "open_text",
    [
        lambda path: path.open(encoding="latin-1"),
        lambda _: io.StringIO("x"),
        lambda _: tempfile.SpooledTemporaryFile(mode="w+"),  # noqa: SIM115 - closed by the test
        lambda _: tempfile.NamedTemporaryFile("w+"),  # noqa: SIM115 - closed by the test
    ],
    ids=["open", "StringIO", "spooled", "temporary"],
)
def test_a_text_file_is_refused(tmp_path: Path, open_text: Callable[[Path], Any]) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(_PNG)
    with open_text(path) as file, pytest.raises(TypeError, match="the file is open as text: open it with mode 'rb'"):
        _read(file)


@pytest.mark.parametrize(
    ("file", "told"),
    [
        (_Asynchronous(), "#3: the file is read asynchronously: await its read(), and pass the bytes"),
        (_Reader(["text"]), "#3: the file is open as text: open it with mode 'rb'"),
        (_Reader([5]), "#3: read() of the file returned a int, must return bytes"),
        (_Response(), "image 3 of the source is of type _Response: give its content, as in response.content"),
        (zipfile.Path(zipfile.ZipFile(io.BytesIO(), "w")), "is of type Path: give its bytes, as in path.read_bytes()"),
        (np.zeros((4, 4, 3), "u1"), "is an array of numbers: give PIL.Image.fromarray(array)"),
        (np.zeros((4, 4)), "is an array of numbers: give PIL.Image.fromarray(array)"),
        (np.frombuffer(_PNG, "u1"), "is an array of numbers: give array.tobytes()"),
        (np.float64(1), "image 3 of the source is of type float64: give a path, bytes, "),
        (Pillow.Image, "image 3 of the source is the class Image: give an object"),
        (io.BytesIO, "image 3 of the source is the class BytesIO: give an object"),
    ],
    ids=["async", "str", "int", "response", "path in a ZIP", "RGB", "grey", "bytes", "number", "Image", "BytesIO"],
)
def test_what_gives_no_bytes_is_refused(file: object, told: str) -> None:
    with pytest.raises(TypeError) as caught:
        _read(file)
    assert told in str(caught.value)
    assert len(str(caught.value)) < 200


def test_a_mistake_in_a_read_stays_one() -> None:
    with pytest.raises(AttributeError, match="no such thing"):
        _read(_Reader([AttributeError("no such thing")]))


_BUFFERS: dict[str, Callable[[bytearray], bytearray | memoryview]] = {
    "bytearray": lambda data: data,
    "memoryview": memoryview,
    "part": lambda data: memoryview(bytes(7) + data)[7:],
    "not contiguous": lambda data: memoryview(bytes(each for value in data for each in (value, 0)))[::2],
    "backwards": lambda data: memoryview(bytes(reversed(data)))[::-1],
    "two-dimensional": lambda data: memoryview(data.ljust(40)).cast("B", (8, 5)),
    "other format": lambda data: memoryview(array("H", data.ljust(40))),
}  # fmt: skip


@pytest.mark.parametrize("kind", _BUFFERS)
def test_a_buffer_is_copied(kind: str) -> None:
    buffer = _BUFFERS[kind](bytearray(_PNG))
    for source, key in ((buffer, "#3"), (Image("mine", buffer), "mine")):
        image = _read(source)
        assert isinstance(image, Image)
        assert image.key == key
        assert type(image.content) is bytes
        assert image.content.rstrip() == _PNG


def test_what_becomes_of_a_buffer_later_does_not_reach_its_image() -> None:
    buffer = bytearray(_PNG)
    images = [_read(buffer), _read(memoryview(buffer)), _read(Image("k", buffer)), _read(_Reader([buffer]))]
    buffer[:] = bytes(len(buffer))
    assert [cast("Image", image).content for image in images] == [_PNG] * 4
    buffer.append(0)  # No view of it is left, which would keep it from growing.


def test_a_buffer_over_the_limit_or_released_is_refused() -> None:
    view = memoryview(array("H", bytes(200)))
    assert "the file has 200 bytes, the limit is 199" in _fault(view, Limits(content_bytes=199))
    view.release()
    assert _fault(view) == "#3: the memoryview is released: pass it before that"


# Pictures


def _sent(image: Pulled) -> Pillow.Image:
    assert isinstance(image, FittedImage), image
    return Pillow.open(io.BytesIO(image.content))


def _stripes(mode: str = "RGB") -> Pillow.Image:
    picture = Pillow.new("L", (60, 40), 255)
    picture.paste(0, (10, 10, 50, 20))
    return picture.convert(mode) if mode in {"1", "L", "P", "RGB", "RGBA", "CMYK", "YCbCr", "I", "F", "LA"} else picture


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "CMYK", "YCbCr", "I", "F", "LA"])
def test_a_picture_is_sent_without_a_loss(mode: str) -> None:
    image = _read(_stripes(mode))
    assert image.key == "#3"
    sent = _sent(image)
    assert sent.format == "PNG"
    assert sent.convert("L").tobytes() == _stripes("L").tobytes()


@pytest.mark.parametrize("mode", ["LAB", "HSV", "RGBX", "RGBa", "PA", "La", "I;16", "I;16B"])
def test_a_picture_of_a_rare_mode_is_sent(mode: str) -> None:
    assert _sent(_read(Pillow.new(mode, (60, 40)))).size == (60, 40)


def test_a_picture_that_is_too_large_is_fitted_and_its_boxes_come_back() -> None:
    limits = Limits(content_bytes=20_000, pixels=10_000)
    image = _read(Pillow.effect_noise((400, 300), 80), limits)
    assert isinstance(image, FittedImage)
    sent = _sent(image)
    assert len(image.content) <= 20_000
    assert sent.width * sent.height <= 10_000


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_sent_as_it_is_to_be_seen(orientation: int) -> None:
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    file = io.BytesIO()
    _stripes("L").save(file, "PNG", exif=exif)
    for picture in (Pillow.open(file), Pillow.open(file).convert("RGB")):
        upright = ImageOps.exif_transpose(picture)
        assert _sent(_read(picture)).convert("L").tobytes() == upright.convert("L").tobytes()
    assert _sent(_read(ImageOps.exif_transpose(Pillow.open(file)))).size == upright.size


def test_the_key_of_a_picture_is_the_name_of_its_file(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    _stripes().save(path)
    picture = Pillow.open(path)
    assert _read(picture).key == str(path)
    picture.close()
    assert _fault(picture) == f"{path}: the picture cannot be decoded: its file is damaged, or it was closed"


def test_a_picture_without_pixels_or_of_a_damaged_file_is_a_rejection() -> None:
    file = io.BytesIO()
    Pillow.effect_noise((99, 99), 80).save(file, "PNG")
    assert _fault(Pillow.new("L", (0, 5))) == "#3: the picture has 0 x 5 pixels"
    assert "its file is damaged" in _fault(Pillow.open(io.BytesIO(file.getvalue()[:2_000])))


# Texts


_TEXTS: list[tuple[ImageSource, str]] = [
    ("", "'': the path is empty"),
    ("https://host/a.png", "https://host/a.png: is a URL (https://) in place of a path: download it first"),
    ("HTTP://host/a.png", "is a URL (http://) in place of a path: download it first, and pass the bytes"),
    (Path("https://host/a.png"), "is a URL (https://) in place of a path: download it first"),
    (" https://host/a.png", "is a URL (https://)"),
    ("ftp://host/a.png", "is a URL (ftp://) in place of a path: download it first"),
    ("file:///scans/a.png", "is a URL (file://) in place of a path: pass the path, without file://"),
    ("s3://bucket/a.png", "is a URL (s3://) in place of a path: open_places of"),
    ("gs://bucket/a.png", "and so does the command line"),
    ("https://user:pw@host/a.png?X-Signature=secret#secret", "'https://...@host/a.png?...': is a URL"),
    ("https://host/a.png?secret", "'https://host/a.png?...': is a URL"),
    (b"https://host/a.png?secret", "#3: the file is a URL in place of the image itself: download it first"),
    (b"s3://bucket/a.png\n", "#3: the file is a URL in place of the image itself: download it first"),
    (b64encode(_PNG).decode(), "characters of base64 text of a PNG>: looks like base64 text of a PNG in place of"),
    (b64encode(_PNG), "#3: the file is base64 text of a PNG in place of the image itself: decode it first"),
    (bytearray(b64encode(_PNG)), "#3: the file is base64 text of a PNG in place of the image itself"),
    (io.BytesIO(b64encode(_PNG)), "#3: the file is base64 text of a PNG in place of the image itself"),
    (f"data:image/png;base64,{b64encode(_PNG).decode()}", "looks like a data: URL in place of a path: decode it"),
    (f"data:image/png;base64,{b64encode(_PNG).decode()}".encode(), "#3: the file is a data: URL in place of"),
]


@pytest.mark.parametrize(("source", "told"), _TEXTS, ids=map(str, range(len(_TEXTS))))
def test_a_text_in_place_of_an_image_is_called_what_it_is(source: ImageSource, told: str) -> None:
    message = _fault(source)
    assert told in message
    assert "secret" not in message
    assert "pw" not in message
    assert b64encode(_PNG).decode()[:30] not in message
    assert cast("Rejection", _read(source)).error.code is Code.INVALID_ARGUMENT


def test_a_file_that_is_called_like_a_url_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("https:/host").mkdir(parents=True)
    Path("https:/host/a.png").write_bytes(_PNG)
    assert _read("https://host/a.png") == Image("https://host/a.png", _PNG)


def _one_of_each() -> Iterator[object]:
    yield from (_PNG, bytearray(_PNG), memoryview(_PNG), io.BytesIO(_PNG), io.StringIO("a.png"), "a.png", Path("a.png"))
    yield from (Image("k", _PNG), _stripes(), _Reader([]), np.zeros((4, 4)), _zipped(_PNG))


@pytest.mark.parametrize("image", [*_one_of_each()], ids=map(str, range(12)))
def test_one_image_is_not_many(image: object) -> None:
    with pytest.raises(TypeError, match="for one, use analyze or put it into a list"):
        check_many(image)
    check_many([image])
    check_many(np.array(["a.png", "b.png"]))
