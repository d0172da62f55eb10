"""The part of a book that a group of commands needs, as values; and what a decision changes in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, unique
from typing import Final, TypeAlias

from msgspec import Struct

from tallystick.domain.accounts import TOTALS, AccountKind, account_id
from tallystick.domain.commands import FeePayer
from tallystick.domain.disputes.dispute import Dispute, DisputedSettlements
from tallystick.domain.fees import FeeSchedules
from tallystick.domain.ids import AccountId, BookId, InstrumentId, PartyId, TokenId, TransactionId
from tallystick.domain.outcomes import Outcome, TransactionStatus
from tallystick.domain.rails.commands import RailOperation
from tallystick.domain.standing import NO_DEMANDS, WELL_KNOWN, Demands, Standing
from tallystick.domain.tokens import Token

BookingKey: TypeAlias = tuple[str, str, AccountKind]
"""Name of a rail, its own name of a movement, and the account that stands against the rail's."""


class Book(Struct, frozen=True):
    """Whose book it is and its rules. `seller_id` is None in the operator's own book.

    `simulate_faults`: amounts whose first decimal is 6 or 7 fail on purpose (sandbox). `demands`: what all accounts are
    asked for before money moves.
    """

    book_id: BookId
    seller_id: PartyId | None
    seller_active: bool
    minimum_charge_micros: int
    fees: FeeSchedules
    simulate_faults: bool
    seller_standing: Standing = WELL_KNOWN
    demands: Demands = NO_DEMANDS


@unique
class InstrumentKind(Enum):
    """The two kinds of instrument."""

    PREPAID = "prepaid"
    CREDIT = "credit"


class Instrument(Struct, frozen=True):
    """A prepaid balance or a debt between one sender and one seller.

    `balance_micros`: what is left to spend (prepaid) or what is owed (credit), never negative.
    `limit_micros`: the most that funding may raise the balance to, or the most that may be owed at one time.
    `total_limit_micros`, `charged_micros`: the most that may be charged over the whole life, and what was; credit only.
    `pending_micros`: funding on its way in, or debt being settled; not final yet. `number`: that of its account, where
    it is known and need not be derived again. `uncovered_micros`: what open disputes claim of a prepaid balance and
    found spent; what refunds give back goes there first. Payments do not read it.
    """

    instrument_id: InstrumentId
    kind: InstrumentKind
    sender_id: PartyId
    balance_micros: int
    limit_micros: int
    pending_micros: int
    valid_from: datetime
    expires_at: datetime | None
    total_limit_micros: int | None = None
    charged_micros: int = 0
    number: AccountId | None = None
    uncovered_micros: int = 0

    @property
    def account_id(self) -> AccountId:
        """Number of the account that holds this balance or debt."""
        if self.number is not None:
            return self.number
        kind = AccountKind.PREPAID if self.kind is InstrumentKind.PREPAID else AccountKind.RECEIVABLE
        return account_id(kind, self.instrument_id)

    @property
    def settleable_micros(self) -> int:
        """Debt that may still be settled, written off or refunded: what is being settled counts as gone."""
        return self.balance_micros - self.pending_micros


@unique
class Operation(Enum):
    """What a transaction does, in the protocol's words. Ours: Deposit, Dispute, Payout…, RailMovement, …Reversal."""

    FUND_PREPAID = "FundPrepaid"
    PAY = "Pay"
    RESERVE = "Reserve"
    SETTLE_DEBT = "SettleDebt"
    WRITE_OFF_DEBT = "WriteOffDebt"
    REFUND = "Refund"
    PAYOUT = "Payout"
    PAYOUT_RETURN = "PayoutReturn"
    DEPOSIT = "Deposit"
    DISPUTE = "Dispute"
    RAIL_MOVEMENT = "RailMovement"
    REFUND_REVERSAL = "RefundReversal"

    __hash__ = object.__hash__  # Enum's own is a call in Python, for each look-up of what an operation may come to


