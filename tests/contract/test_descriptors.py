"""Our compiled protos are those of the official SDK."""

import base64
import difflib
import json
from importlib import import_module
from pathlib import Path

import pytest
from environments import ROOT, Environment
from google.protobuf import text_format

from vision_grpc_pb.google.protobuf.descriptor_pb2 import FileDescriptorProto

PROTOS = ROOT / "protos"
PROGRAM = Path(__file__).parent.parent / "programs" / "descriptors.py"
MODULES = sorted(
    path.relative_to(PROTOS).as_posix().removesuffix(".proto").replace("/", ".") + "_pb2"
    for folder in ("google", "yandex")
    for path in (PROTOS / folder).rglob("*.proto")
    # Other languages want the enum of codes; nothing of ours refers to it.
    if path != PROTOS / "google/rpc/code.proto"
)


@pytest.fixture(scope="module")
def official(sdk: Environment) -> dict[str, bytes]:
    """The serialized descriptors of the SDK by module name."""
    printed = json.loads(sdk.run(PROGRAM, *MODULES))
    return {name: base64.b64decode(descriptor) for name, descriptor in printed.items()}


def test_whole_contract_is_compared() -> None:
    assert "yandex.cloud.ai.vision.v1.vision_service_pb2" in MODULES
    assert "yandex.cloud.validation_pb2" in MODULES


@pytest.mark.environment
@pytest.mark.timeout(300)
@pytest.mark.parametrize("module", MODULES)
def test_descriptor_equals_official(module: str, official: dict[str, bytes]) -> None:
    ours = FileDescriptorProto.FromString(import_module(f"vision_grpc_pb.{module}").DESCRIPTOR.serialized_pb)
    theirs = FileDescriptorProto.FromString(official[module])
    difference = difflib.unified_diff(lines(theirs), lines(ours), "official", "ours", lineterm="")
    assert ours == theirs, "\n".join(difference)


def lines(descriptor: FileDescriptorProto) -> list[str]:
    return text_format.MessageToString(descriptor, print_unknown_fields=True).splitlines()
