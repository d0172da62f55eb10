"""Load what a group of commands names, as domain values; write down what was decided. One statement per table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import msgspec
from msgspec import Struct

from tallystick.db.connections import Connection
from tallystick.domain.accounts import TOTALS, AccountKind
from tallystick.domain.commands import (
    AuthorizePostpaid,
    AuthorizePrepaid,
    Cancel,
    CancelToken,
    Command,
    FundPrepaid,
    InstallToken,
    Method,
    Pay,
    RecordRefund,
    Refund,
    RefundFunding,
    RequestPayout,
    Reserve,
    ReturnPayout,
    Settle,
    SettleDebt,
    TokenPurpose,
    WriteOffDebt,
    is_money_command,
)
from tallystick.domain.decide import REFERENCE_LIFETIME
from tallystick.domain.disputes.dispute import DisputedSettlements
from tallystick.domain.ids import AccountId, BookId, IdKind, InstrumentId, PartyId, TokenId, TransactionId
from tallystick.domain.rails.commands import (
    BookMovement,
    CollectDue,
    Declined,
    Deposit,
    DisputeMoved,
    RailOperation,
    ResolveCharge,
    ResolvePayout,
    ReturnCharge,
    ReverseRefund,
)
from tallystick.domain.state import Instrument, Operation, RailUse, State, Transaction, balance_account
from tallystick.store.ledger.decode import (
    answered_from_rows,
    book_from_row,
    booking_from_row,
    dispute_from_row,
    instrument_from_row,
    seller_from_row,
    token_from_row,
    transaction_from_row,
)
from tallystick.store.ledger.rules import Rules
from tallystick.store.ledger.shards import claim_payments
from tallystick.store.ledger.statements import MONEY

_RECEIVING = frozenset({TokenPurpose.RECIPIENT, TokenPurpose.INSTALLED})


_FOLLOWING_UP = (Settle, Cancel, Refund, RefundFunding, RecordRefund, ReturnCharge)
"""Commands that a rail may be asked for once more, the same one as before."""

_TAKING_CASH = (RefundFunding, RecordRefund, RequestPayout, ReverseRefund)
_BY_RAIL = frozenset({Method.CC.value, Method.ACH.value})

_GUARDED_BY_NOTHING = frozenset({IdKind.SENDER.value, IdKind.RECIPIENT.value, IdKind.INSTALLED.value})
"""First characters of tokens without an instrument, which are locked themselves."""


class NoSuchBookError(LookupError):
    """A command was sent to a book that does not exist."""


class LoadedState(Struct, frozen=True):
    """The state of a group and what the store needs besides.

    `operator_book_id`: the operator's book, or the part of it, that mirrors this one. `balances_book_id`: the one that
    has people's balances. `notification_url`: where the seller wants to hear of events. `now` is the book's own time.
    The `known_…` hold what was in the store before anything was decided. `versions`: those of the accounts, by number,
    that must still be the same when they are charged; none where the accounts are locked. `parts`: all books of a
    seller with several. `reuse_references` as in Rules. `charge_events`: charges that are answered at once are events,
    too. `one_row_payments`: payments from instruments are their own transfers; of groups that lock it is not read.
    """

    state: State
    operator_book_id: BookId | None
    balances_book_id: BookId | None
    notification_url: str | None
    now: datetime
    known_instruments: Mapping[InstrumentId, Instrument]
    known_tokens: frozenset[TokenId]
    known_transactions: frozenset[TransactionId] = frozenset()
    versions: Mapping[AccountId, int] = msgspec.field(default_factory=dict)
    parts: Sequence[BookId] = ()
    reuse_references: bool = False
    charge_events: bool = False
    one_row_payments: bool = False


@dataclass(slots=True)
class LoadRequest:
    """What the commands of a group name."""

    instruments: set[InstrumentId] = field(default_factory=set)
    tokens: set[TokenId] = field(default_factory=set)
    transactions: set[TransactionId] = field(default_factory=set)
    references: set[str] = field(default_factory=set)
    token_references: set[str] = field(default_factory=set)

    @classmethod
    def by(cls, commands: Sequence[Command]) -> LoadRequest:
        """Collect the names in `commands`."""
        wanted = cls()
        for command in commands:
            if is_money_command(command):
                wanted.references.add(command.request.caller_reference)
            wanted._add(command)
        return wanted

    def _add(self, command: Command) -> None:  # noqa: C901, PLR0912 - one case for each command
        match command:
            case Pay() | Reserve():
                self.tokens.add(command.token_id)
                if command.marketplace.recipient_token_id is not None:
                    self.tokens.add(command.marketplace.recipient_token_id)
            case CancelToken():
                self.tokens.add(command.token_id)
            case InstallToken():
                self.token_references.add(command.caller_reference)
                if command.refund_token is not None:
                    self.token_references.add(command.refund_token.caller_reference)
                if command.replaces is not None:
                    self.tokens.add(command.replaces)
            case Settle() | Cancel():
                self.transactions.add(command.transaction_id)
            case FundPrepaid() | SettleDebt():
                self.tokens.add(command.token_id)
                self.instruments.add(command.instrument_id)
            case WriteOffDebt():
                self.instruments.add(command.instrument_id)
            case Refund() | RecordRefund() | DisputeMoved() | CollectDue():
                self.transactions.add(command.original_id)
            case RefundFunding():
                self.transactions.add(command.funding_id)
            case ReturnPayout():
                self.transactions.add(command.payout_id)
            case ReverseRefund():
                self.transactions.add(command.refund_id)
            case RequestPayout():
                pass
            case ResolveCharge() | ReturnCharge() | ResolvePayout():
                self.transactions.add(command.transaction_id)
            case AuthorizePrepaid():
                self.token_references |= {command.sender_reference, command.funding_reference}
            case AuthorizePostpaid():
                self.token_references |= {command.sender_reference, command.settlement_reference}
            case Deposit() | BookMovement():
                pass


async def load(
    connection: Connection, book_id: BookId, commands: Sequence[Command], clock: Callable[[], datetime], rules: Rules
) -> LoadedState:
    """Lock and read just what `commands` name. The clock is read once the locks are held.

    Accounts of instruments are locked in id order, then the operator's accounts in id order, so that groups of several
    processes cannot block each other. Everything is read by a statement that begins after the locks are held, so it is
    as fresh as they are. Raises NoSuchBookError.
    """
    wanted = LoadRequest.by(commands)
    names = [*wanted.instruments], [*wanted.tokens], [*wanted.transactions]
    book = await connection.fetchrow(MONEY["lock"], book_id, *names)
    if book is None:
        raise NoSuchBookError(book_id)
    now = clock() + timedelta(seconds=book["clock_offset_seconds"])
    state = State(book_from_row(book_id, book, rules))
    wanted.instruments.update(book["instrument_ids"])
    if wanted.transactions:
        await _load_named_transactions(connection, state, wanted, commands)
    if any(token_id[0] in _GUARDED_BY_NOTHING for token_id in wanted.tokens):
        await connection.execute(MONEY["lock_tokens"], book_id, sorted(wanted.tokens))
    await _load_named(connection, state, wanted, now - REFERENCE_LIFETIME, reuse=rules.reuse_references)
    await _load_disputes(connection, state, commands)
    await _load_bookings(connection, state, commands)
    payers = {token.sender_id for token in state.tokens.values() if token.source and token.source.method is Method.ABT}
    if payers:
        state.person_balances = await _lock_person_balances(connection, book["balances_book_id"], payers)
    await _load_other_sellers(connection, state, commands)
    return LoadedState(
        state,
        book["operator_book_id"],
        book["balances_book_id"],
        book["notification_url"],
        now,
        known_instruments=dict(state.instruments),
        known_tokens=frozenset(state.tokens),
        known_transactions=frozenset(state.transactions),
        parts=book["parts"] or (),
        reuse_references=rules.reuse_references,
        charge_events=book["charge_events"],
    )


async def claim_references(connection: Connection, loaded: LoadedState, commands: Sequence[Command]) -> None:
    """Of a seller with several books: have those references that are new belong to this one.

    In a transaction they are claimed with what it pays, else before; a claim that nothing was paid with does no harm.
    """
    if not loaded.parts:
        return
    state = loaded.state
    asked = {command.request.caller_reference for command in commands if is_money_command(command)}
    if new := asked - state.answered.keys():
        state.spent_elsewhere = await claim_payments(connection, loaded.parts, state.book.book_id, new)


async def _load_named(
    connection: Connection, state: State, wanted: LoadRequest, since: datetime, *, reuse: bool
) -> None:
    """Tokens with their instruments, and what references stand for; most groups need one statement for all of it.

    Answers given before `since` are gone; what they spent is free again where it is to be reused.
    """
    if not (wanted.instruments or wanted.tokens or wanted.references or wanted.token_references):
        return
    book = state.book
    rows = await connection.fetch(
        MONEY["load"],
        book.book_id,
        [*wanted.tokens],
        [*wanted.references],
        since,
        [*wanted.token_references],
        reuse,
    )
    state.answered = answered_from_rows(rows[0]["answers"])
    state.token_references = dict(map(tuple, rows[0]["token_references"]))
    for row in rows:
        if (token_id := row["token_id"]) is not None:
            state.tokens[token_id] = token_from_row(row)
        if row["instrument_kind"] is not None:
            state.instruments[row["instrument_id"]] = instrument_from_row(row)
    others = wanted.instruments - state.instruments.keys()
    if others:
        for row in await connection.fetch(MONEY["load_instruments"], book.book_id, [*others]):
            state.instruments[row["instrument_id"]] = instrument_from_row(row)


async def _load_named_transactions(
    connection: Connection, state: State, wanted: LoadRequest, commands: Sequence[Command]
) -> None:
    """Transactions with the originals of refunds, what no rail was asked for yet, and whose tokens they need."""
    book_id = state.book.book_id
    state.transactions = await _load_transactions(connection, book_id, wanted.transactions)
    originals = {item.original_id for item in state.transactions.values() if item.original_id is not None}
    if originals - state.transactions.keys():
        state.transactions |= await _load_transactions(connection, book_id, originals)
    given_back = {command.funding_id for command in commands if isinstance(command, RefundFunding)}
    direct = [item for key, item in state.transactions.items() if item.instrument_id is None or key in given_back]
    named = {token for item in direct for token in (item.sender_token_id, item.recipient_token_id)}
    wanted.tokens |= {token for token in named if token is not None}
    payouts = [key for key, item in state.transactions.items() if item.operation is Operation.PAYOUT]
    if payouts:
        rows = await connection.fetch(MONEY["load_payouts"], book_id, payouts)
        state.payout_rails = {row["transaction_id"]: row["rail"] for row in rows}
    cancelled = [command.transaction_id for command in commands if isinstance(command, Cancel)]
    if cancelled:
        rows = await connection.fetch(MONEY["load_unasked"], book_id, cancelled)
        state.unasked = {row["transaction_id"]: RailOperation(row["operation"]) for row in rows}
    if any(isinstance(command, _FOLLOWING_UP) for command in commands):
        by_rail = [key for key, item in state.transactions.items() if item.payment_method in _BY_RAIL]
        rows = await connection.fetch(MONEY["load_rail_uses"], book_id, by_rail) if by_rail else []
        state.rail_uses = {row["transaction_id"]: RailUse(row["rail"], row["payment_method_id"]) for row in rows}
    returned = [command.transaction_id for command in commands if isinstance(command, ReturnCharge)]
    if returned:
        rows = await connection.fetch(MONEY["load_returned"], book_id, returned)
        state.returned = {row["transaction_id"] for row in rows}
    seen = [command for command in commands if isinstance(command, RecordRefund)]
    if seen:
        rails, references = [command.rail for command in seen], [command.reference for command in seen]
        rows = await connection.fetch(MONEY["load_recorded"], book_id, rails, references)
        state.recorded = {(row["rail"], row["reference"]): row["transaction_id"] for row in rows}


async def _load_disputes(connection: Connection, state: State, commands: Sequence[Command]) -> None:
    """Disputes that commands name, with their transactions, and those that refunds have to look at.

    Those of the same charge come with them: where a dispute or a refund gives something up, they may claim it.
    """
    moved = [command for command in commands if isinstance(command, DisputeMoved)]
    named = [command.dispute_id for command in commands if isinstance(command, CollectDue)]
    uncovered = [key for key, instrument in state.instruments.items() if instrument.uncovered_micros]
    charges = [command.original_id for command in moved] + _given_up(state, commands)
    if not (charges or named or uncovered):
        return
    book_id = state.book.book_id
    rails, references = [command.rail for command in moved], [command.reference for command in moved]
    rows = await connection.fetch(MONEY["load_disputes"], book_id, named, rails, references, uncovered, charges)
    state.disputes = {row["transaction_id"]: dispute_from_row(row) for row in rows}
    state.transactions |= await _load_transactions(connection, book_id, {*state.disputes})
    choice = await connection.fetchval(MONEY["disputed_settlements"], book_id)
    state.disputed_settlements = DisputedSettlements(choice)


def _given_up(state: State, commands: Sequence[Command]) -> list[TransactionId]:
    """The charges of refunds that a rail declines, at once or after all: disputes may have found too little of them."""
    named = [
        command.transaction_id
        for command in commands
        if isinstance(command, ResolveCharge) and isinstance(command.answer, Declined)
    ]
    named += [command.refund_id for command in commands if isinstance(command, ReverseRefund)]
    declined = [state.transactions.get(name) for name in named]
    originals = [item.original_id for item in declined if item is not None and item.original_id is not None]
    return [key for key in originals if key in state.transactions]


async def _load_bookings(connection: Connection, state: State, commands: Sequence[Command]) -> None:
    """Movements at rails that commands name and that are booked already."""
    named = [command for command in commands if isinstance(command, BookMovement)]
    if named:
        rails, movements = [command.rail for command in named], [command.movement_id for command in named]
        rows = await connection.fetch(MONEY["load_bookings"], state.book.book_id, rails, movements)
        state.bookings = {booking.key: booking for booking in map(booking_from_row, rows)}


async def _load_transactions(
    connection: Connection, book_id: BookId, wanted: set[TransactionId]
) -> dict[TransactionId, Transaction]:
    rows = await connection.fetch(MONEY["load_transactions"], book_id, sorted(wanted))
    return {row["transaction_id"]: transaction_from_row(row) for row in rows}


async def _load_other_sellers(connection: Connection, state: State, commands: Sequence[Command]) -> None:
    """Recipients who are not this book's owner, and the cash that payments in real money may take from."""
    book = state.book
    named = {token.sender_id for token in state.tokens.values() if token.purpose in _RECEIVING}
    named |= {item.recipient_id for item in state.transactions.values() if item.recipient_id is not None}
    others = sorted(party for party in named if party != book.seller_id)
    if others:
        rows = await connection.fetch(MONEY["load_sellers"], book.book_id, others)
        state.recipients = {row["party_id"]: seller_from_row(row) for row in rows}
    disputed = any(isinstance(command, DisputeMoved | CollectDue) for command in commands)
    disputed = disputed or bool(_given_up(state, commands))
    direct_refund = any(isinstance(command, Refund) for command in commands) and any(
        item.instrument_id is None for item in state.transactions.values()
    )
    takes_cash = direct_refund or disputed or any(isinstance(command, _TAKING_CASH) for command in commands)
    if takes_cash or state.recipients or book.demands.receiving_limit_micros is not None:
        books = sorted({book.book_id, *(seller.book_id for seller in state.recipients.values())})
        for book_id in books:
            row = await connection.fetchrow(MONEY["lock_accounts"], book_id, [TOTALS[AccountKind.CASH]])
            state.cash[book_id] = row["balance_micros"] if row is not None else 0
    if any(isinstance(command, RequestPayout) for command in commands):
        row = await connection.fetchrow(MONEY["lock_accounts"], book.book_id, [TOTALS[AccountKind.DUES]])
        state.dues_micros = -row["balance_micros"] if row is not None else 0


async def _lock_person_balances(connection: Connection, book_id: BookId, payers: set[PartyId]) -> dict[PartyId, int]:
    accounts = {balance_account(payer): payer for payer in payers}
    rows = await connection.fetch(MONEY["lock_accounts"], book_id, [*accounts])
    return {accounts[row["account_id"]]: -row["balance_micros"] for row in rows}
