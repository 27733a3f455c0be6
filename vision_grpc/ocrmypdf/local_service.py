"""The local service of a run, for which the extra `local` has to be there; all else of the plugin goes without."""

import logging
from contextlib import ExitStack

from ocrmypdf.exceptions import MissingDependencyError


def start_local_service(stack: ExitStack) -> str:
    """Return where a local service answers gRPC, which ends with the stack.

    Raises:
        MissingDependencyError: it cannot start here.
    """
    try:
        from vision_grpc.local import LocalServiceError, LocalVision
        from vision_grpc.local.calls.log import ACCESS_LOG
    except ImportError as error:
        message = f"--vision-local: {error}"
        raise MissingDependencyError(message) from error

    def is_worth_saying(record: logging.LogRecord) -> bool:
        return record.levelno >= logging.WARNING

    # OCRmyPDF shows what any logger says, also the line of each call.
    logger = logging.getLogger(ACCESS_LOG)
    logger.addFilter(is_worth_saying)
    stack.callback(logger.removeFilter, is_worth_saying)
    try:
        return stack.enter_context(LocalVision()).grpc_endpoint
    except LocalServiceError as error:
        raise MissingDependencyError(str(error)) from error
