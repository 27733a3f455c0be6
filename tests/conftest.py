"""Fixtures and settings that every folder of tests shares."""

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ["environments", "scanned_pages", "secret_watch"]

# A busy machine is no failure.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")


@pytest.fixture
def patient_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no batch leave early because the machine is busy."""
    for module in ("feeder", "files"):
        monkeypatch.setattr(f"vision_grpc.sources.{module}.PATIENCE_S", 60.0)
