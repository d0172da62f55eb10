"""The accounts of a book and how their numbers are derived. What each means: store/ledger/README.md.

Source: the table of accounts in the design. Balances are debits less credits: assets and expenses are positive,
liabilities and income negative.
"""

from __future__ import annotations

from enum import Enum, unique
from hashlib import blake2b
from typing import Final

from tallystick.domain.ids import AccountId


@unique
class AccountKind(Enum):
    """Every kind of account that a book can have."""

    CASH = "cash"  # asset: what the service holds for the seller
    SALES = "sales"  # income
    FEES = "fees"  # expense: what the service took
    WRITE_OFFS = "write_offs"  # expense: forgiven debt
    FEE_INCOME = "fee_income"  # income, operator's book
    COMMISSIONS = "commissions"  # expense: a caller's share of what was received
    COMMISSION_INCOME = "commission_income"  # income: one's share as the caller of others' payments
    IN_DISPUTE = "in_dispute"  # asset: what rails hold back until disputes end
    DUES = "dues"  # liability: what the seller owes the service beyond its cash
    DISPUTE_LOSSES = "dispute_losses"  # expense: what was taken back after it was spent
    DISPUTE_FEES = "dispute_fees"  # expense: what rails charge for disputes
    PAYOUTS_UNDER_WAY = "payouts_under_way"  # asset: cash on its way to the seller's bank
    PAID_OUT = "paid_out"  # asset: what the service paid to the seller's bank
    PAYOUTS_DUE = "payouts_due"  # liability, operator's book: what payouts under way will take from rails
    RAIL_FEES = "rail_fees"  # expense, operator's book: what rails kept for their service
    BANK = "bank"  # asset, operator's book: what rails have paid to the operator's bank
    SUSPENSE = "suspense"  # operator's book: what moved at rails and belongs to no transaction of ours
    PREPAID = "prepaid"  # liability: one prepaid instrument's balance
    FROZEN = "frozen"  # liability: what open disputes froze of one prepaid balance
    RECEIVABLE = "receivable"  # asset: one credit instrument's debt
    RAIL = "rail"  # asset, operator's book: money at one rail
    OWED_TO = "owed_to"  # liability, operator's book: one seller's cash
    DUE_FROM = "due_from"  # asset, operator's book: one seller's dues
    BALANCE_OF = "balance_of"  # liability, operator's book: one person's account balance


TOTALS: Final = {
    AccountKind.CASH: AccountId(1),
    AccountKind.SALES: AccountId(2),
    AccountKind.FEES: AccountId(3),
    AccountKind.WRITE_OFFS: AccountId(4),
    AccountKind.FEE_INCOME: AccountId(5),
    AccountKind.COMMISSIONS: AccountId(6),
    AccountKind.COMMISSION_INCOME: AccountId(7),
    AccountKind.IN_DISPUTE: AccountId(20),
    AccountKind.DUES: AccountId(21),
    AccountKind.DISPUTE_LOSSES: AccountId(22),
    AccountKind.DISPUTE_FEES: AccountId(23),
    AccountKind.PAYOUTS_UNDER_WAY: AccountId(30),
    AccountKind.PAID_OUT: AccountId(31),
    AccountKind.PAYOUTS_DUE: AccountId(32),
    AccountKind.RAIL_FEES: AccountId(40),
    AccountKind.BANK: AccountId(41),
    AccountKind.SUSPENSE: AccountId(42),
}
"""The accounts that a book has once, with their fixed numbers."""

_FIRST_DERIVED: Final = 1 << 62


def account_id(kind: AccountKind, subject: str = "") -> AccountId:
    """The number of an account within its book: fixed for totals, derived from kind and subject for the others.

    62 derived bits: a clash within one book is practically impossible, and the primary key would refuse it.
    """
    if kind in TOTALS:
        return TOTALS[kind]
    digest = blake2b(f"{kind.value}:{subject}".encode(), digest_size=8).digest()
    return AccountId(_FIRST_DERIVED | int.from_bytes(digest, "big") >> 2)


def is_total(account: AccountId) -> bool:
    """Whether this is an account that each book has once, or one that is derived from a subject."""
    return account < _FIRST_DERIVED


def bounds(kind: AccountKind, limit_micros: int | None = None) -> tuple[int | None, int | None]:
    """The least and the greatest balance that an account may have, in micro-units; None: no bound.

    The decisions keep balances within them; the account's row repeats them for a CHECK of the schema. `limit_micros`
    is a receivable's credit limit. What the operator owes a seller and its income are not bounded: where the operator's
    book is in parts, one may have paid out what another took in.
    """
    if kind is AccountKind.RECEIVABLE:
        return 0, limit_micros
    assets = {AccountKind.CASH, AccountKind.IN_DISPUTE, AccountKind.DUE_FROM}
    if kind in assets or kind in {
        AccountKind.FEES,
        AccountKind.WRITE_OFFS,
        AccountKind.COMMISSIONS,
        AccountKind.DISPUTE_LOSSES,
        AccountKind.DISPUTE_FEES,
    }:
        return 0, None
    if kind in {AccountKind.PAYOUTS_UNDER_WAY, AccountKind.PAID_OUT}:
        return 0, None
    liabilities = {
        AccountKind.PREPAID,
        AccountKind.FROZEN,
        AccountKind.BALANCE_OF,
        AccountKind.DUES,
        AccountKind.PAYOUTS_DUE,
    }
    if kind in liabilities or kind is AccountKind.COMMISSION_INCOME:
        return None, 0
    return None, None
