"""The version of this package; pyproject.toml reads it here."""

__version__ = "0.1.0"

USER_AGENT = f"vision-grpc/{__version__}"
