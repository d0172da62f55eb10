"""What movements of a seller's books count as in a month's close: which kind, and whether they go on or come back."""

from __future__ import annotations

from enum import Enum, unique
from typing import Final

from tallystick.domain.accounts import AccountKind

CASH: Final = AccountKind.CASH
PREPAID: Final = AccountKind.PREPAID
RECEIVABLE: Final = AccountKind.RECEIVABLE
SALES: Final = AccountKind.SALES

Pair = tuple[AccountKind, AccountKind]
"""The kinds of a debited and a credited account."""


@unique
class CloseLine(Enum):
    """A kind of business in a month's close."""

    FUNDINGS = "fundings"
    CHARGES_OF_BALANCES = "charges_of_balances"
    CHARGES_ON_TABS = "charges_on_tabs"
    SETTLEMENTS = "settlements"
    DIRECT_PAYMENTS = "direct_payments"
    WRITE_OFFS = "write_offs"
    SHARES_PAID = "shares_paid"  # to callers who had this seller paid
    SHARES_RECEIVED = "shares_received"  # as the caller of payments to others
    DISPUTES = "disputes"
    PAYOUTS = "payouts"
    OTHER = "other"


_FORWARD: Final[dict[Pair, CloseLine]] = {
    (CASH, PREPAID): CloseLine.FUNDINGS,
    (PREPAID, SALES): CloseLine.CHARGES_OF_BALANCES,
    (RECEIVABLE, SALES): CloseLine.CHARGES_ON_TABS,
    (CASH, RECEIVABLE): CloseLine.SETTLEMENTS,
    (CASH, SALES): CloseLine.DIRECT_PAYMENTS,
    (AccountKind.WRITE_OFFS, RECEIVABLE): CloseLine.WRITE_OFFS,
    (AccountKind.COMMISSIONS, CASH): CloseLine.SHARES_PAID,
    (CASH, AccountKind.COMMISSION_INCOME): CloseLine.SHARES_RECEIVED,
    (AccountKind.IN_DISPUTE, CASH): CloseLine.DISPUTES,
    (AccountKind.IN_DISPUTE, AccountKind.DUES): CloseLine.DISPUTES,
    (AccountKind.PAYOUTS_UNDER_WAY, CASH): CloseLine.PAYOUTS,
    (AccountKind.PAID_OUT, CASH): CloseLine.PAYOUTS,
}
"""What the gross amount of a line is made of; the same the other way round is what came back of it."""

_OF_DISPUTES: Final = {
    AccountKind.IN_DISPUTE,
    AccountKind.DUES,
    AccountKind.DISPUTE_LOSSES,
    AccountKind.DISPUTE_FEES,
    AccountKind.FROZEN,
}
_OF_PAYOUTS: Final = {AccountKind.PAYOUTS_UNDER_WAY, AccountKind.PAID_OUT}
FEES: Final = {AccountKind.FEES, AccountKind.DISPUTE_FEES}


def line_of(pair: Pair, beside: Pair | None) -> CloseLine:
    """The line of a movement. `beside`: of a fee, what else its transaction moved; None: a fee for somebody else's."""
    if AccountKind.FEES in pair:
        return CloseLine.SHARES_RECEIVED if beside is None else line_of(beside, None)
    known = _FORWARD.get(pair) or _FORWARD.get((pair[1], pair[0]))
    if known is not None:
        return known
    if _OF_DISPUTES.intersection(pair):
        return CloseLine.DISPUTES
    return CloseLine.PAYOUTS if _OF_PAYOUTS.intersection(pair) else CloseLine.OTHER


def goes_on(pair: Pair) -> bool:
    """Whether it is part of its line's gross amount."""
    return pair in _FORWARD


def comes_back(pair: Pair) -> bool:
    """Whether it is part of what its line gave back."""
    return (pair[1], pair[0]) in _FORWARD
