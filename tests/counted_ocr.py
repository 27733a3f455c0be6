"""A service of ocr/v1 that counts how often each image is sent, and can hold its answers."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from images_in_bytes import number_in
from ocr_service import NOT_READY, OcrService, Script, Stream, answer, serve_ocr

from vision_grpc.messages import RecognizeTextRequest

_WAIT_S = 60
_NEVER = 1_000_000


class CountedOcr:
    """Counts what comes; `address` is the endpoint of a client."""

    def __init__(self) -> None:
        self.address = ""
        self.script: Script = answer
        self._holds_after = _NEVER
        self.is_holding = threading.Event()
        self.may_go_on = threading.Event()
        self._begun = 0
        self._lock = threading.Lock()
        self._service: OcrService | None = None

    def read(self, request: RecognizeTextRequest) -> Stream | bytes:
        """Answer a request, or hold it."""
        self._hold()
        return self.script(request)

    def recognition(self, operation_id: str, asked: int) -> Stream | None:
        """Say whether the result of an operation is ready."""
        del operation_id, asked
        return None if not self.is_holding.is_set() or self.may_go_on.is_set() else Stream(error=NOT_READY)

    def submission(self, number: int) -> None:
        """Accept a file."""
        if number >= self._holds_after:
            self.is_holding.set()

    @property
    def times(self) -> Counter[int]:
        """How often each image was sent."""
        assert self._service is not None
        sent = [*self._service.requests, *self._service.operations.values()]
        return Counter(number_in(request.content) for request in sent)

    def hold_after(self, images: int) -> None:
        """Hold all answers but for the first ones."""
        self.may_go_on.clear()
        self.is_holding.clear()
        self._holds_after = images

    def let_go(self) -> None:
        """Hold no more answers."""
        self._holds_after = _NEVER
        self.may_go_on.set()

    @contextmanager
    def serving(self, transport: str = "grpc") -> Iterator["CountedOcr"]:
        """Serve over gRPC or REST."""
        more = {"recognition": self.recognition, "submission": self.submission}
        with serve_ocr(self.read, transport, **more) as self._service:
            self.address = self._service.address
            try:
                yield self
            finally:
                self.let_go()

    def _hold(self) -> None:
        with self._lock:
            self._begun += 1
            is_held = self._begun > self._holds_after
        if is_held:
            self.is_holding.set()
            self.may_go_on.wait(_WAIT_S)
