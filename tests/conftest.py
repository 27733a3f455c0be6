"""Fixtures and settings that every folder of tests shares."""

from hypothesis import HealthCheck, settings

pytest_plugins = ["environments", "scanned_pages", "secret_watch"]

# A busy machine is no failure.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")
