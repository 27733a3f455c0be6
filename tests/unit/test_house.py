"""The tree of docs/architecture.md, the folders and the layers of import-linter are one picture."""

import re
import tomllib
from pathlib import Path

_ROOT = Path(__file__).parents[2]
_PACKAGE = _ROOT / "vision_grpc"
_MOST_LINES, _MOST_TOP_MODULES = 400, 12


def _layers() -> list[list[str]]:
    """Return the rooms of each layer, from the top down; of those that may be missing, none."""
    settings = tomllib.loads((_ROOT / "pyproject.toml").read_text())
    [contract] = [each for each in settings["tool"]["importlinter"]["contracts"] if each["type"] == "layers"]
    return [sorted(re.findall(r"[a-z]\w*", layer)) for layer in contract["layers"] if not layer.startswith("(")]


def _tree() -> list[str]:
    """Return the names in the drawn tree, in its order."""
    lines = re.findall(r"^[├└]── (.+)$", (_ROOT / "docs" / "architecture.md").read_text(), re.MULTILINE)
    return [name.rstrip("/") for line in lines for name in re.split(r"\s{2,}", line)[0].split()]


def test_the_folders_are_the_layers() -> None:
    folders = {path.name for path in _PACKAGE.iterdir() if (path / "__init__.py").exists()}
    modules = {path.stem for path in _PACKAGE.glob("*.py")} - {"__init__", "__main__"}
    assert sorted(folders | modules) == sorted(room for layer in _layers() for room in layer)


def test_each_room_has_a_list_of_what_it_may_import() -> None:
    settings = tomllib.loads((_ROOT / "pyproject.toml").read_text())
    contracts = settings["tool"]["importlinter"]["contracts"]
    listed = [each["source"].removeprefix("vision_grpc.") for each in contracts if each["type"] == "allowed"]
    assert sorted(listed) == sorted(room for layer in _layers() for room in layer)


def test_the_tree_goes_down_the_layers() -> None:
    layer_of = {room: number for number, layer in enumerate(_layers()) for room in layer}
    tree = _tree()
    assert sorted(tree) == sorted(layer_of)
    numbers = [layer_of[room] for room in tree]
    assert numbers == sorted(numbers)


def test_no_file_has_a_second_job() -> None:
    lines = {path: len(path.read_text().splitlines()) for path in _PACKAGE.rglob("*.py")}
    assert [path for path, count in lines.items() if count > _MOST_LINES] == []


def test_the_top_is_small() -> None:
    assert len(list(_PACKAGE.glob("*.py"))) <= _MOST_TOP_MODULES
