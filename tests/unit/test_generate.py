"""The compiler's output is rewritten as expected, or refused."""

import importlib.util
import subprocess
import sys
import venv
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "generate.py"
specification = importlib.util.spec_from_file_location("generate", SCRIPT)
assert specification is not None
assert specification.loader is not None
generate = importlib.util.module_from_spec(specification)
specification.loader.exec_module(generate)

STEM = "yandex/cloud/validation"
COMPILED = """\
from google.protobuf import descriptor as _descriptor
from google.protobuf import descriptor_pool as _descriptor_pool

from google.protobuf import descriptor_pb2 as google_dot_protobuf_dot_descriptor__pb2

DESCRIPTOR = _descriptor_pool.Default().AddSerializedFile(b'...')

_builder.BuildTopDescriptorsAndMessages(DESCRIPTOR, 'yandex.cloud.validation_pb2', _globals)
# @@protoc_insertion_point(module_scope)
"""
RELOCATED = """\
from google.protobuf import descriptor as _descriptor
from vision_grpc_pb import _pool

from vision_grpc_pb.google.protobuf import descriptor_pb2 as google_dot_protobuf_dot_descriptor__pb2

DESCRIPTOR = _pool.POOL.AddSerializedFile(b'...')

_builder.BuildTopDescriptorsAndMessages(DESCRIPTOR, 'vision_grpc_pb.yandex.cloud.validation_pb2', _globals)
_pool.make_picklable(DESCRIPTOR, _globals)
"""


def test_messages_move_under_our_package_and_into_our_pool() -> None:
    assert generate.relocate_messages(COMPILED, STEM) == RELOCATED


@pytest.mark.parametrize("lost", [line for line in COMPILED.splitlines()[1:] if line])
def test_unexpected_compiler_output_is_refused(lost: str) -> None:
    with pytest.raises(generate.GenerationError, match="matched 0 times, expected 1"):
        generate.relocate_messages(COMPILED.replace(lost, ""), STEM)


def test_service_stubs_import_only_what_their_methods_use() -> None:
    service = """\
import grpc

from yandex.cloud.endpoint import api_endpoint_pb2 as yandex_dot_endpoint__pb2
from yandex.cloud.endpoint import api_endpoint_service_pb2 as yandex_dot_service__pb2

request_serializer=yandex_dot_service__pb2.GetApiEndpointRequest.SerializeToString,
response_deserializer=yandex_dot_endpoint__pb2.ApiEndpoint.FromString,
"""
    moved = generate.relocate_imports(service, "yandex/cloud/endpoint/api_endpoint_service")
    assert moved == service.replace("from yandex", "from vision_grpc_pb.yandex")


def test_types_move_whole_names_only() -> None:
    stub = (
        "import google.rpc.status_pb2\nx: yandex.cloud.a_pb2.A\ny: my.google.rpc.status_pb2.Status\nz: google.auth.B\n"
    )
    assert generate.relocate_types(stub) == (
        "import vision_grpc_pb.google.rpc.status_pb2\n"
        "x: vision_grpc_pb.yandex.cloud.a_pb2.A\n"
        "y: my.google.rpc.status_pb2.Status\n"
        "z: google.auth.B\n"
    )


@pytest.mark.parametrize("name", generate.GOOGLE_FILES)
def test_google_files_come_after_the_files_they_import(name: str) -> None:
    file = import_module(name.removesuffix(".proto").replace("/", ".") + "_pb2").DESCRIPTOR
    earlier = generate.GOOGLE_FILES[: generate.GOOGLE_FILES.index(name)]
    needed = [dependency.name for dependency in file.dependencies]
    assert set(needed) <= set(earlier)
    modules = {dependency.removesuffix(".proto").replace("/", ".") + "_pb2" for dependency in needed}
    assert set(generate.GOOGLE_IMPORTS.get(name, ())) == modules


def test_differences_name_each_file(tmp_path: Path) -> None:
    fresh, committed = tmp_path / "fresh", tmp_path / "committed"
    generate.write(fresh / "same.py", "1")
    generate.write(committed / "same.py", "1")
    generate.write(fresh / "a" / "changed.py", "1")
    generate.write(committed / "a" / "changed.py", "2")
    generate.write(fresh / "missing.py", "")
    generate.write(committed / "unexpected.py", "")
    generate.write(committed / "__pycache__" / "same.pyc", "")
    assert generate.differences(fresh, committed) == [
        "changed: a/changed.py",
        "missing: missing.py",
        "unexpected: unexpected.py",
    ]


def test_check_reports_drift_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(generate, "OUTPUT", tmp_path / "committed")
    monkeypatch.setattr(generate, "make_environment", Path)
    monkeypatch.setattr(generate, "generate", lambda _python, package, _scratch: generate.write(package / "new.py", ""))
    monkeypatch.setattr(sys, "argv", ["generate.py", "--check"])
    assert generate.main() == 1
    assert "missing: new.py" in capsys.readouterr().err
    assert not (tmp_path / "committed").exists()

    monkeypatch.setattr(sys, "argv", ["generate.py"])
    assert generate.main() == 0
    assert (tmp_path / "committed" / "new.py").exists()

    monkeypatch.setattr(sys, "argv", ["generate.py", "--check"])
    assert generate.main() == 0


def test_tools_of_other_versions_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generate, "ENVIRONMENT", tmp_path)
    monkeypatch.setattr(generate, "installed_versions", lambda _python: {"grpcio-tools": "1.62.2"})
    monkeypatch.setattr(venv, "create", lambda *_arguments, **_options: None)
    monkeypatch.setattr(subprocess, "run", lambda *_arguments, **_options: None)
    with pytest.raises(generate.GenerationError, match=r"grpcio-tools.*1\.62\.2"):
        generate.make_environment()


def test_installed_versions_are_those_of_the_environment() -> None:
    installed = generate.installed_versions(Path(sys.executable))
    assert installed["protobuf"] == version("protobuf")
    assert "mypy-protobuf" not in installed
