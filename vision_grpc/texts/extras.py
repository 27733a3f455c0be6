"""What a module says where the extra that it needs is not installed."""

from importlib.util import find_spec


class MissingExtraError(ImportError):
    """An extra is not installed; the message says what to install, and `name` is a module that it brings."""


def need_extra(module: str, extra: str, *needed: str) -> None:
    """Do nothing if the needed modules can be imported. None of them is imported, as some are costly.

    Raises:
        MissingExtraError: one cannot be.
    """
    missing = [name for name in needed if find_spec(name) is None]
    if missing:
        message = f"{module} needs {', '.join(missing)}: pip install 'vision-grpc[{extra}]'"
        raise MissingExtraError(message, name=missing[0])
