"""How a run ends."""

from enum import Enum, auto


class Ending(Enum):
    """Why a run sends no more images."""

    COMPLETE = auto()
    """All images of the sources have a result."""

    LIMIT = auto()
    """It has sent as many images as it was to send."""

    BUDGET = auto()
    """It has cost as much as it was to cost."""

    INTERRUPTED = auto()
    """The user or the system asked for the end."""

    REFUSED = auto()
    """The service refused a call for its credentials or folder, and would refuse all others."""

    FAILED = auto()
    """An error that is not an image's own ended it, such as a full disk or credentials that cannot be had."""
