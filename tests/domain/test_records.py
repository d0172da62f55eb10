"""What a decision records about money that no payment moved, field by field. Gaps found by tools/mutation.py."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from tallystick.domain.accounts import TOTALS, AccountKind, account_id
from tallystick.domain.commands import AuthorizePostpaid, Consent, Method, Pay, Request, WriteOffDebt
from tallystick.domain.decide import decide
from tallystick.domain.decide.receipts import kept_message, message_of
from tallystick.domain.fees import Bracket, FeeSchedule
from tallystick.domain.ids import BookId, InstrumentId, PartyId, TokenId, TransactionId
from tallystick.domain.money import parse_amount
from tallystick.domain.outcomes import Accepted, TransactionStatus
from tallystick.domain.rails.commands import Deposit
from tallystick.domain.state import Book, Operation, State, Transaction, balance_account

NOW = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)
SELLER, BUYER = PartyId(1), PartyId(2)
CREDIT = InstrumentId("C")


def empty() -> State:
    free = dict.fromkeys(Method, FeeSchedule(0, (Bracket(None, 0),)))
    return State(Book(BookId(9), SELLER, True, 10_000, free, simulate_faults=False), person_balances={BUYER: 0})


def test_a_deposit() -> None:
    command = Deposit(TransactionId("D1"), BUYER, "simulated", 5_000_000)

    decision = decide(empty(), command, NOW)

    assert decision.outcome == Accepted(TransactionId("D1"), TransactionStatus.SUCCESS)
    (made,) = decision.transactions
    assert (made.transaction_id, made.operation, made.status) == ("D1", Operation.DEPOSIT, TransactionStatus.SUCCESS)
    assert (made.status_code, made.status_message) == ("Success", None)
    assert (made.amount_micros, made.fee_micros, made.payment_method) == (5_000_000, 0, "ABT")
    assert (made.sender_id, made.sender_token_id, made.instrument_id) == (BUYER, None, None)
    assert made.caller_reference == "D1"
    assert made.requested_at == made.received_at == made.completed_at == NOW
    assert decision.opens == ((AccountKind.BALANCE_OF, "2"),)
    (moved,) = decision.transfers
    assert (moved.transaction_id, moved.amount_micros) == ("D1", 5_000_000)
    assert moved.debit == account_id(AccountKind.RAIL, "simulated")
    assert moved.credit == balance_account(BUYER)


def test_a_debt_that_is_written_off() -> None:
    state = empty()
    consent = Consent(BUYER, Method.ABT, None, None, NOW, NOW + timedelta(days=30))
    limits = parse_amount("100.00"), parse_amount("150.00")
    authorized = AuthorizePostpaid(consent, CREDIT, TokenId("D"), TokenId("T"), "d", "t", *limits, ())
    state.apply(decide(state, authorized, NOW))
    asked = Request(TransactionId("P1"), SELLER, "bought", b"p", NOW)
    state.apply(decide(state, Pay(asked, TokenId("D"), 8_000_000), NOW))
    later = NOW + timedelta(hours=1)
    request = Request(TransactionId("W1"), SELLER, "forgiven", b"w", NOW)

    decision = decide(state, WriteOffDebt(request, CREDIT, 3_000_000), later)

    (made,) = decision.transactions
    assert (made.transaction_id, made.operation, made.status) == (
        "W1",
        Operation.WRITE_OFF_DEBT,
        TransactionStatus.SUCCESS,
    )
    assert (made.amount_micros, made.fee_micros, made.payment_method) == (3_000_000, 0, "Debt")
    assert (made.sender_id, made.instrument_id, made.caller_reference) == (BUYER, CREDIT, "forgiven")
    assert (made.requested_at, made.received_at, made.completed_at) == (NOW, later, later)
    (instrument,) = decision.instruments
    assert instrument.balance_micros == 5_000_000
    (moved,) = decision.transfers
    assert (moved.debit, moved.credit) == (TOTALS[AccountKind.WRITE_OFFS], instrument.account_id)
    assert (moved.transaction_id, moved.amount_micros) == ("W1", 3_000_000)
    assert len(decision.events) == 1


def test_the_usual_message_of_a_payment_is_not_kept_and_told_all_the_same() -> None:
    usual, other = "The transaction succeeded.", "Another one."
    assert [kept_message(paid(message)) for message in (usual, other, None)] == [None, other, None]
    told = [("Pay", "Success", None), ("Pay", "Success", other), ("Pay", "Fatal", None), ("Deposit", "Success", None)]
    assert [message_of(*each) for each in told] == [usual, other, None, None]


def paid(message: str | None) -> Transaction:
    (made,) = decide(empty(), Deposit(TransactionId("D1"), BUYER, "simulated", 5_000_000), NOW).transactions
    return replace(made, operation=Operation.PAY, status_message=message)
