"""Balances, tabs and debts of a seller's buyers for spreadsheets, in the words of the API."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from tallystick.domain.money import USD, format_amount
from tallystick.domain.tokens import state_of
from tallystick.services.reports import debts, instruments
from tallystick.services.reports.debts import Age
from tallystick.services.seller import spreadsheets
from tallystick.services.seller.spreadsheets import without_formula

if TYPE_CHECKING:
    from datetime import datetime

    from tallystick.services.process.downloads import Download
    from tallystick.services.reports.instruments import InstrumentQuery, InstrumentRecord
    from tallystick.services.seller.manual_operations import BookContext
    from tallystick.store.queries.debts import Debt

INSTRUMENT_COLUMNS: Final = (
    "instrument_id",
    "kind",
    "state",
    "buyer_name",
    "buyer_email",
    "balance",
    "pending",
    "limit",
    "total_limit",
    "charged",
    "currency",
    "created_at",
    "valid_from",
    "expires_at",
    "cancelled_at",
)
DEBT_COLUMNS: Final = (
    "instrument_id",
    "buyer_name",
    "buyer_email",
    "owed",
    "being_settled",
    "up_to_30_days",
    "31_to_60_days",
    "61_to_90_days",
    "over_90_days",
    "currency",
)
_ROWS_AT_ONCE: Final = 200


async def export_instruments(books: BookContext, wanted: InstrumentQuery, named: str) -> AsyncIterator[bytes]:
    """The balances and tabs that are wanted, newest first, and a row in the audit log. `named`: what was asked for.

    Raises TooManyDownloadsError: nothing was written down then.
    """
    download = books.service.downloads.begin(books.seller_id)
    await books.record("instruments.export", named)
    return download.send(spreadsheets.as_csv(INSTRUMENT_COLUMNS, _instruments(books, wanted, download)))


async def export_debts(
    books: BookContext, age: Age, text: str | None, named: str, below_micros: int | None = None
) -> AsyncIterator[bytes]:
    """The debts that are wanted, those with the oldest parts first, and a row in the audit log. Raises as the other."""
    download = books.service.downloads.begin(books.seller_id)
    await books.record("debts.export", named)
    return download.send(spreadsheets.as_csv(DEBT_COLUMNS, _debts(books, age, text, below_micros, download)))


async def _instruments(
    books: BookContext, wanted: InstrumentQuery, download: Download
) -> AsyncGenerator[list[str], None]:
    last: InstrumentRecord | None = None
    while True:
        part = await instruments.instruments(books, replace(wanted, now=books.now), _ROWS_AT_ONCE, last)
        for held in part.found:
            yield _instrument(held, books.now)
            await download.row_written()
        if part.earlier is None:
            return
        last = part.found[-1]


async def _debts(
    books: BookContext, age: Age, text: str | None, below_micros: int | None, download: Download
) -> AsyncGenerator[list[str], None]:
    after: str | None = None
    while True:
        part = await debts.list_(books, _ROWS_AT_ONCE, age=age, text=text, after=after, below_micros=below_micros)
        for debt in part.found:
            yield _debt(debt)
            await download.row_written()
        after = part.after
        if after is None:
            return


def _instrument(held: InstrumentRecord, now: datetime) -> list[str]:
    return [
        held.instrument_id,
        held.kind,
        state_of(held, now).value,
        without_formula(held.buyer_name),
        without_formula(held.buyer_email),
        format_amount(held.balance_micros),
        format_amount(held.pending_micros),
        format_amount(held.limit_micros),
        "" if held.total_limit_micros is None else format_amount(held.total_limit_micros),
        format_amount(held.charged_micros),
        USD,
        _moment(held.created_at),
        _moment(held.valid_from),
        _moment(held.expires_at),
        _moment(held.cancelled_at),
    ]


def _debt(debt: Debt) -> list[str]:
    owed = debt.owed
    amounts = (
        owed.balance_micros,
        owed.pending_micros,
        owed.fresh_micros,
        owed.over_30_micros,
        owed.over_60_micros,
        owed.over_90_micros,
    )
    who = [debt.instrument_id, without_formula(debt.buyer_name), without_formula(debt.buyer_email)]
    return [*who, *map(format_amount, amounts), USD]


def _moment(at: datetime | None) -> str:
    return "" if at is None else at.isoformat(timespec="milliseconds")
