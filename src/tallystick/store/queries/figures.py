"""Figures for the console's first page, quick however many payments there are.

Past slices of five minutes are final: each is added up once and stored, and only the last minutes are counted on every
read. Books whose console was never opened cost nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, astuple, dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from tallystick.db.statements import load_statements
from tallystick.domain.ids import BookId, TransactionId, milliseconds_of_transaction, transaction_ids_from
from tallystick.store.queries import debts
from tallystick.store.queries.debts import Ageing

if TYPE_CHECKING:
    from tallystick.db.connections import Connection, Database, Pool

LONGEST: Final = timedelta(days=92)
"""How far back figures go from the first time that a book's console is opened."""

SLICE: Final = timedelta(minutes=5)
SETTLING: Final = timedelta(minutes=2)
"""How long after a moment something may still be committed that belongs before it: a request that waited."""

BEHIND: Final = SLICE + SETTLING
"""How far figures that are up to date may end before now."""

AT_ONCE: Final = 50_000
"""As many transactions are added up in one commit: about a sixth of a second."""

_DEBT_LASTS: Final = timedelta(hours=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SQL: Final = load_statements("figures.sql", __package__)


@dataclass(frozen=True, slots=True)
class Sum:
    """How often something happened, and what it came to in micro-units."""

    number: int = 0
    amount_micros: int = 0

    def __add__(self, other: Sum) -> Sum:
        return Sum(self.number + other.number, self.amount_micros + other.amount_micros)


NONE: Final = Sum()


@dataclass(frozen=True, slots=True)
class FiguresState:
    """How far the figures of a seller's books go."""

    added_until: Mapping[BookId, datetime]

    @property
    def complete_until(self) -> datetime:
        """Up to which moment nothing is missing."""
        return min(self.added_until.values())

    def up_to_date(self, now: datetime) -> bool:
        """Whether only the last minutes are missing."""
        return now - self.complete_until <= BEHIND


@dataclass(frozen=True, slots=True)
class OutstandingDebt:
    """What buyers owe on their tabs, by age, and on how many."""

    tabs: int
    debt: Ageing


Figures = Mapping[datetime, Mapping[str, Sum]]
"""Sums by the start of an hour, a day or a week, and by figure: figures.sql names them."""


async def catch_up(
    pool: Pool, books: Sequence[BookId], now: datetime, *, commits: int = 2, at_once: int = AT_ONCE
) -> FiguresState:
    """Add up what is over and was not added up yet, in so many commits at most for each of a seller's books.

    `now`: the books' own time; `at_once`: transactions in a commit. Raises LookupError: no such book.
    """
    async with pool.acquire() as connection:
        return FiguresState({book_id: await _catch_up(connection, book_id, now, commits, at_once) for book_id in books})


async def _catch_up(connection: Connection, book_id: BookId, now: datetime, commits: int, at_once: int) -> datetime:
    await connection.execute(_SQL["begin"], book_id, floor(now - LONGEST))
    for _ in range(commits):
        if not await _add_up(connection, book_id, now, at_once):
            break
    until: datetime | None = await connection.fetchval(_SQL["added_until"], book_id)
    if until is None:
        raise LookupError(book_id)
    return until


async def owed(pool: Pool, books: Sequence[BookId], now: datetime) -> OutstandingDebt:
    """What is owed on tabs, and how old it is. `now`: the books' own time; they have been caught up with before.

    All tabs' purchases are looked through only when a tab's balance has changed since, or an hour has gone.
    """
    async with pool.acquire() as connection:
        found = [await _owed(connection, book_id, now) for book_id in books]
    debt = Ageing(*(sum(parts) for parts in zip(*(astuple(one.debt) for one in found), strict=True)))
    return OutstandingDebt(sum(one.tabs for one in found), debt)


async def _owed(connection: Connection, book_id: BookId, now: datetime) -> OutstandingDebt:
    row = await connection.fetchrow(_SQL["kept_debt"], book_id)
    balances = await connection.fetchval(_SQL["balances"], book_id)
    if row is not None and row["debt"] is not None and timedelta(0) <= now - row["debt_at"] < _DEBT_LASTS:
        kept = dict(row["debt"])
        if kept.pop("balances", None) == balances:
            return OutstandingDebt(kept.pop("tabs"), Ageing(**kept))
    listed = await debts.list_(connection, (book_id,), now, maximum=1)
    kept = asdict(listed.total) | {"tabs": listed.count, "balances": balances}
    await connection.execute(_SQL["keep_debt"], book_id, kept, now)
    return OutstandingDebt(listed.count, listed.total)


async def behind(database: Database, wall_clock: datetime, maximum: int) -> list[tuple[BookId, datetime]]:
    """Books whose figures are behind, with the time of each."""
    rows = await database.fetch(_SQL["behind"], wall_clock, BEHIND, maximum)
    return [(BookId(row["book_id"]), wall_clock + timedelta(seconds=row["clock_offset_seconds"])) for row in rows]


async def since(database: Database, begin: datetime, step: str, state: FiguresState) -> Figures:
    """The figures from `begin` on, for each ``hour``, ``day`` or ``week``: what is added up, and the minutes since."""
    rows = await database.fetch(_SQL["added_up"], list(state.added_until), begin, step)
    for book_id, added_until in state.added_until.items():
        late = max(begin, added_until)
        rows += await database.fetch(_SQL["happened"], book_id, *_between(late, late + BEHIND + SETTLING))
    found: dict[datetime, dict[str, Sum]] = {}
    for row in rows:
        of_step = found.setdefault(start_of(row["starts_at"], step), {})
        of_step[row["figure"]] = of_step.get(row["figure"], NONE) + Sum(row["number"], row["amount_micros"])
    return found


async def holdings(database: Database, books: Sequence[BookId]) -> Mapping[str, Sum]:
    """What is owed to buyers (``prepaid``), on how many accounts; and the ``cash``."""
    rows = await database.fetch(_SQL["holdings"], books)
    return {row["kind"]: Sum(row["number"], row["amount_micros"]) for row in rows}


def start_of(moment: datetime, step: str) -> datetime:
    """The start of the hour, the day or the week, in UTC."""
    moment = moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    if step == "hour":
        return moment
    return moment.replace(hour=0) - timedelta(days=moment.weekday() if step == "week" else 0)


def floor(moment: datetime) -> datetime:
    """The start of the slice."""
    return moment - (moment - _EPOCH) % SLICE


async def _add_up(connection: Connection, book_id: BookId, now: datetime, at_once: int) -> bool:
    """Go on in one commit; False when there is nothing more, or somebody else is at it."""
    async with connection.transaction():
        begin = await connection.fetchval(_SQL["claim"], book_id)
        end = floor(now - SETTLING)
        if begin is None or begin >= end:
            return False
        begin_id, end_id = _id(begin), _id(end)
        enough = await connection.fetchval(_SQL["far_enough"], book_id, begin_id, end_id, at_once)
        if enough is not None:
            reached = _EPOCH + timedelta(milliseconds=milliseconds_of_transaction(TransactionId(enough)))
            end = max(floor(reached), begin + SLICE)
        rows = await connection.fetch(_SQL["happened"], book_id, *_between(begin, end))
        names = ("starts_at", "figure", "number", "amount_micros")
        await connection.execute(_SQL["keep"], book_id, *([row[name] for row in rows] for name in names))
        await connection.execute(_SQL["advance"], book_id, end)
    return True


def _between(begin: datetime, end: datetime) -> Sequence[datetime | str]:
    return begin, end, _id(begin), _id(end)


def _id(moment: datetime) -> str:
    return transaction_ids_from((moment - _EPOCH) // timedelta(milliseconds=1))
