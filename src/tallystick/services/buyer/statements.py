"""What happened under an authorization, in words, and as a statement for spreadsheets."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Final

from tallystick.domain.commands import TokenPurpose
from tallystick.domain.money import USD, display_amount
from tallystick.services.seller import spreadsheets
from tallystick.services.seller.spreadsheets import harmless
from tallystick.store.queries import authorization_history
from tallystick.words import gettext as _
from tallystick.words import marked

if TYPE_CHECKING:
    from tallystick.services.buyer.months import Month
    from tallystick.services.context import Service
    from tallystick.store.queries.authorization_history import Entry
    from tallystick.store.queries.authorizations import Authorization

COLUMNS: Final = (
    "at",
    "kind",
    "description",
    "status",
    "amount",
    "change",
    "balance_after",
    "currency",
    "transaction_id",
)
_KINDS: Final = {
    "FundPrepaid": marked("Balance filled"),
    "Pay": marked("Purchase"),
    "Reserve": marked("Payment held first"),
    "SettleDebt": marked("Debt settled"),
    "WriteOffDebt": marked("Debt forgiven"),
    "Refund": marked("Refund"),
}
_STATUSES: Final = {
    "Success": marked("Done"),
    "Pending": marked("Under way"),
    "Reserved": marked("Held"),
    "Failure": marked("Declined"),
    "Cancelled": marked("Cancelled"),
}
_NOT_IN_NAMES: Final = re.compile(r"[^a-z0-9]+")


def kind_of(entry: Entry, given: Authorization) -> str:
    """What happened: ``Purchase``, ``Refund`` and so on."""
    if entry.operation == "Pay" and given.purpose not in {TokenPurpose.PREPAID_SENDER, TokenPurpose.CREDIT_SENDER}:
        return _("Payment")
    return _(_KINDS[entry.operation])


def status_of(entry: Entry) -> str:
    """What it came to: ``Done``, ``Under way`` and so on."""
    return _(_STATUSES[entry.status])


def file_name(given: Authorization, ending: str = "csv", month: Month | None = None) -> str:
    """A name for the statement that every system takes; of one month, or of everything since it was given."""
    name = _NOT_IN_NAMES.sub("-", given.seller_name.lower()).strip("-")
    since = f"{given.created_at:%Y-%m-%d}" if month is None else month.text
    return f"statement-{name or 'seller'}-{since}.{ending}"


async def as_csv(service: Service, given: Authorization, month: Month | None = None) -> AsyncIterator[bytes]:
    """All of it, oldest first, for spreadsheets; of one month, or everything."""
    async for piece in spreadsheets.as_csv(COLUMNS, _rows(service, given, month)):
        yield piece


async def _rows(service: Service, given: Authorization, month: Month | None) -> AsyncIterator[list[str]]:
    begin, end = (None, None) if month is None else (month.begin, month.end)
    async for entry in authorization_history.entries(service.pool, given, begin, end):
        yield [
            entry.at.isoformat(timespec="seconds"),
            kind_of(entry, given),
            harmless(entry.description or ""),
            status_of(entry),
            display_amount(entry.amount_micros),
            display_amount(entry.change_micros),
            display_amount(entry.running_micros),
            USD,
            entry.transaction_id,
        ]
