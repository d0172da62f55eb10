"""Statements of the operator's bank: what they have, what the books say of the payouts in them, what was found."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec

from tallystick.db.statements import load_statements
from tallystick.domain.banking.arrivals import BankFinding, Passed, PayoutHere, PayoutStanding
from tallystick.domain.banking.bank_statements import BankEntry
from tallystick.domain.ids import BookId, TransactionId, book_of_transaction
from tallystick.domain.money import USD
from tallystick.domain.outcomes import TransactionStatus

if TYPE_CHECKING:
    from tallystick.db.connections import Database

_SQL: Final = load_statements("statements.sql", __package__)


@dataclass(frozen=True, slots=True)
class BankReport:
    """What came of a statement, in micro-units. `arrived`, `returned`: how many of its payouts are so in the books.

    `unexplained_micros`: how far the bank and the books are apart.
    """

    arrived: int
    returned: int
    fees_micros: int
    unexplained_micros: int
    findings: tuple[BankFinding, ...]


@dataclass(frozen=True, slots=True)
class GivenStatement:
    """A statement as it was given. `account`: its last four. `booked_at`: None while it was only looked at."""

    statement_id: str
    name: str
    account: str
    first_day: date
    last_day: date
    entries: tuple[BankEntry, ...]
    given_at: datetime
    booked_at: datetime | None
    report: BankReport


@dataclass(frozen=True, slots=True)
class NamedPayout:
    """A payout that people send, with what else a bank may call it by."""

    payout: PayoutHere
    bank_reference: str | None
    message_id: str | None


@dataclass(frozen=True, slots=True)
class PassedEntry:
    """What a statement says of a payout. `amount_micros` above 0 came back."""

    entry_id: str
    day: date
    amount_micros: int
    currency: str
    reference: str


async def give(database: Database, book_id: BookId, given: GivenStatement) -> None:
    """Keep one, unless the same was given before."""
    await database.execute(
        _SQL["give"],
        book_id,
        given.statement_id,
        given.name,
        given.account,
        given.first_day,
        given.last_day,
        msgspec.to_builtins(given.entries),
        given.given_at,
    )


async def find(database: Database, book_id: BookId, statement_id: str) -> GivenStatement | None:
    """One by its id; None: there is none."""
    row = await database.fetchrow(_SQL["find"], book_id, statement_id)
    return None if row is None else _statement(row)


async def latest(database: Database, book_id: BookId, maximum: int) -> list[GivenStatement]:
    """The last given first."""
    return [_statement(row) for row in await database.fetch(_SQL["latest"], book_id, maximum)]


async def keep(database: Database, book_id: BookId, statement_id: str, report: BankReport, booked_at: datetime) -> None:
    """Keep what came of a statement, unless it was booked later than that."""
    await database.execute(
        _SQL["keep"],
        book_id,
        statement_id,
        booked_at,
        report.arrived,
        report.returned,
        report.fees_micros,
        report.unexplained_micros,
        msgspec.to_builtins(report.findings),
    )


async def note(
    database: Database,
    book_id: BookId,
    statement_id: str,
    entries: Sequence[tuple[BankEntry, TransactionId | None]],
) -> None:
    """Keep entries, each with the payout that it belongs to, each once."""
    rows = [
        (entry.entry_id, entry.day, entry.amount_micros, entry.currency, entry.reference, transaction_id)
        for entry, transaction_id in sorted(entries, key=lambda one: one[0].entry_id)  # two readings wait in no circle
    ]
    if rows:
        columns = [list(column) for column in zip(*rows, strict=True)]
        await database.execute(_SQL["note"], book_id, statement_id, *columns)


async def passed(
    database: Database, book_id: BookId, payouts: Collection[TransactionId], but: Collection[str]
) -> Mapping[TransactionId, Passed]:
    """What is known of these payouts by all entries but these."""
    rows = await database.fetch(_SQL["passed"], book_id, list(payouts), USD, list(but))
    return {row["transaction_id"]: Passed(row["left_micros"], row["back_micros"]) for row in rows}


async def seen(database: Database, book_id: BookId, payouts: Collection[TransactionId]) -> set[TransactionId]:
    """Which of these payouts any statement has."""
    return {row["transaction_id"] for row in await database.fetch(_SQL["seen"], book_id, list(payouts))}


async def of_payout(database: Database, book_id: BookId, payout: TransactionId) -> list[PassedEntry]:
    """What statements say of a payout, in the order of days."""
    return [PassedEntry(**row) for row in await database.fetch(_SQL["of_payout"], book_id, payout)]


async def by_id(database: Database, environment: str, payouts: Collection[TransactionId]) -> list[NamedPayout]:
    """Payouts by their ids, which are well formed; of those that people send."""
    books = sorted({book_of_transaction(name) for name in payouts})
    return [_payout(row) for row in await database.fetch(_SQL["by_id"], books, list(payouts), environment)]


async def by_bank_reference(database: Database, environment: str, references: Collection[str]) -> list[NamedPayout]:
    """Payouts by what people have said that the bank calls them."""
    return [_payout(row) for row in await database.fetch(_SQL["by_bank_reference"], list(references), environment)]


async def of_files(database: Database, environment: str, files: Collection[str]) -> list[NamedPayout]:
    """All payouts of these files."""
    return [_payout(row) for row in await database.fetch(_SQL["of_files"], list(files), environment)]


async def sent_between(database: Database, environment: str, since: datetime, until: datetime) -> list[NamedPayout]:
    """Payouts that people said were sent in that time, and that did not come back."""
    return [_payout(row) for row in await database.fetch(_SQL["sent_between"], environment, since, until)]


def _payout(row: Any) -> NamedPayout:  # noqa: ANN401 - asyncpg's own shape
    if row["status"] == TransactionStatus.PENDING.value:
        standing = PayoutStanding.UNDER_WAY
    elif row["status"] != TransactionStatus.SUCCESS.value:
        standing = PayoutStanding.NOT_SENT
    else:
        standing = PayoutStanding.RETURNED if row["refunded_micros"] else PayoutStanding.SENT
    day = row["at"].astimezone(UTC).date()
    payout = PayoutHere(row["transaction_id"], row["amount_micros"], standing, day)
    return NamedPayout(payout, row["bank_reference"], row["message_id"])


def _statement(row: Any) -> GivenStatement:  # noqa: ANN401 - asyncpg's own shape
    return GivenStatement(
        statement_id=row["statement_id"],
        name=row["name"],
        account=row["account"],
        first_day=row["first_day"],
        last_day=row["last_day"],
        entries=msgspec.convert(row["entries"], tuple[BankEntry, ...]),
        given_at=row["given_at"],
        booked_at=row["booked_at"],
        report=BankReport(
            row["arrived"],
            row["returned"],
            row["fees_micros"],
            row["unexplained_micros"],
            msgspec.convert(row["findings"], tuple[BankFinding, ...]),
        ),
    )
