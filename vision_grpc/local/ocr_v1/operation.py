"""One file that is read in the background, from when it is accepted."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, overload

from vision_grpc.local.calls.fate import Fate
from vision_grpc.messages import Any, Empty, Operation, RecognizeTextRequest, RecognizeTextResponse, Status, Timestamp

DESCRIPTION = "Recognize text"

# Ids of the cloud have as many characters, the first of them a letter.
_LETTERS = "abcdefghijklmnopqrstuv"
_CHARACTERS = f"{_LETTERS}0123456789"
_ID_LENGTH = 20


# Stands for the caller where nobody has to say who they are.
_NOBODY = "ajelocalserviceuser0"
_EMPTY = Any()
_EMPTY.Pack(Empty())


def _make_id() -> str:
    return secrets.choice(_LETTERS) + "".join(secrets.choice(_CHARACTERS) for _ in range(_ID_LENGTH - 1))


class Owner(NamedTuple):
    """Who has started an operation, and may ask about it."""

    account: str
    """The id of an account; empty where the service asks for no credentials."""
    folder_id: str
    """Empty if the call named none."""


@dataclass(slots=True, eq=False, kw_only=True)
class DeferredFile:
    """A file, and later its pages. Whoever changes it holds the lock of all operations."""

    owner: Owner
    test_id: str
    fate: Fate
    request: RecognizeTextRequest | None
    """None once the file is open, or is not to be read any more."""
    accepted_at: float
    """By the clock of all operations, as all times here."""
    accepted_wall_s: float
    id: str = field(default_factory=_make_id)
    pages: list[tuple[bytes, ...] | None] = field(default_factory=list[tuple[bytes, ...] | None])
    """For each page of the file that is wanted, what the engine has made of it; None if it is not read yet."""
    size: int = 0
    """Bytes of the file, or of what is read of it."""
    ended_at: float | None = None
    error: Status | None = None
    is_over: bool = False
    """Whether nothing more of it is to be read."""

    @property
    def ready_at(self) -> float | None:
        """When the result is there, which may be later than now; None if that is not known."""
        return None if self.ended_at is None else max(self.ended_at, self.accepted_at + self.fate.ready_after_s)

    def is_ready(self, now: float) -> bool:
        """Return whether the result is there."""
        return self.ready_at is not None and self.ready_at <= now

    def wants(self, number: int) -> bool:
        """Return whether a page is still to be read."""
        return not self.is_over and number < len(self.pages)

    def end(self, now: float) -> None:
        """Take note that it has ended."""
        self.ended_at = now
        self.is_over = True
        self.request = None

    def message(self, now: float) -> Operation:
        """Return what is told about the operation."""
        is_ready = self.is_ready(now)
        changed_at = self.accepted_at if self.ready_at is None or not is_ready else self.ready_at
        operation = Operation(
            id=self.id,
            description=DESCRIPTION,
            created_at=_timestamp(self.accepted_wall_s),
            created_by=self.owner.account or _NOBODY,
            modified_at=_timestamp(self.accepted_wall_s + changed_at - self.accepted_at),
            done=is_ready,
        )
        if is_ready and self.error is not None:
            operation.error.CopyFrom(self.error)
        elif is_ready:
            operation.response.CopyFrom(_EMPTY)
        return operation

    @property
    def wires(self) -> Sequence[bytes]:
        """The texts of pages that are read, in protobuf's wire format."""
        return [wire for page in self.pages if page is not None for wire in page]


class StoredPages(Sequence[RecognizeTextResponse]):
    """Pages as they are kept, in protobuf's wire format: a page takes several times as much while it is looked at."""

    def __init__(self, wires: Sequence[bytes]) -> None:
        self._wires = wires

    @property
    def size(self) -> int:
        """How many bytes all pages have."""
        return sum(map(len, self._wires))

    def __len__(self) -> int:
        return len(self._wires)

    @overload
    def __getitem__(self, index: int) -> RecognizeTextResponse: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[RecognizeTextResponse]: ...

    def __getitem__(self, index: int | slice) -> RecognizeTextResponse | Sequence[RecognizeTextResponse]:
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(len(self)))]
        response = RecognizeTextResponse(page=range(len(self))[index])
        response.text_annotation.ParseFromString(self._wires[index])
        return response


def _timestamp(seconds: float) -> Timestamp:
    whole = int(seconds)
    return Timestamp(seconds=whole, nanos=int((seconds - whole) * 1e6) * 1000)
