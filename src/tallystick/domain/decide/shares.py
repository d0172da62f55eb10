"""Who gets what of a payment in real money, and who gives back what in a refund, as transfers.

The recipient's book: cash ← sales for the amount, commissions ← cash for the caller's share, fees ← cash for the
service's fee. When the caller is not the recipient, its share and a fee that it pays are booked in its own book. The
operator's book mirrors all of it. A refund is the same the other way round.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tallystick.domain.accounts import TOTALS, AccountKind
from tallystick.domain.commands import FeePayer
from tallystick.domain.ids import AccountId, BookId, PartyId, TransactionId
from tallystick.domain.money import round_half_up_to_minor_unit
from tallystick.domain.outcomes import Done
from tallystick.domain.state import Decision, State, Transaction, Transfer, owed_account

_CASH = TOTALS[AccountKind.CASH]
_SALES = TOTALS[AccountKind.SALES]
_FEES = TOTALS[AccountKind.FEES]
_COMMISSIONS = TOTALS[AccountKind.COMMISSIONS]
_COMMISSION_INCOME = TOTALS[AccountKind.COMMISSION_INCOME]
_FEE_INCOME = TOTALS[AccountKind.FEE_INCOME]


@dataclass(slots=True)
class Shares:
    """Transfers of one transaction, by book. `back`: a refund, so debit and credit change places."""

    transaction_id: TransactionId
    back: bool = False
    turn: int = 0
    own: list[Transfer] = field(default_factory=list)
    recipient: list[Transfer] = field(default_factory=list)
    operator: list[Transfer] = field(default_factory=list)

    def move(self, transfers: list[Transfer], debit: AccountId, credit: AccountId, amount_micros: int) -> None:
        """Add a transfer, unless there is nothing to move."""
        if amount_micros:
            pair = (credit, debit) if self.back else (debit, credit)
            transfers.append(Transfer(self.transaction_id, *pair, amount_micros, self.turn))

    def elsewhere(self, state: State, recipient_id: PartyId | None) -> tuple[tuple[BookId, tuple[Transfer, ...]], ...]:
        """The recipient's transfers with the recipient's book, where that is another one."""
        if recipient_id is None or not self.recipient:
            return ()
        return ((state.recipients[recipient_id].book_id, tuple(self.recipient)),)


def share_out(
    state: State,
    transaction: Transaction,
    outside: AccountId,
    *,
    amount_micros: int,
    fee_micros: int,
    marketplace_fee_micros: int,
    back: bool = False,
    turn: int = 0,
) -> Shares:
    """The transfers of a payment or, with `back`, of a refund. Amounts are positive; `outside` is the operator's."""
    assert state.book.seller_id is not None, "payments live in sellers' books"  # noqa: S101
    caller_owed = owed_account(state.book.seller_id)
    shares = Shares(transaction.transaction_id, back, turn)
    recipient_id = transaction.recipient_id
    if recipient_id is None:
        recipient_owed, receiving = caller_owed, shares.own
    else:
        recipient_owed, receiving = owed_account(recipient_id), shares.recipient
    fees_of_recipient = transaction.fee_payer is FeePayer.RECIPIENT or recipient_id is None
    payer_book, payer_owed = (receiving, recipient_owed) if fees_of_recipient else (shares.own, caller_owed)

    shares.move(receiving, _CASH, _SALES, amount_micros)
    shares.move(shares.operator, outside, recipient_owed, amount_micros)
    if recipient_id is not None:
        shares.move(receiving, _COMMISSIONS, _CASH, marketplace_fee_micros)
        shares.move(shares.own, _CASH, _COMMISSION_INCOME, marketplace_fee_micros)
        shares.move(shares.operator, recipient_owed, caller_owed, marketplace_fee_micros)
    shares.move(payer_book, _FEES, _CASH, fee_micros)
    shares.move(shares.operator, payer_owed, _FEE_INCOME, fee_micros)
    return shares


def shared_out_whole(state: State, transaction: Transaction, outside: AccountId) -> Decision:
    """A decision that books a payment in full, as the transaction says."""
    shares = share_out(
        state,
        transaction,
        outside,
        amount_micros=transaction.amount_micros,
        fee_micros=transaction.fee_micros,
        marketplace_fee_micros=transaction.marketplace_fee_micros,
    )
    return moved_by(state, transaction, shares)


def moved_by(state: State, transaction: Transaction, shares: Shares) -> Decision:
    """A decision that books `shares` for a transaction."""
    return Decision(
        Done(),
        transactions=(transaction,),
        transfers=tuple(shares.own),
        operator_transfers=tuple(shares.operator),
        recipient_transfers=shares.elsewhere(state, transaction.recipient_id),
    )


def share_back(state: State, transaction: Transaction) -> Shares:
    """The transfers that give the caller's share, of the transaction's whole amount, back to the recipient."""
    return share_out(
        state,
        transaction,
        TOTALS[AccountKind.FEE_INCOME],  # any account: nothing comes from outside
        amount_micros=0,
        fee_micros=0,
        marketplace_fee_micros=transaction.amount_micros,
        back=True,
    )


def in_proportion(whole_micros: int, part: int, of: int) -> int:
    """`whole_micros` times `part` / `of`, in whole cents, halves up."""
    return round_half_up_to_minor_unit(whole_micros * part, of)
