"""A balance that was read with a cached key is told only where that same statement has the key as it was cached."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import pytest
from tests.support.clock import START

from tallystick.domain.ids import BookId, PartyId
from tallystick.store.keys.access_keys import AccessKey, StaleCachedKeyError
from tallystick.store.queries.frequent_reads import Balances, BalanceSnapshot, InstrumentBalance

BALANCE = InstrumentBalance("prepaid", PartyId(3), PartyId(4), "sandbox", 5, 0)
KEY = AccessKey(
    access_key_id="AK1",
    party_id=PartyId(3),
    environment="sandbox",
    secret="s" * 40,
    created_at=START,
    expires_at=None,
    party_status="active",
    book_id=BookId(7),
    parts=(BookId(7),),
    clock_offset=timedelta(0),
    scopes=1,
    networks=(),
    calls_per_second=None,
    cached=True,
)
ROW: dict[str, Any] = {
    "status": "active",
    "expires_at": None,
    "book_id": 7,
    "clock_offset_seconds": 0,
    "parts": [7],
    "party_id": 3,
    "environment": "sandbox",
    "scopes": 1,
    "networks": [],
    "calls_per_second": None,
    "bearer_digest": None,
}


def test_each_statement_says_anew_whether_a_key_is_as_it_was() -> None:
    balances = Balances(cast("Any", None))
    first = BalanceSnapshot(BALANCE, {"AK1": ROW})
    for _ in range(2):
        assert balances.found(first, KEY) is BALANCE
    for changed in ({}, {"AK1": ROW | {"scopes": 2}}, {"AK2": ROW}):
        for _ in range(2):
            with pytest.raises(StaleCachedKeyError):
                balances.found(BalanceSnapshot(BALANCE, changed), KEY)
        assert balances.found(first, KEY) is BALANCE
    assert balances.found(BalanceSnapshot(None, {"AK1": ROW}), KEY) is None


def test_of_one_statement_each_key_is_compared_by_itself() -> None:
    balances = Balances(cast("Any", None))
    read = BalanceSnapshot(BALANCE, {"AK1": ROW, "AK2": ROW | {"status": "closed"}})
    assert balances.found(read, KEY) is BALANCE
    for stale in (replace(KEY, access_key_id="AK2"), replace(KEY, scopes=3), replace(KEY, access_key_id="AK3")):
        with pytest.raises(StaleCachedKeyError):
            balances.found(read, stale)
    assert balances.found(read, KEY) is BALANCE
    assert balances.found(None, None) is None
