"""Plain words for what the books call by a code: kinds and statuses of transactions, accounts, tokens."""

from collections.abc import Mapping
from typing import Final

from tallystick.domain.accounts import AccountKind
from tallystick.domain.disputes.dispute import DisputeStatus
from tallystick.domain.scopes import KeyScope
from tallystick.services.actions.tokens import FRIENDLY_NAMES
from tallystick.services.reports.transactions import AccountName, TransferRecord
from tallystick.services.seller.staff import StaffRole

OPERATIONS: Final[Mapping[str, str]] = {
    "Pay": "Payment",
    "Reserve": "Reservation",
    "Refund": "Refund",
    "FundPrepaid": "Balance filled",
    "SettleDebt": "Debt settled",
    "WriteOffDebt": "Debt written off",
    "Dispute": "Dispute",
    "RefundReversal": "Refund come back",
    "Payout": "Payout",
    "PayoutReturn": "Payout come back",
}
RAIL_ORDERS: Final = {
    "charge": "Charged by",
    "authorize": "Held by",
    "capture": "Charged by",
    "void": "Let go by",
    "refund": "Given back by",
    "return": "Came too late, given back by",
}
"""What a payment network was asked for, before its name."""

STATUSES: Final[Mapping[str, tuple[str, str]]] = {
    "Success": ("Succeeded", "good"),
    "Pending": ("Pending", "warn"),
    "Reserved": ("Reserved", "warn"),
    "Failure": ("Failed", "bad"),
    "Cancelled": ("Cancelled", ""),
}
"""What a status is called, and the tone of its badge."""

METHODS: Final[Mapping[str, str]] = {
    "Prepaid": "Prepaid balance",
    "Debt": "Tab",
    "CC": "Card",
    "ACH": "Bank account",
    "ABT": "Account balance",
    "Payout": "To your bank",
}
ROLES: Final[Mapping[StaffRole, str]] = {
    StaffRole.OWNER: "Does everything, and decides who else may.",
    StaffRole.FINANCE: "Refunds, settles and writes off; sees everything.",
    StaffRole.DEVELOPER: "Makes keys that move no real money, sets up notifications, tries things; sees everything.",
    StaffRole.VIEWER: "Sees everything and changes nothing.",
}
"""What to say of each role to whoever gives it."""

SCOPES: Final[Mapping[KeyScope, tuple[str, str]]] = {
    KeyScope.READ: ("Read", "Balances, debts, transactions, tokens."),
    KeyScope.CHARGE: (
        "Charge",
        "Pay from balances, on tabs and in real money; reserve, settle and cancel holds.",
    ),
    KeyScope.FUND: ("Fund balances", "Charge buyers to fill their prepaid balances."),
    KeyScope.REFUND: ("Refund", "Give payments back, and what was not spent of a balance."),
    KeyScope.SETTLE: ("Settle debts", "Charge buyers for what they owe."),
    KeyScope.WRITE_OFF: ("Write off debts", "Forgive what buyers owe."),
    KeyScope.TOKENS: ("Tokens", "Cancel tokens and subscriptions, make tokens on your own account."),
    KeyScope.HOSTED_LINKS: ("Hosted links", "Sign links and buttons that lead buyers to the hosted pages."),
    KeyScope.NOTIFICATIONS: ("Notifications", "Have messages checked that say they come from here."),
    KeyScope.PAY_OUT: ("Pay out", "Let cash leave for your bank account."),
    KeyScope.WEBHOOKS: ("Webhooks", "Say where events are delivered to."),
}
"""What to say of each scope to whoever gives it to a key: a title, and what it lets programs do."""

DISPUTES: Final[Mapping[DisputeStatus, tuple[str, str]]] = {
    DisputeStatus.OPENED: ("Opened", "warn"),
    DisputeStatus.EVIDENCE_DUE: ("Evidence wanted", "bad"),
    DisputeStatus.WON: ("Won", "good"),
    DisputeStatus.LOST: ("Lost", "bad"),
}
"""What the state of a dispute is called, and the tone of its badge."""

INSTRUMENTS: Final[Mapping[str, str]] = {"prepaid": "Prepaid balance", "credit": "Tab"}
PURPOSES: Final = FRIENDLY_NAMES
TOKEN_TYPES: Final[Mapping[str, str]] = {
    "SingleUse": "Once",
    "MultiUse": "Many times",
    "Recurring": "At regular times",
    "Unrestricted": "Without limits",
}
NOTICES: Final[Mapping[str, tuple[str, str]]] = {
    "waiting": ("Waiting", "warn"),
    "delivered": ("Delivered", "good"),
    "dead": ("Given up", "bad"),
    "unwanted": ("Not asked for", "quiet"),
}
"""What the state of a notification is called, and the tone of its badge."""

