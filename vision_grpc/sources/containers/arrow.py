"""pyarrow, which comes without types."""

from importlib import import_module
from typing import Any


def load_arrow() -> Any:  # noqa: ANN401
    """Return the package, with the parts of it that are used here.

    Raises:
        ImportError: it is not installed.
    """
    import pyarrow as pa

    for part in ("compute", "parquet"):
        import_module(f"pyarrow.{part}")
    return pa
