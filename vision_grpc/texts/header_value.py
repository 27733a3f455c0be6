"""Whether a text can be the value of a header, in gRPC and HTTP alike."""

import re

# Both protocols drop blanks at the ends, and what sends them refuses the rest.
_VALUE = re.compile(r"([\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?)?", re.ASCII)


def is_header_value(text: str) -> bool:
    """Return whether both take a text as it is: printable ASCII without blanks at its ends."""
    return _VALUE.fullmatch(text) is not None
