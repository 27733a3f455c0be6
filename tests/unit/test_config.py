import math
from collections.abc import Callable

import pytest

from vision_grpc import Limits, RetryPolicy, Timeouts
from vision_grpc.cli.connect import connect
from vision_grpc.session.settings import Arguments

_NO_NUMBERS = [math.nan, math.inf, -math.inf, -1, -0.001]
_ABOVE_0 = [
    *((Limits, name) for name in Limits.__dataclass_fields__ if name != "pdf"),
    *((Timeouts, name) for name in Timeouts.__dataclass_fields__),
    (RetryPolicy, "attempts"),
]
_AT_LEAST_0 = [(RetryPolicy, name) for name in RetryPolicy.__dataclass_fields__ if name != "attempts"]


@pytest.mark.parametrize("value", [*_NO_NUMBERS, 0])
@pytest.mark.parametrize(("settings", "name"), _ABOVE_0)
def test_what_would_let_nothing_through_is_refused(settings: Callable[..., object], name: str, value: float) -> None:
    with pytest.raises(ValueError, match=rf"{name} is {value}, must be a finite number above 0"):
        settings(**{name: value})


@pytest.mark.parametrize("value", _NO_NUMBERS)
@pytest.mark.parametrize(("settings", "name"), _AT_LEAST_0)
def test_what_means_nothing_is_refused(settings: Callable[..., object], name: str, value: float) -> None:
    with pytest.raises(ValueError, match=rf"{name} is {value}, must be a finite number, at least 0"):
        settings(**{name: value})


def test_a_flag_is_no_number() -> None:
    with pytest.raises(TypeError, match=r"Limits\.pdf"):
        Limits(pdf=1)  # type: ignore[arg-type]


def test_waits_and_budgets_may_be_none_at_all() -> None:
    RetryPolicy(attempts=1, initial_backoff_s=0, max_backoff_s=0, budget=0, budget_per_success=0)


@pytest.mark.parametrize(("call_s", "total_s"), [(5, Timeouts().total_s), (900, 900 * RetryPolicy().attempts)])
def test_the_time_out_of_the_command_line_is_that_of_each_attempt(call_s: float, total_s: float) -> None:
    service = Arguments(endpoint="127.0.0.1:1", transport="grpc", insecure=True)
    with connect(service, local=False, timeout_s=call_s) as client:
        assert client._timeouts == Timeouts(call_s=call_s, total_s=total_s)
