import bz2
import gzip
import io
import lzma
import os
import tarfile
import threading
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from images_in_bytes import png
from read_entries import Read, read_entries

from vision_grpc.config import Limits
from vision_grpc.results import ImageError
from vision_grpc.sources.containers.tar import open_tar, read_tar
from vision_grpc.sources.item import Fault, Item, Skipped
from vision_grpc.sources.options import SourceOptions
from vision_grpc.sources.places.opening import open_path

_LIMITS = Limits()
_OPTIONS = SourceOptions()
_COMPRESSIONS: dict[str, Callable[[bytes], bytes]] = {
    "tar": bytes,
    "tar.gz": gzip.compress,
    "tar.bz2": bz2.compress,
    "tar.xz": lzma.compress,
}


def shard(*members: str | tuple[str, bytes] | tarfile.TarInfo, form: int = tarfile.PAX_FORMAT) -> bytes:
    """Return a tar file; a member that is only a name is an image that is alone of its kind."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=form, errors="surrogateescape") as tar:
        for number, member in enumerate(members):
            if isinstance(member, tarfile.TarInfo):
                tar.addfile(member)
                continue
            name, content = (member, png(number)) if isinstance(member, str) else member
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return file.getvalue()


def special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def entries(content: bytes, options: SourceOptions = _OPTIONS) -> list[Read | Skipped | Fault]:
    """Return what is in the tar file `s.tar`."""
    return list(read_entries(read_tar("s.tar", io.BytesIO(content), options)))


def keys(content: bytes, options: SourceOptions = _OPTIONS) -> list[str]:
    return [entry[0] for entry in entries(content, options)]


def fault(entry: object) -> str:
    assert isinstance(entry, Fault)
    assert entry.name == "s.tar"
    return str(entry.error)


@pytest.mark.parametrize("suffix", _COMPRESSIONS)
@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
def test_members_come_in_their_order_under_their_stems(suffix: str, form: int, tmp_path: Path) -> None:
    long = "b" * 90 + "/" + "c" * 80
    content = shard("2.jpg", "1.PNG", "./a/1.jpeg", f"{long}.jpg", form=form)
    path = tmp_path / f"s.{suffix}"
    path.write_bytes(_COMPRESSIONS[suffix](content))
    found = list(read_entries(open_tar(str(path), SourceOptions())))
    assert found == [("2", png(0)), ("1", png(1)), ("a/1", png(2)), (long, png(3))]


@pytest.mark.parametrize("compress", _COMPRESSIONS.values(), ids=_COMPRESSIONS)
def test_a_pipe_is_read_whatever_it_is_called(compress: Callable[[bytes], bytes], tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(compress(shard("1.jpg", "2.jpg", "3.jpg")),))
    writer.start()
    source = open_tar(str(pipe), SourceOptions())
    first = next(source)
    assert isinstance(first, Item)
    next(source)  # The second is passed.
    assert list(read_entries(source)) == [("3", png(2))]
    writer.join()


def test_an_image_is_named_by_its_place_beside_its_key() -> None:
    (item,) = read_tar("s.tar", io.BytesIO(shard("a/1.jpg")), SourceOptions())
    assert isinstance(item, Item)
    assert (item.key, item.place, item.content_bytes, item.is_passing) == ("a/1", "s.tar#a/1.jpg", len(png(0)), True)
    assert keys(shard("a/1.jpg", "a/1.png"), SourceOptions(member_keys="path")) == ["s.tar#a/1.jpg", "s.tar#a/1.png"]


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("scan.2024.01.jpg", "scan.2024.01"),
        ("./././/a.jpg", "a"),
        ("/b/a.jpg", "/b/a"),
        ("../../a.jpg", "../../a"),
        ("a b\n.jpg", "a b\n"),
        ("й.jpg", "й"),
        ("\udcff\udc80.jpg", "\udcff\udc80"),
        ("a#b.jpg", "a#b"),
    ],
)
@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_names_of_any_kind_are_keys(name: str, key: str, form: int) -> None:
    assert entries(shard(name, form=form)) == [(key, png(0))]


def test_an_image_that_is_over_the_limit_is_not_read() -> None:
    class Counted(io.BytesIO):
        passed = 0

        def read(self, size: int | None = -1, /) -> bytes:
            content = super().read(size)
            self.passed += len(content)
            return content

    file = Counted(shard(("large.jpg", bytes(50_000_000)), "1.jpg"))
    found = list(read_entries(read_tar("s.tar", file, SourceOptions())))
    error = found[0][1]
    assert isinstance(error, ImageError)
    assert str(error).startswith("INVALID_ARGUMENT: s.tar#large.jpg: the file has 50,000,000 bytes, the limit is")
    assert found[1:] == [("1", png(1))]
    assert file.passed < 100_000


def test_an_image_that_has_passed_cannot_be_read() -> None:
    first, *_ = read_tar("s.tar", io.BytesIO(shard("1.jpg", "2.jpg")), SourceOptions())
    assert isinstance(first, Item)
    with pytest.raises(RuntimeError, match=r"s\.tar#1\.jpg has passed"):
        first.read(_LIMITS)


def test_what_is_beside_an_image_in_its_sample_is_not_counted() -> None:
    content = shard(
        ("1.cls", b"3"), ("1.json", b"{}"), "1.jpg", ("1.seg.npy", b""), ("2.json", b"{}"), ("2.txt", b"x"), "3.png"
    )
    assert keys(content) == ["1", "s.tar#2.json", "s.tar#2.txt", "3"]
    assert keys(shard(("a/1.txt", b""), "b/1.jpg", ("1.txt", b""))) == ["s.tar#a/1.txt", "b/1", "s.tar#1.txt"]
    assert keys(shard(("1.json", b""), ("1.webp", b""), ("1.txt", b""))) == ["s.tar#1.webp"]


def test_a_sample_of_no_end_is_not_held() -> None:
    content = shard(*((f"1.{number}.npy", b"") for number in range(2500)))
    source = read_tar("s.tar", io.BytesIO(content), SourceOptions())
    assert next(source) == Skipped("s.tar#1.0.npy", ".npy", can_be_fitted=False)
    assert len(list(source)) == 2499


def test_what_is_passed_over_is_counted_by_kind() -> None:
    content = shard(
        "1.webp",
        "2.HEIC",
        "inner.tar",
        "README",
        special("folder", tarfile.DIRTYPE),
        special("3.jpg", tarfile.SYMTYPE, "2.jpg"),
        special("4.jpg", tarfile.LNKTYPE, "2.jpg"),
        special("5.jpg", tarfile.FIFOTYPE),
        special("6", tarfile.CHRTYPE),
    )
    skipped = [entry for entry in entries(content) if isinstance(entry, Skipped)]
    assert [(entry.kind, entry.can_be_fitted) for entry in skipped] == [
        (".webp", True),
        (".heic", True),
        (".tar in a tar file", False),
        ("no suffix", False),
        *[("link in a tar file", False)] * 2,
        *[("device in a tar file", False)] * 2,
    ]
    assert keys(content, SourceOptions(fit=True))[:2] == ["1", "2"]


def test_hidden_members_and_those_that_patterns_leave_out_are_not_counted() -> None:
    content = shard(".DS_Store", "._1.jpg", "a/.git/2.jpg", "./.hidden/3.jpg", "1.jpg", "b/4.png", "c/5.webp")
    assert keys(content) == ["1", "b/4", "s.tar#c/5.webp"]
    assert keys(content, SourceOptions(include=["*.png"])) == ["b/4"]
    assert keys(content, SourceOptions(exclude=["b/", "c/*"])) == ["1"]


def test_tar_files_that_were_joined_are_read_to_the_end() -> None:
    joined = shard("1.jpg") + bytes(512 * 7) + shard("2.jpg") + shard("3.jpg") + bytes(512)
    assert entries(joined) == [("1", png(0)), ("2", png(0)), ("3", png(0))]
    assert keys(gzip.compress(shard("1.jpg")) + gzip.compress(shard("2.jpg"))) == ["1", "2"]


def test_a_tar_file_without_images_is_a_fault() -> None:
    for content in (shard(), bytes(1024), shard(special("folder", tarfile.DIRTYPE))):
        (only,) = entries(content)
        assert fault(only) == "NOT_FOUND: s.tar: no image in this file"
    (only,) = entries(shard("1.jpg"), SourceOptions(exclude=["*.jpg"]))
    assert fault(only) == "NOT_FOUND: s.tar: no image in this file that the patterns leave, check them"


def test_a_pattern_that_selects_a_tar_file_in_a_folder_selects_what_is_in_it(tmp_path: Path) -> None:
    (tmp_path / "shards").mkdir()
    for name in ("1.tar", "2.tgz", "3.tar"):
        (tmp_path / "shards" / name).write_bytes(shard(f"{name}.jpg", "thumb.png"))
    options = SourceOptions(include=["shards/*.tar"], exclude=["thumb.*", "3.tar"])
    assert list(read_entries(open_path(str(tmp_path), options))) == [("1.tar", png(0))]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"x", "is not a tar file"),
        (b"no tar" * 1000, "is not a tar file"),
        (gzip.compress(b""), "is empty"),
        (gzip.compress(b"no tar" * 1000), "is not a tar file"),
        (b"\x28\xb5\x2f\xfd" + bytes(1000), "is compressed by zstd: decompress it (zstd -d), or compress it by gzip"),
    ],
    # gzip writes the time: each process would give the tests other names.
    ids=["empty", "short", "long", "empty gzip", "gzip", "zstd"],
)
def test_what_is_not_a_tar_file_is_a_fault(content: bytes, message: str) -> None:
    (only,) = entries(content)
    assert fault(only) == f"INVALID_ARGUMENT: s.tar: {message}"


@pytest.mark.parametrize("path", ["missing.tar", "folder.tar", "a\0.tar"])
def test_a_file_that_cannot_be_opened_is_a_fault(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("folder.tar").mkdir()
    (only,) = open_tar(path, SourceOptions())
    assert isinstance(only, Fault)
    assert only.name == path


_THREE = shard("1.jpg", ("2.jpg", bytes(2000)), "3.jpg")
_SECOND = _THREE.index(b"2.jpg")


@pytest.mark.parametrize("compress", _COMPRESSIONS.values(), ids=_COMPRESSIONS)
@pytest.mark.parametrize("left", range(1, len(_THREE) - 8000, 127))
def test_what_comes_before_a_cut_is_read(compress: Callable[[bytes], bytes], left: int) -> None:
    compressed = compress(_THREE)
    cut = compressed[: len(compressed) * left // len(_THREE)]
    found = entries(cut)
    whole = {("1", png(0)), ("2", bytes(2000)), ("3", png(2))}
    for entry in found[:-1]:
        assert entry in whole or isinstance(entry[1], ImageError)
    assert "s.tar: is" in fault(found[-1])


@pytest.mark.parametrize("left", [_SECOND, _SECOND + 100, _SECOND + 512, _SECOND + 600])
def test_a_cut_is_named(left: int) -> None:
    first, *others, last = entries(_THREE[:left])
    assert first == ("1", png(0))
    assert fault(last).startswith("DATA_LOSS: s.tar: is cut after ")
    assert fault(last).endswith(
        " bytes of its content: what came before can be read, and the rest is lost: get the file anew"
    )
    for entry in others:
        assert entry[0] == "2"
        assert str(entry[1]).startswith("DATA_LOSS: s.tar#2.jpg: is cut")


def test_members_that_are_passed_reveal_a_cut_too() -> None:
    found = list(read_tar("s.tar", io.BytesIO(_THREE[: _SECOND + 600]), SourceOptions()))
    assert [type(entry) for entry in found] == [Item, Item, Fault]


def test_a_damaged_header_is_not_the_end() -> None:
    damaged = _THREE[:_SECOND] + b"\xff" * 512 + _THREE[_SECOND + 512 :]
    first, last = entries(damaged)
    assert first == ("1", png(0))
    assert fault(last).startswith(
        "DATA_LOSS: s.tar: is damaged after 1,536 bytes of its content (no member begins there)"
    )


def test_a_wrong_checksum_is_reported_after_the_images() -> None:
    compressed = bytearray(gzip.compress(_THREE))
    compressed[-8] ^= 1
    *images, last = entries(bytes(compressed))
    assert len(images) == 3
    assert "(CRC check failed" in fault(last)


def test_streams_of_xz_that_follow_one_another_are_read_to_the_end() -> None:
    parts = [
        lzma.compress(shard("1.jpg")),
        lzma.compress(shard("2.jpg")),
        lzma.compress(b""),
        lzma.compress(shard("3.jpg")),
    ]
    for padding in (b"", bytes(4), bytes(100_000)):
        assert keys(padding.join(parts)) == ["1", "2", "3"]
    assert keys(parts[0] + b"no xz") == ["1"]
    *_, last = entries(b"".join(parts)[:-1])
    assert "s.tar: is cut after" in fault(last)


def test_an_xz_file_that_needs_much_memory_is_a_fault() -> None:
    compressed = bytearray(lzma.compress(shard("1.jpg")))
    # A block begins after the 12 bytes of a file: its length, flags, LZMA2's number, and the size of the dictionary.
    assert compressed[14:16] == b"\x21\x01"
    compressed[16] = 38
    end = 12 + 4 * compressed[12]
    compressed[end : end + 4] = zlib.crc32(compressed[12:end]).to_bytes(4, "little")
    for content in (compressed, lzma.compress(shard("0.jpg")) + compressed):
        *_, last = entries(bytes(content))
        assert (
            fault(last)
            == "INVALID_ARGUMENT: s.tar: takes more than 128 MiB of memory to decompress: compress it anew (xz -9)"
        )
    strong = lzma.compress(shard("1.jpg"), preset=9 | lzma.PRESET_EXTREME)
    assert keys(strong) == ["1"]


@pytest.mark.parametrize("compress", list(_COMPRESSIONS.values())[1:], ids=list(_COMPRESSIONS)[1:])
def test_damaged_compression_is_a_fault(compress: Callable[[bytes], bytes]) -> None:
    content = shard(*((f"{number}.jpg", os.urandom(3000)) for number in range(400)))
    compressed = bytearray(compress(content))
    middle = len(compressed) * 9 // 10
    compressed[middle : middle + 50] = b"\xff" * 50
    *_, last = entries(bytes(compressed))
    assert fault(last).startswith("DATA_LOSS: s.tar: is damaged after ")


@pytest.mark.parametrize("kind", [tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.XHDTYPE, tarfile.XGLTYPE])
def test_headers_without_end_for_one_member_end_in_a_fault(kind: bytes) -> None:
    content = b"13 path=long\n" if kind in {tarfile.XHDTYPE, tarfile.XGLTYPE} else b"long\0"
    header = special("x", kind)
    header.size = len(content)
    first, *others = entries(
        shard("1.jpg")[:1024] + (header.tobuf() + content.ljust(512, b"\0")) * 5_000 + shard("2.jpg")
    )
    assert first == ("1", png(0))
    assert "is damaged after" in fault(others[-1])
    assert "(too many headers for one member)" in fault(others[-1])


@pytest.mark.parametrize("size", [b"\x80" + b"\xff" * 11, b"\xff" * 10 + b"\0\0", b"77777777777\0"])
@pytest.mark.parametrize("kind", [tarfile.REGTYPE, tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME])
def test_sizes_that_cannot_be_true_end_in_a_fault(size: bytes, kind: bytes) -> None:
    header = bytearray(special("2.jpg", kind).tobuf())
    header[124:136] = size
    header[148:156] = b"%06o\0 " % (256 + sum(header[:148]) + sum(header[156:512]))
    *found, last = entries(shard("1.jpg")[:1024] + bytes(header) + shard("3.jpg"))
    assert found[0] == ("1", png(0))
    assert fault(last).startswith("DATA_LOSS: s.tar: is ")


def test_pdfs_are_members_like_others_where_they_are_read_as_they_are() -> None:
    content = shard("a/1.png", ("a/2.PDF", b"%PDF-1.7 two"), ("a/2.json", b"{}"), ("a/3.tif", b"II*\0"))
    found = list(read_tar("s.tar", io.BytesIO(content), SourceOptions(pdf=True)))
    assert [entry.key for entry in found if isinstance(entry, Item)] == ["a/1", "a/2"]
    assert [entry.kind for entry in found if isinstance(entry, Skipped)] == [".tif"]
