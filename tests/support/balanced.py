"""Whether books balance: those of one test when it is over, all of a database when the run is.

`verify` reads everything; after each of a thousand tests on one database that would include the books of all tests
before. Here its statements are restricted to a few books by CTEs that shadow the tables.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import Final

from tallystick.db.connections import Connection, Pool
from tallystick.store.ledger.verify import CHECKS, STATEMENTS, verify

OF_ONE_BOOK: Final = (
    "account",
    "answered_reference",
    "archive_batch",
    "archived_balance",
    "archived_total",
    "dispute",
    "instrument",
    "payout",
    "rail_booking",
    "rail_request",
    "transaction",
    "transaction_step",
    "transfer",
)
OWN: Final = {
    table: f"{table} AS NOT MATERIALIZED (SELECT * FROM public.{table} WHERE book_id = ANY($1::bigint[]))"  # noqa: S608
    for table in OF_ONE_BOOK
}
"""Enough for what is true of each book by itself."""

THEIR_TRANSACTIONS: Final = "SELECT transaction_id FROM public.transaction WHERE book_id = ANY($1::bigint[])"
OPERATORS: Final = "SELECT book_id FROM public.book WHERE party_id IS NULL"

ACROSS: Final = {
    "real_money_moved_as_transactions_say": {
        "transaction": OWN["transaction"],
        "transfer": f"""transfer AS NOT MATERIALIZED (
            SELECT * FROM public.transfer WHERE book_id = ANY($1::bigint[])
             UNION
            SELECT * FROM public.transfer
             WHERE book_id IN ({OPERATORS}) AND transaction_id IN ({THEIR_TRANSACTIONS}))""",  # noqa: S608
    },
    "rails_are_those_of_payments": {
        "transfer": f"""transfer AS NOT MATERIALIZED (
            SELECT * FROM public.transfer
             WHERE book_id IN ({OPERATORS}) AND transaction_id IN ({THEIR_TRANSACTIONS}))""",  # noqa: S608
    },
    "cash_is_owed": {
        "account": f"""account AS NOT MATERIALIZED (
            SELECT * FROM public.account WHERE book_id = ANY($1::bigint[])
             UNION
            SELECT * FROM public.account
             WHERE book_id IN ({OPERATORS}) AND kind = 'owed_to'
               AND subject IN (SELECT party_id::text FROM public.book WHERE book_id = ANY($1::bigint[])))""",  # noqa: S608
    },
    "disputes_moved_what_they_say": {
        "dispute": OWN["dispute"],
        "transaction": OWN["transaction"],
        "transfer": f"""transfer AS NOT MATERIALIZED (
            SELECT * FROM public.transfer WHERE transaction_id IN ({THEIR_TRANSACTIONS}))""",  # noqa: S608
    },
    "dues_are_claimed": {
        "account": f"""account AS NOT MATERIALIZED (
            SELECT * FROM public.account WHERE book_id = ANY($1::bigint[])
             UNION
            SELECT * FROM public.account
             WHERE book_id IN ({OPERATORS}) AND kind = 'due_from'
               AND subject IN (SELECT party_id::text FROM public.book WHERE book_id = ANY($1::bigint[])))""",  # noqa: S608
        "dispute": """dispute AS NOT MATERIALIZED (
            SELECT * FROM public.dispute
             WHERE bearer_party_id IN (SELECT party_id FROM public.book WHERE book_id = ANY($1::bigint[])))""",
    },
    "fee_income_is_not_negative": {
        "account": f"""account AS NOT MATERIALIZED (
            SELECT * FROM public.account WHERE book_id IN ({OPERATORS}) AND cardinality($1::bigint[]) > 0)""",  # noqa: S608
    },
    "simulated_rail_agrees": {
        "transaction": OWN["transaction"],
        "simulated_charge": f"""simulated_charge AS NOT MATERIALIZED (
            SELECT * FROM public.simulated_charge
             WHERE split_part(idempotency_key, '.', 1) IN ({THEIR_TRANSACTIONS}))""",  # noqa: S608
    },
}
"""Checks across books: the operator's mirror of these books' transactions, the rail's records of them, and all fees."""

FIRST_WORD: Final = re.compile(r"^(WITH|SELECT)\b", re.MULTILINE)


def narrowed(check: str) -> str:
    """The statement of a check, for the books in $1."""
    tables = ", ".join((ACROSS.get(check) or OWN).values())
    return FIRST_WORD.sub(
        lambda word: f"WITH {tables}, " if word[1] == "WITH" else f"WITH {tables} SELECT", STATEMENTS[check], count=1
    )


async def problems_of(connection: Connection, books: Collection[int]) -> dict[str, str]:
    """What is off in these books by check, one line each.

    Not seen: deposits, which the operator's book has by itself, and payments that a book outside made for one of these.
    """
    found = {}
    for check in CHECKS:
        if rows := await connection.fetch(narrowed(check), list(books)):
            found[check] = "\n".join(row[0] for row in rows)
    return found


async def books_of(pool: Pool) -> set[int]:
    """All sellers' books."""
    return {row["book_id"] for row in await pool.fetch("SELECT book_id FROM book WHERE party_id IS NOT NULL")}


def expect_none(problems: list[str]) -> None:
    if problems:
        raise AssertionError("The books do not balance.\n" + "\n".join(problems))


@asynccontextmanager
async def balanced(pool: Pool) -> AsyncIterator[None]:
    """Fails at its end, when the books that were made meanwhile do not balance."""
    before = await books_of(pool)
    yield
    made = await books_of(pool) - before
    if not made:
        return
    async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        expect_none([f"{check}: {text}" for check, text in (await problems_of(connection, made)).items()])


@asynccontextmanager
async def all_balanced(pool: Pool, *, without: str = "") -> AsyncIterator[None]:
    """Fails at its end, when anything in the database is off: once for a database that many tests share.

    `without`: the check that its tests pass by.
    """
    assert without in {"", *CHECKS}
    yield
    report = await verify(pool)
    expect_none(
        [f"{check.name}: {text}" for check in report.checks if check.name != without for text in check.problems]
    )
