"""Ids that the client gives to its attempts."""

import os
import random
import uuid

# A separate generator: neither a program's `random.seed` nor a fork makes the ids repeat.
_RANDOM = random.Random()  # noqa: S311 - no secret
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_RANDOM.seed)


def make_request_id() -> str:
    """Return a UUID for one attempt: it need not be secret, only new.

    `uuid.uuid4` asks the system, which gives the GIL away in the middle of sending.
    """
    return str(uuid.UUID(int=_RANDOM.getrandbits(128), version=4))
