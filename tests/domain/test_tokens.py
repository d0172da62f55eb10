"""The state of a token at a moment: one answer for every combination of conditions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import hypothesis.strategies as st
from hypothesis import given

from tallystick.domain.tokens import TokenDates, TokenState, state_of
from tallystick.domain.transitions import TOKENS

START = datetime(2027, 1, 1, tzinfo=UTC)
moments = st.integers(min_value=0, max_value=20).map(lambda days: START + timedelta(days=days))
maybe = st.none() | moments
dates = st.builds(TokenDates, moments, maybe, maybe, st.none() | st.just("a transaction"))


def reached(state: TokenState) -> set[TokenState]:
    """All states reachable from one, directly or through others."""
    found = {state}
    while more := {after for one in found for after in TOKENS.get(one, ())} - found:
        found |= more
    return found


@given(dates, moments)
def test_the_first_rule_that_applies_tells_the_state(token: TokenDates, now: datetime) -> None:
    state = state_of(token, now)

    assert (state is TokenState.CANCELLED) == (token.cancelled_at is not None)
    if token.cancelled_at is None:
        assert (state is TokenState.EXPIRED) == (token.expires_at is not None and token.expires_at <= now)
        if state is not TokenState.EXPIRED:
            assert (state is TokenState.USED) == (token.used_by is not None)
            if state is not TokenState.USED:
                assert (state is TokenState.NOT_YET) == (now < token.valid_from)


@given(dates, moments, moments)
def test_time_brings_a_token_on_and_never_back(token: TokenDates, one: datetime, other: datetime) -> None:
    earlier, later = sorted((one, other))

    assert state_of(token, later) in reached(state_of(token, earlier))


@given(dates, moments)
def test_what_is_over_is_not_live(token: TokenDates, now: datetime) -> None:
    state = state_of(token, now)

    assert state.over == (token.cancelled_at is not None or (token.expires_at is not None and token.expires_at <= now))
    assert state.live == (not state.over and token.used_by is None)
    assert not (state.over and state.live)


def test_an_end_is_the_first_moment_after() -> None:
    token = TokenDates(START, START + timedelta(days=1), None)

    assert state_of(token, START - timedelta(microseconds=1)) is TokenState.NOT_YET
    assert state_of(token, START) is TokenState.ACTIVE
    assert state_of(token, START + timedelta(days=1, microseconds=-1)) is TokenState.ACTIVE
    assert state_of(token, START + timedelta(days=1)) is TokenState.EXPIRED
