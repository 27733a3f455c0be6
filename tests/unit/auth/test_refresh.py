import random
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_grpc.auth.refresh import Fail, Join, Pause, Refresh, Serve, TransientAuthError
from vision_grpc.auth.token import Token
from vision_grpc.errors import AuthError

_HOUR_S = 3600.0
_LATER = TransientAuthError("the service is down")
_NEVER = AuthError("the key was deleted")


def _refresh(seed: int = 7) -> Refresh:
    return Refresh(random.Random(seed))  # noqa: S311 - spreads refreshes


def _with_token(lifetime_s: float = 12 * _HOUR_S, now: float = 0.0) -> Refresh:
    refresh = _refresh()
    assert refresh.ask(now) == Join(start=True)
    refresh.succeeded(Token("one", lifetime_s), now)
    return refresh


def test_the_first_caller_starts_an_exchange_and_all_wait_for_it() -> None:
    refresh = _refresh()
    assert refresh.ask(0) == Join(start=True)
    assert refresh.ask(0.1, exchanging=True) == Join(start=False)
    refresh.succeeded(Token("one", 100), 0.2)
    assert refresh.ask(0.3) == Serve("Bearer one", start=False)


def test_an_ageing_token_is_served_while_one_exchange_runs() -> None:
    refresh = _with_token()
    steps = [refresh.ask(_HOUR_S, exchanging=exchanging) for exchanging in (False, True)]
    assert steps == [Serve("Bearer one", start) for start in (True, False)]
    refresh.succeeded(Token("two", 12 * _HOUR_S), _HOUR_S + 1)
    assert refresh.ask(_HOUR_S + 2) == Serve("Bearer two", start=False)


@given(lifetime_s=st.floats(0.5, 12 * _HOUR_S), seed=st.integers())
def test_a_token_is_replaced_about_hourly_and_well_before_its_end(lifetime_s: float, seed: int) -> None:
    refresh = _refresh(seed)
    refresh.ask(0)
    refresh.succeeded(Token("t", lifetime_s), 0)
    held = refresh.held
    assert held is not None
    assert 0 < held.refresh_at <= min(0.6 * lifetime_s, _HOUR_S)
    assert held.refresh_at < held.usable_until < lifetime_s


def test_no_two_processes_refresh_at_the_same_moment() -> None:
    def refresh_at(seed: int) -> float:
        refresh = _refresh(seed)
        refresh.succeeded(Token("t", 12 * _HOUR_S), 0)
        assert refresh.held is not None
        return refresh.held.refresh_at

    moments = [refresh_at(seed) for seed in range(100)]
    assert max(moments) - min(moments) > 300


def test_a_token_is_not_served_to_the_very_end() -> None:
    refresh = _with_token(lifetime_s=_HOUR_S)
    assert isinstance(refresh.ask(_HOUR_S - 61), Serve)
    assert refresh.ask(_HOUR_S - 59) == Join(start=True)


def test_no_token_is_believed_to_live_for_more_than_twelve_hours() -> None:
    refresh = _with_token(lifetime_s=1e12)
    assert refresh.held is not None
    assert refresh.held.usable_until < 12 * _HOUR_S


def test_failures_are_retried_ever_later_while_the_old_token_lives() -> None:
    refresh = _with_token()
    now, starts = _HOUR_S, []
    while now < _HOUR_S + 120:
        step = refresh.ask(now)
        assert isinstance(step, Serve)
        if step.start:
            starts.append(now)
            refresh.failed(_LATER, now)
        now += 0.125
    waits = [after - before for before, after in pairwise(starts)]
    assert 0.25 <= waits[0] <= 0.625
    assert max(waits) <= 30.125
    assert all(after < 4.5 * before for before, after in pairwise(waits))
    assert 5 < len(starts) < 20


def test_without_a_token_callers_wait_out_what_may_heal_and_fail_at_once_where_nothing_will() -> None:
    refresh = _refresh(1)
    refresh.ask(0)
    refresh.failed(_LATER, 0)
    step = refresh.ask(0.1)
    assert isinstance(step, Pause)
    assert 0.25 <= step.until <= 0.5
    assert step.error is _LATER
    assert refresh.ask(step.until) == Join(start=True)
    refresh.failed(_NEVER, 1)
    assert refresh.ask(1.1) == Fail(_NEVER)
    assert refresh.ask(2.5) == Join(start=True)


