"""What Ray and Spark send to their workers: checked where the plan is made, before anything runs."""

import os
import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from vision_grpc.arrow.analysis.analysis import Analysis
from vision_grpc.config import Limits

_IN_WORKERS = "leave it out, and the workers find theirs in their environment, such as YC_API_KEY"
_NOT_SENDABLE = (TypeError, AttributeError, ValueError, pickle.PicklingError)


@dataclass(frozen=True, slots=True)
class Job:
    """An analysis and the settings of its clients. It can be pickled, and shows no setting: one may be a secret."""

    analysis: Analysis
    settings: Mapping[str, Any] = field(repr=False)
    limits: Limits = field(repr=False)

    @classmethod
    def of(cls, analysis: Analysis, settings: Mapping[str, Any], dumps: Callable[[object], bytes]) -> "Job":
        """Return the job of an analysis by clients with these settings, which the engine sends by its `dumps`.

        The API is chosen here, by the settings and this machine's environment, for all workers.

        Raises:
            TypeError: a setting is of the wrong type, is not one of a client, or cannot be sent to workers.
            ValueError: a setting, or what is asked about the images, has no meaning.
        """
        from vision_grpc.aio import AsyncVisionClient
        from vision_grpc.session.arguments import check_behaviour, check_connection, read_cache
        from vision_grpc.session.client_settings import ClientSettings
        from vision_grpc.session.keywords import refuse_unknown
        from vision_grpc.session.settings import find_api

        refuse_unknown(AsyncVisionClient.__name__, settings, tuple(ClientSettings.__annotations__))
        known: dict[str, Any] = dict.fromkeys(("endpoint", "transport", "api", "credentials", "folder_id"))
        known["insecure"] = False
        check_connection(**{name: settings.get(name, default) for name, default in known.items()})
        behaviour = {name: settings[name] for name in ("limits", "retry", "timeouts") if name in settings}
        behaviour |= {name: settings.get(name) for name in ("data_logging", "on_event", "quota")}
        check_behaviour(**behaviour)
        api = find_api(settings.get("api"), os.environ)
        analysis.check(api, settings.get("folder_id"))
        settings = {**settings, "api": api.name}
        if settings.get("cache") is not None:
            # A path is meant from the working directory of this process, not of theirs.
            settings["cache"] = read_cache(settings["cache"])
        for name, value in settings.items():
            _check_sendable(name, value, dumps)
        limits = api.limits(settings.get("limits", Limits()))
        return cls(analysis, settings, limits)


def _check_sendable(name: str, value: object, dumps: Callable[[object], bytes]) -> None:
    try:
        dumps(value)
    except _NOT_SENDABLE as error:
        message = f"{name} is of type {type(value).__name__}, which cannot be sent to workers"
        # Its own words may be about a lock deep inside; those of credentials say what to do.
        if name == "credentials":
            message += f": {_IN_WORKERS}"
        raise TypeError(message) from error
