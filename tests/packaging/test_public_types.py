"""What users import has whole types, without `Any`, whatever is added; tests/typing shows how the types are used."""

import ast
import collections.abc
import inspect
import json
import subprocess
import sys
import typing
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any, get_args

import pytest
from environments import ROOT
from google.protobuf.message import Message
from public_names import public_objects

PUBLIC = public_objects()
# Generated code has types of its own, which tests/typing reads.
OURS = {
    path: each
    for path, each in PUBLIC.items()
    if not (isinstance(each, type) and issubclass(each, Message)) and hasattr(each, "__module__")
}
ALLOWED = {
    # JSON has no better type: whoever indexes the value would have to cast it at each step.
    "ImageResult.to_dict",
    "Change.to_dict",
    "Change.of_dict",
    # pyarrow comes without types: its own names would be unknown ones to who checks strictly.
    "AnalyzedBatches.__init__",
    "analyze_batches",
    "schema",
    "to_batch",
}
# Read without importing them, for engines are in environments of their own.
ENGINES = {"vision_grpc.ray.analysis.analyze", "vision_grpc.ray.quota.RayQuota", "vision_grpc.spark.analysis.analyze"}
GENERIC = {list, dict, set, frozenset, tuple, type} | {
    each for each in vars(collections.abc).values() if isinstance(each, type) and hasattr(each, "__class_getitem__")
}


def test_most_of_the_package_is_found() -> None:
    assert {"vision_grpc.VisionClient", "vision_grpc.local.LocalVision", "vision_grpc.exports.write"} <= PUBLIC.keys()


def test_types_are_complete() -> None:
    command = [
        "pyright",
        "--pythonpath",
        sys.executable,
        "--verifytypes",
        "vision_grpc",
        "--ignoreexternal",
        "--outputjson",
    ]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    symbols = json.loads(told.stdout)["typeCompleteness"]["symbols"]
    public = {f"{each.__module__}.{getattr(each, '__qualname__', path)}" for path, each in OURS.items()} | PUBLIC.keys()
    public |= ENGINES
    assert {each["name"] for each in symbols} >= ENGINES
    assert len([each for each in symbols if each["name"] in public]) > len(OURS)
    partial = [
        each for each in symbols if not each["isTypeKnown"] and public & {each["name"], each["name"].rpartition(".")[0]}
    ]
    assert [(each["name"], [said["message"] for said in each["diagnostics"]]) for each in partial] == []


def functions(path: str, public: object) -> Iterator[tuple[str, Any]]:
    """Yield the functions of an object that users call, with their names."""
    if inspect.isclass(public):
        for name, member in inspect.getmembers_static(public):
            function = getattr(member, "fget", getattr(member, "__func__", member))
            is_ours = str(getattr(function, "__module__", None)).startswith("vision_grpc")
            if is_ours and inspect.isfunction(function) and (name == "__init__" or not name.startswith("_")):
                yield f"{public.__name__}.{name}", function
    elif inspect.isfunction(public):
        yield path.rpartition(".")[2], public


def names_of(module: str) -> Mapping[str, object]:
    """Return what annotations of the module may name, also what it imports for them alone."""
    owner = import_module(module)
    names = dict(vars(owner))
    for block in ast.parse(inspect.getsource(owner)).body:
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING":
            exec(compile(ast.Module(block.body, []), f"<{module}>", "exec"), names)  # noqa: S102 - our own source
    return names


def untyped(annotation: object) -> Iterator[object]:
    """Yield the parts of an annotation that say nothing: Any, and generics of nothing."""
    if annotation is Any or (isinstance(annotation, type) and annotation in GENERIC):
        yield annotation
    for part in get_args(annotation):
        for each in part if isinstance(part, list) else [part]:
            yield from untyped(each)


@pytest.mark.parametrize("path", OURS)
def test_signatures_have_no_any(path: str) -> None:
    for name, function in functions(path, OURS[path]):
        if name in ALLOWED:
            continue
        hints = typing.get_type_hints(function, dict(names_of(function.__module__)))
        assert {argument: [*untyped(hint)] for argument, hint in hints.items() if [*untyped(hint)]} == {}, name


@pytest.mark.parametrize("annotation", [Any, list, dict[str, Any], list[Any] | None, collections.abc.Callable, type])
def test_what_says_nothing_is_seen(annotation: object) -> None:
    assert [*untyped(annotation)]
