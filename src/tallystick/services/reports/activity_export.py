"""A seller's activity for spreadsheets and accounting programs, in the protocol's words."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
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


async def export(books: BookContext, wanted: TransactionQuery, named: str) -> AsyncIterator[bytes]:
    """Everything that is wanted, as `as_csv` gives it, and a row in the audit log. `named`: what was asked for.

    Raises TooManyDownloadsError: nothing was written down then.
    """
    download = books.service.downloads.begin(books.seller_id)
    await books.record("activity.export", named)
    return download.send(as_csv(books.service, wanted, download))


def as_csv(service: Service, wanted: TransactionQuery, download: Download) -> AsyncGenerator[bytes, None]:
    """Everything that is wanted, newest first, in pieces: as much memory for a million rows as for one."""
    return spreadsheets.as_csv(COLUMNS, _rows(service, wanted, download))


async def _rows(service: Service, wanted: TransactionQuery, download: Download) -> AsyncIterator[list[str]]:
    async for line in transaction_list.everything(service.pool, wanted):
        yield _row(line)
        await download.row_written()


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