class Transaction(Struct, frozen=True):
    """One money action with its status. Source of the fields: docs/protocol/datatypes.md, TransactionDetail.

    `sender_id` is the buyer, also in a refund, where the money goes the other way. `recipient_id` is None when the
    caller, whose book this is, is the recipient. `fee_micros` is what the service takes, `marketplace_fee_micros` the
    caller's share; both are negative in a refund. `fee_refunded_micros` of the fee and `marketplace_refunded_micros` of
    the share went back, or will with the answer of a rail.
    `disputed_micros`: what disputes that are open or lost claim of it. `status_number` counts the statuses it came to.
    `reserved_until`: when a reservation lapses. A refund of the share alone has no sender: the caller pays it to the
    recipient.
    """

    transaction_id: TransactionId
    operation: Operation
    status: TransactionStatus
    status_code: str
    status_message: str | None
    amount_micros: int
    fee_micros: int
    payment_method: str
    sender_id: PartyId | None
    sender_token_id: TokenId | None
    instrument_id: InstrumentId | None
    caller_reference: str
    requested_at: datetime
    received_at: datetime
    completed_at: datetime | None
    original_id: TransactionId | None = None
    refunded_micros: int = 0
    caller_description: str | None = None
    sender_description: str | None = None
    notification_url: str | None = None
    recipient_id: PartyId | None = None
    recipient_token_id: TokenId | None = None
    fee_payer: FeePayer = FeePayer.RECIPIENT
    marketplace_fee_micros: int = 0
    marketplace_refunded_micros: int = 0
    fee_refunded_micros: int = 0
    status_number: int = 1
    reserved_until: datetime | None = None
    times_out_at: datetime | None = None
    disputed_micros: int = 0

    @property
    def refundable_micros(self) -> int:
        """What neither refunds gave back nor disputes claim."""
        return self.amount_micros - self.refunded_micros - self.disputed_micros


class StatusChange(Struct, frozen=True):
    """A status that a slow transaction came to after its first. `number` counts from 2."""

    transaction_id: TransactionId
    number: int
    status: TransactionStatus
    status_code: str
    amount_micros: int


class Transfer(Struct, frozen=True):
    """An amount moved from the account credited to the account debited, within one book.

    `phase`: 0 for what a transaction moves in its first status, and one more for each status after that. `number`: its
    place among the transfers of a transaction that moves more often than it changes its status.
    """

    transaction_id: TransactionId
    debit: AccountId
    credit: AccountId
    amount_micros: int
    phase: int = 0
    number: int | None = None


KEPT_OF_FINGERPRINT: Final = 11
"""Bytes of a fingerprint, a digest, that tell two requests under one reference apart as well as all of it does.

With one more, a row of the answers would be 8 bytes longer.
"""


class IdempotencyRecord(Struct, frozen=True):
    """The first answer to a caller reference. `outcome`: what the same request gets from then on.

    Without a fingerprint, that was too long ago to be told again: the reference is spent, and no more. Of some answers
    only the beginning of it is kept, KEPT_OF_FINGERPRINT bytes.
    """

    fingerprint: bytes | None
    outcome: Outcome

    def is_of(self, fingerprint: bytes) -> bool:
        """Whether a request with this fingerprint is the one that was answered."""
        kept = self.fingerprint
        return kept is not None and (
            kept == fingerprint or (len(kept) >= KEPT_OF_FINGERPRINT and fingerprint.startswith(kept))
        )


class Event(Struct, frozen=True):
    """An event for the outbox, written in the money's own commit. `status` of the transaction when it happened."""

    event_id: str
    kind: str
    subject_id: str
    status: str | None = None
    status_code: str | None = None
    notification_url: str | None = None


class RailRequest(Struct, frozen=True):
    """The intent to ask a rail; transaction and operation are its idempotency key there.

    `earlier_id` is the transaction that is captured, voided or refunded.
    """

    transaction_id: TransactionId
    rail: str
    amount_micros: int
    payment_method_id: int
    operation: RailOperation = RailOperation.CHARGE
    earlier_id: TransactionId | None = None


class RailRecord(Struct, frozen=True):
    """What a rail has done without an order of ours, and what it calls that. No means of payment: it is not known."""

    transaction_id: TransactionId
    rail: str
    operation: RailOperation
    reference: str
    payment_method_id: int | None


