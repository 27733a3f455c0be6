"""Checks of arguments where they are given: the message names the argument, the value and the form that is wanted.

A value of the wrong type is a TypeError, a value of the right type that has no meaning is a ValueError.
"""

import math
from collections.abc import Collection
from numbers import Real
from typing import cast

from vision_grpc.texts.quoting import show

_LAST_PORT = 65_535


def wrong_type(value: object, name: str, wanted: str) -> TypeError:
    """Return the error of an argument of the wrong type; `wanted` follows "must be"."""
    shown = f"the class {value.__name__}" if isinstance(value, type) else show(value)
    return TypeError(f"{name} is {shown}, must be {wanted}")


def check_number(name: str, value: object, *, may_be_0: bool = False) -> float:
    """Return a finite number above 0, or at least 0.

    Raises:
        TypeError: the value is not a number. True and False are not.
        ValueError: it is NaN, infinite, negative, or 0 where that has no meaning.
    """
    bound = ", at least 0" if may_be_0 else " above 0"
    number = _number(name, value, f"a number{bound}")
    if not _is_finite(number) or number < 0 or (number == 0 and not may_be_0):
        raise _no_meaning(name, value, f"a finite number{bound}")
    return number


def check_seconds(name: str, value: object) -> float:
    """Return a number above 0, which may be infinite; raises as `check_number`."""
    number = _number(name, value, "a number of seconds above 0")
    if not number > 0:  # NaN fails this too.
        raise _no_meaning(name, value, "above 0")
    return number


def check_any_number(name: str, value: object, of: str) -> float:
    """Return a number of something, however large or small.

    Raises:
        TypeError: the value is not a number. True and False are not.
        ValueError: it is NaN.
    """
    number = _number(name, value, f"a number of {of}")
    if number != number:  # noqa: PLR0124 - NaN alone; `math.isnan` does not take large ints
        message = f"{name} is NaN, must be a number of {of}"
        raise ValueError(message)
    return number


def check_whole(name: str, value: object, *, may_be_0: bool = False) -> int:
    """Return a number that `check_number` passes as an int: 8.0 is 8.

    Raises:
        ValueError: it is not whole.
    """
    number = check_number(name, value, may_be_0=may_be_0)
    if number != int(number):
        raise _no_meaning(name, value, "a whole number")
    return int(number)


def check_count(name: str, value: object) -> int:
    """Return a whole number that is at least 1.

    Raises:
        TypeError: the value is not a number. True and False are not.
        ValueError: it is not whole, or below 1.
    """
    number = _number(name, value, "a whole number, at least 1")
    if number < 1:
        raise _no_meaning(name, value, "at least 1")
    if not _is_finite(number) or number != int(number):
        raise _no_meaning(name, value, "a whole number")
    return int(number)


def check_port(name: str, value: object) -> None:
    """Check that a value is the number of a port, or 0 for any.

    Raises:
        TypeError: the value is not a whole number.
        ValueError: no port has this number.
    """
    wanted = f"a port: 0 to {_LAST_PORT}"
    if isinstance(value, bool) or not isinstance(value, int):
        raise wrong_type(value, name, wanted)
    if not 0 <= value <= _LAST_PORT:
        raise _no_meaning(name, value, wanted)


def check_flag(name: str, value: object) -> bool:
    """Return True or False.

    Raises:
        TypeError: the value is something else, such as the text "false", which would count as true.
    """
    if not isinstance(value, bool):
        raise wrong_type(value, name, "True or False")
    return value


def check_choice(name: str, value: object, choices: Collection[str]) -> None:
    """Check that a value is one of several texts.

    Raises:
        TypeError: the value is not text.
        ValueError: it is another text.
    """
    wanted = f"one of {', '.join(choices)}"
    if not isinstance(value, str):
        raise wrong_type(value, name, wanted)
    if value not in choices:
        raise _no_meaning(name, value, wanted)


def _number(name: str, value: object, wanted: str) -> float:
    # Numbers of NumPy are registered as Real.
    if isinstance(value, bool) or not isinstance(value, Real):
        raise wrong_type(value, name, wanted)
    return cast("float", value)


def _no_meaning(name: str, value: object, wanted: str) -> ValueError:
    return ValueError(f"{name} is {show(value)}, must be {wanted}")


def _is_finite(number: float) -> bool:
    try:
        return math.isfinite(number)
    except OverflowError:  # An int of more than 308 digits.
        return False
