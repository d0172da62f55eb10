"""The proof that goes on all the time: what has come since the last one is held against every balance that it touches.

A transaction that is over moves nothing any more. So what those before a boundary come to is kept, by account
(proven_balance), and each run reads only what came after it and what was not over. What it proved once it does not
read again: a hand in old rows is found by the next whole proof. docs/decisions/122-a-proof-goes-on.md.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from tallystick.db.connections import Connection, Database, Pool
from tallystick.db.statements import load_statements
from tallystick.domain.ids import transaction_ids_from
from tallystick.store.ledger.verify import MAX_PROBLEMS_PER_CHECK, STATEMENTS

_SQL: Final = load_statements("running_proof.sql", __package__)
_LOCK: Final = 0x7A11_0002  # one worker at a time

MARGIN: Final = timedelta(minutes=1)
"""The boundary is so much older than the moment: by then whatever has an older id is committed, or never will be."""

_BEGIN_ANEW_AFTER: Final = timedelta(days=1)
"""What was archived meanwhile would be missing from what is looked at."""

CHECKS: Final = (
    "transactions_moved_what_they_say",
    "own_transfers_are_of_payments",
    "real_money_moved_as_transactions_say",
    "transfers_have_transactions",
    "references_are_spent_once",
    "statuses_follow_each_other",
    "time_goes_on",
)
"""Those of verify.py that are true of a few transactions by themselves."""

_FIRST_WORD: Final = re.compile(r"^(WITH|SELECT)\b", re.MULTILINE)
_WINDOW: Final = _SQL["count"].partition("-- mark")[0].strip()


def _of_window(check: str) -> str:
    """The statement of a check, with what is looked at in the place of its tables."""
    return _FIRST_WORD.sub(
        lambda word: _WINDOW + {"WITH": ","}.get(word[1], f"\n{word[1]}"), STATEMENTS[check], count=1
    )


_CHECKS: Final = {check: _of_window(check) for check in CHECKS}


@dataclass(frozen=True, slots=True)
class RunningProof:
    """What the last run found. `transactions` were looked at; `unexplained_micros` as in verify.py."""

    proven_at: datetime
    transactions: int
    unexplained_micros: int
    problems: Sequence[str]


@dataclass(frozen=True, slots=True)
class _Window:
    """What a run looks at. Without a boundary: everything."""

    boundary: str
    open_books: Sequence[int]
    open_transactions: Sequence[str]

    @property
    def arguments(self) -> tuple[str, list[int], list[str]]:
        """As the statements take it."""
        return self.boundary, list(self.open_books), list(self.open_transactions)


async def last_proof(database: Database) -> RunningProof | None:
    """What the last run found; None before the first one."""
    row = await database.fetchrow(_SQL["read"])
    return None if row is None else _proof(row)


def _proof(row: Any) -> RunningProof:  # noqa: ANN401 - asyncpg's own shape
    return RunningProof(row["proven_at"], row["transactions"], row["unexplained_micros"], tuple(row["problems"]))


async def go_on(pool: Pool, now: datetime, also: Sequence[str] = ()) -> RunningProof | None:
    """Prove what has come since the last run, in one snapshot; None: another worker is at it.

    A run that finds something proves nothing: the next one begins anew, and reads everything. `now` is real time.
    `also`: problems that were found elsewhere, to be kept with these.
    """
    async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read"):
        if not await connection.fetchval(_SQL["turn"], _LOCK):
            return None
        row = await connection.fetchrow(_SQL["read"])
        window = _Window("", (), ())
        if row is not None and abs(now - row["proven_at"]) <= _BEGIN_ANEW_AFTER:
            window = _Window(row["boundary"], row["open_books"], row["open_transactions"])
        whole = not window.boundary
        if whole:
            await connection.execute(_SQL["begin"])
        following = await _next_window(connection, now)
        unexplained, problems = await _prove_balances(connection, window, following, whole=whole)
        where = window.arguments
        for name, statement in _CHECKS.items():
            rows = await connection.fetch(f"{statement}\n LIMIT {MAX_PROBLEMS_PER_CHECK}", *where)
            problems += [f"{name}: {found[0]}" for found in rows]
        looked_at: int = await connection.fetchval(_SQL["count"], *where)
        kept = _Window("", (), ()) if problems else following
        proof = RunningProof(now, looked_at, unexplained, tuple([*also, *problems][:MAX_PROBLEMS_PER_CHECK]))
        await connection.execute(
            _SQL["keep"],
            *kept.arguments,
            now,
            looked_at,
            unexplained,
            list(proof.problems),
        )
    return proof


async def _next_window(connection: Connection, now: datetime) -> _Window:
    boundary = transaction_ids_from(int((now - MARGIN).timestamp() * 1000))
    rows = [row for row in await connection.fetch(_SQL["open"]) if row["transaction_id"] < boundary]
    return _Window(boundary, [row["book_id"] for row in rows], [row["transaction_id"] for row in rows])


async def _prove_balances(
    connection: Connection, window: _Window, following: _Window, *, whole: bool
) -> tuple[int, list[str]]:
    """How far balances are from what is proven and what came since; each account by name. Keeps what is proven now."""
    rows = await connection.fetch(
        _SQL["moved"],
        window.boundary,
        list(window.open_transactions),
        following.boundary,
        list(following.open_transactions),
    )
    moved = {(row["book_id"], row["account_id"]): row["micros"] for row in rows}
    closed = {(row["book_id"], row["account_id"]): row["closed_micros"] for row in rows if row["closed_micros"]}
    if whole:
        for row in await connection.fetch(_SQL["archived"]):
            key = row["book_id"], row["account_id"]
            moved[key] = moved.get(key, 0) + row["balance_micros"]
            closed[key] = closed.get(key, 0) + row["balance_micros"]
        accounts = await connection.fetch(_SQL["all_accounts"])
    else:
        touched = {
            (row["book_id"], row["account_id"]) for row in await connection.fetch(_SQL["touched"], *window.arguments)
        }
        keys = sorted(moved.keys() | touched)
        accounts = await connection.fetch(_SQL["accounts"], [key[0] for key in keys], [key[1] for key in keys])
    unexplained, problems = 0, []
    for row in accounts:
        key = row["book_id"], row["account_id"]
        expected = row["proven_micros"] + moved.pop(key, 0)
        if row["balance_micros"] != expected:
            unexplained += abs(row["balance_micros"] - expected)
            problems.append(_off(key, f"balance is {row['balance_micros']}, its transfers sum to {expected}"))
    for key, micros in moved.items():
        if micros:
            unexplained += abs(micros)
            problems.append(_off(key, f"is missing, its transfers sum to {micros}"))
    if not problems and closed:
        books, numbers = [key[0] for key in closed], [key[1] for key in closed]
        await connection.execute(_SQL["prove"], books, numbers, list(closed.values()))
    return unexplained, problems


def _off(key: tuple[int, int], text: str) -> str:
    return f"balances_follow_from_transfers: book {key[0]}, account {key[1]}: {text}"
