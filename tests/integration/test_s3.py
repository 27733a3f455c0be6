import io
import tarfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from images_in_bytes import png
from read_entries import Read, read_entries
from s3_buckets import Bucket

from vision_grpc.config import Limits
from vision_grpc.results import ImageError
from vision_grpc.sources.item import Fault, Item, Skipped
from vision_grpc.sources.options import SourceOptions
from vision_grpc.sources.places.opening import open_place

pytestmark = pytest.mark.environment

_OPTIONS = SourceOptions()


def entries(url: str, options: SourceOptions = _OPTIONS) -> list[Read | Skipped | Fault]:
    return list(read_entries(open_place(url, options)))


def names(url: str, options: SourceOptions = _OPTIONS) -> list[str]:
    return [entry[0] for entry in entries(url, options)]


def fault(url: str, options: SourceOptions = _OPTIONS) -> str:
    *_, last = entries(url, options)
    assert isinstance(last, Fault), last
    return str(last.error)


def error(url: str) -> str:
    (only,) = entries(url)
    assert isinstance(only, Read)
    assert isinstance(only.content, ImageError)
    return str(only.content)


def tar_of(count: int, size: int = 0) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        for number in range(count):
            member = tarfile.TarInfo(f"{number:04}.png")
            content = png(number, size=size)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return file.getvalue()


def test_a_prefix_ends_at_a_slash(bucket: Bucket) -> None:
    for number, key in enumerate(("scans/1.png", "scans/a/2.JPG", "scans-old/3.png", "4.png")):
        bucket.put(key, png(number))
    for url in (f"{bucket.url}/scans/", f"{bucket.url}/scans"):
        assert entries(url) == [(f"{bucket.url}/scans/1.png", png(0)), (f"{bucket.url}/scans/a/2.JPG", png(1))]
    assert len(entries(bucket.url)) == len(entries(f"{bucket.url}/")) == 4
    assert names(f"S3{bucket.url[2:]}/4.png") == [f"{bucket.url}/4.png"]


@pytest.mark.parametrize(
    "key",
    ["a b+c.png", "ü й.png", "100%.png", "a%20b.png", "a#b?c=d.png", "[x]{y}*'\"&<>.png", "~`^|\\a.png", "e\u0301.png"],
)
def test_keys_of_any_characters_are_found(key: str, bucket: Bucket) -> None:
    url = bucket.put(key, png(1))
    assert entries(url) == entries(bucket.url) == [(url, png(1))]


def test_an_object_is_read_whatever_it_is_called(bucket: Bucket) -> None:
    for key in ("scan", "scan.0001", "a/x.webp", "notes.docx"):
        url = bucket.put(key, png(1))
        assert entries(url) == [(url, png(1))]


def test_lists_are_lazy(bucket: Bucket) -> None:
    for number in range(1100):
        bucket.put(f"{number:04}.png", b"x")
    source = open_place(bucket.url, _OPTIONS)
    first = next(source)
    assert isinstance(first, Item)
    assert first.key == f"{bucket.url}/0000.png"
    bucket.put("zzzz.png", b"x")
    assert sum(1 for _ in source) == 1100


def test_what_is_passed_over_is_counted_as_in_folders(bucket: Bucket) -> None:
    for key in (
        "1.png", "1.png.txt", "1.txt", "2.txt", "a/.hidden/3.png", ".git/4.png", "photo.WEBP", "shard.tar",
        "table.parquet", "scan.pdf", "README",
    ):  # fmt: skip
        bucket.put(key, png(1))
    skipped = [entry for entry in entries(bucket.url) if isinstance(entry, Skipped)]
    assert [(entry.name.removeprefix(f"{bucket.url}/"), entry.kind, entry.can_be_fitted) for entry in skipped] == [
        ("2.txt", ".txt", False),
        ("README", "no suffix", False),
        ("photo.WEBP", ".webp", True),
        ("scan.pdf", ".pdf", True),
        ("shard.tar", ".tar", False),
        ("table.parquet", ".parquet", False),
    ]
    as_they_are = entries(bucket.url, SourceOptions(pdf=True, include=["*.pdf", "*.webp"]))
    assert [type(entry).__name__ for entry in as_they_are] == ["Skipped", "Read"]
    fitted = SourceOptions(fit=True, include=["*.webp", "1.*"], exclude=["*.txt"])
    assert names(bucket.url, fitted) == [f"{bucket.url}/1.png", f"{bucket.url}/photo.WEBP"]


def test_empty_objects_that_stand_for_folders_are_no_files(bucket: Bucket) -> None:
    for key in ("a/", "a/b/", "a-c/"):
        bucket.put_as_it_is(key)
    bucket.put("a/b/1.png", png(1))
    bucket.put("a-c/2.png", png(2))
    bucket.put("empty")
    assert names(bucket.url) == [f"{bucket.url}/{key}" for key in ("a-c/2.png", "a/b/1.png", "empty")]


