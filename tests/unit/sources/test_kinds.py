import pytest

from vision_grpc.sources.kinds import CONTAINERS, FITTABLE, SENDABLE, Kind, kind_of, suffix_of
from vision_grpc.sources.options import SourceOptions


@pytest.mark.parametrize(
    ("name", "suffix"),
    [
        ("scan.png", ".png"),
        ("SCAN.JPG", ".jpg"),
        ("a.b/c.d.jpeg", ".jpeg"),
        ("shard.tar", ".tar"),
        ("shard.TAR.gz", ".tar.gz"),
        ("shard.tar.zst", ".tar.zst"),
        ("shard.tgz", ".tgz"),
        ("x.gz", ".gz"),
        ("x.tar.png", ".png"),
        ("x.7z", ".7z"),
        ("x.mp4", ".mp4"),
        # What follows the dot is not a format.
        ("scan.0001", ""),
        ("Dr. Smith", ""),
        ("2024.01.02 scan", ""),
        ("x.averylongend", ""),
        ("x.\udcff", ""),
        ("x.", ""),
        ("png", ""),
        ("", ""),
        # Hidden files have a name that begins with a dot.
        (".png", ""),
        ("a/.png", ""),
        (".tar.gz", ""),
        ("..png", ""),
    ],
)
def test_the_suffix_of_a_name(name: str, suffix: str) -> None:
    assert suffix_of(name) == suffix


def test_each_suffix_has_one_kind() -> None:
    kinds = {Kind.SENDABLE: SENDABLE, Kind.FITTABLE: FITTABLE, Kind.CONTAINER: CONTAINERS, Kind.OTHER: {".txt", ""}}
    for kind, suffixes in kinds.items():
        assert {kind_of(suffix) for suffix in suffixes} == {kind}
        assert all(suffix_of(f"x{suffix}") == suffix for suffix in suffixes)


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        (SourceOptions(), Kind.FITTABLE),
        (SourceOptions(pdf=True), Kind.SENDABLE),
        (SourceOptions(pdf=True, fit=True), Kind.FITTABLE),
    ],
)
def test_what_a_pdf_is_depends_on_the_api_and_on_fitting(options: SourceOptions, kind: Kind) -> None:
    assert options.kind_of(".pdf") is kind
    assert (options.kind_of(".png"), options.kind_of(".tif")) == (Kind.SENDABLE, Kind.FITTABLE)
