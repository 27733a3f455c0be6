"""What goes along with a call: metadata in gRPC, headers in REST."""

Headers = tuple[tuple[str, str], ...]
"""Names and values beyond what every call has."""
