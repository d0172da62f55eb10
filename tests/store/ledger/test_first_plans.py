"""A new installation is fast from its first payments: before any table was analyzed, rows are found by their keys."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import pytest
from tests.support.books import new_books
from tests.support.clock import TestClock

from tallystick.db import distribution
from tallystick.db.connections import Connection, Pool
from tallystick.db.database import plan_statements_once
from tallystick.db.kept_connections import REPLAN_AFTER, KeptConnections
from tallystick.store.ledger.statements import MONEY

_WAYS: Final[Mapping[str, set[str]]] = {
    "token": {"token_pkey", "token_book_id_caller_reference_key", "token_of_payments"},
    "instrument": {"instrument_pkey"},
    "account": {"account_pkey"},
    "transaction": {"transaction_pkey"},
    "answered_reference": {"answered_reference_pkey"},
}
"""The indexes that find single rows of the tables that grow."""

_SCAN: Final = re.compile(r"(?:Seq|Index|Index Only|Bitmap Heap) Scan(?: using (\w+))? on (\w+)")

_TOKENS: Final = """
INSERT INTO token
SELECT (jsonb_populate_record(token, jsonb_build_object('token_id', token_id || number, 'old_token_id', token_id,
                                                        'caller_reference', caller_reference || number))).*
  FROM token, generate_series(1, 2000) AS number
"""
"""As many as a shop has after its first busy minute."""


async def _other_ways(connection: Connection) -> list[str]:
    """Where statements that are prepared on a connection look for rows of those tables in another way."""
    found = []
    for name, statement in MONEY.items():
        arguments = ", ".join(["NULL"] * len(set(re.findall(r"\$(\d+)", statement))))
        for (line,) in await connection.fetch(f"EXPLAIN EXECUTE {name}({arguments})"):
            scan = _SCAN.search(line)
            if scan is not None and scan[2] in _WAYS and scan[1] not in _WAYS[scan[2]]:
                found.append(f"{name}: {line.strip()}")
    return found


async def test_plans_of_a_database_that_was_never_analyzed(own_pool: Pool, clock: TestClock) -> None:
    if await distribution.extension_available(own_pool):
        pytest.skip("on Citus each statement is planned each time")
    kept = KeptConnections(own_pool, 1, replans=True)
    try:
        async with kept.one() as connection:
            await plan_statements_once(connection)
            for name, statement in MONEY.items():
                await connection.execute(f"PREPARE {name} AS {statement}")
            await _other_ways(connection)  # plans for empty tables are made, whatever they are, and kept
        shop = await new_books(own_pool, clock)
        await shop.funded_buyer("10.00")
        await own_pool.execute(_TOKENS)
        for _ in range(min(REPLAN_AFTER) - 2):
            async with kept.one():
                pass
        async with kept.one() as connection:
            assert not await _other_ways(connection)
        await shop.committer.close()
    finally:
        await kept.close()
