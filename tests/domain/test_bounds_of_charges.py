"""Charges and refunds at an instrument's bounds: to the micro-unit, and in words where they pass them.

Found missing by tools/mutation.py.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from tallystick.domain.commands import (
    AuthorizePostpaid,
    AuthorizePrepaid,
    Command,
    Consent,
    FundPrepaid,
    Marketplace,
    Method,
    Pay,
    Refund,
    Request,
    SettleDebt,
)
from tallystick.domain.decide import decide
from tallystick.domain.fees import Bracket, FeeSchedule
from tallystick.domain.ids import BookId, InstrumentId, PartyId, TokenId, TransactionId
from tallystick.domain.money import parse_amount
from tallystick.domain.outcomes import Accepted, Outcome, TransactionStatus
from tallystick.domain.refusals import Refusal, Refused
from tallystick.domain.state import Book, State
from tallystick.domain.tokens import PaymentSource

NOW = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)
SELLER, BUYER = PartyId(1), PartyId(2)
PREPAID, CREDIT = InstrumentId("P"), InstrumentId("C")
SPENDING, FUNDING, CHARGING, SETTLING = TokenId("S"), TokenId("F"), TokenId("D"), TokenId("T")
TO_ITS_SELLER = "Payments from an instrument go to its seller alone: no recipient token, no marketplace fee."


class Buyer:
    """Has a balance of at most 25 dollars and a tab: 10 at a time, 15 in its life."""

    def __init__(self) -> None:
        self.count = 0
        free = dict.fromkeys(Method, FeeSchedule(0, (Bracket(None, 0),)))
        book = Book(BookId(9), SELLER, True, 10_000, free, simulate_faults=False)
        self.state = State(book, person_balances={BUYER: parse_amount("500.00")})
        consent = Consent(BUYER, Method.ABT, None, None, NOW, NOW + timedelta(days=30))
        self.do(AuthorizePrepaid(consent, PREPAID, SPENDING, FUNDING, "s", "f", parse_amount("25.00")))
        limits = parse_amount("10.00"), parse_amount("15.00")
        self.do(AuthorizePostpaid(consent, CREDIT, CHARGING, SETTLING, "d", "t", *limits, ()))

    def do(self, command: Command) -> Outcome:
        decision = decide(self.state, command, NOW)
        self.state.apply(decision)
        return decision.outcome

    def request(self) -> Request:
        self.count += 1
        return Request(TransactionId(f"T{self.count}"), SELLER, f"reference {self.count}", b"", NOW)

    def fund(self, amount: str) -> Outcome:
        return self.do(FundPrepaid(self.request(), FUNDING, PREPAID, parse_amount(amount)))

    def settle(self, amount: str) -> Outcome:
        return self.do(SettleDebt(self.request(), SETTLING, CREDIT, parse_amount(amount)))

    def pay(self, token: TokenId, amount: str, marketplace: Marketplace = Marketplace()) -> Outcome:  # noqa: B008
        return self.do(Pay(self.request(), token, parse_amount(amount), marketplace))

    def refund(self, paid: Outcome, amount: str | None = None) -> Outcome:
        assert isinstance(paid, Accepted)
        return self.do(Refund(self.request(), paid.transaction_id, None if amount is None else parse_amount(amount)))


@pytest.fixture
def buyer() -> Buyer:
    return Buyer()


def refused(outcome: Outcome) -> tuple[Refusal, str]:
    assert isinstance(outcome, Refused), outcome
    return outcome.refusal, outcome.message


def test_a_balance_is_drawn_to_nothing(buyer: Buyer) -> None:
    buyer.fund("5.00")
    message = "The prepaid balance of 5.00 does not cover 5.000001."
    assert refused(buyer.pay(SPENDING, "5.000001")) == (Refusal.InsufficientBalance, message)
    assert isinstance(buyer.pay(SPENDING, "5.00"), Accepted)
    assert buyer.state.instruments[PREPAID].balance_micros == 0


def test_a_tab_is_filled_to_its_limit(buyer: Buyer) -> None:
    buyer.pay(CHARGING, "4.00")
    message = "The charge would exceed the credit limit of 10.00: 4.00 is owed already."
    assert refused(buyer.pay(CHARGING, "6.000001")) == (Refusal.InsufficientBalance, message)
    assert isinstance(buyer.pay(CHARGING, "6.00"), Accepted)
    assert buyer.state.instruments[CREDIT].balance_micros == parse_amount("10.00")


def test_a_tab_is_charged_to_the_total_of_its_life(buyer: Buyer) -> None:
    buyer.pay(CHARGING, "10.00")
    buyer.settle("10.00")
    message = "The charge would pass the total of 15.00 agreed for the whole authorization."
    assert refused(buyer.pay(CHARGING, "5.000001")) == (Refusal.TokenUsageError, message)
    assert isinstance(buyer.pay(CHARGING, "5.00"), Accepted)
    assert buyer.state.instruments[CREDIT].charged_micros == parse_amount("15.00")


@pytest.mark.parametrize(
    "marketplace",
    [Marketplace(TokenId("R")), Marketplace(fixed_fee_micros=10_000), Marketplace(variable_fee_ppm=1)],
    ids=["a recipient", "a fixed fee", "a variable fee"],
)
def test_an_instrument_shares_with_nobody(buyer: Buyer, marketplace: Marketplace) -> None:
    buyer.fund("5.00")
    for token in (SPENDING, CHARGING):
        assert refused(buyer.pay(token, "1.00", marketplace)) == (Refusal.IncompatibleTokens, TO_ITS_SELLER)
    assert buyer.state.instruments[PREPAID].balance_micros == parse_amount("5.00")


def test_a_refund_takes_no_more_off_a_tab_than_is_owed(buyer: Buyer) -> None:
    paid = buyer.pay(CHARGING, "10.00")
    buyer.settle("8.00")
    message = "Only 2.00 is owed and not being settled already."
    assert refused(buyer.refund(paid, "2.50")) == (Refusal.RefundAmountExceeded, message)
    assert isinstance(buyer.refund(paid, "2.00"), Accepted)
    assert buyer.state.instruments[CREDIT].balance_micros == 0


def test_a_balance_is_funded_to_its_limit(buyer: Buyer) -> None:
    buyer.fund("20.00")
    message = "Funding 5.01 would raise the balance to 25.01, above the agreed 25.00."
    assert refused(buyer.fund("5.01")) == (Refusal.PrepaidFundingLimitExceeded, message)
    assert isinstance(buyer.fund("5.00"), Accepted)
    assert buyer.state.instruments[PREPAID].balance_micros == parse_amount("25.00")


def test_a_settlement_from_a_card_is_opened_when_it_is_asked_for_and_told(buyer: Buyer) -> None:
    buyer.pay(CHARGING, "10.00")
    token = buyer.state.tokens[SETTLING]
    buyer.state.tokens[SETTLING] = replace(token, source=PaymentSource(Method.CC, 7, "simulated"))
    later = NOW + timedelta(hours=1)

    decision = decide(buyer.state, SettleDebt(buyer.request(), SETTLING, CREDIT, parse_amount("4.00")), later)

    (made,) = decision.transactions
    assert (made.status, made.received_at, made.completed_at) == (TransactionStatus.PENDING, later, None)
    (told,) = decision.events
    assert (told.subject_id, told.status) == (made.transaction_id, "Pending")
    (waiting,) = decision.instruments
    assert (waiting.balance_micros, waiting.pending_micros) == (parse_amount("10.00"), parse_amount("4.00"))
    assert decision.transfers == ()
