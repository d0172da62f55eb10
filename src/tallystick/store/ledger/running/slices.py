"""What the running proof looks at, slice by slice: each is what has ids of some time, in every book.

Nearly all that comes is a plain payment: a row that is its own transfer, with nothing beside it. One pass over a slice
asks of every row all that the checks of verify.py would ask of a plain one, adds up what these moved, and names the
rows that are not plain, or not right. These alone are put before the checks, with what must be seen together with them.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from tallystick.db.connections import Connection
from tallystick.db.statements import load_statements
from tallystick.domain.ids import TransactionId, milliseconds_of_transaction, transaction_ids_from
from tallystick.store.ledger.running.balances import ACCOUNTS_AT_ONCE, Moved, Named
from tallystick.store.ledger.verify import MAX_PROBLEMS_PER_CHECK, STATEMENTS

_SQL: Final = load_statements("proof.sql", __package__)

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

END: Final = "\U0010ffff"
"""Sorts after every id."""

_DISORDER: Final = timedelta(seconds=120)  # the same as in the check `time_goes_on`
_FIRST_MILLISECONDS: Final = 2_000
_MOST_LONGER: Final = 16
"""A slice is so many times longer than the one before it at most: there may be more in it."""

_FIRST_WORD: Final = re.compile(r"^(WITH|SELECT)\b", re.MULTILINE)
_WINDOW: Final = _SQL["count"].partition("-- mark")[0].strip()

Transaction: TypeAlias = tuple[int, str]
"""The number of its book, and its id."""


def _of_window(check: str) -> str:
    """The statement of a check, with what is looked at in the place of its tables."""
    return _FIRST_WORD.sub(
        lambda word: _WINDOW + {"WITH": ","}.get(word[1], f"\n{word[1]}"), STATEMENTS[check], count=1
    )


_CHECKS: Final = {check: _of_window(check) for check in CHECKS}


def in_columns(transactions: Sequence[Transaction]) -> tuple[list[int], list[str]]:
    """Books and ids, as statements take them."""
    return [book_id for book_id, _ in transactions], [transaction_id for _, transaction_id in transactions]


async def size(connection: Connection, begin: str, end: str, enough: int) -> int:
    """How many transactions there are from one id on, before another; more than `enough` are not counted."""
    found: int = await connection.fetchval(_SQL["size"], begin, end, enough + 1)
    return found


async def slices(connection: Connection, begin: str, end: str, wanted: int) -> AsyncIterator[tuple[str, str]]:
    """What there is between two ids, in slices of about so many transactions; of twice as many at most.

    More may have come within one millisecond. How long a slice may be is guessed from the one before; where few came,
    it is asked whether this is all.
    """
    span, found = _FIRST_MILLISECONDS, 0
    while begin < end:
        until = end
        if found >= wanted // 2 or await size(connection, begin, end, 2 * wanted) > 2 * wanted:
            until, found = await _until(connection, begin, end, span, wanted)
            taken = _milliseconds(until) - _milliseconds(begin)
            span = max(1, min(taken * wanted // max(found, 1), max(1, taken) * _MOST_LONGER))
        yield begin, until
        begin = until


async def _until(connection: Connection, begin: str, end: str, span: int, wanted: int) -> tuple[str, int]:
    """Where a slice of so many milliseconds, or of as few as are needed, ends, and how many transactions it has."""
    while True:
        until = min(transaction_ids_from(_milliseconds(begin) + span), end)
        if until <= begin:
            return end, 0  # no id of ours is so late
        found = await size(connection, begin, until, 2 * wanted)
        if found <= 2 * wanted or span == 1:
            return until, found
        span = max(1, span // 4)


def _milliseconds(begin: str) -> int:
    """The time of an id, or of what was made from a time; 0 of anything else."""
    try:
        return milliseconds_of_transaction(TransactionId(begin))
    except ValueError:
        return 0


@dataclass(slots=True)
class Look:
    """What a run has seen. `since`: where it began. `older`: what was not over before, and is looked at again."""

    connection: Connection
    since: str
    older: Sequence[Transaction]
    moved: Moved = field(default_factory=Moved)
    problems: list[str] = field(default_factory=list)
    transactions: int = 0
    _others: set[Transaction] = field(default_factory=set)
    _companions: set[Transaction] = field(default_factory=set)
    _instruments: set[tuple[int, str]] = field(default_factory=set)
    _latest: dict[int, datetime] = field(default_factory=dict)
    _out_of_order: dict[int, str] = field(default_factory=dict)
    """Books in which a later transaction may have come before an earlier one, with the id from which that is sought."""

    async def begin(self) -> None:
        """Know when what is older was received: whatever comes now came later."""
        if self.older:
            rows = await self.connection.fetch(_SQL["latest"], *in_columns(self.older))
            self._latest = {row["book_id"]: row["last_at"] for row in rows}

    async def at_payments(self, begin: str, end: str, *, over: bool) -> None:
        """Add up what plain payments moved. `over`: they are so old that they are proven with it."""
        for row in await self.connection.fetch(_SQL["plain"], begin, end):
            book_id: int = row["book_id"]
            self.transactions += row["transactions"]
            if row["accounts"]:
                self.moved.add_payments(book_id, row["accounts"], row["micros"], row["links"], over=over)
            self._others.update((book_id, transaction_id) for transaction_id in row["others"] or ())
            self._instruments.update((book_id, instrument_id) for instrument_id in row["instruments"] or ())
            for name in ("companions", "originals"):
                self._companions.update((book_id, transaction_id) for transaction_id in row[name] or ())
            first_at, last_at = row["first_at"], row["last_at"]
            latest = self._latest.get(book_id, first_at)
            if latest - first_at > _DISORDER:
                self._out_of_order.setdefault(book_id, self.since)
            elif last_at - first_at > _DISORDER:  # as anywhere where little comes
                self._out_of_order.setdefault(book_id, begin)
            self._latest[book_id] = max(latest, last_at)

    async def at_sums(self, begin: str, end: str) -> None:
        """Add up the same, and look no closer."""
        for row in await self.connection.fetch(_SQL["sums"], begin, end):
            self.moved.add_sums(row["book_id"], row["accounts"], row["micros"])

    async def at_transfers(
        self, begin: str, end: str, older: Sequence[str], not_over: Sequence[str], *, over: bool, rest: bool
    ) -> bool:
        """Add up transfers of a slice and of what is older, as far as they are of what is `over`, and of the `rest`.

        Whether there are any. `not_over`: ids.
        """
        found = False
        rows = self.connection.cursor(_SQL["moved"], begin, end, list(older), list(not_over), prefetch=ACCOUNTS_AT_ONCE)
        async for book_id, account_id, micros, closed in rows:
            found = True
            if over:
                self.moved.add(book_id, account_id, closed, micros - closed if rest else 0)
            else:
                self.moved.add(book_id, account_id, 0, micros)
        return found

    async def check(self, begin: str, end: str, *, transfers: bool, older: Sequence[Transaction] = ()) -> None:
        """Put what was not plain in a slice, and what is `older`, before the checks. `transfers`: there are some."""
        connection = self.connection
        asked, self._others = self._others, set()
        companions, self._companions = self._companions, set()
        beside = transfers or await connection.fetchval(_SQL["has_steps"], begin, end)
        if beside:
            asked.update(tuple(row) for row in await connection.fetch(_SQL["beside"], begin, end))
        if older:
            self.transactions += await connection.fetchval(_SQL["count"], *in_columns(older), "", "", [])
            await self._add_older(older, companions)
        asked |= companions
        asked.update(older)
        await self._touch_instruments()
        if asked or beside:
            await self._carry_out(CHECKS, asked, begin, end)
        if self._out_of_order:
            rows = await connection.fetch(
                _SQL["of_books"], min(self._out_of_order.values()), end, list(self._out_of_order)
            )
            self._out_of_order.clear()
            await self._carry_out(("time_goes_on",), asked.union(map(tuple, rows)), begin, end)

    async def check_payments_from(self, accounts: Sequence[Named]) -> None:
        """Put payments since the beginning from these accounts before the checks: it is doubtful whose they are."""
        numbers = [book_id for book_id, _ in accounts], [account_id for _, account_id in accounts]
        rows = await self.connection.fetch(_SQL["of_accounts"], self.since, END, *numbers)
        asked: set[Transaction] = {tuple(row) for row in rows}
        await self._add_older([*asked], asked)
        await self._touch_instruments()
        await self._carry_out(CHECKS, asked, "", "")

    async def _add_older(self, older: Sequence[Transaction], companions: set[Transaction]) -> None:
        """What is said of transactions of a slice with the rest, asked of others."""
        columns = in_columns(older)
        companions.update(tuple(row) for row in await self.connection.fetch(_SQL["companions"], *columns))
        self._instruments.update(tuple(row) for row in await self.connection.fetch(_SQL["instruments_of"], *columns))

    async def _touch_instruments(self) -> None:
        """Their accounts should have moved, whether there is a transfer or not."""
        if self._instruments:
            rows = await self.connection.fetch(_SQL["instruments"], *in_columns([*self._instruments]))
            self._instruments.clear()
            for row in rows:
                self.moved.add(row["book_id"], row["account_id"], 0, 0)

    async def _carry_out(self, checks: Sequence[str], asked: Collection[Transaction], begin: str, end: str) -> None:
        asked = sorted(asked)
        older = [transaction_id for _, transaction_id in asked if not begin <= transaction_id < end]
        for name in checks:
            statement = f"{_CHECKS[name]}\n LIMIT {MAX_PROBLEMS_PER_CHECK}"
            rows = await self.connection.fetch(statement, *in_columns(asked), begin, end, older)
            self.problems += [f"{name}: {found[0]}" for found in rows]
