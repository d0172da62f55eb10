"""What a refund of a payment in real money writes down, and when. Found missing by tools/mutation.py."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tallystick.domain.commands import (
    InstallToken,
    Marketplace,
    Method,
    Pay,
    Refund,
    RefundPolicy,
    Request,
    TokenPurpose,
    TokenTerms,
    TokenType,
)
from tallystick.domain.decide import decide
from tallystick.domain.fees import Bracket, FeeSchedule
from tallystick.domain.ids import BookId, PartyId, TokenId, TransactionId
from tallystick.domain.outcomes import Accepted, TransactionStatus
from tallystick.domain.refusals import Refusal, Refused
from tallystick.domain.state import Book, Operation, Seller, State

NOW = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
CALLER, RECIPIENT, BUYER = PartyId(1), PartyId(2), PartyId(3)
CALLERS, RECIPIENTS = BookId(1), BookId(2)
SENDER, RECEIVING = TokenId("U"), TokenId("R")
PAID = TransactionId("P1")
DOLLAR = 1_000_000


@pytest.fixture
def state() -> State:
    """The buyer paid the recipient ten dollars, of which the caller kept two."""
    free = dict.fromkeys(Method, FeeSchedule(0, (Bracket(None, 0),)))
    state = State(
        Book(CALLERS, CALLER, True, 10_000, free, simulate_faults=False),
        person_balances={BUYER: 50 * DOLLAR},
        recipients={RECIPIENT: Seller(RECIPIENT, RECIPIENTS, True)},
        cash={CALLERS: 0, RECIPIENTS: 0},
    )
    terms = TokenTerms(recipient_pays_fee=True, max_fixed_fee_micros=5 * DOLLAR)
    for token, purpose, party, method, agreed in (
        (SENDER, TokenPurpose.SENDER, BUYER, Method.ABT, TokenTerms()),
        (RECEIVING, TokenPurpose.RECIPIENT, RECIPIENT, None, terms),
    ):
        install = InstallToken(
            token, purpose, TokenType.UNRESTRICTED, party, token, method, None, NOW, None, terms=agreed
        )
        state.apply(decide(state, install, NOW))
    pay = Pay(request(PAID), SENDER, 10 * DOLLAR, Marketplace(RECEIVING, fixed_fee_micros=2 * DOLLAR))
    decision = decide(state, pay, NOW)
    assert decision.outcome == Accepted(PAID, TransactionStatus.SUCCESS)
    state.apply(decision)
    return state


def request(transaction_id: TransactionId) -> Request:
    return Request(transaction_id, CALLER, f"reference of {transaction_id}", transaction_id.encode(), NOW)


def test_a_payment_goes_back_to_the_balance_it_came_from(state: State) -> None:
    decision = decide(state, Refund(request(TransactionId("R1")), PAID, 4 * DOLLAR), LATER)

    original, made = decision.transactions
    assert (original.transaction_id, original.refunded_micros) == (PAID, 4 * DOLLAR)
    assert original.marketplace_refunded_micros == 0
    assert (made.operation, made.status, made.amount_micros) == (
        Operation.REFUND,
        TransactionStatus.SUCCESS,
        4 * DOLLAR,
    )
    assert (made.original_id, made.sender_id, made.recipient_id) == (PAID, BUYER, RECIPIENT)
    assert (made.requested_at, made.received_at, made.completed_at) == (NOW, LATER, LATER)
    assert made.marketplace_fee_micros == 0


def test_the_callers_share_goes_back_to_the_recipient_alone(state: State) -> None:
    command = Refund(request(TransactionId("R1")), PAID, None, RefundPolicy.MARKETPLACE_ONLY)
    decision = decide(state, command, LATER)

    original, made = decision.transactions
    assert (original.refunded_micros, original.marketplace_refunded_micros) == (0, 2 * DOLLAR)
    assert (made.operation, made.amount_micros, made.marketplace_fee_micros) == (
        Operation.REFUND,
        2 * DOLLAR,
        -2 * DOLLAR,
    )
    assert (made.sender_id, made.recipient_id, made.recipient_token_id) == (None, RECIPIENT, RECEIVING)
    assert (made.requested_at, made.received_at, made.completed_at) == (NOW, LATER, LATER)

    state.apply(decision)
    again = decide(state, Refund(request(TransactionId("R2")), PAID, None, RefundPolicy.MARKETPLACE_ONLY), LATER)
    assert isinstance(again.outcome, Refused)
    assert again.outcome.refusal is Refusal.TransactionFullyRefundedAlready


def test_a_payment_without_a_share_has_none_to_give_back(state: State) -> None:
    plain = TransactionId("P2")
    state.apply(decide(state, Pay(request(plain), SENDER, 3 * DOLLAR), NOW))

    command = Refund(request(TransactionId("R1")), plain, None, RefundPolicy.MARKETPLACE_ONLY)
    outcome = decide(state, command, LATER).outcome

    assert isinstance(outcome, Refused)
    assert outcome.refusal is Refusal.TransactionTypeNotRefundable
    assert outcome.message == "The payment has no marketplace fee to give back."
