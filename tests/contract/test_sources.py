"""What every kind of source does: folders and files, lists, tar shards, tables, stores, documents."""

import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet
from container_kinds import S3, Parquet, S3Objects, Tar, TarGz
from document_kinds import Pdf, Tiff
from images_in_bytes import png
from source_kinds import KINDS, LOST, SourceKind

from vision_grpc import VisionClient
from vision_grpc.config import Limits
from vision_grpc.messages import BatchAnalyzeRequest, BatchAnalyzeResponse
from vision_grpc.results import ImageError
from vision_grpc.sources.item import Item, Skipped
from vision_grpc.testing import MemoryTransport

Make = Callable[[Mapping[str, bytes]], SourceKind]

_LIMITS = Limits()
_NAMES = ("0.png", "a/1.png", "a/b/2.PNG", "a/b/3.jpeg", "c/4.jpg", "два слова/5.png")
_ODD_NAMES = ("\udcff.png", "line\nend.png", "tab\tand\rreturn.png")
_MANY, _MANY_BYTES = 200, 50_000
_KINDS: tuple[type[SourceKind], ...] = (*KINDS, Tar, TarGz, Parquet, S3, S3Objects, Pdf, Tiff)


def _param(kind: type[SourceKind]) -> ParameterSet:
    return pytest.param(kind, marks=[pytest.mark.environment] if kind.needs_bucket else [])


@pytest.fixture(params=[_param(kind) for kind in _KINDS], ids=lambda kind: kind.__name__)
def kind(request: pytest.FixtureRequest) -> type[SourceKind]:
    kind: type[SourceKind] = request.param
    if kind.needs_bucket:
        request.getfixturevalue("bucket")
    return kind


@pytest.fixture
def make(kind: type[SourceKind], tmp_path: Path) -> Make:
    """Fill a source of each kind with images, whose names are in sorted order."""

    def make(images: Mapping[str, bytes]) -> SourceKind:
        source = kind(tmp_path)
        source.fill(images)
        return source

    return make


def _numbered(*names: str) -> dict[str, bytes]:
    return {name: png(number) for number, name in enumerate(names)}


def _items(source: SourceKind) -> Iterator[Item]:
    for entry in source.open():
        assert isinstance(entry, Item), entry
        yield entry


def _read(item: Item) -> bytes:
    content = item.read(_LIMITS)
    assert isinstance(content, bytes), content
    return content


def test_each_image_comes_once_under_its_key_and_as_it_is(make: Make) -> None:
    images = _numbered(*_NAMES)
    source = make(images)
    read = [(item.key, _read(item)) for item in _items(source)]
    assert sorted(key for key, _ in read) == sorted(map(source.key_of, images))
    contents = dict(read)
    assert all(source.is_same(contents[source.key_of(name)], original) for name, original in images.items())


def test_keys_and_their_order_stay_from_run_to_run(make: Make) -> None:
    source = make(_numbered(*_NAMES))
    keys = [item.key for item in _items(source)]
    assert len(set(keys)) == len(_NAMES)
    assert [item.key for item in _items(source)] == keys


def test_what_is_left_out_is_not_read_and_the_rest_is(make: Make) -> None:
    images = _numbered(*_NAMES)
    source = make(images)
    done = set(map(source.key_of, list(images)[::2]))
    read = {item.key: _read(item) for item in _items(source) if item.key not in done}
    assert sorted(read) == sorted(set(map(source.key_of, images)) - done)
    assert all(source.is_same(read[source.key_of(name)], images[name]) for name in list(images)[1::2])


def test_a_stated_size_is_that_of_the_content(make: Make) -> None:
    for item in _items(make(_numbered(*_NAMES))):
        assert item.content_bytes in {None, len(_read(item))}


def test_an_image_over_the_limit_is_an_error_with_its_name(kind: type[SourceKind], make: Make) -> None:
    if not kind.holds_files:
        pytest.skip("its images are made to fit")
    source = make({"0.png": png(0), "large.png": png(1, size=5000), "x.png": png(2)})
    read = {item.key: item.read(Limits(content_bytes=4000)) for item in _items(source)}
    error = read.pop(source.key_of("large.png"))
    assert isinstance(error, ImageError)
    assert "5,000 bytes" in error.message
    assert len(read) == 2
    assert all(isinstance(content, bytes) for content in read.values())


def test_an_image_that_cannot_be_read_ends_nothing(kind: type[SourceKind], make: Make) -> None:
    if not kind.can_lose_one:
        pytest.skip("it is read whole or not at all")
    source = make(_numbered("0.png", LOST, "z.png"))
    read = {item.key: item.read(_LIMITS) for item in _items(source)}
    error = read.pop(source.key_of(LOST))
    assert isinstance(error, ImageError)
    assert LOST in error.message
    assert sorted(read) == sorted(map(source.key_of, ("0.png", "z.png")))
    assert all(isinstance(content, bytes) for content in read.values())


def test_names_of_any_bytes_are_kept(kind: type[SourceKind], make: Make) -> None:
    names = ["0.png", *filter(kind.can_name, _ODD_NAMES)]
    source = make(_numbered(*names))
    assert sorted(item.key for item in _items(source) if _read(item)) == sorted(map(source.key_of, names))


def test_other_files_are_counted_by_kind(kind: type[SourceKind], make: Make) -> None:
    if not kind.lists_others:
        pytest.skip("what it names is tried")
    source = make({"0.png": png(0), "notes.docx": b"PK", "photo.WEBP": b"RIFF", "z": b""})
    skipped = [entry for entry in source.open() if isinstance(entry, Skipped)]
    assert [(entry.kind, entry.can_be_fitted) for entry in skipped] == [
        (".docx", False), (".webp", True), ("no suffix", False),
    ]  # fmt: skip
    assert [entry.name for entry in skipped] == list(map(source.place_of, ("notes.docx", "photo.WEBP", "z")))


def test_only_the_image_at_hand_is_in_memory(kind: type[SourceKind], make: Make) -> None:
    if not kind.holds_files:
        pytest.skip("rendering takes its time")
    source = make({f"{number:03}.png": png(number, size=_MANY_BYTES) for number in range(_MANY)})
    tracemalloc.start()
    try:
        read = [len(_read(item)) for item in _items(source)]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert read == [_MANY_BYTES] * _MANY
    assert peak < _MANY * _MANY_BYTES / 5


def test_each_key_gets_the_result_of_its_image(make: Make) -> None:
    source = make(_numbered(*_NAMES))
    expected = {item.key: _digest(_read(item)) for item in _items(source)}
    with VisionClient(transport=MemoryTransport(_answer_digests)) as client:
        results = list(client.analyze_many(_items(source)))
    assert len(results) == len(expected)
    assert {result.key: result.text for result in results} == expected


def _answer_digests(request: BatchAnalyzeRequest) -> BatchAnalyzeResponse:
    response = BatchAnalyzeResponse()
    for spec in request.analyze_specs:
        page = response.results.add().results.add().text_detection.pages.add()
        page.blocks.add().lines.add().words.add(text=_digest(spec.content))
    return response


def _digest(content: bytes) -> str:
    return sha256(content).hexdigest()
