"""What rails say that they moved, what the books say of it, and how the days of each rail came out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final

from tallystick.db.statements import load_statements
from tallystick.domain.accounts import AccountKind, account_id
from tallystick.domain.ids import BookId, TransactionId, book_of_transaction
from tallystick.domain.rails.reconciliation import DayReport, Finding, FindingKind, MovedHere, MovedThere, MovementKind
from tallystick.store.ledger.create_book import SIMULATED_RAIL

if TYPE_CHECKING:
    from tallystick.db.connections import Database

_SQL: Final = load_statements("reconciliations.sql", __package__)


@dataclass(frozen=True, slots=True)
class RailBook:
    """One rail in one environment. `book_id`: the operator's book there, the first one where it is in parts."""

    book_id: BookId
    rail: str
    environment: str


@dataclass(frozen=True, slots=True)
class ReconciledDay:
    """A day of a rail, as the reading at `read_at` has found it."""

    environment: str
    rail: str
    read_at: datetime
    unexplained_micros: int
    report: DayReport


async def orders_of_keys(
    database: Database, place: RailBook, transactions: Collection[TransactionId]
) -> set[TransactionId]:
    """Which of the transactions, all with ids that are well formed, asked this rail for anything."""
    ids, books = list(transactions), sorted({book_of_transaction(name) for name in transactions})
    arguments = (books, ids, place.rail, place.environment)
    rows = await database.fetch(_SQL["orders_of_keys"], *arguments)
    rows += await database.fetch(_SQL["payouts_of_keys"], *arguments)
    return {row["transaction_id"] for row in rows}


async def transactions_of_references(
    database: Database, place: RailBook, references: Collection[str]
) -> Mapping[str, TransactionId]:
    """Whose orders, or which disputes, the rail calls so; none that several transactions share."""
    arguments = (place.rail, list(references), place.environment)
    rows = await database.fetch(_SQL["orders_of_references"], *arguments)
    rows += await database.fetch(_SQL["disputes_of_references"], *arguments)
    rows += await database.fetch(_SQL["payouts_of_references"], *arguments)
    found: dict[str, set[TransactionId]] = {}
    for row in rows:
        found.setdefault(row["reference"], set()).add(row["transaction_id"])
    return {reference: next(iter(those)) for reference, those in found.items() if len(those) == 1}


async def nobodys(database: Database, place: RailBook, movements: Collection[str]) -> set[str]:
    """Which of the movements an earlier reading has found to belong to nothing of ours."""
    rows = await database.fetch(_SQL["nobodys"], place.book_id, place.rail, list(movements))
    return {row["movement_id"] for row in rows}


async def note(database: Database, place: RailBook, movements: Sequence[MovedThere], began: datetime) -> None:
    """Keep movements that a reading which began at `began` was told, each id once."""
    rows = [
        (
            one.movement_id,
            one.kind.value,
            one.reference,
            one.amount_micros,
            one.fee_micros,
            one.currency,
            one.moved_at,
            one.transaction_id,
            one.is_unassigned,
        )
        for one in sorted(movements, key=lambda one: one.movement_id)  # so that two readings never wait in a circle
    ]
    if rows:
        columns = [list(column) for column in zip(*rows, strict=True)]
        await database.execute(_SQL["note"], place.book_id, place.rail, began, *columns)


async def between(
    database: Database, place: RailBook, began: datetime, since: datetime, until: datetime
) -> list[MovedThere]:
    """What is known of the time from `since` to before `until`; what was not seen since `began` is no longer told."""
    rows = await database.fetch(_SQL["between"], place.book_id, place.rail, began, since, until)
    return [_movement(row) for row in rows]


async def of_transactions(
    database: Database,
    place: RailBook,
    transactions: Collection[TransactionId],
    but_since: datetime,
    but_until: datetime,
) -> list[MovedThere]:
    """All movements that belong to these transactions, but those from `but_since` to before `but_until`."""
    arguments = (place.book_id, place.rail, list(transactions), but_since, but_until)
    return [_movement(row) for row in await database.fetch(_SQL["of_transactions"], *arguments)]


async def booked(database: Database, place: RailBook, movements: Iterable[str]) -> set[tuple[str, AccountKind]]:
    """Which of the movements are booked, against which accounts."""
    rows = await database.fetch(_SQL["booked"], place.book_id, place.rail, list(movements))
    return {(row["movement_id"], AccountKind(row["account"])) for row in rows}