class PayoutOrder(Struct, frozen=True):
    """What is to be paid to a seller's bank; the transaction is its idempotency key. `due_at` as in RequestPayout."""

    transaction_id: TransactionId
    rail: str
    amount_micros: int
    destination_id: int | None
    due_at: datetime | None
    done: bool = False


class PayoutEnd(Struct, frozen=True):
    """A payout is no longer under way. `reference`: the bank's, or the rail's own."""

    transaction_id: TransactionId
    reference: str | None = None


class RailUse(Struct, frozen=True):
    """By what a transaction was paid: the rail, and the card or bank account there."""

    rail: str
    payment_method_id: int


class RailBooking(Struct, frozen=True):
    """That a movement at a rail is booked, by which transaction. `amount_micros` as in BookMovement."""

    rail: str
    movement_id: str
    account: AccountKind
    transaction_id: TransactionId
    amount_micros: int

    @property
    def key(self) -> BookingKey:
        """What is booked once."""
        return self.rail, self.movement_id, self.account


class Decision(Struct, frozen=True):
    """What one command came to and everything that it changes. A refusal changes nothing but its reference.

    `operator_transfers` belong to the operator's book of the same environment, `recipient_transfers` to the book of
    another seller who is the recipient; all else to this book. `opens` are accounts of this book that are created
    unless they exist, `operator_opens` those of the operator's, `recipient_opens` those of a recipient's. `resolved`
    names a rail request that is done with. `payout`: one that begins, or is over.
    `booking`: a movement at a rail that is booked now.
    """

    outcome: Outcome
    answered: tuple[str, IdempotencyRecord] | None = None
    transactions: tuple[Transaction, ...] = ()
    opens: tuple[tuple[AccountKind, str], ...] = ()
    operator_opens: tuple[tuple[AccountKind, str], ...] = ()
    recipient_opens: tuple[tuple[BookId, tuple[tuple[AccountKind, str], ...]], ...] = ()
    transfers: tuple[Transfer, ...] = ()
    operator_transfers: tuple[Transfer, ...] = ()
    recipient_transfers: tuple[tuple[BookId, tuple[Transfer, ...]], ...] = ()
    steps: tuple[StatusChange, ...] = ()
    instruments: tuple[Instrument, ...] = ()
    tokens: tuple[Token, ...] = ()
    events: tuple[Event, ...] = ()
    rail_request: RailRequest | None = None
    rail_record: RailRecord | None = None
    resolved: tuple[TransactionId, RailOperation] | None = None
    disputes: tuple[Dispute, ...] = ()
    payout: PayoutOrder | PayoutEnd | None = None
    booking: RailBooking | None = None


class Seller(Struct, frozen=True):
    """Another seller who takes part as the recipient, with the book of this environment."""

    party_id: PartyId
    book_id: BookId
    active: bool
    standing: Standing = WELL_KNOWN