def test_a_refused_token_is_replaced_at_once_and_by_one_exchange_for_all_who_had_it() -> None:
    refresh = _with_token()
    assert refresh.ask(10, refused="Bearer one") == Join(start=True)
    assert refresh.ask(10, refused="Bearer one", exchanging=True) == Join(start=False)
    refresh.succeeded(Token("two", 12 * _HOUR_S), 10.5)
    # Slow calls that had left with the first token, however late they end.
    assert [refresh.ask(now, refused="Bearer one") for now in (11, 12.05, 13.1, 900)] == [
        Serve("Bearer two", start=False)
    ] * 4
    assert refresh.ask(901, refused="Bearer two") == Join(start=True)


def test_a_refusal_does_not_touch_the_token_that_came_since() -> None:
    refresh = _with_token()
    assert refresh.ask(_HOUR_S) == Serve("Bearer one", start=True)
    refresh.succeeded(Token("two", 12 * _HOUR_S), _HOUR_S + 1)
    held = refresh.held
    assert refresh.ask(_HOUR_S + 2, refused="Bearer one") == Serve("Bearer two", start=False)
    assert refresh.held is held


def test_others_go_on_with_a_refused_token_until_there_is_another() -> None:
    refresh = _with_token()
    assert refresh.ask(10, refused="Bearer one") == Join(start=True)
    assert refresh.ask(10, exchanging=True) == Serve("Bearer one", start=False)
    refresh.failed(_LATER, 11)
    assert refresh.ask(11) == Serve("Bearer one", start=False)
    pause = refresh.ask(11, refused="Bearer one")
    assert isinstance(pause, Pause)
    # It is tried again behind their backs, long before it would have been due.
    assert refresh.ask(pause.until) == Serve("Bearer one", start=True)
    refresh.failed(_NEVER, 12)
    assert refresh.ask(12, refused="Bearer one") == Fail(_NEVER)
    assert refresh.ask(12) == Serve("Bearer one", start=False)


def test_a_refused_token_that_comes_again_is_served_and_asked_about_ever_later() -> None:
    refresh = _with_token()
    now, starts = 10.0, []
    while now < 130:
        step = refresh.ask(now, refused="Bearer one")
        if step == Join(start=True):
            starts.append(now)
            refresh.succeeded(Token("one", 12 * _HOUR_S), now)
            step = refresh.ask(now, refused="Bearer one")
        assert step == Serve("Bearer one", start=False)
        now += 0.125
    assert 5 < len(starts) < 20
    now = starts[-1] + 30
    assert refresh.ask(now, refused="Bearer one") == Join(start=True)
    refresh.succeeded(Token("two", 12 * _HOUR_S), now)
    assert refresh.ask(now, refused="Bearer two") == Join(start=True)


def test_a_token_refused_right_after_it_was_made_is_replaced_too() -> None:
    assert _with_token().ask(0.1, refused="Bearer one") == Join(start=True)


def test_after_a_long_sleep_the_token_is_not_trusted() -> None:
    assert _with_token().ask(100 * _HOUR_S) == Join(start=True)


def test_a_token_may_ask_for_an_earlier_refresh() -> None:
    refresh = _refresh()
    refresh.succeeded(Token("t", 12 * _HOUR_S, refresh_s=300), 0)
    assert refresh.held is not None
    assert refresh.held.refresh_at == 300


def test_steps_and_tokens_do_not_show_the_secret() -> None:
    refresh = _with_token()
    shown = [Token("one", 1), refresh.ask(1), refresh.held, replace(Token("one", 1), lifetime_s=2)]
    assert "Bearer" not in f"{shown}"
    assert "'one'" not in f"{shown}"


@pytest.mark.parametrize("failures", [1, 17, 2000])
def test_no_number_of_failures_is_too_many(failures: int) -> None:
    refresh = _refresh()
    for _ in range(failures):
        refresh.failed(_LATER, 0)
    step = refresh.ask(0)
    assert isinstance(step, Pause)
    assert step.until <= 30
