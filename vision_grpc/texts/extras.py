"""What a module says where the extra that it needs is not installed."""

from importlib.util import find_spec


def need_extra(module: str, extra: str, *needed: str) -> None:
    """Do nothing if the needed modules can be imported. None of them is imported, as some are costly.

    Raises:
        ImportError: one cannot be; the message says what to install.
    """
    missing = [name for name in needed if find_spec(name) is None]
    if missing:
        message = f"{module} needs {', '.join(missing)}: pip install 'vision-grpc[{extra}]'"
        raise ImportError(message, name=missing[0])