@pytest.mark.parametrize("suffix", ["tar", "parquet"])
def test_containers_are_read_where_they_are(suffix: str, bucket: Bucket) -> None:
    size, number = 400_000, 60
    if suffix == "tar":
        content = tar_of(number, size)
    else:
        file = io.BytesIO()
        table = pa.table(
            {"id": [f"{each:04}" for each in range(number)], "image": [png(each, size=size) for each in range(number)]}
        )
        pq.write_table(table, file, row_group_size=10, compression="none")
        content = file.getvalue()
    url = bucket.put(f"a/shard.{suffix}", content)
    options = SourceOptions(key_column="id")
    expected = [(f"{each:04}", png(each, size=size)) for each in range(number)]
    assert entries(url, options) == expected
    assert entries(bucket.url, SourceOptions(key_column="id", include=[f"a/*.{suffix}"])) == expected


def test_a_document_is_fetched_and_its_pages_are_read(bucket: Bucket) -> None:
    from PIL import Image

    file = io.BytesIO()
    Image.new("L", (80, 40), 255).save(file, "PDF", save_all=True, append_images=[Image.new("L", (80, 40))])
    url = bucket.put("a.pdf", file.getvalue())
    for source in (url, bucket.url):
        found = list(open_place(source, SourceOptions(fit=True)))
        pages = [(entry.key, entry.held_bytes) for entry in found if isinstance(entry, Item)]
        assert pages == [(f"{url}#page=1", len(file.getvalue())), (f"{url}#page=2", 0)]


def test_an_object_that_changes_while_it_is_read_is_not_mixed(bucket: Bucket) -> None:
    url = bucket.put("a.tar", tar_of(60, 400_000))
    source = open_place(url, _OPTIONS)
    next(source)
    bucket.put("a.tar", tar_of(61, 400_000))
    *_, last = source
    assert isinstance(last, Fault)
    assert str(last.error) == f"FAILED_PRECONDITION: {url}: was changed while it was read: run the same again"


def test_a_large_object_is_not_fetched(bucket: Bucket) -> None:
    url = bucket.put("a.png", png(0, size=5000))
    limits = Limits(content_bytes=4000)
    for place in (url, bucket.url):
        (item,) = open_place(place, _OPTIONS)
        assert isinstance(item, Item)
        read = item.read(limits)
        assert isinstance(read, ImageError)
        assert read.message.startswith(f"{url}: the file has 5,000 bytes, the limit is 4,000")


def test_what_is_not_there_is_named(bucket: Bucket) -> None:
    assert error(f"{bucket.url}/no.png") == f"NOT_FOUND: {bucket.url}/no.png: no such object, check its key"
    assert fault(f"{bucket.url}/no.tar") == f"NOT_FOUND: {bucket.url}/no.tar: no such object, check its key"
    assert fault(f"{bucket.url}/no/") == (
        f"NOT_FOUND: {bucket.url}/no/: no object there, check the key (patterns are given apart from it)"
    )
    assert fault("s3://no-such-bucket/") == (
        "NOT_FOUND: s3://no-such-bucket/: there is no such bucket, check its name, AWS_ENDPOINT_URL and AWS_REGION"
    )
    assert "there is no such bucket" in error("s3://no-such-bucket/1.png")
    bucket.put("notes.docx", b"x")
    assert fault(bucket.url).endswith("no image there can be sent as it is")
    assert fault(bucket.url, SourceOptions(include=["*.png"])).endswith(
        "no image there that the patterns leave, check them"
    )


@pytest.mark.parametrize("url", ["s3://", "s3:///", "s3:///a.png"])
def test_a_url_without_a_bucket_is_a_fault(url: str) -> None:
    assert fault(url) == f"INVALID_ARGUMENT: {url}: names no bucket: write s3://bucket/folder/"


def test_a_key_that_obstore_cannot_read_is_named(bucket: Bucket) -> None:
    bucket.put("0.png", png(0))
    bucket.put_as_it_is("a//b.png")
    assert fault(bucket.url) == (
        f"INVALID_ARGUMENT: {bucket.url}: the key a//b.png has an empty part, a part . or .., or a control character, "
        "which obstore cannot read: rename the object"
    )
    assert "the key a//b.png has an empty part" in error(f"{bucket.url}/a//b.png")


def test_a_bucket_that_everybody_may_read_needs_no_credentials(
    s3_endpoint: str, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    public = Bucket(s3_endpoint, is_public=True)
    public.put("1.png", png(1))
    bucket.put("1.png", png(1))
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_SKIP_SIGNATURE", "true")
    assert entries(public.url) == [(f"{public.url}/1.png", png(1))]
    denied = f"{bucket.url}/1.png: access is denied, check what these credentials may read"
    assert error(f"{bucket.url}/1.png") == f"PERMISSION_DENIED: {denied}"
