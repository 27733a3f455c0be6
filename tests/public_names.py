"""What users import: the names that the documents import or name, and those that a public package lists."""

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

from environments import ROOT

_DOCUMENTS = (ROOT / "README.md", ROOT / "protos" / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
_EXAMPLES = sorted((ROOT / "scripts" / "examples").rglob("*.py"))
_IMPORT = re.compile(r"from (vision_grpc[\w.]*) import (\([^)]*\)|[\w, ]+)")
# Engines are in environments of their own.
_ELSEWHERE = {"vision_grpc.ray", "vision_grpc.spark"}
_PATH = re.compile(r"\bvision_grpc(?:\.\w+)+")


def public_objects() -> dict[str, object]:
    """Return each public name with its path, and what it is."""
    found: dict[str, object] = {}
    for module, name in _mentioned():
        if module in _ELSEWHERE:
            continue
        owner = import_module(module)
        if name is not None:
            # Modules are named as attributes of their packages too.
            found[f"{module}.{name}"] = getattr(owner, name, None) or import_module(f"{module}.{name}")
    for module in {module for module, _ in _mentioned()} - _ELSEWHERE | {"vision_grpc"}:
        owner = import_module(module)
        for name in getattr(owner, "__all__", ()):
            found[f"{module}.{name}"] = getattr(owner, name)
    return {path: each for path, each in sorted(found.items()) if not isinstance(each, ModuleType)}


def _mentioned() -> Iterator[tuple[str, str | None]]:
    """Yield modules with a name of theirs, or None for modules that are named themselves."""
    for text in map(Path.read_text, (*_DOCUMENTS, *_EXAMPLES)):
        for module, names in _IMPORT.findall(text):
            yield from ((module, name) for name in re.findall(r"\w+", re.sub(r"\bas \w+", "", names)))
        for path in _PATH.findall(text):
            yield from _split(path)


def _split(path: str) -> Iterator[tuple[str, str | None]]:
    """Yield the module and the name of a path in a sentence. What is neither, such as a metric, is passed over."""
    try:
        import_module(path)
        yield path, None
    except ImportError:
        module, _, name = path.rpartition(".")
        try:
            if hasattr(import_module(module), name):
                yield module, name
        except ImportError:
            return
