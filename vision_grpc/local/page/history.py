"""The memory of calls that the page and tests look into."""

import time
from collections import OrderedDict
from collections.abc import Iterable
from typing import Protocol

from vision_grpc.errors import Code
from vision_grpc.local.calls.call import TEST_ID, Call
from vision_grpc.local.calls.images import operation_of
from vision_grpc.local.calls.reply import Reply
from vision_grpc.local.page.choice import Choice
from vision_grpc.local.page.kept import kept_answer, kept_request
from vision_grpc.local.page.masking import mask, mask_text
from vision_grpc.local.page.record import Record, Sent
from vision_grpc.messages import BatchAnalyzeResponse

REPLAY_OF = "x-replay-of"
"""The metadata that names the call which is repeated."""

# The client's own word on whether its data may be kept.
_MAY_KEEP = "x-data-logging-enabled"
_LONGEST_TEXT = 512
# Objects of Python, metadata and ids take about this much beside request and answer, whose bytes are counted.
_LEAST_BYTES = 4096


class Watcher(Protocol):
    """Is told about changes, which must cost next to nothing."""

    def changed(self, number: int) -> None:
        """Take note of a call that is new or has ended."""

    def cleared(self) -> None:
        """Take note of calls that were removed on command."""

    def closed(self) -> None:
        """Take note that the service stops."""


class History:
    """Remembers the latest `most_calls` calls, with at most `most_bytes` of requests and answers.

    Where the bytes do not suffice, the oldest calls stay in the log without their requests and answers, and so do calls
    with `x-data-logging-enabled: false`. Secrets in metadata are masked before anything is stored.
    Used on the event loop alone.
    """

    def __init__(self, *, most_calls: int, most_bytes: int) -> None:
        self.most_calls = most_calls
        self.most_bytes = most_bytes
        self.bytes = 0
        """How many bytes of requests and answers are remembered."""
        self._last = 0
        self._records: OrderedDict[str, Record] = OrderedDict()
        # Those with a request or an answer, in the order in which they ended.
        self._with_content: OrderedDict[str, Record] = OrderedDict()
        self._watchers: set[Watcher] = set()
        self._is_closed = False

    def __len__(self) -> int:
        return len(self._records)

    def began(self, call: Call) -> None:
        """Take note of a call whose headers have come."""
        metadata = mask(call.metadata)
        self._last += 1
        record = Record(
            number=self._last,
            id=call.ids.request_id,
            trace_id=call.ids.trace_id,
            transport=call.face,
            method=_cut(call.method),
            peer=_cut(call.peer),
            test_id=metadata.get(TEST_ID, ""),
            metadata=metadata,
            replay_of=metadata.get(REPLAY_OF, ""),
            arrived_at=call.arrived_at,
            started_at=call.started_at,
        )
        self._records[record.id] = record
        while len(self._records) > self.most_calls:
            self._drop_content(self._records.popitem(last=False)[1])
        self._tell(record)

    def ended(self, call: Call, reply: Reply) -> None:
        """Take note of the reply, which is about to be sent."""
        record = self.find(call.ids.request_id)
        if record is None:
            return
        record.took_s = time.monotonic() - call.started_at
        record.request_bytes = call.request_bytes
        record.images = call.images
        if reply.status is None:
            record.code = Code.OK
        else:
            record.code = Code.from_number(reply.status.code)
            record.message = _cut(mask_text(reply.status.message))
        if isinstance(reply.message, BatchAnalyzeResponse):
            record.failed_images = sum(result.HasField("error") for result in reply.message.results)
        record.operation = _cut(operation_of(call.request, reply.message))
        record.faults = _cut(", ".join(call.struck_by))
        record.request, record.answer = kept_request(call), kept_answer(reply)
        record.sent = Sent.of(reply)
        if record.sent is not None:
            record.answer_bytes = record.sent.bytes
        elif record.answer is not None:
            record.answer_bytes = record.answer.size
        if call.metadata.get(_MAY_KEEP, "").strip().lower() == "false":
            record.request = record.answer = record.sent = None
        self._keep_content(record)
        self._tell(record)

    def chosen(self, choice: Choice = Choice()) -> list[Record]:  # noqa: B008 - a tuple
        """Return the records that are chosen, the oldest first."""
        return choice.of(self._records.values())

    def find(self, request_id: str) -> Record | None:
        """Return the record of a call, None if it is not remembered."""
        return self._records.get(request_id)

    def changed(self, numbers: Iterable[int]) -> list[Record]:
        """Return the records with these numbers that are still remembered."""
        wanted = set(numbers)
        return [record for record in self._records.values() if record.number in wanted]

    def clear(self, test_id: str | None = None) -> int:
        """Forget all calls, or those of one test, and return how many."""
        gone = [each for each in self._records.values() if test_id is None or each.test_id == test_id]
        for record in gone:
            del self._records[record.id]
            self._drop_content(record)
        for watcher in self._watchers:
            watcher.cleared()
        return len(gone)

    def watch(self, watcher: Watcher) -> None:
        """Tell the watcher about changes until `unwatch`."""
        self._watchers.add(watcher)
        if self._is_closed:
            watcher.closed()

    def unwatch(self, watcher: Watcher) -> None:
        """Tell the watcher nothing more."""
        self._watchers.discard(watcher)

    @property
    def watchers(self) -> int:
        """How many are watching."""
        return len(self._watchers)

    def close(self) -> None:
        """Tell watchers that the service stops."""
        self._is_closed = True
        for watcher in self._watchers:
            watcher.closed()

    def _tell(self, record: Record) -> None:
        for watcher in self._watchers:
            watcher.changed(record.number)

    def _keep_content(self, record: Record) -> None:
        if record.request is None and record.answer is None:
            return
        self.bytes += _LEAST_BYTES + record.kept_bytes
        self._with_content[record.id] = record
        while self.bytes > self.most_bytes:
            self._drop_content(next(iter(self._with_content.values())))

    def _drop_content(self, record: Record) -> None:
        if self._with_content.pop(record.id, None) is not None:
            self.bytes -= _LEAST_BYTES + record.kept_bytes
            record.request = record.answer = None


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}…"
