"""What came of an authorization: its history in pages or in one go, and the kind of each entry."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from enum import Enum, unique
from typing import TYPE_CHECKING, Final

from tallystick.domain.commands import TokenPurpose
from tallystick.services.buyer import page_cursors
from tallystick.store.queries import authorization_history
from tallystick.store.queries.authorization_history import HistoryEntry

if TYPE_CHECKING:
    from tallystick.services.buyer.authorization_status import AuthorizationState
    from tallystick.services.buyer.months import Month
    from tallystick.services.context import Service
    from tallystick.store.queries.authorizations import Authorization

__all__ = ["EntryKind", "HistoryEntry", "HistoryPage", "entries", "kind_of", "page"]

_INSTRUMENTS: Final = frozenset({TokenPurpose.PREPAID_SENDER, TokenPurpose.CREDIT_SENDER})


@unique
class EntryKind(Enum):
    """What an entry is to the giver: purchases are paid from a balance or a tab, payments with real money."""

    BALANCE_FILLED = "FundPrepaid"
    PURCHASE = "Purchase"
    PAYMENT = "Pay"
    HELD_PAYMENT = "Reserve"
    DEBT_SETTLED = "SettleDebt"
    DEBT_FORGIVEN = "WriteOffDebt"
    REFUND = "Refund"
    UNSPENT_REFUNDED = "RefundFunding"
    SETTLEMENT_REFUNDED = "SettlementRefunded"
    REFUND_FAILED = "RefundReversal"
    DISPUTE = "Dispute"


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """Entries, newest first. `older` is the cursor of the next page, None on the last; `newest`: it is the first."""

    entries: Sequence[HistoryEntry]
    older: str | None
    newest: bool


def kind_of(entry: HistoryEntry, authorization: Authorization) -> EntryKind:
    """What happened."""
    if entry.operation == "Pay" and authorization.purpose in _INSTRUMENTS:
        return EntryKind.PURCHASE
    if entry.operation == "RefundFunding" and authorization.purpose is TokenPurpose.CREDIT_SENDER:
        return EntryKind.SETTLEMENT_REFUNDED
    return EntryKind(entry.operation)


async def page(service: Service, state: AuthorizationState, maximum: int, cursor: str | None = None) -> HistoryPage:
    """At most so many entries, from where a cursor of this history says; from the newest for anything else."""
    authorization = state.authorization
    before = page_cursors.read(service, authorization, cursor)
    found = await authorization_history.page(service.pool, authorization, maximum + 1, before)
    shown = found[:maximum]
    older = page_cursors.write(service, authorization, shown[-1].before) if len(found) > maximum else None
    return HistoryPage(shown, older, newest=before is None)


def entries(service: Service, authorization: Authorization, month: Month | None = None) -> AsyncIterator[HistoryEntry]:
    """All of it, oldest first, without holding it in memory; of one month, or everything."""
    begin, end = (None, None) if month is None else (month.begin, month.end)
    return authorization_history.entries(service.pool, authorization, begin, end)
