"""Use an installed vision_grpc in every way that needs no extra, and print the versions of what is installed.

Arguments: the file of `lanes.service` about a service that is there; `--beside MODULE`, which is imported first;
`--serve`, to start a service here too, which needs an extra; `--whole`, where no module may lack an extra.
"""

import argparse
import asyncio
import importlib
import json
import pkgutil
import platform
import sys
import tempfile
import warnings
from collections.abc import Iterator
from importlib.metadata import distributions
from pathlib import Path
from typing import Any, Literal

# What others deprecate is theirs to mend.
warnings.filterwarnings("error", module="vision_grpc")

parser = argparse.ArgumentParser()
parser.add_argument("service", type=Path)
parser.add_argument("--beside")
parser.add_argument("--serve", action="store_true")
parser.add_argument("--whole", action="store_true")
arguments = parser.parse_args()
service: dict[str, Any] = json.loads(arguments.service.read_text())
if arguments.beside is not None:
    importlib.import_module(arguments.beside)

import vision_grpc  # noqa: E402 - after what is beside it
import vision_grpc_pb  # noqa: E402
from vision_grpc import (  # noqa: E402
    AsyncVisionClient,
    AuthError,
    Code,
    ImageError,
    ImageResult,
    VisionClient,
    VisionError,
    auth,
)

Way = Literal["grpc", "rest"]
WAYS: tuple[Way, ...] = ("grpc", "rest")
# Tests that use our plugin have it.
NEEDED_BY_TESTS = {"pytest"}


def module_names() -> Iterator[str]:
    for package in (vision_grpc, vision_grpc_pb):
        # A package that cannot be imported is met again by name.
        found = pkgutil.walk_packages(package.__path__, f"{package.__name__}.", onerror=lambda _: None)
        yield from (each.name for each in found if not each.name.endswith("__main__"))


def import_everything() -> list[str]:
    """Return the names of the modules that lack an extra; those at the top of the package say which."""
    missing: list[str] = []
    for name in module_names():
        try:
            importlib.import_module(name)
        except ImportError as error:
            if (error.name or "").partition(".")[0] in NEEDED_BY_TESTS:
                continue
            if name.count(".") == 1 and "pip install 'vision-grpc[" not in str(error):
                raise
            missing.append(name)
    return missing


def credentials(way: Way, folder: Path) -> Iterator[auth.Credentials]:
    """Yield one of each kind, made for this service."""
    known = service["identities"]
    key, config = folder / "key.json", folder / "config.yaml"
    key.write_text(json.dumps(known["authorized_key"]))
    config.write_text(f"current: a\nprofiles:\n  a:\n    token: {known['oauth_token']}\n")
    key.chmod(0o600)
    config.chmod(0o600)
    here: dict[str, Any] = {"iam_endpoint": service[way], "insecure": True}
    yield auth.ApiKey(known["api_key"])
    yield auth.IamToken(known["iam_token"])
    yield auth.OAuthToken(known["oauth_token"], transport=way, **here)
    yield auth.ServiceAccountKey(known["authorized_key"], transport=way, **here)
    yield auth.ServiceAccountKey(key, transport=way, **here)
    yield auth.YcProfile(path=config, **here)
    yield auth.MetadataService(service["rest"])


def options(way: Way, api: str, proof: auth.Credentials) -> dict[str, Any]:
    return {"transport": way, "api": api, "credentials": proof, "insecure": True, "folder_id": "folder"}


def check(result: ImageResult, way: Way) -> None:
    assert result.ok, result.error
    assert result.transport == way
    assert [word.text for word in result.words()] == service["words"]
    assert json.loads(vision_grpc.to_json(result))["text"] == result.text


def read(way: Way, api: str, proof: auth.Credentials) -> None:
    image, languages = service["image"], service["languages"]
    with VisionClient(service[way], **options(way, api, proof)) as client:
        check(client.analyze(image, languages=languages), way)
        for result in client.analyze_many([image] * 3, languages=languages, ordered=True):
            check(result, way)


async def read_on_a_loop(way: Way, api: str, proof: auth.Credentials) -> None:
    image, languages = service["image"], service["languages"]
    async with AsyncVisionClient(service[way], **options(way, api, proof)) as client:
        check(await client.analyze(image, languages=languages), way)
        async for result in client.analyze_many([image] * 3, languages=languages):
            check(result, way)


def check_refusal(error: VisionError | ImageError | None) -> None:
    assert error is not None
    assert error.code is Code.UNAUTHENTICATED, error


async def be_refused(way: Way, api: str) -> None:
    """Get the service's error for a key that it does not know."""
    known = options(way, api, auth.ApiKey("unknown"))
    with VisionClient(service[way], **known) as client:
        try:
            check_refusal(client.analyze(service["image"]).error)
        except AuthError as error:
            check_refusal(error)
    async with AsyncVisionClient(service[way], **known) as loop_client:
        try:
            check_refusal((await loop_client.analyze(service["image"])).error)
        except AuthError as error:
            check_refusal(error)


def read_by_a_service_of_this_environment() -> None:
    from vision_grpc.local import LocalVision

    with LocalVision() as local, VisionClient(local.grpc_endpoint, insecure=True) as client:
        result = client.analyze(service["image"], languages=service["languages"])
        assert result.ok, result.error
        # Another release of Pillow or Tesseract may read a word differently.
        assert len(set(service["words"]) & set(result.text.split())) > 0.8 * len(set(service["words"]))


missing = import_everything()
with tempfile.TemporaryDirectory() as folder:
    for way in WAYS:
        api_key, iam_token, *others = credentials(way, Path(folder))
        for api in ("vision/v1", "ocr/v1"):
            read(way, api, api_key)
            asyncio.run(read_on_a_loop(way, api, iam_token))
            asyncio.run(be_refused(way, api))
        for proof in others:
            with VisionClient(service[way], **options(way, "vision/v1", proof)) as client:
                check(client.analyze(service["image"], languages=service["languages"]), way)
if arguments.whole:
    assert not missing, missing
if arguments.serve:
    read_by_a_service_of_this_environment()
json.dump({"Python": platform.python_version()} | {each.name: each.version for each in distributions()}, sys.stdout)
