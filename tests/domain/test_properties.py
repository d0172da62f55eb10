"""No order of commands overdraws, and every book sums to zero: shown on the pure rules, without a database."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import count

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from msgspec.structs import replace

from tallystick.domain.accounts import AccountKind, account_id
from tallystick.domain.commands import (
    AuthorizePostpaid,
    AuthorizePrepaid,
    Cancel,
    CancelToken,
    Command,
    Consent,
    FundPrepaid,
    InstallToken,
    LimitTerms,
    Method,
    Pay,
    RecordRefund,
    Refund,
    RefundFunding,
    Request,
    RequestPayout,
    ReturnPayout,
    SettleDebt,
    TokenPurpose,
    TokenType,
    WriteOffDebt,
)
from tallystick.domain.decide import decide
from tallystick.domain.ids import BookId, InstrumentId, PartyId, TokenId, TransactionId
from tallystick.domain.limits import LimitKind
from tallystick.domain.outcomes import Accepted, Outcome, TransactionStatus
from tallystick.domain.periods import Period
from tallystick.domain.rails.commands import Declined, Paid, RailOperation, ResolveCharge, ResolvePayout, ReverseRefund
from tallystick.domain.refusals import Refused
from tallystick.domain.state import Book, InstrumentKind, Operation, State, Transaction, balance_account, owed_account
from tallystick.services.operations.fee_schedules import read_fee_schedules

START = datetime(2027, 1, 1, tzinfo=UTC)
SELLER, BUYER = PartyId(1), PartyId(2)
PREPAID, CREDIT = InstrumentId("P"), InstrumentId("C")
FUNDING_LIMIT, CREDIT_LIMIT, TOTAL_LIMIT = 25_000_000, 100_000_000, 300_000_000
PER_DAY = 150_000_000
DIRECT_LIMIT = 200_000_000
START_BALANCE = 10_000_000_000
PAYOUT_ACCOUNTS = (AccountKind.PAYOUTS_UNDER_WAY, AccountKind.PAID_OUT, AccountKind.PAYOUTS_DUE)

amounts = st.one_of(
    st.integers(min_value=1, max_value=20_000),
    st.integers(min_value=1, max_value=30_000_000),
    st.sampled_from([10_000, 10_001, 25_000_000, 25_000_001, 100_000_000, 100_000_001]),
    st.integers(min_value=1, max_value=3000).map(lambda cents: cents * 10_000),
)
prepaid_methods = st.sampled_from(["fund-by-balance", "fund-by-card"])


class Books(RuleBasedStateMachine):
    """A seller's book and its mirror, driven in any order, with time passing in between."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.numbers = count(1)
        self.own: Counter[int] = Counter()
        self.mirror: Counter[int] = Counter({balance_account(BUYER): -START_BALANCE, -1: START_BALANCE})
        self.moved: list[TransactionId] = []
        book = Book(BookId(1), SELLER, True, 10_000, read_fee_schedules(None), simulate_faults=False)
        self.state = State(book, person_balances={BUYER: START_BALANCE}, cash={BookId(1): 0})

    def perform(self, command: Command) -> Outcome:
        before = repr(self.state)
        decision = decide(self.state, command, self.now)
        assert repr(self.state) == before, "deciding changes nothing"
        if isinstance(decision.outcome, Refused):
            assert (decision.transfers, decision.operator_transfers, decision.instruments, decision.tokens) == ((),) * 4
        for ledger, transfers in ((self.own, decision.transfers), (self.mirror, decision.operator_transfers)):
            for transfer in transfers:
                assert transfer.amount_micros > 0
                ledger[transfer.debit] += transfer.amount_micros
                ledger[transfer.credit] -= transfer.amount_micros
        self.state.apply(decision)
        return decision.outcome

    def request(self) -> Request:
        number = next(self.numbers)
        name = TransactionId(f"T{number}")
        self.moved.append(name)
        return Request(name, SELLER, f"reference {number}", b"%d" % number, self.now)

    @initialize(
        method=st.sampled_from([Method.ABT, Method.CC]),
        days=st.one_of(st.none(), st.integers(min_value=1, max_value=20)),
        smallest=st.sampled_from([1, 500, 10_000, 1_000_000]),
    )
    def authorize(self, method: Method, days: int | None, smallest: int) -> None:
        self.state.book = replace(self.state.book, minimum_charge_micros=smallest)
        card = None if method is Method.ABT else 7
        expires = None if days is None else START + timedelta(days=days)
        consent = Consent(BUYER, method, card, None, START, expires)
        self.perform(AuthorizePrepaid(consent, PREPAID, TokenId("S"), TokenId("F"), "s", "f", FUNDING_LIMIT))
        terms = LimitTerms(LimitKind.AMOUNT, PER_DAY, Period(1, "Day"))
        tokens = (TokenId("D"), TokenId("T"), "d", "t")
        self.perform(AuthorizePostpaid(consent, CREDIT, *tokens, CREDIT_LIMIT, TOTAL_LIMIT, (terms,)))
        self.perform(
            InstallToken(
                token_id=TokenId("U"),
                purpose=TokenPurpose.SENDER,
                token_type=TokenType.MULTI_USE,
                sender_id=BUYER,
                caller_reference="u",
                method=method,
                payment_method_id=card,
                valid_from=START,
                expires_at=expires,
                limits=(LimitTerms(LimitKind.AMOUNT, DIRECT_LIMIT, None),),
            )
        )
        for token in (TokenId("F"), TokenId("T"), TokenId("U")):  # loading adds the rail of the card
            source = self.state.tokens[token].source
            assert source is not None
            rail = None if card is None else "simulated"
            self.state.tokens[token] = replace(self.state.tokens[token], source=replace(source, rail=rail))

    @rule(amount=amounts)
    def fund(self, amount: int) -> None:
        self.perform(FundPrepaid(self.request(), TokenId("F"), PREPAID, amount))

    @rule(amount=amounts, token=st.sampled_from(["S", "D", "F", "U"]))
    def pay(self, amount: int, token: str) -> None:
        self.perform(Pay(self.request(), TokenId(token), amount))

    @rule(amount=amounts)
    def settle(self, amount: int) -> None:
        self.perform(SettleDebt(self.request(), TokenId("T"), CREDIT, amount))

    @rule(amount=amounts)
    def write_off(self, amount: int) -> None:
        self.perform(WriteOffDebt(self.request(), CREDIT, amount))

    @rule(amount=st.one_of(st.none(), amounts), data=st.data())
    def refund(self, amount: int | None, data: st.DataObject) -> None:
        if self.moved:
            original = data.draw(st.sampled_from(self.moved))
            self.perform(Refund(self.request(), original, amount))

    @rule(amount=st.one_of(st.none(), amounts), data=st.data())
    def give_back_what_was_not_spent(self, amount: int | None, data: st.DataObject) -> None:
        if self.moved:
            funding = data.draw(st.sampled_from(self.moved))
            self.perform(RefundFunding(self.request(), funding, amount))

    @rule(amount=amounts, spent=amounts, part=st.one_of(st.none(), amounts), declined=st.booleans(), again=amounts)
    def fund_spend_and_give_back(self, amount: int, spent: int, part: int | None, declined: bool, again: int) -> None:
        """Between refund and answer the balance is spent and filled; random commands seldom do that."""
        funded = self.perform(FundPrepaid(self.request(), TokenId("F"), PREPAID, amount))
        if not isinstance(funded, Accepted):
            return
        self.perform(ResolveCharge(funded.transaction_id, "simulated", Paid()))
        self.perform(Pay(self.request(), TokenId("S"), spent))
        refund = self.perform(RefundFunding(self.request(), funded.transaction_id, part))
        if isinstance(refund, Accepted):
            self.perform(FundPrepaid(self.request(), TokenId("F"), PREPAID, again))
            answer = Declined("TransactionDenied", "no") if declined else Paid()
            self.perform(ResolveCharge(refund.transaction_id, "simulated", answer, RailOperation.REFUND))

    @rule(amount=st.one_of(st.none(), amounts), reserve=amounts, recorded=st.booleans())
    def pay_out(self, amount: int | None, reserve: int, recorded: bool) -> None:
        bank = None if recorded else 5
        self.perform(RequestPayout(self.request(), amount, "manual", bank, reserve_micros=reserve))

    @rule(data=st.data(), sent=st.booleans())
    def end_a_payout(self, data: st.DataObject, sent: bool) -> None:
        """Also one that is over: what is said twice changes nothing."""
        payouts = [t for t in self.state.transactions.values() if t.operation is Operation.PAYOUT]
        if payouts:
            answer = Paid() if sent else Declined("PayoutNotSent", "no")
            self.perform(ResolvePayout(data.draw(st.sampled_from(payouts)).transaction_id, answer))

    @rule(data=st.data())
    def a_bank_sends_something_back(self, data: st.DataObject) -> None:
        if self.moved:
            self.perform(ReturnPayout(self.request(), data.draw(st.sampled_from(self.moved)), "no such account"))

    @rule(data=st.data(), paid=st.booleans())
    def resolve(self, data: st.DataObject, paid: bool) -> None:
        charges = [t for t in self.state.transactions.values() if t.payment_method == "CC"]
        if charges:
            chosen = data.draw(st.sampled_from(charges))
            answer = Paid() if paid else Declined("TransactionDenied", "no")
            refund = chosen.operation is Operation.REFUND
            asked = RailOperation.REFUND if refund else RailOperation.CHARGE
            self.perform(ResolveCharge(chosen.transaction_id, "simulated", answer, asked))

    @rule(amount=amounts, part=amounts, declined=st.booleans())
    def pay_directly_and_refund(self, amount: int, part: int, declined: bool) -> None:
        """A card payment and its refund; random commands alone rarely get that far."""
        paid = self.perform(Pay(self.request(), TokenId("U"), amount))
        if not isinstance(paid, Accepted):
            return
        self.perform(ResolveCharge(paid.transaction_id, "simulated", Paid()))
        refund = self.perform(Refund(self.request(), paid.transaction_id, part))
        if isinstance(refund, Accepted):
            answer = Declined("TransactionDenied", "no") if declined else Paid()
            self.perform(ResolveCharge(refund.transaction_id, "simulated", answer, RailOperation.REFUND))

    @rule(data=st.data(), cents=st.integers(min_value=1, max_value=4000))
    def a_refund_is_made_at_the_rail(self, data: st.DataObject, cents: int) -> None:
        if self.moved:
            request = self.request()
            original = data.draw(st.sampled_from(self.moved))
            self.perform(RecordRefund(request, original, "simulated", request.transaction_id, cents * 10_000))

    @rule(data=st.data())
    def a_refund_fails_after_all(self, data: st.DataObject) -> None:
        """Also one that has, or is under way, or never was."""
        refunds = [t for t in self.state.transactions.values() if t.operation is Operation.REFUND]
        if refunds:
            name, refund = TransactionId(f"R{next(self.numbers)}"), data.draw(st.sampled_from(refunds))
            answer = Declined("TransactionDenied", "no")
            self.perform(ReverseRefund(name, refund.transaction_id, "simulated", answer))

    @rule(data=st.data())
    def give_up(self, data: st.DataObject) -> None:
        """Cancel a transaction before its rail was asked; the store knows which those are."""
        if self.moved:
            chosen = data.draw(st.sampled_from(self.moved))
            transaction = self.state.transactions.get(chosen)
            refund = transaction is not None and transaction.operation is Operation.REFUND
            self.state.unasked = {chosen: RailOperation.REFUND if refund else RailOperation.CHARGE}
            self.perform(Cancel(chosen))
            self.state.unasked = {}

    @rule(amount=amounts)
    def repeat_a_payment(self, amount: int) -> None:
        request = self.request()
        first = self.perform(Pay(request, TokenId("S"), amount))
        again = self.perform(Pay(replace(request, transaction_id=TransactionId("other")), TokenId("S"), amount))
        if isinstance(first, Refused):
            assert isinstance(again, Refused)
            assert again.refusal is first.refusal
            note = f"(first answered at {self.now:%Y-%m-%dT%H:%M:%SZ}; this CallerReference is spent)"
            assert again.message == f"{first.message} {note}"
        else:
            assert again == first

    @rule(token=st.sampled_from(["S", "D", "F", "T"]))
    def cancel(self, token: str) -> None:
        if next(self.numbers) % 5 == 0:  # rarely, since most commands are refused once the token is cancelled
            self.perform(CancelToken(TokenId(token), SELLER))

    @rule(hours=st.integers(min_value=1, max_value=72))
    def pass_time(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    @invariant()
    def books_sum_to_zero(self) -> None:
        assert sum(self.own.values()) == 0
        assert sum(self.mirror.values()) == 0

    @invariant()
    def the_ceiling_holds(self) -> None:
        for instrument in self.state.instruments.values():
            sign = -1 if instrument.kind is InstrumentKind.PREPAID else 1
            assert self.own[instrument.account_id] == sign * instrument.balance_micros
            assert instrument.balance_micros >= 0
            pending = [
                transaction.amount_micros
                for transaction in self.state.transactions.values()
                if transaction.instrument_id == instrument.instrument_id
                and transaction.status is TransactionStatus.PENDING
            ]
            assert instrument.pending_micros == sum(pending)
            if instrument.kind is InstrumentKind.CREDIT:
                assert instrument.pending_micros <= instrument.balance_micros <= instrument.limit_micros
                assert instrument.charged_micros <= TOTAL_LIMIT

    @invariant()
    def spending_never_passes_funding(self) -> None:
        totals: Counter[Operation] = Counter()
        for transaction in self.state.transactions.values():
            if transaction.status is TransactionStatus.SUCCESS and transaction.instrument_id == PREPAID:
                totals[transaction.operation] += transaction.amount_micros
        of_payments = sum(t.amount_micros for t in self.prepaid_refunds() if t.payment_method == "Prepaid")
        given_back = sum(t.amount_micros for t in self.prepaid_refunds() if t.payment_method != "Prepaid")
        came_back = totals[Operation.REFUND_REVERSAL]
        left = totals[Operation.FUND_PREPAID] - totals[Operation.PAY] + of_payments - given_back + came_back
        if PREPAID in self.state.instruments:
            instrument = self.state.instruments[PREPAID]
            assert instrument.balance_micros == left
            assert instrument.balance_micros + instrument.pending_micros <= FUNDING_LIMIT + of_payments + came_back
        assert left >= 0

    def prepaid_refunds(self) -> list[Transaction]:
        """All that left the balance or came back to it: a refund does when it is opened, unless it fails."""
        refunds = [t for t in self.state.transactions.values() if t.operation is Operation.REFUND]
        return [t for t in refunds if t.instrument_id == PREPAID and t.status is not TransactionStatus.FAILURE]

    @invariant()
    def refunds_never_pass_their_original(self) -> None:
        for transaction in self.state.transactions.values():
            assert 0 <= transaction.refunded_micros <= transaction.amount_micros

    @invariant()
    def the_mirror_owes_the_seller_its_cash(self) -> None:
        assert self.own[1] == -self.mirror[owed_account(SELLER)] == self.state.cash[BookId(1)] >= 0
        assert self.state.person_balances[BUYER] == -self.mirror[balance_account(BUYER)] >= 0

    @invariant()
    def what_was_paid_out_is_what_payouts_say(self) -> None:
        payouts = [t for t in self.state.transactions.values() if t.operation is Operation.PAYOUT]
        waiting = sum(t.amount_micros for t in payouts if t.status is TransactionStatus.PENDING)
        done = sum(t.amount_micros - t.refunded_micros for t in payouts if t.status is TransactionStatus.SUCCESS)
        under_way, paid_out, due = (account_id(kind) for kind in PAYOUT_ACCOUNTS)
        assert self.own[under_way] == -self.mirror[due] == waiting
        assert self.own[paid_out] == done

    @invariant()
    def direct_payments_stay_within_what_was_agreed(self) -> None:
        direct = [t for t in self.state.transactions.values() if t.sender_token_id == "U"]
        over = {TransactionStatus.FAILURE, TransactionStatus.CANCELLED}  # the token gets these back
        charged = sum(t.amount_micros for t in direct if t.operation is Operation.PAY and t.status not in over)
        assert charged <= DIRECT_LIMIT

    @invariant()
    def what_failed_or_waits_has_moved_nothing(self) -> None:
        """Cash follows from the transactions: what came in, less fees, less refunds that are open or done."""
        expected = 0
        for transaction in self.state.transactions.values():
            real = transaction.payment_method in {"ABT", "CC"}
            net = transaction.amount_micros - transaction.fee_micros
            if transaction.operation is Operation.PAYOUT and transaction.status is not TransactionStatus.FAILURE:
                expected -= transaction.amount_micros
            elif transaction.operation is Operation.PAYOUT_RETURN:
                expected += transaction.amount_micros
            if transaction.operation is Operation.REFUND and real:
                failed = transaction.status is TransactionStatus.FAILURE
                expected -= 0 if failed else transaction.amount_micros + transaction.fee_micros
            elif real and transaction.status is TransactionStatus.SUCCESS:
                expected += net
        assert self.own[1] == expected


Books.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestBooks = pytest.mark.timeout(600)(Books.TestCase)


def test_an_accepted_outcome_is_what_replays() -> None:
    """The state machine relies on comparing outcomes by value."""
    assert Accepted(TransactionId("T"), TransactionStatus.SUCCESS) == Accepted(
        TransactionId("T"), TransactionStatus.SUCCESS
    )
