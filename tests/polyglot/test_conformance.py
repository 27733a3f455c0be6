"""The vectors of the conformance suite, by a library that is not ours."""

import json
import subprocess
from pathlib import Path

from environments import ROOT
from peers import program

from vision_grpc.contract.descriptor_set import descriptor_set

HERE = Path(__file__).parent


def test_protobuf_es_passes_the_vectors_of_messages(node_modules: Path, tmp_path: Path) -> None:
    vectors, descriptors = ROOT / "tests" / "data" / "conformance" / "messages.json", tmp_path / "vision.binpb"
    descriptors.write_bytes(descriptor_set())
    command = [program("node"), HERE / "vectors.mjs", node_modules, descriptors, vectors]
    finished = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    lists = [cases for cases in json.loads(vectors.read_bytes()).values() if isinstance(cases, list)]
    assert int(finished.stdout) == sum(map(len, lists))
