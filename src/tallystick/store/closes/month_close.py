"""What moved in a book until, within and after a span of time: what a month's close is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, unique
from typing import TYPE_CHECKING, Final

from tallystick.db.statements import load_statements
from tallystick.domain.accounts import AccountKind
from tallystick.domain.ids import BookId, PartyId
from tallystick.store.archive.archive import archived_before

if TYPE_CHECKING:
    from tallystick.db.connections import Database

_SQL: Final = load_statements("month_close.sql", __package__)


@unique
class BookedPeriod(Enum):
    """When something was booked; NOW: how accounts stand at present.

    CARRIED: all that is in the archive, as balances. Of that, ARCHIVED was booked within and ARCHIVED_AFTER after the
    month.
    """

    CARRIED = "carried"
    ARCHIVED = "archived"
    ARCHIVED_AFTER = "archived_after"
    BEFORE = "before"
    WITHIN = "within"
    AFTER = "after"
    NOW = "now"


@dataclass(frozen=True, slots=True)
class BookedSum:
    """What moved from accounts of one kind to those of another in a period: so often, so many micro-units.

    Of CARRIED and NOW `credit` is None, and the amount is the balance of all accounts of the kind `debit`, debits less
    credits. `takes_back`: it undoes what had moved the other way. `beside`: debited and credited kind of what a fee was
    taken for, or given back for.
    """

    period: BookedPeriod
    debit: AccountKind
    credit: AccountKind | None
    takes_back: bool
    beside: tuple[AccountKind, AccountKind] | None
    number: int
    amount_micros: int


async def booked(database: Database, book_id: BookId, begin: datetime, end: datetime) -> list[BookedSum]:
    """All that was ever booked in a book, of one moment's state; from `begin` to before `end` is a month of UTC.

    Reads every transfer of the database: slow, exact.
    """
    rows = await database.fetch(_SQL["moved"], book_id, begin, end)
    return [
        BookedSum(
            BookedPeriod(row["period"]),
            AccountKind(row["debit"]),
            None if row["credit"] is None else AccountKind(row["credit"]),
            row["takes_back"],
            None if row["of_debit"] is None else (AccountKind(row["of_debit"]), AccountKind(row["of_credit"])),
            int(row["number"]),
            int(row["amount_micros"]),
        )
        for row in rows
    ]


async def begun(database: Database, books: Sequence[BookId]) -> datetime:
    """Since when there are a seller's books. Raises LookupError: there is no such book."""
    moment: datetime | None = await database.fetchval(_SQL["begun"], books)
    if moment is None:
        raise LookupError(books)
    return moment


async def known_from(
    database: Database, book_id: BookId, seller_id: PartyId, moment: datetime, by_wall_clock: datetime
) -> bool:
    """Whether all that was booked in a book from a moment on is still in it, or left with its sums by month.

    Releases before those sums archived without them. The archive takes what was completed before a moment of the
    book's. Only disputes move money later than that: where one may have, the answer is no. `by_wall_clock`: the same
    moment, without the sandbox's offset.
    """
    archived, unsummed = await archived_before(database, book_id), await database.fetchrow(_SQL["unsummed"])
    if archived is None or unsummed is None or unsummed["completed_before"] is None:
        return True
    archived = min(archived, unsummed["completed_before"])
    if archived > moment:
        return False
    if await database.fetchval(_SQL["disputes_archived"], book_id, archived, moment):
        return False
    if await database.fetchval(_SQL["borne_elsewhere"], seller_id, archived, moment):
        return False
    if not await database.fetchval(_SQL["dues_archived"], book_id):
        return True
    last: datetime = unsummed["archived_at"]
    return last < by_wall_clock
