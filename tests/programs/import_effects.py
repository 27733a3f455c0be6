"""Import vision_grpc and take the public names in the arguments; print what that did, as JSON.

`sockets` are the audit events of sockets; `environment_readers` the modules that read os.environ;
`modules` all that were imported.
"""

import json
import os
import sys
import traceback
from collections.abc import Iterator
from unittest.mock import patch

sockets: list[str] = []
readers: list[str] = []
modules_before = set(sys.modules)
environment_type = type(os.environ)
read_item, iterate = environment_type.__getitem__, environment_type.__iter__


def note_reader() -> None:
    callers = (frame.f_globals["__name__"] for frame, _ in traceback.walk_stack(sys._getframe(2)))
    readers.append(next(name for name in callers if name not in {"os", "collections.abc", "_collections_abc"}))


def getitem(self: os._Environ[str], name: str) -> str:
    note_reader()
    return read_item(self, name)


def iter_(self: os._Environ[str]) -> Iterator[str]:
    note_reader()
    return iterate(self)


patch.multiple(environment_type, __getitem__=getitem, __iter__=iter_).start()
sys.addaudithook(lambda event, _: sockets.append(event) if event.startswith("socket.") else None)

import vision_grpc  # noqa: E402

for public_name in sys.argv[1:]:
    getattr(vision_grpc, public_name)

effects = {
    "sockets": sockets,
    "environment_readers": readers,
    "modules": sorted(set(sys.modules) - modules_before),
}
json.dump(effects, sys.stdout)
