"""Payment instructions at work: a payment goes through only where every condition of its tokens holds."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from tallystick.domain.commands import (
    FeePayer,
    InstallToken,
    LimitTerms,
    Marketplace,
    Method,
    Pay,
    Request,
    Reserve,
    TokenPurpose,
    TokenType,
)
from tallystick.domain.decide import decide
from tallystick.domain.gatekeeper import Instruction, parse
from tallystick.domain.ids import BookId, PartyId, TokenId, TransactionId
from tallystick.domain.money import parse_amount
from tallystick.domain.outcomes import Accepted, Done, Outcome
from tallystick.domain.refusals import Refusal, Refused
from tallystick.domain.state import Book, State
from tallystick.services.operations.fee_schedules import read_fee_schedules

NOW = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)
SELLER, BUYER = PartyId(1), PartyId(2)
RECEIVING, PAYING = TokenId("N"), TokenId("U")


def limits_of(text: str | None) -> tuple[LimitTerms, ...]:
    found = parse(text or "")
    return found.limits if isinstance(found, Instruction) else ()


class Till:
    """A seller with a recipient token made from a text, and a buyer whose token pays from the account balance."""

    def __init__(self, text: str, token_type: TokenType = TokenType.UNRESTRICTED) -> None:
        self.count = 0
        self.type = token_type
        book = Book(BookId(9), SELLER, True, 10_000, read_fee_schedules(None), simulate_faults=False)
        self.state = State(book, person_balances={BUYER: parse_amount("500.00")})
        self._install(RECEIVING, TokenPurpose.INSTALLED, SELLER, None, text)
        self._install(PAYING, TokenPurpose.SENDER, BUYER, Method.ABT, None)

    def _install(
        self, token_id: TokenId, purpose: TokenPurpose, party: PartyId, method: Method | None, text: str | None
    ) -> None:
        command = InstallToken(
            token_id=token_id,
            purpose=purpose,
            token_type=self.type if text else TokenType.UNRESTRICTED,
            sender_id=party,
            caller_reference=token_id,
            method=method,
            payment_method_id=None,
            valid_from=NOW,
            expires_at=None,
            limits=limits_of(text),
            instruction=text,
        )
        decision = decide(self.state, command, NOW)
        assert decision.outcome == Done()
        self.state.apply(decision)

    def give_buyer(self, text: str) -> None:
        self.state.tokens[PAYING] = replace(self.state.tokens[PAYING], instruction=text)

    def pay(self, amount: str, fee_payer: FeePayer = FeePayer.RECIPIENT, *, reserve: bool = False) -> Outcome:
        self.count += 1
        request = Request(TransactionId(f"T{self.count}"), SELLER, f"order {self.count}", b"", NOW)
        marketplace = Marketplace(RECEIVING, fee_payer)
        make = Reserve if reserve else Pay
        decision = decide(self.state, make(request, PAYING, parse_amount(amount), marketplace), NOW)
        self.state.apply(decision)
        return decision.outcome


def reason(outcome: Outcome) -> str:
    assert isinstance(outcome, Refused), outcome
    assert outcome.refusal is Refusal.IncompatibleTokens
    return outcome.message


def test_a_payment_that_keeps_the_recipients_conditions_goes_through() -> None:
    till = Till("MyRole == 'Recipient'; PaymentMethod in ('abt', 'ach'); TransactionAmount <= 'USD 20';")

    assert isinstance(till.pay("20.00"), Accepted)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("MyRole == 'Sender' orSay 'wrong side';", "wrong side"),
        ("PaymentMethod == 'cc' orSay 'cards only'; OperationType == 'Refund' orSay 'no';", "cards only no"),
        ("TransactionAmount < 'USD 20' orSay 'too much';", "too much"),
        ("TransactionTimestamp > '2027-03-01T12:00:00Z' orSay 'too early';", "too early"),
        ("ChargeFeeTo == 'Caller';", "The token requires: ChargeFeeTo == 'Caller'."),
        ("string PaymentMethod := 'ach';", "The token is for payments by ach only."),
    ],
)
def test_a_payment_that_breaks_a_condition_is_told_why(text: str, said: str) -> None:
    assert reason(Till(text).pay("20.00")) == said


def test_the_senders_token_has_conditions_too() -> None:
    till = Till("MyRole == 'Recipient';")
    till.give_buyer("MyRole == 'Sender'; TransactionAmount <= 'USD 5' orSay 'at most five';")

    assert isinstance(till.pay("5.00"), Accepted)
    assert reason(till.pay("5.01")) == "at most five"


def test_who_pays_the_fee_is_what_the_request_says() -> None:
    till = Till("ChargeFeeTo == 'Recipient' orSay 'the fee is ours';")

    assert isinstance(till.pay("20.00", FeePayer.RECIPIENT), Accepted)
    assert reason(till.pay("20.00", FeePayer.CALLER)) == "the fee is ours"


def test_a_caller_that_is_the_recipient_may_pay_the_fee_out_of_the_receipt() -> None:
    till = Till("ChargeFeeTo == 'Caller';")

    assert isinstance(till.pay("20.00", FeePayer.CALLER), Accepted)
    assert till.state.transactions[TransactionId("T1")].fee_micros > 0


def test_a_reservation_is_an_operation_of_its_own() -> None:
    till = Till("OperationType == 'Pay' orSay 'no reservations';")

    assert isinstance(till.pay("20.00"), Accepted)
    assert reason(till.pay("20.00", reserve=True)) == "no reservations"


def test_a_text_that_can_no_longer_be_read_allows_nothing() -> None:
    till = Till("Weather == 'fine';")

    assert reason(till.pay("20.00")).startswith("The token's payment instruction has a fault. Line 1, column 1: ")


def test_limits_of_a_recipients_text_are_kept() -> None:
    till = Till("string MyTokenUsageLimit1Type := 'Amount'; money MyTokenUsageLimit1 := 'USD 15';")

    assert isinstance(till.pay("10.00"), Accepted)
    too_much = till.pay("5.01")
    assert isinstance(too_much, Refused)
    assert too_much.refusal is Refusal.TokenUsageError
    assert isinstance(till.pay("5.00"), Accepted)


def test_a_single_use_recipient_token_is_used_up_by_one_payment() -> None:
    till = Till("MyRole == 'Recipient';", TokenType.SINGLE_USE)

    assert isinstance(till.pay("600.00"), Refused), "a refused payment uses nothing"
    assert isinstance(till.pay("10.00"), Accepted)
    again = till.pay("10.00")
    assert isinstance(again, Refused)
    assert again.refusal is Refusal.SameTokenIdUsedMultipleTimes
