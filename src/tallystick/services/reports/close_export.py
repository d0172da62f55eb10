"""A month's close for spreadsheets: a row for each line, and for each balance its start, what moved it, and its end."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from typing import TYPE_CHECKING, Final

from tallystick.domain.money import USD, format_amount
from tallystick.services.seller import spreadsheets

if TYPE_CHECKING:
    from tallystick.services.reports.month_close import MonthClose
    from tallystick.services.seller.manual_operations import BookContext

COLUMNS: Final = ("month", "row", "balance", "kind", "number", "gross", "refunded", "fees", "amount", "currency")


async def export(books: BookContext, close: MonthClose) -> AsyncIterator[bytes]:
    """A close as CSV, and a row in the audit log."""
    await books.record("close.export", close.month.text)
    return as_csv(close)


def as_csv(close: MonthClose) -> AsyncGenerator[bytes, None]:
    """`row` says what an amount is: ``kind`` (net), ``start``, ``movement``, ``end``, ``difference`` (zero)."""
    return spreadsheets.as_csv(COLUMNS, _rows(close))


async def _rows(close: MonthClose) -> AsyncIterator[list[str]]:
    month = close.month.text
    for one in close.lines:
        amounts = (one.gross_micros, one.refunded_micros, one.fees_micros, one.net_micros)
        yield [month, "kind", "", one.line.value, str(one.number), *map(format_amount, amounts), USD]
    for change in close.balances:
        yield _of_balance(month, "start", change.kind.value, "", change.start_micros)
        for line, micros in change.moved:
            yield _of_balance(month, "movement", change.kind.value, line.value, micros)
        yield _of_balance(month, "end", change.kind.value, "", change.end_micros)
        yield _of_balance(month, "difference", change.kind.value, "", change.difference_micros)


def _of_balance(month: str, row: str, balance: str, line: str, micros: int) -> list[str]:
    return [month, row, balance, line, "", "", "", "", format_amount(micros), USD]
