"""A seller's activity for spreadsheets and accounting programs, in the protocol's words."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tallystick.domain.money import USD, format_amount
from tallystick.services.actions.transactions import received_at
from tallystick.services.seller import spreadsheets
from tallystick.services.seller.spreadsheets import without_formula
from tallystick.store.queries import transaction_list

if TYPE_CHECKING:
    from tallystick.services.context import Service
    from tallystick.services.process.downloads import Download
    from tallystick.services.seller.manual_operations import BookContext
    from tallystick.store.queries.transaction_list import TransactionLine, TransactionQuery

SUCCESS: Final = "Success"
COLUMNS: Final = (
    "received_at",
    "completed_at",
    "transaction_id",
    "operation",
    "status",
    "status_code",
    "amount",
    "fee",
    "fee_paid_by",
    "marketplace_fee",
    "currency",
    "payment_method",
    "buyer_name",
    "buyer_email",
    "recipient_name",
    "caller_reference",
    "caller_description",
    "sender_description",
    "instrument_id",
    "sender_token_id",
    "original_transaction_id",
)


@dataclass(slots=True)
class _Total:
    """What came of the transactions of one kind that went well, in micro-units."""

    number: int = 0
    amount_micros: int = 0
    fee_micros: int = 0
    marketplace_fee_micros: int = 0


async def export(
    books: BookContext, wanted: TransactionQuery, named: str, *, totals: bool = False
) -> AsyncIterator[bytes]:
    """Everything that is wanted, as `as_csv` gives it, and a row in the audit log. `named`: what was asked for.

    Raises TooManyDownloadsError: nothing was written down then.
    """
    download = books.service.downloads.begin(books.seller_id)
    await books.record("activity.export", named)
    return download.send(as_csv(books.service, wanted, download, totals=totals))


def as_csv(
    service: Service, wanted: TransactionQuery, download: Download, *, totals: bool = False
) -> AsyncGenerator[bytes, None]:
    """Everything that is wanted, newest first, in pieces: as much memory for a million rows as for one.

    `totals`: below, a row for each kind and means of payment, with the sums of what succeeded, fees among them.
    """
    return spreadsheets.as_csv(COLUMNS, _rows(service, wanted, download, totals=totals))


async def _rows(
    service: Service, wanted: TransactionQuery, download: Download, *, totals: bool
) -> AsyncIterator[list[str]]:
    sums: dict[tuple[str, str], _Total] = {}
    async for line in transaction_list.everything(service.pool, wanted):
        yield _row(line)
        if totals and line.status == SUCCESS:
            total = sums.setdefault((line.operation, line.payment_method), _Total())
            total.number += 1
            total.amount_micros += line.amount_micros
            total.fee_micros += line.fee_micros
            total.marketplace_fee_micros += line.marketplace_fee_micros
        await download.row_written()
    for (operation, method), total in sorted(sums.items()):
        yield _total_row(operation, method, total)


def _total_row(operation: str, method: str, total: _Total) -> list[str]:
    """In the columns of the others: `transaction_id` says that it is a total, `status_code` of how many."""
    cells = {
        "transaction_id": "total",
        "operation": operation,
        "status": SUCCESS,
        "status_code": str(total.number),
        "amount": format_amount(total.amount_micros),
        "fee": format_amount(total.fee_micros),
        "marketplace_fee": format_amount(total.marketplace_fee_micros),
        "currency": USD,
        "payment_method": method,
    }
    return [cells.get(column, "") for column in COLUMNS]


def _row(line: TransactionLine) -> list[str]:
    return [
        received_at(line.transaction_id).isoformat(timespec="milliseconds"),
        "" if line.completed_at is None else line.completed_at.isoformat(timespec="milliseconds"),
        line.transaction_id,
        line.operation,
        line.status,
        line.status_code,
        format_amount(line.amount_micros),
        format_amount(line.fee_micros),
        line.fee_payer,
        format_amount(line.marketplace_fee_micros),
        USD,
        line.payment_method,
        without_formula(line.buyer_name or ""),
        without_formula(line.buyer_email or ""),
        without_formula(line.recipient_name or ""),
        without_formula(line.caller_reference or ""),
        without_formula(line.caller_description or ""),
        without_formula(line.sender_description or ""),
        line.instrument_id or "",
        line.sender_token_id or "",
        line.original_id or "",
    ]
