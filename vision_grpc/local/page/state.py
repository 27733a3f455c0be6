"""What the page shows beside calls: the service, its quota, its faults, and how full the memory is."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from vision_grpc.local.page.history import History

_MODELS = ("page", "line")


class State:
    """Returns the state of a service when it is called: JSON values."""

    def __init__(self, history: History, languages: Sequence[str], endpoints: Callable[[], Mapping[str, str]]) -> None:
        self._history = history
        self._languages = tuple(languages)
        self._endpoints = endpoints
        # A page that was open before the service started anew would otherwise mix the calls of both.
        self._instance = uuid.uuid4().hex

    def __call__(self) -> dict[str, Any]:
        """Return the state of now."""
        history = self._history
        return {
            "instance": self._instance,
            **self._endpoints(),
            "languages": list(self._languages),
            "models": list(_MODELS),
            "memory": {
                "calls": len(history),
                "most_calls": history.most_calls,
                "bytes": history.bytes,
                "most_bytes": history.most_bytes,
            },
        }
