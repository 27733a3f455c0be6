"""Fixtures that every folder of tests shares."""

pytest_plugins = ["environments", "scanned_pages", "secret_watch"]
