"""The service that lanes call, and a page with the words that it reads there."""

import json
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lanes.lane import ROOT
from vision_grpc import VisionClient
from vision_grpc.auth import ApiKey
from vision_grpc.local import Identities, LocalVision
from vision_grpc.local.config import ServiceConfig

_PAGE = ROOT / "tests" / "data" / "pages" / "mixed_sans.png"
_LANGUAGES = ("ru", "en")


@contextmanager
def service(folder: Path) -> Generator[Path]:
    """Serve; yield a file in `folder` that says what a program needs to read the page by each kind of credentials."""
    identities = Identities()
    with LocalVision(identities=identities, config=ServiceConfig(cache_bytes=2**24)) as vision:
        told: dict[str, Any] = {
            "grpc": vision.grpc_endpoint,
            "rest": vision.rest_endpoint,
            "image": str(_PAGE),
            "languages": _LANGUAGES,
            "words": _read(vision, identities),
            "identities": {
                "api_key": identities.api_key,
                "iam_token": identities.issue()[0],
                "oauth_token": identities.oauth_token,
                "authorized_key": identities.authorized_key,
            },
        }
        file = folder / "service.json"
        file.touch(0o600)
        file.write_text(json.dumps(told))
        yield file


def _read(vision: LocalVision, identities: Identities) -> list[str]:
    with VisionClient(vision.grpc_endpoint, credentials=ApiKey(identities.api_key), insecure=True) as client:
        return client.analyze(_PAGE, languages=_LANGUAGES).raise_for_error().text.split()
