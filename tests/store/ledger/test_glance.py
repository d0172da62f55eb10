"""Whatever is done to rows at random, the running proof finds what the checks of verify find."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import asyncpg
import pytest
from tests.conftest import MakeDatabase
from tests.store.direct import taken
from tests.store.ledger.glance import found_by_checks, nothing_is_missed
from tests.store.ledger.past import History, made
from tests.support.balanced import all_balanced
from tests.support.books import new_books
from tests.support.clock import TestClock
from tests.support.owner import connection_of_owner

from tallystick.db.connections import Connection
from tallystick.db.database import open_pool
from tallystick.store.ledger.running.slices import CHECKS

CHANGES = {
    "transaction": (
        "amount_micros = amount_micros + 10",
        "fee_micros = fee_micros + 10",
        "status = 'Success', completed_at = coalesce(completed_at, received_at)",
        "status = 'Failure', completed_at = coalesce(completed_at, received_at)",
        "status = 'Cancelled', completed_at = coalesce(completed_at, received_at)",
        "status_number = status_number + 1",
        "operation = 'Pay'",
        "operation = 'Refund'",
        "operation = 'FundPrepaid'",
        "payment_method = 'Prepaid'",
        "payment_method = 'Debt'",
        "payment_method = 'CC'",
        "instrument_id = NULL",
        "instrument_id = (SELECT instrument_id FROM instrument ORDER BY md5(instrument_id || $1) LIMIT 1)",
        "recipient_party_id = (SELECT min(party_id) FROM party)",
        "recipient_party_id = NULL",
        "own_debit_account = NULL",
        "own_debit_account = 1",
        "own_debit_account = (SELECT account_id FROM account ORDER BY md5(account_id || $1) LIMIT 1)",
        "sender_token_id = NULL",
        "original_id = (SELECT max(transaction_id) FROM transaction)",
        "original_id = NULL",
        "caller_reference = (SELECT caller_reference FROM transaction ORDER BY md5(transaction_id || $1) LIMIT 1)",
        "caller_reference = $1",
        "received_at = received_at + 900 * interval '1 second'",
        "received_at = received_at - 900 * interval '1 second'",
        "completed_at = completed_at - 900 * interval '1 second'",
        "fee_payer = NULL",
        "fee_refunded_micros = NULL",
        "transaction_id = transaction_id || 'X'",
    ),
    "transfer": (
        "amount_micros = amount_micros + 10",
        "debit_account = 3",
        "credit_account = 4",
        "number = number + 40",
        "booked_at = booked_at - 900 * interval '1 second'",
        "transaction_id = (SELECT max(transaction_id) FROM transaction WHERE own_debit_account IS NOT NULL)",
        "transaction_id = transaction_id || 'X'",
        "book_id = (SELECT min(book_id) FROM book)",
    ),
    "transaction_step": (
        "status = 'Cancelled'",
        "number = number + 2",
        "at = at - 900 * interval '1 second'",
        "transaction_id = (SELECT max(transaction_id) FROM transaction WHERE own_debit_account IS NOT NULL)",
        "transaction_id = transaction_id || 'X'",
    ),
    "answered_reference": (
        "reference_digest = '\\x00'",
        "transaction_id = (SELECT max(transaction_id) FROM transaction)",
        "reuses = 1",
    ),
    "token": ("old_token_id = token_id", "purpose = 'funding'"),
    "account": (
        "kind = 'frozen'",
        "kind = CASE kind WHEN 'prepaid' THEN 'receivable' ELSE 'prepaid' END",
        "subject = subject || 'X'",
    ),
}
CONSTRAINTS = {
    "transaction": ("completed_when_final", "refunded_within_amount", "share_refunded_within_share"),
    "transfer": ("transfer_check",),
    "account": ("account_within_bounds",),
}
OWN = {
    "transaction": " WHERE own_debit_account IS NOT NULL",
    "account": " WHERE account_id IN (SELECT own_debit_account FROM transaction)",
    "token": " WHERE instrument_id IN (SELECT instrument_id FROM transaction WHERE own_debit_account IS NOT NULL)",
}
"""Rows of payments that are transfers themselves, and those that they need."""
SEEDS = range(80)
GONE = ("transaction", "transfer", "transaction_step", "answered_reference")


@pytest.fixture(scope="module")
async def history(make_migrated: MakeDatabase) -> AsyncIterator[History]:
    clock = TestClock()
    async with await open_pool(await make_migrated(), max_size=6) as pool, all_balanced(pool):
        shop, recipient = await new_books(pool, clock), await new_books(pool, clock)
        history = await made(shop, recipient)
        for buyer in ("ann", "tab"):  # several from one account
            for _ in range(2):
                taken(await shop.pay(history.buyers[buyer], "0.10"))
        for opened in (shop, recipient):
            await opened.committer.close()
        yield history


@pytest.fixture(scope="module")
async def connection(history: History) -> AsyncIterator[Connection]:
    async with connection_of_owner(history.pool) as connection:
        undone = connection.transaction()
        await undone.start()
        for table, names in CONSTRAINTS.items():
            for name in names:
                await connection.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
        yield connection
        await undone.rollback()


async def _change(connection: Connection, table: str, change: str, *, own: bool, chance: random.Random) -> None:
    """Change one row, or two; or take them out (no change). `own`: payments that are transfers themselves."""
    statement = f"UPDATE {table} SET {change}" if change else f"DELETE FROM {table}"  # noqa: S608 - of the table above
    only = OWN[table] if own else ""
    count = chance.choice((1, 1, 2))
    rows = f"SELECT ctid FROM {table}{only} ORDER BY md5(ctid::text || $1) LIMIT {count}"  # noqa: S608 - as above
    with suppress(asyncpg.IntegrityConstraintViolationError):  # what the schema does not allow is not done
        async with connection.transaction():
            await connection.execute(f"{statement} WHERE ctid IN ({rows}) AND $1 <> ''", str(chance.random()))


async def _damaged(connection: Connection, seed: int) -> None:
    """Up to three things are done."""
    chance = random.Random(seed)  # noqa: S311 - the same each time, not a secret
    for _ in range(chance.choice((1, 2, 3))):
        table = chance.choice([*CHANGES, "transaction", "transaction"])
        change = chance.choice([*CHANGES[table], *([""] if table in GONE else [])])
        own = table in OWN and chance.random() < 0.5
        await _change(connection, table, change, own=own, chance=chance)


@asynccontextmanager
async def _undone(connection: Connection) -> AsyncIterator[None]:
    transaction = connection.transaction()
    await transaction.start()
    yield
    await transaction.rollback()


EACH = [(table, change, False) for table, changes in CHANGES.items() for change in changes]
EACH += [("transaction", "", True), *((table, change, True) for table in OWN for change in CHANGES[table])]
EACH += [(table, "", False) for table in GONE]


@pytest.mark.parametrize(("table", "change", "own"), EACH)
async def test_each_alone(connection: Connection, table: str, change: str, own: bool) -> None:
    for seed in range(3):
        async with _undone(connection):
            chance = random.Random(seed)  # noqa: S311 - the same each time, not a secret
            await _change(connection, table, change, own=own, chance=chance)
            await nothing_is_missed(connection)


@pytest.mark.parametrize("seed", SEEDS)
async def test_several_at_once(connection: Connection, seed: int) -> None:
    async with _undone(connection):
        await _damaged(connection, seed)
        await nothing_is_missed(connection)


HOURS = (
    """