async def asked_between(database: Database, place: RailBook, first_id: str, end_id: str) -> set[TransactionId]:
    """Transactions that asked the rail for anything, and disputes, with ids from `first_id` to before `end_id`."""
    arguments = (place.rail, place.environment, first_id, end_id)
    rows = await database.fetch(_SQL["orders_between"], *arguments)
    if place.rail != SIMULATED_RAIL:  # which disputes nothing: in the sandbox people do, and it is not told
        rows += await database.fetch(_SQL["disputes_between"], *arguments)
        rows += await database.fetch(_SQL["payouts_between"], *arguments)
    return {row["transaction_id"] for row in rows}


async def moved_here(
    database: Database, place: RailBook, transactions: Collection[TransactionId], now: datetime
) -> list[MovedHere]:
    """What these transactions have moved on the account of the rail; of those that wait for it, 0 at `now`, too.

    What came back of a refund or of a payout counts as that one's, as it does at the rail.
    """
    ids, books = list(transactions), sorted({book_of_transaction(name) for name in transactions})
    reversals = await database.fetch(_SQL["reversals"], books, ids)
    came_back = {row["transaction_id"]: row["original_id"] for row in reversals}
    rail = account_id(AccountKind.RAIL, place.rail)
    rows = await database.fetch(_SQL["moved_here"], place.environment, [*ids, *came_back], rail)
    waiting = {row["transaction_id"] for row in await database.fetch(_SQL["under_way"], books, ids)}
    waiting |= {row["transaction_id"] for row in await database.fetch(_SQL["payouts_under_way"], books, ids)}
    found: dict[TransactionId, MovedHere] = {}
    for row in rows:
        name = came_back.get(row["transaction_id"], row["transaction_id"])
        known = found.get(name)
        micros, at = (row["micros"], row["at"])
        if known is not None:
            micros, at = micros + known.micros, max(at, known.at)
        found[name] = MovedHere(name, micros, at, name in waiting)
    nothing_yet = [MovedHere(name, 0, now, is_under_way=True) for name in waiting - found.keys()]
    return [*found.values(), *nothing_yet]


async def keep(database: Database, place: RailBook, report: DayReport, read_at: datetime) -> None:
    """Keep how a day has come out, unless a later reading has done so."""
    findings = [
        {
            "kind": finding.kind.value,
            "name": finding.name,
            "reference": finding.reference,
            "there_micros": finding.there_micros,
            "here_micros": finding.here_micros,
        }
        for finding in report.findings
    ]
    await database.execute(
        _SQL["keep"],
        place.book_id,
        place.rail,
        report.day,
        read_at,
        report.movements,
        report.moved_micros,
        report.fees_micros,
        report.bank_micros,
        report.unexplained_micros,
        findings,
    )


async def last_day(database: Database, place: RailBook) -> date | None:
    """The latest day that was read; None: none was."""
    day: date | None = await database.fetchval(_SQL["last_day"], place.book_id, place.rail)
    return day


async def first_open(database: Database, place: RailBook, since: date) -> date | None:
    """The earliest day since then that was not explained as a whole."""
    day: date | None = await database.fetchval(_SQL["first_open"], place.book_id, place.rail, since)
    return day


async def latest(database: Database, maximum: int, before: date | None = None) -> list[ReconciledDay]:
    """Days of all rails, the latest first."""
    return [_day(row) for row in await database.fetch(_SQL["latest"], maximum, before)]


async def find(database: Database, environment: str, rail: str, day: date) -> ReconciledDay | None:
    """One day of a rail; None: it was not read."""
    row = await database.fetchrow(_SQL["find"], environment, rail, day)
    return None if row is None else _day(row)


def _movement(row: Any) -> MovedThere:  # noqa: ANN401 - asyncpg's own shape
    return MovedThere(**{**row, "kind": MovementKind(row["kind"])})


def _day(row: Any) -> ReconciledDay:  # noqa: ANN401 - asyncpg's own shape
    findings = tuple(Finding(**{**one, "kind": FindingKind(one["kind"])}) for one in row["findings"])
    names = ("day", "movements", "moved_micros", "fees_micros", "bank_micros")
    report = DayReport(**{name: row[name] for name in names}, findings=findings)
    return ReconciledDay(row["environment"], row["rail"], row["read_at"], row["unexplained_micros"], report)
