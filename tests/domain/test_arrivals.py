"""Payouts against statements: in whatever order entries become known, the seller's cash comes back once at most."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.domain.banking.arrivals import (
    ArrivalDeed,
    BankFindingKind,
    Passed,
    PayoutHere,
    PayoutStanding,
    deeds_of,
    finding_of,
)
from tallystick.domain.ids import TransactionId

DAY = date(2026, 11, 28)
AMOUNT = 20_000_000
WAITS, SENT, NOT_SENT, RETURNED = (
    PayoutStanding.UNDER_WAY,
    PayoutStanding.SENT,
    PayoutStanding.NOT_SENT,
    PayoutStanding.RETURNED,
)
ARRIVED, CAME_BACK = ArrivalDeed.ARRIVED, ArrivalDeed.CAME_BACK
DIFFERENT, CAME_FIRST = BankFindingKind.DIFFERENT, BankFindingKind.CAME_FIRST


def payout(standing: PayoutStanding) -> PayoutHere:
    return PayoutHere(TransactionId("a payout"), AMOUNT, standing, DAY)


@pytest.mark.parametrize(
    ("standing", "left", "back", "deeds"),
    [
        (WAITS, 20, 0, (ARRIVED,)),
        (WAITS, 20, 20, (ARRIVED, CAME_BACK)),
        (WAITS, 40, 20, (ARRIVED,)),
        (WAITS, 40, 40, (ARRIVED, CAME_BACK)),
        (WAITS, 0, 20, ()),
        (WAITS, 19, 0, ()),
        (WAITS, 10, 10, ()),
        (SENT, 20, 0, ()),
        (SENT, 20, 20, (CAME_BACK,)),
        (SENT, 0, 20, ()),
        (SENT, 20, 19, ()),
        (SENT, 40, 20, ()),
        (NOT_SENT, 20, 0, ()),
        (NOT_SENT, 20, 20, ()),
        (RETURNED, 20, 20, ()),
        (RETURNED, 20, 0, ()),
    ],
)
def test_what_the_books_are_told(
    standing: PayoutStanding, left: int, back: int, deeds: tuple[ArrivalDeed, ...]
) -> None:
    assert deeds_of(payout(standing), Passed(left * 1_000_000, back * 1_000_000)) == deeds


@pytest.mark.parametrize(
    ("standing", "left", "back", "kind", "unexplained"),
    [
        (SENT, 20, 0, None, 0),
        (SENT, 40, 20, None, 0),
        (SENT, 40, 0, DIFFERENT, 20),
        (SENT, 20, 19, DIFFERENT, 19),
        (SENT, 0, 20, CAME_FIRST, 20),
        (WAITS, 0, 20, CAME_FIRST, 20),
        (WAITS, 19, 0, DIFFERENT, 19),
        (NOT_SENT, 20, 20, None, 0),
        (NOT_SENT, 20, 0, DIFFERENT, 20),
        (RETURNED, 20, 20, None, 0),
        (RETURNED, 0, 20, None, 0),
        (RETURNED, 20, 0, DIFFERENT, 20),
        (RETURNED, 20, 19, DIFFERENT, 1),
    ],
)
def test_what_does_not_agree(
    standing: PayoutStanding, left: int, back: int, kind: BankFindingKind | None, unexplained: int
) -> None:
    finding = finding_of(payout(standing), Passed(left * 1_000_000, back * 1_000_000), DAY)
    assert (None if finding is None else finding.kind) == kind
    assert (0 if finding is None else finding.unexplained_micros) == unexplained * 1_000_000


@given(st.lists(st.sampled_from([1, -1]), max_size=8), st.sampled_from(PayoutStanding))
def test_cash_comes_back_once_and_only_if_nothing_is_outside(entries: list[int], standing: PayoutStanding) -> None:
    left = back = returns = 0
    for entry in entries:
        left, back = left + AMOUNT * (entry > 0), back + AMOUNT * (entry < 0)
        passed = Passed(left, back)
        for deed in deeds_of(payout(standing), passed):
            if deed is ARRIVED:
                assert standing is WAITS
                standing = SENT
            else:
                assert standing is SENT
                assert passed.outside_micros == 0
                standing, returns = RETURNED, returns + 1
        assert deeds_of(payout(standing), passed) == (), "told once, there is nothing more to tell"
    assert returns <= 1
