"""The deferred calls of ocr/v1: a file is accepted at once, read in the background, and fetched later."""

from functools import partial

from vision_grpc.contract.method import CANCEL_OPERATION, GET_OPERATION, GET_RECOGNITION, RECOGNIZE_DEFERRED
from vision_grpc.errors import ServiceError
from vision_grpc.local.calls.call import Call
from vision_grpc.local.calls.failure import describe_bug
from vision_grpc.local.calls.method import Method
from vision_grpc.local.calls.queue import FairQueue
from vision_grpc.local.ocr.engine import GivenUpError
from vision_grpc.local.ocr_v1.operation import DeferredFile, Owner, StoredPages
from vision_grpc.local.ocr_v1.operations import Operations
from vision_grpc.local.ocr_v1.recognition import DEFERRED_PAGES, OcrFile, Recognition
from vision_grpc.local.patience import Patience
from vision_grpc.messages import (
    CancelOperationRequest,
    GetOperationRequest,
    GetRecognitionRequest,
    Operation,
    RecognizeTextRequest,
    Status,
)


class DeferredRecognition:
    """Reads files on the threads of a queue, where they wait for all other calls."""

    def __init__(self, recognition: Recognition, operations: Operations, queue: FairQueue) -> None:
        self._recognition = recognition
        self._operations = operations
        self._queue = queue

    @property
    def methods(self) -> list[Method]:
        """The methods of TextRecognitionAsyncService and OperationService."""
        return [
            Method.of(RECOGNIZE_DEFERRED, self.recognize, count_images=lambda _: 1, kind="deferred"),
            Method.of(GET_RECOGNITION, self.get_recognition, kind="results"),
            Method.of(GET_OPERATION, self.get, kind="status"),
            Method.of(CANCEL_OPERATION, self.cancel, kind="status"),
        ]

    async def recognize(self, request: RecognizeTextRequest, call: Call) -> Operation:
        """Return the operation that reads a file.

        Raises:
            ServiceError: the file is seen not to be one that is read here, or too many files wait.
        """
        self._recognition.check(request)
        file = self._operations.accept(request, _owner_of(call), test_id=call.test_id, fate=call.fate)
        # Before a thread has the file.
        answer = file.message(self._operations.now())
        if not file.is_over:
            self._queue.enter_deferred([partial(self._open, file)], refuse=partial(self._fail, file))
        return answer

    async def get_recognition(self, request: GetRecognitionRequest, call: Call) -> StoredPages:
        """Return the pages that an operation has read.

        Raises:
            ServiceError: they are not ready, the operation failed or was cancelled, or is unknown or not the caller's.
        """
        return self._operations.result(self._find(request.operation_id, call))

    async def get(self, request: GetOperationRequest, call: Call) -> Operation:
        """Return what has become of an operation.

        Raises:
            ServiceError: it is unknown or not the caller's.
        """
        return self._find(request.operation_id, call).message(self._operations.now())

    async def cancel(self, request: CancelOperationRequest, call: Call) -> Operation:
        """End an operation unless its result is there, and return what has become of it.

        Raises:
            ServiceError: it is unknown or not the caller's.
        """
        file = self._find(request.operation_id, call)
        self._operations.cancel(file)
        return file.message(self._operations.now())

    def _find(self, operation_id: str, call: Call) -> DeferredFile:
        return self._operations.find(operation_id, _owner_of(call))

    def _open(self, file: DeferredFile) -> None:
        """Open a file, and let its pages take turns with those of others."""
        request = file.request
        if request is None:
            return
        try:
            opened = self._recognition.open(request, most_pages=DEFERRED_PAGES)
            self._operations.opened(file, opened.pages)
            jobs = [partial(self._read, file, opened, number) for number in range(opened.pages)]
            self._queue.enter_deferred(jobs, refuse=partial(self._fail, file))
        except Exception as error:  # noqa: BLE001 - the operation ends with it, the thread does not
            self._fail(file, error)

    def _read(self, file: DeferredFile, opened: OcrFile, number: int) -> None:
        if not file.wants(number):
            return
        try:
            texts = opened.read(number, Patience(lambda: not file.wants(number)))
            self._operations.add(file, number, texts)
        except GivenUpError:
            return
        except Exception as error:  # noqa: BLE001 - the operation ends with it, the thread does not
            self._fail(file, error, number)

    def _fail(self, file: DeferredFile, error: Exception, number: int = 0) -> None:
        if isinstance(error, ServiceError):
            self._operations.fail(file, Status(code=error.code, message=error.message), number)
        else:
            self._operations.fail(file, describe_bug(error), number)


def _owner_of(call: Call) -> Owner:
    return Owner(call.account, call.folder_id)
