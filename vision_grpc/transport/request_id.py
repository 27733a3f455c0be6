"""Ids that the client gives to its attempts."""

import random
import uuid


def make_request_id() -> str:
    """Return a UUID for one attempt: it need not be secret, only new.

    `uuid.uuid4` asks the system, which gives the GIL away in the middle of sending.
    """
    return str(uuid.UUID(int=random.getrandbits(128), version=4))