ACCOUNTS: Final[Mapping[AccountKind, str]] = {
    AccountKind.CASH: "Cash held for you",
    AccountKind.SALES: "Sales",
    AccountKind.FEES: "Fees",
    AccountKind.WRITE_OFFS: "Written off",
    AccountKind.COMMISSIONS: "Shares of callers",
    AccountKind.COMMISSION_INCOME: "Your shares",
    AccountKind.PAYOUTS_UNDER_WAY: "Payouts under way",
    AccountKind.PAID_OUT: "Paid out",
    AccountKind.PREPAID: "Prepaid balance",
    AccountKind.RECEIVABLE: "Debt",
    AccountKind.FROZEN: "Frozen balance",
    AccountKind.IN_DISPUTE: "In dispute",
    AccountKind.DUES: "What you owe the service",
    AccountKind.DISPUTE_LOSSES: "Lost in disputes",
    AccountKind.DISPUTE_FEES: "Fees of disputes",
}
"""The accounts of a seller's book. The operator's accounts are in no seller's book."""

_MEANINGS: Final[Mapping[tuple[AccountKind, AccountKind], str]] = {
    (AccountKind.PREPAID, AccountKind.SALES): "Spent from the prepaid balance",
    (AccountKind.RECEIVABLE, AccountKind.SALES): "Put on the tab",
    (AccountKind.CASH, AccountKind.PREPAID): "Money received for the balance",
    (AccountKind.CASH, AccountKind.RECEIVABLE): "Money received for the debt",
    (AccountKind.CASH, AccountKind.SALES): "Payment received",
    (AccountKind.FEES, AccountKind.CASH): "Fee of the service",
    (AccountKind.WRITE_OFFS, AccountKind.RECEIVABLE): "Debt forgiven",
    (AccountKind.SALES, AccountKind.PREPAID): "Given back to the balance",
    (AccountKind.PREPAID, AccountKind.CASH): "Unspent, given back",
    (AccountKind.SALES, AccountKind.RECEIVABLE): "Taken off the debt",
    (AccountKind.SALES, AccountKind.CASH): "Paid back",
    (AccountKind.CASH, AccountKind.FEES): "Fee given back",
    (AccountKind.COMMISSIONS, AccountKind.CASH): "Share of the caller",
    (AccountKind.CASH, AccountKind.COMMISSIONS): "Share given back by the caller",
    (AccountKind.CASH, AccountKind.COMMISSION_INCOME): "Your share",
    (AccountKind.COMMISSION_INCOME, AccountKind.CASH): "Your share given back",
    (AccountKind.PAYOUTS_UNDER_WAY, AccountKind.CASH): "On its way to your bank",
    (AccountKind.PAID_OUT, AccountKind.PAYOUTS_UNDER_WAY): "Sent to your bank",
    (AccountKind.CASH, AccountKind.PAYOUTS_UNDER_WAY): "Not sent: cash again",
    (AccountKind.PAID_OUT, AccountKind.CASH): "Paid out",
    (AccountKind.CASH, AccountKind.PAID_OUT): "Come back from your bank",
}


_OF_PAYMENTS: Final = frozenset(
    {
        (AccountKind.CASH, AccountKind.SALES),
        (AccountKind.FEES, AccountKind.CASH),
        (AccountKind.COMMISSIONS, AccountKind.CASH),
        (AccountKind.CASH, AccountKind.COMMISSION_INCOME),
    }
)
"""Transfers of payments in real money; a refund reverses what it booked when it was opened."""


_PAIRS_OF_DISPUTES: Final[Mapping[tuple[AccountKind, AccountKind], str]] = {
    (AccountKind.FROZEN, AccountKind.IN_DISPUTE): "Taken back: it was frozen",
    (AccountKind.RECEIVABLE, AccountKind.IN_DISPUTE): "Owed again",
    (AccountKind.PREPAID, AccountKind.FROZEN): "Frozen by the dispute",
    (AccountKind.FROZEN, AccountKind.PREPAID): "Free again",
    (AccountKind.DUES, AccountKind.CASH): "Paid from your cash",
}
_OF_DISPUTES: Final[Mapping[AccountKind, tuple[str, str]]] = {
    AccountKind.DISPUTE_LOSSES: ("Lost", "No longer lost"),
    AccountKind.DISPUTE_FEES: ("Fee of the bank", "Fee given back"),
    AccountKind.IN_DISPUTE: ("Held back by the bank", "No longer held back"),
}
"""What a dispute's transfer is about, by the first of these accounts that it moves: debited, credited."""


def meaning_in_dispute(moved: TransferRecord) -> str:
    """What a transfer of a dispute was about."""
    pair = moved.debit.kind, moved.credit.kind
    if pair in _PAIRS_OF_DISPUTES:
        return _PAIRS_OF_DISPUTES[pair]
    for kind, (debited, credited) in _OF_DISPUTES.items():
        if kind in pair:
            return debited if moved.debit.kind is kind else credited
    return "Taken back" if moved.credit.kind is AccountKind.CASH else "Given back"


def meaning(moved: TransferRecord, *, refund: bool) -> str:
    """What a transfer of a payment or of a refund was about."""
    pair = moved.debit.kind, moved.credit.kind
    if refund and pair == (AccountKind.CASH, AccountKind.PREPAID):
        return "Booked back: the refund was declined"
    if refund and pair in _OF_PAYMENTS:
        return "Booked back: the refund was declined"
    return _MEANINGS[pair]


def account(name: AccountName) -> str:
    """What an account of the seller's book is called."""
    return ACCOUNTS[name.kind]


def status_options() -> list[tuple[str, str]]:
    """The statuses to choose from, and any."""
    return [("", "Any status"), *((status, name) for status, (name, _) in STATUSES.items())]
