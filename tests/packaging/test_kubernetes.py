"""The manifests of scripts/examples/kubernetes, by the schemas of Kubernetes and by what their parts need."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml  # type: ignore[import-untyped]
from environments import SCRIPTS, make_environment

from vision_grpc.cli.app import app
from vision_grpc.config import Timeouts

FOLDER = SCRIPTS / "examples" / "kubernetes"
# The least that has all fields, and the newest that the schemas have.
_VERSIONS = ("1.31", "1.37")
_LINT = """
import sys, kubernetes_validate, yaml
for path in sys.argv[1:]:
    with open(path) as file:
        for document in yaml.safe_load_all(file):
            for version in {versions}:
                kubernetes_validate.validate(document, version, strict=True)
                print(document["kind"])
"""
_PROGRAM, _PYTHON = "/opt/vision-grpc/bin/vision-grpc", "/opt/vision-grpc/bin/python"
_SECRET = re.compile(r"key|secret|token|password", re.IGNORECASE)


def _read(path: Path) -> list[Any]:
    return [*yaml.safe_load_all(path.read_text())]


KUSTOMIZATION = _read(FOLDER / "kustomization.yaml")[0]
MANIFESTS = [FOLDER / name for name in KUSTOMIZATION["resources"]]
DOCUMENTS = [document for path in MANIFESTS for document in _read(path)]


def _of_kind(kind: str) -> list[Any]:
    return [document for document in DOCUMENTS if document["kind"] == kind]


def _named(kind: str, name: str) -> Any:  # noqa: ANN401 - YAML
    [document] = [document for document in _of_kind(kind) if document["metadata"]["name"] == name]
    return document


WORKLOADS = [*_of_kind("Deployment"), *_of_kind("Job")]
PODS = [workload["spec"]["template"] for workload in WORKLOADS]
CONTAINERS = [container for pod in PODS for container in pod["spec"]["containers"]]


def _values(node: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401
    """Yield the environment that is written into a manifest."""
    if isinstance(node, dict):
        if isinstance(node.get("name"), str) and isinstance(node.get("value"), str):
            yield node["name"], node["value"]
        for inner in node.values():
            yield from _values(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from _values(inner)


@pytest.mark.environment
def test_the_schemas_of_kubernetes_take_the_manifests() -> None:
    environment = make_environment("kubernetes", ["kubernetes-validate"], SCRIPTS / "constraints-kubernetes.txt")
    command = [environment.python, "-c", _LINT.format(versions=_VERSIONS), *MANIFESTS]
    linted = subprocess.run(command, capture_output=True, text=True, check=False)
    assert linted.returncode == 0, linted.stderr
    assert len(linted.stdout.split()) == len(DOCUMENTS) * len(_VERSIONS)


def test_each_file_is_named() -> None:
    [generated] = KUSTOMIZATION["configMapGenerator"]
    named = {"kustomization.yaml", *KUSTOMIZATION["resources"], *generated["files"]}
    assert named == {path.name for path in FOLDER.iterdir() if path.is_file()}
    names = [(document["kind"], document["metadata"]["name"]) for document in DOCUMENTS]
    assert len({*names}) == len(names)
    assert [_named("Namespace", KUSTOMIZATION["namespace"])] == _of_kind("Namespace")


def test_images_are_tagged() -> None:
    tags = {image["name"]: image["newTag"] for image in KUSTOMIZATION["images"]}
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", str(tag)) for tag in tags.values())
    assert {container["image"] for container in CONTAINERS} == {*tags}


def test_secrets_are_named_and_not_written() -> None:
    assert _of_kind("Secret") == []
    assert [pair for pair in _values(DOCUMENTS) if _SECRET.search(pair[0])] == []
    [job] = _of_kind("Job")
    [worker] = job["spec"]["template"]["spec"]["containers"]
    created = re.findall(r"kubectl -n vision create secret generic (\w+)", _scale_page())
    assert [source["secretRef"]["name"] for source in worker["envFrom"]] == created


def test_selectors_and_ports_match() -> None:
    [deployment], [service], [policy] = map(_of_kind, ("Deployment", "Service", "NetworkPolicy"))
    pod = deployment["spec"]["template"]
    labels = pod["metadata"]["labels"].items()
    for selector in (
        deployment["spec"]["selector"]["matchLabels"],
        service["spec"]["selector"],
        policy["spec"]["podSelector"]["matchLabels"],
    ):
        assert selector
        assert selector.items() <= labels
    [port], [container] = service["spec"]["ports"], pod["spec"]["containers"]
    [exposed] = container["ports"]
    assert port["targetPort"] == exposed["name"]
    [rule] = policy["spec"]["ingress"]
    assert [each["port"] for each in rule["ports"]] == [exposed["name"]]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[probe]["grpc"]["port"] == exposed["containerPort"]
    [job] = _of_kind("Job")
    worker = job["spec"]["template"]
    [[source]] = [each["from"] for each in policy["spec"]["ingress"]]
    assert source["podSelector"]["matchLabels"].items() <= worker["metadata"]["labels"].items()
    assert not labels <= worker["metadata"]["labels"].items()
    assert dict(_values(worker))["QUOTA"] == f"{service['metadata']['name']}:{port['port']}"


def test_there_is_never_a_second_service_of_the_quota() -> None:
    [deployment] = _of_kind("Deployment")
    assert deployment["spec"]["replicas"] == 1
    assert deployment["spec"]["strategy"] == {"type": "Recreate"}


def test_the_command_lines_are_those_of_the_program() -> None:
    [service] = [container for container in CONTAINERS if container["command"] == [_PROGRAM]]
    name, *arguments = service["args"]
    with click.Context(app) as outer:
        command = app.get_command(outer, name)
        assert command is not None
        with command.make_context(name, [*arguments], parent=outer) as context:
            given = context.params
    assert given["port"] == service["ports"][0]["containerPort"]
    assert given["host"] == "0.0.0.0"  # noqa: S104 - of a pod


def test_the_worker_runs_its_script() -> None:
    [job] = _of_kind("Job")
    pod = job["spec"]["template"]["spec"]
    [worker] = pod["containers"]
    [mount], [volume] = worker["volumeMounts"], pod["volumes"]
    [script] = KUSTOMIZATION["configMapGenerator"]
    assert (mount["name"], volume["configMap"]["name"]) == (volume["name"], script["name"])
    assert worker["command"] == [_PYTHON, f"{mount['mountPath']}/{script['files'][0]}"]
    text = (FOLDER / script["files"][0]).read_text()
    given = {each["name"] for each in worker["env"]}
    assert {*re.findall(r'environ\["(\w+)"\]', text)} | {"SHARD"} == given
    assert all("$(SHARD)" in argument for argument in worker["args"])
    assert job["spec"]["completionMode"] == "Indexed"
    assert pod["restartPolicy"] == "Never"


@pytest.mark.parametrize("pod", PODS, ids=[workload["kind"] for workload in WORKLOADS])
def test_pods_may_do_little_and_have_what_they_need(pod: Any) -> None:  # noqa: ANN401
    spec = pod["spec"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["automountServiceAccountToken"] is False
    [container] = spec["containers"]
    security = container["securityContext"]
    assert (security["allowPrivilegeEscalation"], security["readOnlyRootFilesystem"]) == (False, True)
    resources = container["resources"]
    assert {*resources["requests"]} == {"cpu", "memory"}
    assert "memory" in resources["limits"]


def test_a_worker_that_is_asked_to_end_has_time_for_a_call() -> None:
    [job] = _of_kind("Job")
    assert job["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] > Timeouts().call_s


def _scale_page() -> str:
    return (SCRIPTS.parent / "docs" / "scale.md").read_text()
