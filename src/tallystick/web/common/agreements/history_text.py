"""What happened under an authorization, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tallystick.services.buyer.history import EntryKind
from tallystick.words import gettext as _
from tallystick.words import marked

if TYPE_CHECKING:
    from tallystick.services.buyer.history import HistoryEntry

_KINDS: Final = {
    EntryKind.BALANCE_FILLED: marked("Balance filled"),
    EntryKind.PURCHASE: marked("Purchase"),
    EntryKind.PAYMENT: marked("Payment"),
    EntryKind.HELD_PAYMENT: marked("Payment held first"),
    EntryKind.DEBT_SETTLED: marked("Debt settled"),
    EntryKind.DEBT_FORGIVEN: marked("Debt forgiven"),
    EntryKind.REFUND: marked("Refund"),
    EntryKind.UNSPENT_REFUNDED: marked("Unspent balance refunded"),
    EntryKind.SETTLEMENT_REFUNDED: marked("Settlement refunded"),
    EntryKind.REFUND_FAILED: marked("Refund came back"),
    EntryKind.DISPUTE: marked("Disputed by your bank"),
}
_STATUSES: Final = {
    "Success": marked("Done"),
    "Pending": marked("Under way"),
    "Reserved": marked("Held"),
    "Failure": marked("Declined"),
    "Cancelled": marked("Cancelled"),
}


def kind_in_words(kind: EntryKind) -> str:
    """What happened: ``Purchase``, ``Refund`` and so on."""
    return _(_KINDS[kind])


def status_in_words(entry: HistoryEntry) -> str:
    """Its status: ``Done``, ``Under way`` and so on."""
    return _(_STATUSES[entry.status])