CREATE TEMP TABLE place ON COMMIT DROP AS
SELECT book_id, transaction_id, row_number() OVER (ORDER BY transaction_id) * interval '1 hour' AS later
  FROM transaction""",
    """
UPDATE transaction SET received_at = received_at + later, completed_at = completed_at + later
  FROM place WHERE transaction.book_id = place.book_id AND transaction.transaction_id = place.transaction_id""",
    """
UPDATE transaction_step AS step SET at = at + later
  FROM place WHERE step.book_id = place.book_id AND step.transaction_id = place.transaction_id""",
    "UPDATE transfer SET booked_at = booked_at + later FROM place WHERE transfer.transaction_id = place.transaction_id",
)
"""All that happened is an hour further apart, and nothing is out of order by that."""


@pytest.mark.parametrize(
    "change",
    [
        "original_id = (SELECT max(transaction_id) FROM transaction)",
        "completed_at = received_at - interval '130 seconds'",
        "received_at = received_at - interval '90 minutes'",
        "received_at = received_at + interval '90 minutes', completed_at = completed_at + interval '90 minutes'",
    ],
)
@pytest.mark.parametrize("operation", ["Pay", "Refund"])
async def test_what_is_out_of_order_over_hours(connection: Connection, change: str, operation: str) -> None:
    """Slices of few transactions are hours apart, and what belongs together is in several."""
    async with _undone(connection):
        for statement in HOURS:
            await connection.execute(statement)
        assert await found_by_checks(connection) == {}
        await nothing_is_missed(connection)
        oldest = "SELECT min(transaction_id) FROM transaction WHERE operation = $1 AND"
        oldest += " (own_debit_account IS NOT NULL OR operation <> 'Pay')"
        damage = f"UPDATE transaction SET {change} WHERE transaction_id = ({oldest})"  # noqa: S608 - ours
        await connection.execute(damage, operation)
        assert (await found_by_checks(connection)).keys() == {"time_goes_on"}
        await nothing_is_missed(connection)


async def test_the_damages_are_of_every_check(connection: Connection) -> None:
    """So what is shown above is shown of each."""
    found: set[str] = set()
    for seed in SEEDS:
        async with _undone(connection):
            await _damaged(connection, seed)
            found |= (await found_by_checks(connection)).keys()
    assert found == set(CHECKS)
