"""Which balances are paid back when their buyers ask, and what each funding gives."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given

from tallystick.domain.decide.outgoing.redemption import ALWAYS, NEVER, Redemption, most_generous, shares

micros = st.integers(min_value=0, max_value=10**12)
ups = st.one_of(st.none(), micros)
terms = st.builds(Redemption, ups, micros)


@pytest.mark.parametrize(
    ("redemption", "balance", "allowed"),
    [
        (NEVER, 1, False),
        (ALWAYS, 10**17, True),
        (ALWAYS, 0, False),
        (Redemption(10_000_000), 10_000_000, True),
        (Redemption(10_000_000), 10_000_001, False),
        (Redemption(0, 10_000_000), 9_999_999, True),
        (Redemption(0, 10_000_000), 10_000_000, False),
        (Redemption(5_000_000, 10_000_000), 7_000_000, True),
    ],
)
def test_which_balances_are_allowed(redemption: Redemption, balance: int, allowed: bool) -> None:
    assert redemption.allows(balance) is allowed


@given(st.lists(terms, max_size=4), micros)
def test_whatever_one_of_them_allows_is_allowed_and_nothing_else(several: list[Redemption], balance: int) -> None:
    assert most_generous(several).allows(balance) == any(one.allows(balance) for one in several)


@given(st.lists(micros, max_size=6), micros)
def test_fundings_give_back_whole_cents_and_never_more_than_they_have(left: list[int], wanted: int) -> None:
    parts = shares(left, wanted)
    assert all(0 <= part <= had and part % 10_000 == 0 for part, had in zip(parts, left, strict=True))
    assert sum(parts) <= wanted
    missing = wanted - sum(parts)
    assert missing < 10_000 or all(had - part < 10_000 for part, had in zip(parts, left, strict=True))
