"""Statements of a seller's balances and tabs, as their buyers read them: which there are, and one of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tallystick.services.buyer import authorizations, monthly
from tallystick.services.buyer.monthly import MAX_LINES, MonthTotal, Statement, StatementLine
from tallystick.services.buyer.months import Month
from tallystick.services.reports import instruments
from tallystick.services.reports.instruments import InstrumentQuery, InstrumentRecord

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tallystick.services.seller.manual_operations import BookContext

__all__ = [
    "MAX_LINES",
    "Month",
    "MonthTotal",
    "SellerStatement",
    "Statement",
    "StatementLine",
    "StatementPage",
    "StatementPlace",
    "find",
    "list_",
    "of_authorization",
]


@dataclass(frozen=True, slots=True)
class StatementPlace:
    """Which statement: of what, and of which month."""

    instrument: InstrumentRecord
    month: Month


@dataclass(frozen=True, slots=True)
class StatementPage:
    """Statements: the latest months first, in a month the latest instruments. `earlier`: where the next page begins."""

    found: list[StatementPlace]
    earlier: StatementPlace | None


@dataclass(frozen=True, slots=True)
class SellerStatement:
    """A statement as its seller sees it.

    `due_micros`: what of a tab's debt at the end of the month is still owed; None for balances, and where `complete` is
    false: part of what moved since the month began is in the archive, so that the figures do not have it.
    """

    place: StatementPlace
    statement: Statement
    complete: bool
    due_micros: int | None


async def find(
    books: BookContext,
    authorization_id: str,
    month: Month,
    max_lines: int,
    step_aside: Callable[[], Awaitable[None]],
) -> SellerStatement | None:
    """A statement of a balance or a tab of these books; None where there is none of this month.

    `max_lines`, `step_aside`: as for `monthly.statement`.
    """
    record = await instruments.instrument(books, authorization_id)
    if record is None or month < Month.of(record.created_at):
        return None
    state = await authorizations.find(books.service, record.buyer_id, authorization_id)
    if state is None or month > await monthly.last_month(books.service, state):
        return None
    made = await monthly.statement(books.service, state, month, max_lines, step_aside)
    archived_before = state.authorization.archived_before
    complete = archived_before is None or max(month.begin, record.created_at) >= archived_before
    due = await monthly.due_micros(books.service, made) if state.tab and complete else None
    return SellerStatement(StatementPlace(record, month), made, complete, due)


async def of_authorization(
    books: BookContext, authorization_id: str, maximum: int, month: Month | None, before: Month | None
) -> StatementPage:
    """Statements of one balance or tab, those before the month `before`; of one `month`, or of each."""
    record = await instruments.instrument(books, authorization_id)
    if record is None:
        return StatementPage([], None)
    first, latest = Month.of(record.created_at), await _last_month(books, record)
    if month is not None:
        first, latest = max(first, month), min(latest, month)
    if before is not None:
        latest = min(latest, before.previous)
    found: list[StatementPlace] = []
    while latest >= first:
        if len(found) == maximum:
            return StatementPage(found, found[-1])
        found.append(StatementPlace(record, latest))
        latest = latest.previous
    return StatementPage(found, None)


async def list_(
    books: BookContext,
    maximum: int,
    month: Month | None,
    after: StatementPlace | None,
    step_aside: Callable[[], Awaitable[None]],
) -> StatementPage:
    """Statements of all balances and tabs, those after `after`; of one `month`, or of each.

    A page looks at `maximum` pairs of month and instrument, however many of them have a statement: it may have fewer.
    """
    looked_at = after
    at = month or (Month.of(books.now) if after is None else after.month)
    last = None if after is None else after.instrument
    found: list[StatementPlace] = []
    ends: dict[str, Month] = {}
    seen = 0
    while seen < maximum:
        wanted = InstrumentQuery(books.parts, books.now, until=at.end)
        page = await instruments.instruments(books, wanted, maximum - seen, last)
        for record in page.found:
            seen += 1
            looked_at = StatementPlace(record, at)
            if record.instrument_id not in ends:
                ends[record.instrument_id] = await _last_month(books, record)
                await step_aside()
            if at <= ends[record.instrument_id]:
                found.append(looked_at)
        if page.earlier is None:
            oldest = page.found[-1] if page.found else last
            if month is not None or oldest is None or oldest.created_at >= at.begin:
                return StatementPage(found, None)
            at, last = at.previous, None
    return StatementPage(found, looked_at)


async def _last_month(books: BookContext, record: InstrumentRecord) -> Month:
    """The latest month with a statement. What can be charged just now goes on: only of others more has to be read."""
    if record.cancelled_at is None and (record.expires_at is None or books.now < record.expires_at):
        return Month.of(books.now)
    state = await authorizations.find(books.service, record.buyer_id, record.instrument_id)
    return Month.of(record.created_at) if state is None else await monthly.last_month(books.service, state)
