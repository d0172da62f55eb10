"""The proof that goes on all the time: what has come since the last one is held against every balance that it touches.

A transaction that is over moves nothing any more. So what those before a boundary come to is kept, by account
(proven_balance), and each run reads only what came after it and what was not over. What it proved once it does not
read again: a hand in old rows is found by the next whole proof. docs/decisions/122-a-proof-goes-on.md.
"""

from __future__ import annotations

import re
from array import array
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain
from typing import Any, Final, TypeAlias

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

_ACCOUNTS_AT_ONCE: Final = 2_000

_Moved: TypeAlias = defaultdict[int, dict[int, int]]
"""Micro-units by book and account."""

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


@dataclass(slots=True)
class _Sums:
    """Sums by account, in numbers alone: a row of the driver for each of a hundred thousand accounts takes 30 MB."""

    books: array[int] = field(default_factory=lambda: array("q"))
    accounts: array[int] = field(default_factory=lambda: array("q"))
    micros: array[int] = field(default_factory=lambda: array("q"))

    def add(self, book_id: int, account_id: int, micros: int) -> None:
        self.books.append(book_id)
        self.accounts.append(account_id)
        self.micros.append(micros)

    def pieces(self) -> Iterator[tuple[list[int], list[int], list[int]]]:
        """As statements take them, so many at once."""
        for begin in range(0, len(self.books), _ACCOUNTS_AT_ONCE):
            piece = slice(begin, begin + _ACCOUNTS_AT_ONCE)
            yield self.books[piece].tolist(), self.accounts[piece].tolist(), self.micros[piece].tolist()


async def _prove_balances(
    connection: Connection, window: _Window, following: _Window, *, whole: bool
) -> tuple[int, list[str]]:
    """How far balances are from what is proven and what came since; each account by name. Keeps what is proven now."""
    moved: _Moved = defaultdict(dict)
    over = [await _add_moved(connection, moved, window, following)]
    if whole:
        over.append(await _add_archived(connection, moved))
        accounts = _streamed(connection, "all_accounts")
    else:
        async for book_id, account_id in _streamed(connection, "touched", *window.arguments):
            moved[book_id].setdefault(account_id, 0)
        accounts = _named_accounts(connection, moved)
    unexplained, problems = await _compare(accounts, moved)
    if not problems:
        for piece in chain.from_iterable(sums.pieces() for sums in over):
            await connection.execute(_SQL["prove"], *piece)
    return unexplained, problems


async def _add_moved(connection: Connection, moved: _Moved, window: _Window, following: _Window) -> _Sums:
    """What came since; of that what is over comes back."""
    over = _Sums()
    between = window.boundary, list(window.open_transactions), following.boundary, list(following.open_transactions)
    async for book_id, account_id, micros, closed_micros in _streamed(connection, "moved", *between):
        moved[book_id][account_id] = micros
        if closed_micros:
            over.add(book_id, account_id, closed_micros)
    return over


async def _add_archived(connection: Connection, moved: _Moved) -> _Sums:
    """What the archive carries over, all of which is over."""
    over = _Sums()
    async for book_id, account_id, micros in _streamed(connection, "archived"):
        moved[book_id][account_id] = moved[book_id].get(account_id, 0) + micros
        over.add(book_id, account_id, micros)
    return over


async def _compare(accounts: AsyncIterator[tuple[Any, ...]], moved: _Moved) -> tuple[int, list[str]]:
    """How far accounts are from what is proven and what came since. What has no account is left in `moved`."""
    unexplained, problems = 0, []
    async for book_id, account_id, balance, proven in accounts:
        expected = proven + moved[book_id].pop(account_id, 0)
        if balance != expected:
            unexplained += abs(balance - expected)
            problems.append(_off(book_id, account_id, f"balance is {balance}, its transfers sum to {expected}"))
    for book_id, missing in moved.items():
        for account_id, micros in missing.items():
            if micros:
                unexplained += abs(micros)
                problems.append(_off(book_id, account_id, f"is missing, its transfers sum to {micros}"))
    return unexplained, problems


async def _streamed(connection: Connection, statement: str, *arguments: object) -> AsyncIterator[tuple[Any, ...]]:
    """The rows of a statement, of which never many are here at once."""
    async for row in connection.cursor(_SQL[statement], *arguments, prefetch=_ACCOUNTS_AT_ONCE):
        yield tuple(row)


async def _named_accounts(
    connection: Connection, named: Mapping[int, Mapping[int, int]]
) -> AsyncIterator[tuple[Any, ...]]:
    """Each of these accounts that there is, with its balance and what is proven of it."""
    asked = _Sums()
    for book_id in sorted(named):
        for account_id in sorted(named[book_id]):
            asked.add(book_id, account_id, 0)
    for books, accounts, _ in asked.pieces():
        for row in await connection.fetch(_SQL["accounts"], books, accounts):
            yield tuple(row)


def _off(book_id: int, account_id: int, text: str) -> str:
    return f"balances_follow_from_transfers: book {book_id}, account {account_id}: {text}"
