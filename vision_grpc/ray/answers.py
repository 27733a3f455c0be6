"""What the actors of a data set have answered, kept where it outlives them."""

import warnings
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from functools import cached_property
from importlib import import_module
from typing import Any

from vision_grpc.arrow.analysis.digest import Digest
from vision_grpc.arrow.untyped import pa

# Its types are not complete.
_ray: Any = import_module("ray")
_RayError: Any = import_module("ray.exceptions").RayError

_MOST_BYTES = 256 << 20
# Ray sends an argument of up to 100 KB with the call, and a larger one by its store, which takes twice the CPU.
_PART = 64 << 10
# A digest is of less than 2 GiB.
_PIECE = 1 << 20


class Answers:
    """The answers of all actors of a data set, kept by one more actor.

    Ray starts an actor that died again, and gives it the whole blocks that it was reading. It asks here first, so that
    what was answered is not sent, and billed, again. Nothing depends on it: what is lost here is asked for again.
    """

    def __init__(self, options: Mapping[str, Any]) -> None:
        # It ends with the data set, as nobody else has a handle.
        self._keeper = _ray.remote(Keeper).options(num_cpus=0, max_restarts=-1, **options).remote()

    def name_of(self, rows: Any) -> str:  # noqa: ANN401 - pyarrow has no types
        """Return the name of the results of a table of rows: another one in each actor, and in each run."""
        return digest(rows, self._digest).hex()

    async def find(self, name: str) -> Any:  # noqa: ANN401
        """Return the table of results of this name, None where there is none, or this actor did not die before."""
        if not self._was_restarted:
            return None
        results = None
        with suppress(_RayError):
            results = await self._keeper.find.remote(name)
        return None if results is None else pa.ipc.open_stream(results).read_all()

    async def record(self, name: str, results: Any) -> None:  # noqa: ANN401
        """Keep a table of results; return when it is safe."""
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, results.schema) as stream:
            stream.write_table(results)
        written = sink.getvalue().to_pybytes()
        parts = [written[start : start + _PART] for start in range(0, len(written), _PART)]
        with suppress(_RayError):
            await self._keeper.record.remote(name, *parts)

    @cached_property
    def _digest(self) -> Digest:
        # When Ray starts the actor again, it has the same one.
        return Digest(_ray.get_runtime_context().get_actor_id())

    @cached_property
    def _was_restarted(self) -> bool:
        with warnings.catch_warnings():  # It warns of a property that it reads itself.
            warnings.simplefilter("ignore")
            return bool(_ray.get_runtime_context().was_current_actor_reconstructed)


class Keeper:
    """Has the newest results, each under its name."""

    def __init__(self, most_bytes: int = _MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._results: OrderedDict[str, bytes] = OrderedDict()

    def record(self, name: str, *parts: bytes) -> None:
        """Keep results, and let go of the oldest where there are too many."""
        results = b"".join(parts)
        self._bytes += len(results) - len(self._results.pop(name, b""))
        self._results[name] = results
        while self._bytes > self._most_bytes:
            _, oldest = self._results.popitem(last=False)
            self._bytes -= len(oldest)

    def find(self, name: str) -> bytes | None:
        """Return the results of this name, if they are kept."""
        return self._results.get(name)


def digest(rows: Any, of_content: Digest) -> bytes:  # noqa: ANN401
    """Return what is equal for the same rows of the same block."""
    # Arrow's own format, as it is the same for all types. Some bytes behind the last row come along.
    digests = _Digests(of_content)
    with pa.ipc.new_stream(pa.PythonFile(digests, mode="w"), rows.schema) as stream:
        stream.write_table(rows)
    return of_content("", b"".join(digests.of_pieces))


class _Digests:
    """A file that keeps the digests of its pieces, and not what is written: a copy of that would take as long."""

    def __init__(self, of_content: Digest) -> None:
        self._of_content = of_content
        self.of_pieces: list[bytes] = []
        self.closed = False

    def write(self, content: Any) -> None:  # noqa: ANN401
        whole = memoryview(content).cast("B")
        for start in range(0, len(whole), _PIECE):
            self.of_pieces.append(self._of_content("", whole[start : start + _PIECE]))

    def flush(self) -> None:
        pass

    def close(self) -> None:
        self.closed = True
