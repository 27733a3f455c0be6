"""Programs that speak batchAnalyze, as they are, through the gateway before a local ocr/v1."""

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import trustme
from environments import ROOT, Environment
from peers import program

from vision_grpc.auth import ApiKey
from vision_grpc.gateway import Gateway
from vision_grpc.local import Identities, LocalVision

HERE = Path(__file__).parent
METHOD = "yandex.cloud.ai.vision.v1.VisionService/BatchAnalyze"
READ = "The harbour was quiet"


class Owner(NamedTuple):
    """A gateway with credentials of its own: callers show one of these."""

    gateway: Gateway
    identities: Identities
    roots: Path


@pytest.fixture(scope="module")
def gateway(guarded: LocalVision) -> Iterator[Gateway]:
    """A gateway that passes the credentials of its callers on."""
    with Gateway(guarded.grpc_endpoint, insecure=True) as service:
        yield service


@pytest.fixture(scope="module")
def owner(guarded: LocalVision, identities: Identities, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Owner]:
    folder, authority, callers = tmp_path_factory.mktemp("tls"), trustme.CA(), Identities()
    certificate = authority.issue_cert("127.0.0.1", "localhost")
    certificate.private_key_pem.write_to_path(folder / "key.pem")
    certificate.cert_chain_pems[0].write_to_path(folder / "chain.pem")
    authority.cert_pem.write_to_path(folder / "roots.pem")
    with Gateway(
        guarded.grpc_endpoint,
        insecure=True,
        credentials=ApiKey(identities.api_key),
        identities=callers,
        tls_certificate=folder / "chain.pem",
        tls_key=folder / "key.pem",
    ) as service:
        yield Owner(service, callers, folder / "roots.pem")


def run(*command: object, cwd: Path, stdin: str | None = None, **variables: str) -> str:
    finished = subprocess.run(
        [*map(str, command)],
        cwd=cwd,
        env=os.environ | variables,
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def request_for(image: Path) -> str:
    feature = {"type": "TEXT_DETECTION", "textDetectionConfig": {"languageCodes": ["en"]}}
    content = base64.b64encode(image.read_bytes()).decode()
    return json.dumps({"analyzeSpecs": [{"content": content, "features": [feature]}]})


def words_in(answer: str) -> str:
    response: Any = json.loads(answer)
    (page,) = response["results"][0]["results"][0]["textDetection"]["pages"]
    lines = [line for block in page["blocks"] for line in block["lines"]]
    return " ".join(word["text"] for line in lines for word in line["words"])


def test_the_script_of_how_tos(
    gateway: Gateway, guarded: LocalVision, identities: Identities, line: Path, tmp_path: Path
) -> None:
    for name in ("bash", "curl", "jq", "base64"):
        program(name, "install it")
    # As with the cloud, tokens come from another host.
    variables = {"URL": gateway.rest_endpoint, "IAM_URL": guarded.rest_endpoint, "OAUTH_TOKEN": identities.oauth_token}
    assert run(HERE / "how_to.sh", line, cwd=tmp_path, **variables).startswith(READ)


def test_the_script_of_how_tos_with_a_token_of_the_gateway(owner: Owner, line: Path, tmp_path: Path) -> None:
    variables = {
        "URL": owner.gateway.rest_endpoint,
        "OAUTH_TOKEN": owner.identities.oauth_token,
        "CURL_CA_BUNDLE": str(owner.roots),
    }
    assert run(HERE / "how_to.sh", line, cwd=tmp_path, **variables).startswith(READ)


@pytest.mark.parametrize("version", ["--http1.1", "--http1.0"])
def test_curl(version: str, gateway: Gateway, identities: Identities, line: Path, tmp_path: Path) -> None:
    url = f"{gateway.rest_endpoint}/vision/v1/batchAnalyze"
    command = (program("curl", "install it"), "--silent", "--show-error", "--fail", version, "--data-binary", "@-")
    key = f"authorization: Api-Key {identities.api_key}"
    told = run(*command, "--header", key, url, stdin=request_for(line), cwd=tmp_path)
    assert words_in(told).startswith(READ)


def test_buf_curl_by_reflection(gateway: Gateway, identities: Identities, line: Path, tmp_path: Path) -> None:
    url = f"http://{gateway.grpc_endpoint}/{METHOD}"
    key = f"authorization: Api-Key {identities.api_key}"
    command = (program("buf"), "curl", "--protocol", "grpc", "--http2-prior-knowledge", "--header", key, "--data", "@-")
    told = run(*command, url, stdin=request_for(line), cwd=tmp_path, HOME=str(tmp_path))
    assert words_in(told).startswith(READ)


def test_node_with_the_protos_as_they_are(vision: LocalVision, line: Path, tmp_path: Path, node_modules: Path) -> None:
    node = program("node", "install Node 18 or newer")
    (tmp_path / "node_modules").symlink_to(node_modules / "node_modules")
    (tmp_path / "package.json").write_text('{"type": "module"}', encoding="utf-8")
    copied = shutil.copy(ROOT / "scripts/examples/clients/read.mjs", tmp_path)
    with Gateway(vision.grpc_endpoint, insecure=True) as gateway:
        told = run(node, copied, ROOT / "protos", gateway.grpc_endpoint, line, tmp_path / "package.json", cwd=tmp_path)
    read, failed = told.splitlines()
    assert read.startswith(READ)
    assert failed.startswith("error: the file is no image")


@pytest.mark.environment
def test_the_official_sdk(owner: Owner, line: Path, tmp_path: Path, sdk: Environment) -> None:
    credentials = tmp_path / "credentials.json"
    credentials.write_text(json.dumps({"service_account_key": owner.identities.authorized_key}), encoding="utf-8")
    text = sdk.run(ROOT / "tests/programs/official_sdk.py", owner.gateway.grpc_endpoint, owner.roots, credentials, line)
    assert text.startswith(READ)
