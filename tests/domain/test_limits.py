from __future__ import annotations

from datetime import UTC, datetime, timedelta

import hypothesis.strategies as st
import pytest
from hypothesis import given

from tallystick.domain.limits import LimitKind, UsageLimit
from tallystick.domain.periods import Period
from tallystick.domain.refusals import Refusal, Refused

START = datetime(2027, 1, 31, 10, 0, tzinfo=UTC)


def monthly(limit: int = 100) -> UsageLimit:
    return UsageLimit(LimitKind.AMOUNT, limit, Period(1, "Month"), START, START)


@pytest.mark.parametrize("text", ["1 Hour", "6 Months", "12 Months", "1 Month", "2 Weeks", "3 Days", "1 Year"])
def test_periods_read_and_write(text: str) -> None:
    assert str(Period.parse(text)) == text


@pytest.mark.parametrize("text", ["", "0 Days", "1", "Month", "1  Month", "-1 Day", "1 Minute", "1 month", "1.5 Days"])
def test_other_periods_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="period"):
        Period.parse(text)


def test_months_follow_the_calendar() -> None:
    assert Period(1, "Month").after(START) == datetime(2027, 2, 28, 10, 0, tzinfo=UTC)
    assert Period(1, "Month").after(START, 2) == datetime(2027, 3, 31, 10, 0, tzinfo=UTC)
    assert Period(1, "Year").after(datetime(2028, 2, 29, tzinfo=UTC)) == datetime(2029, 2, 28, tzinfo=UTC)


@pytest.mark.parametrize("text", ["7974 Years", "99999 Years", "95700 Months", "99999 Months"])
def test_what_the_calendar_cannot_tell_is_an_overflow(text: str) -> None:
    with pytest.raises(OverflowError):
        Period.parse(text).after(START)


def test_fixed_periods_overflow_alike() -> None:
    with pytest.raises(OverflowError):
        Period.parse("99999 Weeks").after(START, 5)


@pytest.mark.parametrize("unit", ["Hour", "Day", "Week", "Month", "Year"])
def test_the_longest_periods_are_one_window(unit: str) -> None:
    limit = UsageLimit(LimitKind.AMOUNT, 100, Period(99999, unit), START, START).use(60, START)

    later = limit.rolled(START + timedelta(days=4000))

    assert (later.used, later.window_start) == (60, START)
    assert later.give_back(60, START, START + timedelta(days=4000)).used == 0


@given(
    st.sampled_from([Period(1, "Hour"), Period(5, "Days".removesuffix("s")), Period(1, "Month"), Period(2, "Year")]),
    st.integers(min_value=0, max_value=5 * 365 * 24),
)
def test_every_moment_lies_in_exactly_one_window(period: Period, hours: int) -> None:
    now = START + timedelta(hours=hours)
    start = period.window_start(START, now)
    assert start <= now
    following = period.window_start(START, start - timedelta(microseconds=1)) if start > START else START
    assert following <= start
    number = 0
    while period.after(START, number + 1) <= now:
        number += 1
    assert start == period.after(START, number)


def test_use_is_counted_per_window_and_the_last_window_is_remembered() -> None:
    limit = monthly().use(60, START).use(40, START + timedelta(days=3))
    with pytest.raises(Refused) as refused:
        limit.use(1, START + timedelta(days=4))
    assert refused.value.refusal is Refusal.TokenUsageError

    next_window = limit.use(30, START + timedelta(days=29))
    assert (next_window.used, next_window.used_before) == (30, 100)
    assert next_window.window_start == datetime(2027, 2, 28, 10, 0, tzinfo=UTC)

    much_later = next_window.rolled(START + timedelta(days=200))
    assert (much_later.used, much_later.used_before) == (0, 0)


def test_what_came_to_nothing_is_taken_out_of_the_window_that_counted_it() -> None:
    day = timedelta(days=1)
    limit = monthly().use(60, START).use(40, START + 3 * day)

    same = limit.give_back(40, START + 3 * day, START + 4 * day)
    assert (same.used, same.used_before) == (60, 0)
    following = limit.give_back(40, START + 3 * day, START + 29 * day)
    assert (following.used, following.used_before) == (0, 60)
    assert following.use(100, START + 29 * day).used == 100
    later = limit.give_back(40, START + 3 * day, START + 200 * day)
    assert (later.used, later.used_before) == (0, 0)
    once = UsageLimit(LimitKind.COUNT, 1, None, START, START).use(5_000_000, START)
    assert once.give_back(5_000_000, START, START + 4000 * day).used == 0


def test_a_part_of_a_charge_leaves_the_window_that_counted_it_and_the_charge_stays() -> None:
    day = timedelta(days=1)
    limit = monthly().use(60, START)
    assert limit.give_back_part(20, START, START + 3 * day).used == 40
    following = limit.give_back_part(20, START, START + 29 * day)
    assert (following.used, following.used_before) == (0, 40)
    once = UsageLimit(LimitKind.COUNT, 1, None, START, START).use(5_000_000, START)
    assert once.give_back_part(4_000_000, START, START + day) == once


def test_a_count_limit_counts_charges() -> None:
    limit = UsageLimit(LimitKind.COUNT, 2, None, START, START).use(5_000_000, START).use(7_000_000, START)
    with pytest.raises(Refused, match="2 charges"):
        limit.use(1, START + timedelta(days=4000))


def test_a_window_ends_where_the_next_one_starts() -> None:
    start = datetime(2027, 1, 31, 10, 0, tzinfo=UTC)
    month = Period(1, "Month")
    for now, end in (
        (start - timedelta(days=1), datetime(2027, 2, 28, 10, 0, tzinfo=UTC)),
        (start, datetime(2027, 2, 28, 10, 0, tzinfo=UTC)),
        (datetime(2027, 2, 28, 10, 0, tzinfo=UTC), datetime(2027, 3, 31, 10, 0, tzinfo=UTC)),
        (datetime(2027, 3, 31, 9, 59, tzinfo=UTC), datetime(2027, 3, 31, 10, 0, tzinfo=UTC)),
    ):
        assert month.window_end(start, now) == end
        assert month.window_start(start, end) == end
    assert Period(2, "Week").window_end(start, start + timedelta(days=15)) == start + timedelta(weeks=4)
    with pytest.raises(OverflowError):
        Period(99_999, "Year").window_end(start, start)
