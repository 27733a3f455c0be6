from importlib import import_module, resources

import journaled
import ocr_results
import pytest

from vision_grpc import exports
from vision_grpc.exports.kinds import KINDS, Kind, kind_of_path


@pytest.mark.parametrize("name", KINDS)
def test_a_format_has_the_writer_of_its_name(name: str) -> None:
    kind = KINDS[name]
    assert kind.name == name
    assert kind.writer() is getattr(exports, kind.function)
    assert kind.function in exports.__all__


def test_no_module_hides_a_name_of_the_package() -> None:
    modules = {each.name.removesuffix(".py") for each in resources.files(exports).iterdir()}
    for module in modules - {"__init__", "__pycache__"}:
        import_module(f"vision_grpc.exports.{module}")
    assert not modules & set(exports.__all__)


def test_all_names_are_there() -> None:
    assert [name for name in exports.__all__ if getattr(exports, name, None) is None] == []
    assert dir(exports) == sorted(exports.__all__)


def test_the_suffixes_are_apart() -> None:
    suffixes = [suffix for kind in KINDS.values() for suffix in kind.suffixes]
    assert len(suffixes) == len(set(suffixes))
    assert all(suffix.startswith(".") and suffix == suffix.lower() for suffix in suffixes)
    for kind in KINDS.values():
        for suffix in kind.suffixes:
            assert kind_of_path(f"some/RESULTS{suffix.upper()}") is kind


@pytest.mark.parametrize("path", ["", "results", "results.jsonl", "folder/", ".tar", "tsv"])
def test_a_name_may_say_no_format(path: str) -> None:
    assert kind_of_path(path) is None


@pytest.mark.parametrize("kind", [kind for kind in KINDS.values() if kind.begins], ids=lambda kind: kind.name)
def test_files_of_a_format_begin_alike(kind: Kind) -> None:
    result = (
        journaled.read("a.png", "word") if kind.is_in is None else ocr_results.result_of("a.png", ocr_results.NAMES)
    )
    data = b"".join(kind.writer()(result))
    assert data.startswith(kind.begins)
