"""What buyers owe a seller: how much, how old, and runs that settle or write off several debts at once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING, Final, TypeVar

from tallystick.db.patterns import containing
from tallystick.db.statements import load_statements
from tallystick.domain.ids import (
    BookId,
    InstrumentId,
    PartyId,
    TokenId,
    TransactionId,
    book_named_in,
    transaction_ids_from,
)
from tallystick.domain.money import is_dust
from tallystick.domain.outcomes import Accepted, Outcome
from tallystick.domain.refusals import Refused

if TYPE_CHECKING:
    import asyncpg

    from tallystick.db.connections import Connection, Database

What = TypeVar("What")

_SQL: Final = load_statements("debts.sql", __package__)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_BOUNDARIES: Final = (timedelta(days=30), timedelta(days=60), timedelta(days=90))
LONGEST_AGE: Final = _BOUNDARIES[-1]
"""Purchases that are older, or in the archive, are told from younger ones by what is owed besides."""
_PLACE: Final = re.compile(r"([0-9]{1,18})-([0-9]{1,18})-([0-9]{1,18})-([0-9]{1,18})-([0-9A-Z]{64})")


class Age(Enum):
    """How old a debt's oldest part is at least: the number of boundaries that it passed."""

    ANY = 0
    OVER_30 = 1
    OVER_60 = 2
    OVER_90 = 3


@dataclass(frozen=True, slots=True)
class Ageing:
    """An amount owed by its age, in micro-units: up to 30 days, up to 60, up to 90, older.

    `pending_micros` of it is being settled.
    """

    balance_micros: int
    pending_micros: int
    fresh_micros: int
    over_30_micros: int
    over_60_micros: int
    over_90_micros: int


@dataclass(frozen=True, slots=True)
class Debt:
    """What one buyer owes on one tab."""

    instrument_id: InstrumentId
    buyer_name: str
    buyer_email: str
    owed: Ageing

    @property
    def dust(self) -> bool:
        """Whether less than a cent is owed."""
        return is_dust(self.owed.balance_micros)

    @property
    def place(self) -> str:
        """The cursor of the list behind this debt."""
        owed = self.owed
        figures = (owed.over_90_micros, owed.over_60_micros, owed.over_30_micros, owed.balance_micros)
        return "-".join(map(str, (*figures, self.instrument_id)))


@dataclass(frozen=True, slots=True)
class Debts:
    """Part of the list of debts, the oldest first, with the sums of all of them. `after`: the place it ends at."""

    found: list[Debt]
    count: int
    total: Ageing
    after: str | None


@dataclass(frozen=True, slots=True)
class Tab:
    """A tab by what is needed to settle it, in micro-units. `payment_method`: where the money would come from."""

    instrument_id: InstrumentId
    balance_micros: int
    pending_micros: int
    settlement_token_id: TokenId
    payment_method: str
    buyer_name: str
    buyer_email: str

    @property
    def open_micros(self) -> int:
        """What is owed and not being settled already."""
        return self.balance_micros - self.pending_micros


@dataclass(frozen=True, slots=True)
class DebtRun:
    """Several debts settled (``settle``) or written off (``write_off``) by one of the staff."""

    run_id: str
    deed: str
    started_by: str
    started_at: datetime


@dataclass(frozen=True, slots=True)
class RunLine:
    """One debt of a run as it stands: not begun, refused (`refusal`, `message`), or a transaction with its status.

    `moved_micros`: the transaction's amount, which may be less than asked for, by a fraction of a cent.
    """

    instrument_id: InstrumentId
    amount_micros: int
    settlement_token_id: TokenId
    buyer_name: str
    buyer_email: str
    transaction_id: TransactionId | None
    refusal: str | None
    message: str | None
    status: str | None
    status_code: str | None
    fee_micros: int | None
    moved_micros: int | None


