"""The descriptor set of the pool is that of the protos."""

import os
import subprocess
import sys
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

from vision_grpc.contract.descriptor_set import descriptor_set

_PROTOS = Path(__file__).parents[3] / "protos"


def _files(serialized: bytes) -> dict[str, FileDescriptorProto]:
    return {file.name: file for file in FileDescriptorSet.FromString(serialized).file}


def test_it_has_each_file_of_the_service_as_buf_compiles_it(tmp_path: Path) -> None:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    built = tmp_path / "built.binpb"
    command: list[str | Path] = ["buf", "build", _PROTOS, "--as-file-descriptor-set", "--exclude-source-info"]
    subprocess.run([*command, "--output", built], env=os.environ | {"PATH": path}, check=True)
    ours, expected = _files(descriptor_set()), _files(built.read_bytes())
    of_service = {name for name in expected if name.startswith(("vision_grpc/", "yandex/"))}
    assert {name: ours[name] for name in of_service} == {name: expected[name] for name in of_service}
    # code.proto is for readers: no message has its enum as a type.
    assert set(expected) - set(ours) <= {"google/rpc/code.proto"}


def test_a_file_comes_once_and_after_those_that_it_imports() -> None:
    seen: set[str] = set()
    for file in FileDescriptorSet.FromString(descriptor_set()).file:
        assert set(file.dependency) <= seen
        assert file.name not in seen
        seen.add(file.name)