@dataclass(slots=True)
class State:
    """What was loaded for a group: only what its commands name. Changed by `apply` alone, between two decisions.

    `person_balances`: account balances (ABT) from the operator's book, in micro-units.
    `token_references`: references among those asked for that already name a token, with its id.
    `recipients`: the other sellers that recipient tokens and earlier transactions name. `cash`: balances of the cash
    accounts, by book, where a command may take from them. `dues_micros`: what the seller owes for disputes, where a
    command must leave that much of the cash. `unasked`: rail requests that no worker has taken up yet.
    `rail_uses`: by what earlier transactions were paid, as far as that is known.
    `returned`: those that a rail was asked to give back although they had come to nothing. `recorded`: refunds by the
    names that rails have for them, as far as commands name these.
    `spent_elsewhere`: references that belong to another book of the same seller. `disputes`: those that are named, and
    the open ones of instruments that refunds go to. `disputed_settlements`: the seller's choice.
    `payout_rails`: by which rail each payout goes. `bookings`: of the movements that are named, those that
    were booked before.
    """

    book: Book
    instruments: dict[InstrumentId, Instrument] = field(default_factory=dict)
    tokens: dict[TokenId, Token] = field(default_factory=dict)
    transactions: dict[TransactionId, Transaction] = field(default_factory=dict)
    answered: dict[str, IdempotencyRecord] = field(default_factory=dict)
    person_balances: dict[PartyId, int] = field(default_factory=dict)
    token_references: dict[str, TokenId] = field(default_factory=dict)
    recipients: dict[PartyId, Seller] = field(default_factory=dict)
    cash: dict[BookId, int] = field(default_factory=dict)
    dues_micros: int = 0
    unasked: dict[TransactionId, RailOperation] = field(default_factory=dict)
    rail_uses: dict[TransactionId, RailUse] = field(default_factory=dict)
    returned: set[TransactionId] = field(default_factory=set)
    recorded: dict[tuple[str, str], TransactionId] = field(default_factory=dict)
    spent_elsewhere: frozenset[str] = frozenset()
    disputes: dict[TransactionId, Dispute] = field(default_factory=dict)
    disputed_settlements: DisputedSettlements = DisputedSettlements.DEBT
    payout_rails: dict[TransactionId, str] = field(default_factory=dict)
    bookings: dict[BookingKey, RailBooking] = field(default_factory=dict)
    _people: Mapping[AccountId, PartyId] = field(default_factory=dict)
    """Whose balance each account is, derived once for a group."""

    def apply(self, decision: Decision) -> None:
        """Bring the state up to date with a decision, so that the next command of the group sees it."""
        for instrument in decision.instruments:
            self.instruments[instrument.instrument_id] = instrument
        for token in decision.tokens:
            self.tokens[token.token_id] = token
            self.token_references[token.caller_reference] = token.token_id
        for transaction in decision.transactions:
            self.transactions[transaction.transaction_id] = transaction
        self._apply_rarer(decision)
        if decision.answered is not None:
            reference, answer = decision.answered
            self.answered[reference] = answer
        if decision.operator_transfers:
            self._move_person_balances(decision.operator_transfers)
        if self.cash:
            self._move_dues(decision.transfers)
            self._move_cash(self.book.book_id, decision.transfers)
            for book_id, transfers in decision.recipient_transfers:
                self._move_cash(book_id, transfers)

    def _apply_rarer(self, decision: Decision) -> None:
        """What payments do not change: disputes, payouts, movements at rails."""
        for dispute in decision.disputes:
            self.disputes[dispute.transaction_id] = dispute
        payout = decision.payout  # nearly always None, which isinstance takes its time to tell
        if payout is not None and isinstance(payout, PayoutOrder):
            self.payout_rails[payout.transaction_id] = payout.rail
        if decision.booking is not None:
            self.bookings[decision.booking.key] = decision.booking
        request = decision.rail_request
        if request is not None and request.operation is RailOperation.RETURN:
            self.returned.add(request.transaction_id)
        if decision.rail_record is not None:
            seen = decision.rail_record
            self.recorded[seen.rail, seen.reference] = seen.transaction_id

    def _move_cash(self, book_id: BookId, transfers: tuple[Transfer, ...]) -> None:
        cash = TOTALS[AccountKind.CASH]
        for transfer in transfers if book_id in self.cash else ():
            if transfer.debit == cash:
                self.cash[book_id] += transfer.amount_micros
            if transfer.credit == cash:
                self.cash[book_id] -= transfer.amount_micros

    def _move_dues(self, transfers: tuple[Transfer, ...]) -> None:
        dues = TOTALS[AccountKind.DUES]
        for transfer in transfers:
            if transfer.credit == dues:
                self.dues_micros += transfer.amount_micros
            if transfer.debit == dues:
                self.dues_micros -= transfer.amount_micros

    def _move_person_balances(self, transfers: tuple[Transfer, ...]) -> None:
        if len(self._people) != len(self.person_balances):
            self._people = {balance_account(party): party for party in self.person_balances}
        for transfer in transfers:
            if transfer.debit in self._people:
                self.person_balances[self._people[transfer.debit]] -= transfer.amount_micros
            if transfer.credit in self._people:
                self.person_balances[self._people[transfer.credit]] += transfer.amount_micros


def balance_account(party_id: PartyId) -> AccountId:
    """Number of a person's account balance in the operator's book."""
    return account_id(AccountKind.BALANCE_OF, str(party_id))


def owed_account(seller_id: PartyId) -> AccountId:
    """Number of what the operator owes a seller, in the operator's book."""
    return account_id(AccountKind.OWED_TO, str(seller_id))