async def list_(
    database: Database,
    parts: Sequence[BookId],
    now: datetime,
    maximum: int,
    *,
    age: Age = Age.ANY,
    text: str | None = None,
    after: str | None = None,
    below_micros: int | None = None,
) -> Debts:
    """The debts in a seller's books, the oldest parts first. `now`: the books' time; `after`: the last one's place.

    `below_micros`: only smaller ones.
    """
    since = (transaction_ids_from((now - boundary - _EPOCH) // timedelta(milliseconds=1)) for boundary in _BOUNDARIES)
    rows = await database.fetch(
        _SQL["ageing"], parts, *since, age.value, containing(text), *_parse_place(after), maximum + 1, below_micros
    )
    found = [_debt(row) for row in rows if row["instrument_id"] is not None]
    shown = found[:maximum]
    return Debts(shown, rows[0]["debts"], _ageing(rows[0], "all_"), shown[-1].place if len(found) > maximum else None)


async def tabs(database: Database, parts: Sequence[BookId], instrument_ids: Sequence[str]) -> list[Tab]:
    """Those of the tabs that the books have, the greatest debt first; settled ones too."""
    return [Tab(**dict(row)) for row in await database.fetch(_SQL["named"], parts, list(instrument_ids))]


async def begin_run(
    connection: Connection,
    run_id: str,
    *,
    deed: str,
    by: PartyId,
    amounts: Sequence[tuple[InstrumentId, int]],
    now: datetime,
) -> bool:
    """Record a run that is to be carried out, in micro-units; False: it was recorded before, nothing changes."""
    async with connection.transaction():
        for book_id, lines in _by_book(amounts):
            if await connection.fetchval(_SQL["begin_run"], book_id, run_id, deed, by, now) is None:
                return False
            ids, micros = [line[0] for line in lines], [line[1] for line in lines]
            await connection.execute(_SQL["add_lines"], book_id, run_id, ids, micros)
    return True


async def answer_lines(database: Database, run_id: str, outcomes: Sequence[tuple[InstrumentId, Outcome]]) -> None:
    """Record the outcomes of lines of a run."""
    for book_id, lines in _by_book(outcomes):
        ids, transactions, refusals, messages = [], [], [], []
        for instrument_id, outcome in lines:
            refused = outcome if isinstance(outcome, Refused) else None
            ids.append(instrument_id)
            transactions.append(outcome.transaction_id if isinstance(outcome, Accepted) else None)
            refusals.append(None if refused is None else refused.refusal.name)
            messages.append(None if refused is None else refused.message)
        await database.execute(_SQL["answer_lines"], book_id, run_id, ids, transactions, refusals, messages)


async def run(database: Database, parts: Sequence[BookId], run_id: str) -> DebtRun | None:
    """A run over these books, or None."""
    row = await database.fetchrow(_SQL["run"], parts, run_id)
    return None if row is None else DebtRun(run_id, row["deed"], row["started_by"], row["started_at"])


async def run_lines(database: Database, parts: Sequence[BookId], run_id: str) -> list[RunLine]:
    """The lines of a run, the greatest amount first."""
    return [RunLine(**dict(row)) for row in await database.fetch(_SQL["run_lines"], parts, run_id)]


def _by_book(lines: Sequence[tuple[InstrumentId, What]]) -> list[tuple[BookId, list[tuple[InstrumentId, What]]]]:
    """The lines of each book that their instruments live in, the books in one order for everybody."""
    found: dict[BookId, list[tuple[InstrumentId, What]]] = {}
    for line in lines:
        found.setdefault(book_named_in(line[0]), []).append(line)
    return [(book_id, found[book_id]) for book_id in sorted(found)]


def _parse_place(text: str | None) -> tuple[int | str | None, ...]:
    match = None if text is None else _PLACE.fullmatch(text)
    if match is None:
        return (None,) * 5
    return (*(int(match[number]) for number in range(1, 5)), match[5])


def _debt(row: asyncpg.Record) -> Debt:
    return Debt(InstrumentId(row["instrument_id"]), row["buyer_name"], row["buyer_email"], _ageing(row))


def _ageing(row: asyncpg.Record, prefix: str = "") -> Ageing:
    names = ("balance", "pending", "fresh", "over_30", "over_60", "over_90")
    return Ageing(*(row[f"{prefix}{name}_micros"] for name in names))
