"""A quota that the clients of a Ray cluster share."""

import os
import socket
import time
from concurrent.futures import FIRST_COMPLETED, Future, wait
from importlib import import_module
from typing import TYPE_CHECKING, Any

from vision_grpc.errors import Code, ServiceError
from vision_grpc.quota import Grant
from vision_grpc.ray.quota_actor import QuotaActor
from vision_grpc.texts.arguments import check_number, wrong_type
from vision_grpc.texts.quoting import show

if TYPE_CHECKING:
    from vision_grpc.quota.desk import Permits
    from vision_grpc.quota.usage import Usage

# Its types are not complete.
_ray: Any = import_module("ray")
_exceptions: Any = import_module("ray.exceptions")

NAMESPACE = "vision_grpc"
"""Ray's namespace of the actors: those of other programs in a cluster are in others."""

_MOST_TRIES = 10


class RayQuota:
    """The quota of this name in a Ray cluster, for all clients of all its jobs.

    An actor hands it out, which the first client makes. The actor belongs to no job, so that several may share it and
    none takes it along; on a machine that is lost it is started again on another one, as if the quota had just been
    used up, and clients wait for it. `ray.kill(ray.get_actor(name, namespace="vision_grpc"))` ends it.

    Without numbers, the actor must be there already.

    Raises:
        TypeError: an argument has the wrong type.
        ValueError: a quota is not above 0.
    """

    def __init__(self, name: str, *, requests_per_s: float | None = None, images_per_s: float | None = None) -> None:
        self.name: str = _check_name(name)
        self._numbers = {
            key: check_number(key, value)
            for key, value in (("requests_per_s", requests_per_s), ("images_per_s", images_per_s))
            if value is not None
        }
        self._closed: Future[None] = Future()
        self._actor: Any = None

    def __repr__(self) -> str:
        numbers = "".join(f", {key}={value:g}" for key, value in self._numbers.items())
        return f"RayQuota({self.name!r}{numbers})"

    def __reduce__(self) -> tuple[object, ...]:
        return _made, (self.name, self._numbers)

    def reserve(self, requests: int, images: int) -> Grant:
        """Return the permission for requests; see `vision_grpc.quota.Quota`.

        Raises:
            ServiceError: the quota was closed, has other numbers, or is not there.
        """
        client = f"{socket.gethostname()[:80]}:{os.getpid()}"
        while True:
            asked_at = time.monotonic()
            permits: Permits = self._ask("reserve", client, requests, images)
            if permits.waits_s:
                # The answer was on its way for half of the time that it was not held back.
                age_s = max(0.0, time.monotonic() - asked_at - permits.held_s) / 2
                waits_s = [max(0.0, wait_s - age_s) for wait_s in permits.waits_s]
                by_images = [] if permits.images_per_s is None else [permits.images_per_s / permits.images]
                by_requests = [] if permits.requests_per_s is None else [permits.requests_per_s]
                return Grant(waits_s, min(by_requests + by_images), images=permits.images)

    def usage(self) -> "Usage":
        """Return who takes what.

        Raises:
            ServiceError: as `reserve`.
        """
        usage: Usage = self._ask("usage")
        return usage

    def close(self) -> None:
        """Let a `reserve` under way in another thread raise. The actor goes on."""
        if not self._closed.done():
            self._closed.set_result(None)

    def _ask(self, method: str, *arguments: object) -> Any:  # noqa: ANN401 - Ray has no types for it
        tries = 0
        while True:
            tries += 1
            try:
                if self._actor is None:
                    self._actor = self._find()
                return self._wait(getattr(self._actor, method).remote(*arguments))
            except _exceptions.ActorDiedError:
                # Somebody has ended it, perhaps as it started. One that cannot be made ends each time.
                self._actor = None
                if tries == _MOST_TRIES:
                    raise

    def _find(self) -> Any:  # noqa: ANN401
        if not self._numbers:
            try:
                return _ray.get_actor(self.name, namespace=NAMESPACE)
            except ValueError as error:
                message = f"there is no quota {show(self.name)} in this cluster: say requests_per_s or images_per_s"
                raise ServiceError(Code.FAILED_PRECONDITION, message) from error
        options: dict[str, Any] = {
            "name": self.name,
            "namespace": NAMESPACE,
            "get_if_exists": True,
            "lifetime": "detached",
            "num_cpus": 0,
            "max_restarts": -1,
            "max_task_retries": -1,
        }
        actor = _ray.remote(QuotaActor).options(**options).remote(**self._numbers)
        self._check_numbers(self._wait(actor.numbers.remote()))
        return actor

    def _check_numbers(self, numbers: dict[str, float]) -> None:
        if numbers != self._numbers:
            there = RayQuota(self.name, **numbers)
            message = f"{self!r}: another client has made it as {there!r}; give the same numbers, or none"
            raise ServiceError(Code.FAILED_PRECONDITION, message)

    def _wait(self, answer: Any) -> Any:  # noqa: ANN401
        """Return an answer of the actor."""
        future: Future[Any] = answer.future()
        wait([future, self._closed], return_when=FIRST_COMPLETED)
        if self._closed.done():
            # What it waited for is left to others.
            _ray.cancel(answer)
            message = f"the quota {show(self.name)} was closed"
            raise ServiceError(Code.CANCELLED, message)
        try:
            return future.result()
        except _exceptions.RayTaskError as error:
            # Ray's own text has the actor's stack.
            raise error.cause from None


def _made(name: str, numbers: dict[str, float]) -> RayQuota:
    return RayQuota(name, **numbers)


def _check_name(name: object) -> str:
    if not isinstance(name, str) or not name:
        raise wrong_type(name, "name", "a name such as 'vision'")
    return name
