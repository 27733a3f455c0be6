"""What goes along with a call: metadata in gRPC, headers in REST."""

from collections.abc import Sequence

Headers = Sequence[tuple[str, str]]
"""Names and values beyond what every call has."""
