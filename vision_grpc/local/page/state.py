"""What the page shows beside calls: the service, its faults and its quota, and how full the memory is."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from vision_grpc.local.calls.method import Method
from vision_grpc.local.calls.quota import Quota
from vision_grpc.local.faults.store import FaultStore
from vision_grpc.local.page.history import History

_MODELS = ("page", "line")
_MOST_RULES = 200


class State:
    """Returns the state of a service when it is called: JSON values."""

    def __init__(
        self,
        method: Method,
        history: History,
        faults: FaultStore | None,
        quota: Quota,
        *,
        languages: Sequence[str],
        endpoints: Callable[[], Mapping[str, str]],
    ) -> None:
        self._method = method
        self._history = history
        self._faults = faults
        self._quota = quota
        self._languages = tuple(languages)
        self._endpoints = endpoints
        # A page that was open before the service started anew would otherwise mix the calls of both.
        self._instance = uuid.uuid4().hex

    def __call__(self) -> dict[str, Any]:
        """Return the state of now."""
        history = self._history
        rules = [] if self._faults is None else self._faults.rules()
        return {
            "instance": self._instance,
            **self._endpoints(),
            "rest_path": self._method.http_path,
            "languages": list(self._languages),
            "models": list(_MODELS),
            "memory": {
                "calls": len(history),
                "most_calls": history.most_calls,
                "bytes": history.bytes,
                "most_bytes": history.most_bytes,
            },
            "faults": [rule.to_json() for rule in rules[:_MOST_RULES]],
            "fault_count": len(rules),
            # That of calls without a test id.
            "quota": {
                unit: {"per_s": gauge.per_s, "left": round(gauge.left, 2), "refused": gauge.refused}
                for unit, gauge in self._quota.state().items()
            },
        }
