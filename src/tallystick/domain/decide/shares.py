"""Who gets what of a payment in real money, and who gives back what in a refund, as transfers.

The recipient's book: cash ← sales for the amount, commissions ← cash for the caller's share, fees ← cash for the
service's fee. When the caller is not the recipient, its share and a fee that it pays are booked in its own book. The
operator's book mirrors all of it. A refund is the same the other way round.

What waits for a rail is booked in two steps. Opening it takes from sellers what they will have to give and gives them
nothing; the answer brings the rest, or gives back what was taken. So no answer of a rail ever takes a seller's cash,
however it is spent meanwhile, and every answer can be booked.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tallystick.domain.accounts import TOTALS, AccountKind
from tallystick.domain.commands import FeePayer, Method
from tallystick.domain.ids import AccountId, BookId, PartyId, TransactionId
from tallystick.domain.money import round_half_up_to_minor_unit
from tallystick.domain.outcomes import Done
from tallystick.domain.state import Decision, Operation, State, Transaction, Transfer, owed_account

_CASH = TOTALS[AccountKind.CASH]
_SALES = TOTALS[AccountKind.SALES]
_FEES = TOTALS[AccountKind.FEES]
_COMMISSIONS = TOTALS[AccountKind.COMMISSIONS]
_COMMISSION_INCOME = TOTALS[AccountKind.COMMISSION_INCOME]
_FEE_INCOME = TOTALS[AccountKind.FEE_INCOME]


@dataclass(frozen=True, slots=True)
class Parts:
    """What a transaction moves, in micro-units: the amount, the service's fee, the caller's share. Negative: back."""

    amount_micros: int = 0
    fee_micros: int = 0
    share_micros: int = 0

    def __sub__(self, other: Parts) -> Parts:
        return Parts(
            self.amount_micros - other.amount_micros,
            self.fee_micros - other.fee_micros,
            self.share_micros - other.share_micros,
        )


NOTHING = Parts()


def whole(transaction: Transaction) -> Parts:
    """All that a payment, or the refund of one, moves when it succeeds."""
    sign = -1 if transaction.operation is Operation.REFUND else 1
    return Parts(sign * transaction.amount_micros, transaction.fee_micros, transaction.marketplace_fee_micros)


def when_opened(transaction: Transaction) -> Parts:
    """What of it is booked while the rail has not answered yet, or holds the amount.

    A payment: the fee of a caller who is not the recipient, as far as its share will not cover it. A refund: the amount
    and the share; and the fee, if it goes to who gives the amount and is less than that. `verify` knows the same rule.
    """
    fee_micros, share_micros = transaction.fee_micros, transaction.marketplace_fee_micros
    if transaction.operation is not Operation.REFUND:
        return Parts(fee_micros=max(0, fee_micros - share_micros)) if caller_pays(transaction) else NOTHING
    given_micros = transaction.amount_micros + (share_micros if transaction.recipient_id is not None else 0)
    back_micros = 0 if caller_pays(transaction) else max(fee_micros, -given_micros)
    return Parts(-transaction.amount_micros, back_micros, share_micros)


def caller_pays(transaction: Transaction) -> bool:
    """The service's fee is taken from the caller, who is not the recipient."""
    return transaction.recipient_id is not None and transaction.fee_payer is FeePayer.CALLER


def is_of_balance(transaction: Transaction) -> bool:
    """Whether its amount comes from a person's account balance or goes back there, and not from or to a rail.

    What a bank account paid comes back to the balance. `verify` knows the same rule.
    """
    if transaction.sender_id is None:
        return False
    method = transaction.payment_method
    return method == Method.ABT.value or (method == Method.ACH.value and transaction.operation is Operation.REFUND)


def book(state: State, transaction: Transaction, parts: Parts, outside: AccountId | None = None) -> Decision:
    """A decision that books `parts` of `transaction`, in all books.

    `outside`: where the amount comes from in the operator's book, a rail or a person's balance. What a transaction
    moves in a later status belongs to a later phase.
    """
    assert state.book.seller_id is not None, "payments live in sellers' books"  # noqa: S101
    recipient_id = transaction.recipient_id
    shares = _Shares(transaction.transaction_id, phase=transaction.status_number - 1)
    caller_owed = owed_account(state.book.seller_id)
    if recipient_id is None:
        recipient_owed, receiving = caller_owed, shares.own
    else:
        recipient_owed, receiving = owed_account(recipient_id), shares.recipient
    payer_book, payer_owed = (shares.own, caller_owed) if caller_pays(transaction) else (receiving, recipient_owed)

    if parts.amount_micros:
        assert outside is not None, "an amount comes from somewhere"  # noqa: S101
        shares.move(receiving, _CASH, _SALES, parts.amount_micros)
        shares.move(shares.operator, outside, recipient_owed, parts.amount_micros)
    if recipient_id is not None:
        shares.move(receiving, _COMMISSIONS, _CASH, parts.share_micros)
        shares.move(shares.own, _CASH, _COMMISSION_INCOME, parts.share_micros)
        shares.move(shares.operator, recipient_owed, caller_owed, parts.share_micros)
    shares.move(payer_book, _FEES, _CASH, parts.fee_micros)
    shares.move(shares.operator, payer_owed, _FEE_INCOME, parts.fee_micros)
    return Decision(
        Done(),
        transactions=(transaction,),
        transfers=tuple(shares.own),
        operator_transfers=tuple(shares.operator),
        recipient_transfers=shares.elsewhere(state, recipient_id),
    )


@dataclass(slots=True)
class _Shares:
    """Transfers of one transaction, by book."""

    transaction_id: TransactionId
    phase: int
    own: list[Transfer] = field(default_factory=list)
    recipient: list[Transfer] = field(default_factory=list)
    operator: list[Transfer] = field(default_factory=list)

    def move(self, transfers: list[Transfer], debit: AccountId, credit: AccountId, amount_micros: int) -> None:
        """Add a transfer, the other way round for a negative amount, unless there is nothing to move."""
        if amount_micros:
            pair = (debit, credit) if amount_micros > 0 else (credit, debit)
            transfers.append(Transfer(self.transaction_id, *pair, abs(amount_micros), self.phase))

    def elsewhere(self, state: State, recipient_id: PartyId | None) -> tuple[tuple[BookId, tuple[Transfer, ...]], ...]:
        """The recipient's transfers with the recipient's book, where that is another one."""
        if recipient_id is None or not self.recipient:
            return ()
        return ((state.recipients[recipient_id].book_id, tuple(self.recipient)),)


def in_proportion(whole_micros: int, part: int, of: int) -> int:
    """`whole_micros` times `part` / `of`, in whole cents, halves up."""
    return round_half_up_to_minor_unit(whole_micros * part, of)
