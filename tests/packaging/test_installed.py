"""The wheel, installed with its dependencies and no extras, does its work."""

import json
from pathlib import Path

import pytest
from environments import Environment
from scanned_pages import ScannedPage

from vision_grpc.local import LocalVision

PROGRAM = Path(__file__).parent.parent / "programs" / "round_trip.py"

pytestmark = [pytest.mark.environment, pytest.mark.timeout(300)]


def test_dependencies_are_satisfied(installed: Environment) -> None:
    installed.pip("check")


def test_both_transports_bring_the_same_text(installed: Environment, pages: dict[str, ScannedPage]) -> None:
    page = pages["mixed_sans"]
    languages = ",".join(page.language_codes)
    with LocalVision() as service:
        printed = installed.run(PROGRAM, service.grpc_endpoint, service.rest_endpoint, page.path, languages)
    texts = json.loads(printed)
    assert texts["grpc"] == texts["rest"]
    assert page.text.split()[0] in texts["grpc"]
