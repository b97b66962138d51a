import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.training.schedules import MarginSchedule, Schedule


def test_warm_up_rises_in_equal_steps_and_cosine_falls_in_half_a_wave():
    schedule = Schedule(warmup=0.2)  # 2 of 10 steps, then 8
    assert [schedule.rate(step, 10) for step in (0, 1, 2)] == [0.5, 1.0, 1.0]
    assert schedule.rate(4, 10) == pytest.approx((1 + math.cos(math.pi / 4)) / 2)
    assert schedule.rate(6, 10) == pytest.approx(0.5)
    assert schedule.rate(10, 10) == pytest.approx(0.0)


@pytest.mark.parametrize(("decay", "half"), [("linear", 0.55), ("cosine", 0.55), ("constant", 1)])
def test_each_decay_ends_where_it_is_told_to(decay, half):
    schedule = Schedule(warmup=0, decay=decay, final=0.1)
    assert schedule.rate(0, 8) == pytest.approx(1.0)
    assert schedule.rate(4, 8) == pytest.approx(half)
    assert schedule.rate(8, 8) == pytest.approx(1.0 if decay == "constant" else 0.1)


@given(st.floats(0, 0.9), st.integers(1, 200))
def test_rates_rise_then_fall_and_stay_above_zero(warmup, n_steps):
    schedule = Schedule(warmup=warmup)
    rates = [schedule.rate(step, n_steps) for step in range(n_steps)]
    peak = rates.index(max(rates))
    assert rates[: peak + 1] == sorted(rates[: peak + 1])
    assert rates[peak:] == sorted(rates[peak:], reverse=True)
    assert min(rates) > 0
    assert max(rates) == 1


def test_the_margin_grows_evenly_and_then_stays():
    margin = MarginSchedule(start=0.2, end=1.0, over=0.5)
    expected = [0.2, 0.36, 0.52, 0.68, 0.84, 1.0, 1.0, 1.0]
    assert [margin.margin(step, 10) for step in range(8)] == pytest.approx(expected)
