"""Every refusal of the rules, one by one, and the order of the checks."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from msgspec.structs import replace

from tallystick.domain.commands import (
    AuthorizePostpaid,
    AuthorizePrepaid,
    CancelToken,
    Command,
    Consent,
    FundPrepaid,
    LimitTerms,
    Method,
    Pay,
    Refund,
    Request,
    SettleDebt,
    WriteOffDebt,
)
from tallystick.domain.decide import decide
from tallystick.domain.ids import BookId, InstrumentId, PartyId, TokenId, TransactionId
from tallystick.domain.limits import LimitKind
from tallystick.domain.money import parse_amount
from tallystick.domain.outcomes import Accepted, Done, Outcome, TransactionStatus
from tallystick.domain.rails.commands import Deposit, Paid, ResolveCharge
from tallystick.domain.refusals import Refusal, Refused
from tallystick.domain.state import Book, Operation, State
from tallystick.domain.tokens import PaymentSource
from tallystick.services.operations.fee_schedules import read_fee_schedules

NOW = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)
SELLER, BUYER, STRANGER = PartyId(1), PartyId(2), PartyId(3)
PREPAID, CREDIT = InstrumentId("P"), InstrumentId("C")
SPENDING, FUNDING, CHARGING, SETTLING = TokenId("S"), TokenId("F"), TokenId("D"), TokenId("T")


class Desk:
    """One seller, one buyer with both instruments, and a word for each command."""

    def __init__(self, *, faults: bool = False) -> None:
        self.now = NOW
        self.count = 0
        book = Book(BookId(9), SELLER, True, 10_000, read_fee_schedules(None), simulate_faults=faults)
        self.state = State(book, person_balances={BUYER: parse_amount("500.00")})
        consent = Consent(BUYER, Method.ABT, None, None, NOW, NOW + timedelta(days=30))
        self.do(AuthorizePrepaid(consent, PREPAID, SPENDING, FUNDING, "s", "f", parse_amount("25.00")))
        terms = (LimitTerms(LimitKind.COUNT, 3, None),)
        limits = parse_amount("100.00"), parse_amount("150.00")
        self.do(AuthorizePostpaid(consent, CREDIT, CHARGING, SETTLING, "d", "t", *limits, terms))

    def do(self, command: Command) -> Outcome:
        decision = decide(self.state, command, self.now)
        self.state.apply(decision)
        return decision.outcome

    def request(self, reference: str | None = None, content: str = "") -> Request:
        self.count += 1
        name = TransactionId(f"T{self.count}")
        return Request(name, SELLER, reference or f"reference {self.count}", content.encode(), self.now)

    def pay(self, amount: str, token: TokenId = SPENDING, reference: str | None = None) -> Outcome:
        return self.do(Pay(self.request(reference, amount), token, parse_amount(amount)))

    def fund(self, amount: str, token: TokenId = FUNDING, instrument: InstrumentId = PREPAID) -> Outcome:
        return self.do(FundPrepaid(self.request(), token, instrument, parse_amount(amount)))

    def settle(self, amount: str, token: TokenId = SETTLING, instrument: InstrumentId = CREDIT) -> Outcome:
        return self.do(SettleDebt(self.request(), token, instrument, parse_amount(amount)))

    def write_off(self, amount: str, instrument: InstrumentId = CREDIT) -> Outcome:
        return self.do(WriteOffDebt(self.request(), instrument, parse_amount(amount)))

    def refund(self, original: Outcome, amount: str | None = None) -> Outcome:
        assert isinstance(original, Accepted)
        micros = None if amount is None else parse_amount(amount)
        return self.do(Refund(self.request(), original.transaction_id, micros))

    def cancel(self, token: TokenId, by: PartyId = SELLER) -> Outcome:
        return self.do(CancelToken(token, by))

    def source(self, token: TokenId, source: PaymentSource | None) -> None:
        self.state.tokens[token] = replace(self.state.tokens[token], source=source)

    def balance(self, instrument: InstrumentId) -> int:
        return self.state.instruments[instrument].balance_micros


@pytest.fixture
def desk() -> Desk:
    return Desk()


def said(outcome: Outcome) -> str:
    assert isinstance(outcome, Refused), outcome
    return outcome.refusal.name


def test_each_token_does_its_own_work_only(desk: Desk) -> None:
    assert said(desk.pay("1.00", FUNDING)) == "IncompatibleTokens"
    assert said(desk.pay("1.00", SETTLING)) == "IncompatibleTokens"
    assert said(desk.fund("1.00", SPENDING)) == "IncompatibleTokens"
    assert said(desk.fund("1.00", SETTLING)) == "IncompatibleTokens"
    assert said(desk.settle("1.00", CHARGING)) == "IncompatibleTokens"
    assert said(desk.pay("1.00", TokenId("unknown"))) == "InvalidParams"


def test_tokens_and_instruments_must_belong_together(desk: Desk) -> None:
    other = desk.state.instruments[PREPAID]
    desk.state.instruments[InstrumentId("Q")] = replace(other, instrument_id=InstrumentId("Q"))
    assert said(desk.fund("1.00", instrument=InstrumentId("Q"))) == "IncompatibleTokens"
    assert said(desk.fund("1.00", instrument=CREDIT)) == "InvalidParams"
    assert said(desk.settle("1.00", instrument=PREPAID)) == "InvalidParams"
    assert said(desk.write_off("1.00", InstrumentId("unknown"))) == "InvalidParams"


def test_funding_counts_balance_and_what_is_on_its_way(desk: Desk) -> None:
    assert said(desk.fund("25.01")) == "PrepaidFundingLimitExceeded"
    desk.fund("20.00")
    assert said(desk.fund("5.01")) == "PrepaidFundingLimitExceeded"
    desk.source(FUNDING, PaymentSource(Method.CC, 7, "simulated"))
    assert isinstance(desk.fund("5.00"), Accepted)
    assert said(desk.fund("0.10")) == "PrepaidFundingLimitExceeded"


@pytest.mark.parametrize("amount", ["0.000001", "0.009999", "10000.000001"])
def test_real_money_has_bounds(desk: Desk, amount: str) -> None:
    assert said(desk.fund(amount)) == "AmountOutOfRange"
    assert said(desk.settle(amount)) == "AmountOutOfRange"


def test_a_fee_must_leave_something(desk: Desk) -> None:
    assert said(desk.fund("0.05")) == "InvalidParams"
    assert isinstance(desk.fund("0.06"), Accepted)


def test_the_smallest_charge_is_the_sellers_setting(desk: Desk) -> None:
    desk.fund("5.00")
    assert said(desk.pay("0.009999")) == "AmountOutOfRange"
    desk.state.book = replace(desk.state.book, minimum_charge_micros=1)
    assert isinstance(desk.pay("0.000001"), Accepted)
    assert desk.balance(PREPAID) == parse_amount("4.999999")


def test_fractions_of_a_cent_stay_where_they_are_when_real_money_moves(desk: Desk) -> None:
    desk.pay("10.005", CHARGING)
    assert said(desk.settle("10.01")) == "SettleAmountGreaterThanDebt"
    settled = desk.settle("10.005")
    assert isinstance(settled, Accepted)
    assert desk.state.transactions[settled.transaction_id].amount_micros == parse_amount("10.00")
    assert desk.balance(CREDIT) == parse_amount("0.005")


def test_expiry_ends_spending_and_funding_but_not_settling(desk: Desk) -> None:
    desk.fund("5.00")
    desk.pay("1.00", CHARGING)
    desk.now += timedelta(days=30)
    assert said(desk.pay("1.00")) == "InstrumentExpired"
    assert said(desk.pay("1.00", CHARGING)) == "InstrumentExpired"
    assert said(desk.fund("1.00")) == "InstrumentExpired"
    assert isinstance(desk.settle("0.50"), Accepted)
    assert isinstance(desk.write_off("0.50"), Accepted)


def test_an_authorization_that_has_not_begun_cannot_be_used(desk: Desk) -> None:
    desk.now -= timedelta(seconds=1)
    assert said(desk.fund("1.00")) == "InvalidTokenId_Sender"


def test_the_count_limit_and_the_total_bind(desk: Desk) -> None:
    assert isinstance(desk.pay("90.00", CHARGING), Accepted)
    assert isinstance(desk.settle("90.00"), Accepted)
    assert said(desk.pay("60.01", CHARGING)) == "TokenUsageError"
    assert isinstance(desk.pay("10.00", CHARGING), Accepted)
    assert isinstance(desk.pay("10.00", CHARGING), Accepted)
    assert said(desk.pay("10.00", CHARGING)) == "TokenUsageError", "three charges were agreed"


def test_a_refused_charge_uses_nothing_up(desk: Desk) -> None:
    for _ in range(5):
        assert said(desk.pay("100.01", CHARGING)) == "InsufficientBalance"
    assert isinstance(desk.pay("1.00", CHARGING), Accepted)


def test_accounts_that_may_not_take_part(desk: Desk) -> None:
    desk.fund("5.00")
    token = desk.state.tokens[SPENDING]
    desk.state.tokens[SPENDING] = replace(token, sender_active=False)
    assert said(desk.pay("1.00")) == "InvalidAccountState_Sender"
    desk.state.book = replace(desk.state.book, seller_active=False)
    assert said(desk.pay("1.00")) == "InvalidAccountState_Caller"
    assert said(desk.write_off("1.00")) == "InvalidAccountState_Caller"


def test_a_balance_pays_what_it_holds(desk: Desk) -> None:
    desk.state.person_balances[BUYER] = parse_amount("9.99")
    assert said(desk.fund("10.00")) == "InsufficientBalance"
    assert isinstance(desk.fund("9.99"), Accepted)
    assert desk.state.person_balances[BUYER] == 0


def test_a_card_that_can_no_longer_be_charged(desk: Desk) -> None:
    card = PaymentSource(Method.CC, 7, "simulated", expires_on=date(2027, 2, 28))
    desk.source(FUNDING, card)
    assert said(desk.fund("1.00")) == "InactiveInstrument"
    desk.source(FUNDING, replace(card, expires_on=date(2027, 3, 1)))
    assert isinstance(desk.fund("1.00"), Accepted)
    desk.source(FUNDING, replace(card, expires_on=None, removed=True))
    assert said(desk.fund("1.00")) == "InvalidPaymentInstrument"
    desk.source(FUNDING, None)
    assert said(desk.fund("1.00")) == "PaymentMethodNotDefined"
    desk.source(FUNDING, PaymentSource(Method.CC))
    assert said(desk.fund("1.00")) == "PaymentMethodNotDefined"


def test_only_a_pay_is_refunded_and_only_up_to_what_it_was(desk: Desk) -> None:
    funding = desk.fund("10.00")
    assert said(desk.refund(funding)) == "TransactionTypeNotRefundable"
    paid = desk.pay("4.00")
    refund = desk.refund(paid, "1.50")
    assert isinstance(refund, Accepted)
    assert said(desk.refund(refund)) == "TransactionTypeNotRefundable"
    assert said(desk.refund(paid, "2.51")) == "RefundAmountExceeded"
    assert isinstance(desk.refund(paid), Accepted)
    assert said(desk.refund(paid)) == "TransactionFullyRefundedAlready"
    assert desk.balance(PREPAID) == parse_amount("10.00")
    unknown = Accepted(TransactionId("unknown"), TransactionStatus.SUCCESS)
    assert said(desk.refund(unknown)) == "InvalidTransactionId"


def test_parts_are_bounded_like_charges_but_the_rest_is_not(desk: Desk) -> None:
    desk.fund("10.00")
    paid, owed = desk.pay("4.00"), desk.pay("5.00", CHARGING)
    for amount in ("0.009999", "0.000001"):
        assert said(desk.refund(paid, amount)) == "AmountOutOfRange"
        assert said(desk.refund(owed, amount)) == "AmountOutOfRange"
        assert said(desk.write_off(amount)) == "AmountOutOfRange"
    assert isinstance(desk.refund(paid, "3.995"), Accepted)
    assert isinstance(desk.refund(paid, "0.005"), Accepted)
    assert isinstance(desk.write_off("4.999999"), Accepted)
    assert isinstance(desk.write_off("0.000001"), Accepted)


def test_a_refund_never_makes_a_debt_negative(desk: Desk) -> None:
    paid = desk.pay("10.00", CHARGING)
    desk.settle("8.00")
    assert said(desk.refund(paid)) == "RefundAmountExceeded"
    assert isinstance(desk.refund(paid, "2.00"), Accepted)
    assert desk.balance(CREDIT) == 0


@pytest.mark.parametrize(
    ("status", "refusal"),
    [
        (TransactionStatus.PENDING, "OriginalTransactionIncomplete"),
        (TransactionStatus.FAILURE, "OriginalTransactionFailed"),
        (TransactionStatus.CANCELLED, "OriginalTransactionFailed"),
    ],
)
def test_a_refund_needs_a_successful_original(desk: Desk, status: TransactionStatus, refusal: str) -> None:
    desk.fund("10.00")
    paid = desk.pay("1.00")
    assert isinstance(paid, Accepted)
    original = desk.state.transactions[paid.transaction_id]
    desk.state.transactions[paid.transaction_id] = replace(original, status=status)
    assert said(desk.refund(paid)) == refusal


def test_one_reference_one_request(desk: Desk) -> None:
    desk.fund("10.00")
    first = desk.pay("1.00", reference="order")
    assert desk.pay("1.00", reference="order") == first
    assert said(desk.pay("2.00", reference="order")) == "DuplicateRequest"
    assert desk.balance(PREPAID) == parse_amount("9.00")
    refused = desk.pay("20.00", reference="too much")
    desk.fund("15.00")
    repeated = desk.pay("20.00", reference="too much")
    assert said(repeated) == said(refused) == "InsufficientBalance", "a refusal is replayed, too"
    assert isinstance(repeated, Refused)
    assert isinstance(refused, Refused)
    note = " (first answered at 2027-03-01T12:00:00Z; this CallerReference is spent)"
    assert repeated.message == refused.message + note
    assert desk.pay("20.00", reference="too much") == repeated, "the note is made once"


def test_cancelling_bars_one_token_and_moves_nothing(desk: Desk) -> None:
    desk.fund("10.00")
    assert said(desk.cancel(SPENDING, by=STRANGER)) == "TokenAccessDenied"
    assert desk.cancel(SPENDING) == Done()
    assert said(desk.cancel(SPENDING)) == "TokenNotActive"
    assert said(desk.pay("1.00")) == "TokenNotActive_Sender"
    assert isinstance(desk.fund("1.00"), Accepted)
    assert desk.cancel(FUNDING, by=BUYER) == Done()
    assert said(desk.cancel(TokenId("unknown"))) == "InvalidTokenId"
    assert desk.balance(PREPAID) == parse_amount("11.00")


def test_an_authorization_is_made_once(desk: Desk) -> None:
    consent = Consent(BUYER, Method.ABT, None, None, NOW, None)
    limit = parse_amount("25.00")
    again = AuthorizePrepaid(consent, PREPAID, SPENDING, FUNDING, "s", "f", limit)
    desk.fund("5.00")
    assert desk.do(again) == Done()
    assert desk.balance(PREPAID) == parse_amount("5.00"), "carrying it out again makes nothing new"

    used = AuthorizePrepaid(consent, InstrumentId("P2"), TokenId("S2"), TokenId("F2"), "s", "new", limit)
    assert said(desk.do(used)) == "DuplicateRequest"
    same = AuthorizePrepaid(consent, InstrumentId("P2"), TokenId("S2"), TokenId("F2"), "n", "n", limit)
    assert said(desk.do(same)) == "DuplicateRequest"
    own = AuthorizePrepaid(
        replace(consent, sender_id=SELLER), InstrumentId("P2"), TokenId("S2"), TokenId("F2"), "n", "m", limit
    )
    assert said(desk.do(own)) == "SameSenderAndRecipient"


def test_resolving_twice_changes_nothing(desk: Desk) -> None:
    desk.source(FUNDING, PaymentSource(Method.CC, 7, "simulated"))
    opened = desk.fund("10.00")
    assert isinstance(opened, Accepted)
    assert opened.status is TransactionStatus.PENDING
    for _ in range(2):
        assert desk.do(ResolveCharge(opened.transaction_id, "simulated", Paid())) == Done()
    assert desk.balance(PREPAID) == parse_amount("10.00")
    assert desk.state.instruments[PREPAID].pending_micros == 0


@pytest.mark.parametrize(("amount", "refusal"), [("2.61", "AccessFailure"), ("5.71", "InsufficientBalance")])
def test_magic_amounts_fail_at_once_where_nothing_is_asked(amount: str, refusal: str) -> None:
    desk = Desk(faults=True)
    desk.fund("10.00")
    paid = desk.pay("9.00")
    assert said(desk.pay(amount, CHARGING)) == refusal
    assert said(desk.refund(paid, amount)) == refusal
    assert said(desk.fund(amount)) == refusal
    assert isinstance(desk.pay("0.59"), Accepted)
    desk.pay("20.00", CHARGING)
    assert isinstance(desk.write_off(amount), Accepted), "writing off asks nobody"


def test_a_deposit_fills_a_balance(desk: Desk) -> None:
    outcome = desk.do(Deposit(TransactionId("D1"), BUYER, "simulated", parse_amount("5.00")))
    assert isinstance(outcome, Accepted)
    assert desk.state.transactions[outcome.transaction_id].operation is Operation.DEPOSIT
    assert said(desk.do(Deposit(TransactionId("D2"), BUYER, "simulated", 1))) == Refusal.AmountOutOfRange.name
