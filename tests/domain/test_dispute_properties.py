"""Whatever a rail tells of disputes, in any order and twice, among payments and refunds, nothing is taken twice."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import count

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from msgspec.structs import replace

from tallystick.domain.accounts import TOTALS, AccountKind, account_id
from tallystick.domain.commands import (
    AuthorizePostpaid,
    AuthorizePrepaid,
    Command,
    Consent,
    FundPrepaid,
    InstallToken,
    Method,
    Pay,
    Refund,
    RefundFunding,
    Request,
    SettleDebt,
    TokenPurpose,
    TokenType,
)
from tallystick.domain.decide import decide
from tallystick.domain.decide.outgoing.redemption import ALWAYS, NEVER, Redemption, shares
from tallystick.domain.disputes.dispute import DisputedSettlements, DisputeStatus
from tallystick.domain.disputes.positions import frozen_account
from tallystick.domain.ids import BookId, InstrumentId, PartyId, TokenId, TransactionId
from tallystick.domain.outcomes import Accepted, Outcome, TransactionStatus
from tallystick.domain.rails.commands import CollectDue, Declined, DisputeMoved, Paid, RailOperation, ResolveCharge
from tallystick.domain.refusals import Refusal, Refused
from tallystick.domain.state import Book, Operation, State, Transaction, owed_account
from tallystick.services.operations.fee_schedules import read_fee_schedules

START = datetime(2027, 1, 1, tzinfo=UTC)
OWN = BookId(1)
SELLER, BUYER = PartyId(1), PartyId(2)
PREPAID, CREDIT = InstrumentId("P"), InstrumentId("C")
RAIL = "simulated"
LIMIT = 100_000_000

cents = st.integers(min_value=100, max_value=3000).map(lambda number: number * 10_000)
redemptions = st.sampled_from([NEVER, ALWAYS, Redemption(20_000_000), Redemption(0, 10_000_000)])
fees = st.one_of(st.none(), st.sampled_from([0, 15_000_000]))


class Disputes(RuleBasedStateMachine):
    """A seller's book with a prepaid balance, a debt and card payments, and its mirror."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.numbers = count(1)
        self.own: Counter[int] = Counter()
        self.mirror: Counter[int] = Counter()
        self.told: dict[str, tuple[TransactionId, int]] = {}
        self.paid_out = 0
        book = Book(OWN, SELLER, True, 10_000, read_fee_schedules(None), simulate_faults=False)
        self.state = State(book, cash={OWN: 0})

    def perform(self, command: Command) -> Outcome:
        before = repr(self.state)
        decision = decide(self.state, command, self.now)
        assert repr(self.state) == before, "deciding changes nothing"
        for ledger, transfers in ((self.own, decision.transfers), (self.mirror, decision.operator_transfers)):
            for transfer in transfers:
                assert transfer.amount_micros > 0
                ledger[transfer.debit] += transfer.amount_micros
                ledger[transfer.credit] -= transfer.amount_micros
        self.state.apply(decision)
        return decision.outcome

    def request(self) -> Request:
        number = next(self.numbers)
        return Request(TransactionId(f"T{number:06}"), SELLER, f"reference {number}", b"%d" % number, self.now)

    @initialize(choice=st.sampled_from(DisputedSettlements))
    def authorize(self, choice: DisputedSettlements) -> None:
        self.state.disputed_settlements = choice
        consent = Consent(BUYER, Method.CC, 7, None, START, None)
        self.perform(AuthorizePrepaid(consent, PREPAID, TokenId("S"), TokenId("F"), "s", "f", LIMIT))
        self.perform(
            AuthorizePostpaid(consent, CREDIT, TokenId("D"), TokenId("T"), "d", "t", LIMIT, 1000 * LIMIT),
        )
        single = (TokenId("U"), TokenPurpose.SENDER, TokenType.UNRESTRICTED, BUYER, "u", Method.CC, 7, START, None)
        self.perform(InstallToken(*single))
        for token in (TokenId("F"), TokenId("T"), TokenId("U")):  # loading adds the rail of the card
            source = self.state.tokens[token].source
            assert source is not None
            self.state.tokens[token] = replace(self.state.tokens[token], source=replace(source, rail=RAIL))

    def charge(self, command: FundPrepaid | SettleDebt | Pay) -> None:
        begun = self.perform(command)
        if isinstance(begun, Accepted):
            self.perform(ResolveCharge(begun.transaction_id, RAIL, Paid()))

    @rule(amount=cents)
    def fund(self, amount: int) -> None:
        self.charge(FundPrepaid(self.request(), TokenId("F"), PREPAID, amount))

    @rule(amount=cents)
    def pay_by_card(self, amount: int) -> None:
        self.charge(Pay(self.request(), TokenId("U"), amount))

    @rule(amount=cents)
    def settle(self, amount: int) -> None:
        self.charge(SettleDebt(self.request(), TokenId("T"), CREDIT, amount))

    @rule(amount=cents, token=st.sampled_from(["S", "D"]))
    def spend(self, amount: int, token: str) -> None:
        self.perform(Pay(self.request(), TokenId(token), amount))

    @rule(token=st.sampled_from(["S", "D"]))
    def spend_all(self, token: str) -> None:
        instrument = self.state.instruments[PREPAID if token == "S" else CREDIT]
        left = instrument.balance_micros if token == "S" else instrument.limit_micros - instrument.balance_micros
        if left:
            self.perform(Pay(self.request(), TokenId(token), left))

    @rule(data=st.data(), part=st.integers(1, 101), declined=st.booleans(), at_once=st.booleans())
    def refund(self, data: st.DataObject, part: int, declined: bool, at_once: bool) -> None:
        payments = [item for item in self.state.transactions.values() if item.operation is Operation.PAY]
        if payments:
            original = data.draw(st.sampled_from(payments))
            back = self.perform(Refund(self.request(), original.transaction_id, self.part_of(original, part)))
            if isinstance(back, Accepted) and at_once:
                self.answer_refund(back.transaction_id, declined)

    @rule(data=st.data(), part=st.integers(1, 101), declined=st.booleans(), at_once=st.booleans())
    def give_back_what_was_not_spent(self, data: st.DataObject, part: int, declined: bool, at_once: bool) -> None:
        fundings = [item for item in self.state.transactions.values() if item.operation is Operation.FUND_PREPAID]
        if fundings:
            funding = data.draw(st.sampled_from(fundings))
            back = self.perform(RefundFunding(self.request(), funding.transaction_id, self.part_of(funding, part)))
            if isinstance(back, Accepted) and at_once:
                self.answer_refund(back.transaction_id, declined)

    @rule(redemption=redemptions, declined=st.booleans(), at_once=st.booleans())
    def redeem(self, redemption: Redemption, declined: bool, at_once: bool) -> None:
        """The buyer has what is left paid back, where that is allowed: over all fundings, each as much as it can."""
        before = self.state.instruments[PREPAID].balance_micros
        if not redemption.allows(before):
            return
        fundings = [
            item
            for item in self.state.transactions.values()
            if item.operation is Operation.FUND_PREPAID and item.status is TransactionStatus.SUCCESS
        ][::-1]
        parts = shares([item.refundable_micros for item in fundings], before)
        given = 0
        for funding, part in zip(fundings, parts, strict=True):
            if part:
                back = self.perform(RefundFunding(self.request(), funding.transaction_id, part))
                if isinstance(back, Refused):
                    assert back.refusal is Refusal.InsufficientBalance, "nothing else refuses it"
                given += part if isinstance(back, Accepted) else 0
        assert self.state.instruments[PREPAID].balance_micros == before - given
        if at_once:
            for key in list(self.state.transactions):
                self.answer_refund(key, declined)

    def part_of(self, original: Transaction, part: int) -> int | None:
        """So many hundredths of what could still go back, in whole cents; above 100, whatever that is."""
        return None if part > 100 else max(1, original.refundable_micros * part // 1_000_000) * 10_000

    @rule(data=st.data(), declined=st.booleans())
    def answer_late(self, data: st.DataObject, declined: bool) -> None:
        pending = [key for key, item in self.state.transactions.items() if item.status is TransactionStatus.PENDING]
        if pending:
            self.answer_refund(data.draw(st.sampled_from(pending)), declined)

    def answer_refund(self, refund: TransactionId, declined: bool) -> None:
        """What the rail says to a refund. Other transactions had their answer at once, and ask no rail any more."""
        if self.state.transactions[refund].status is TransactionStatus.PENDING:
            answer = Declined("TransactionDenied", "no") if declined else Paid()
            self.perform(ResolveCharge(refund, RAIL, answer, RailOperation.REFUND))

    @rule(
        data=st.data(),
        part=st.integers(1, 101),
        status=st.sampled_from(DisputeStatus),
        by_balance=st.booleans(),
        declined=st.booleans(),
    )
    def dispute_while_a_refund_is_on_its_way(
        self, data: st.DataObject, part: int, status: DisputeStatus, by_balance: bool, declined: bool
    ) -> None:
        if by_balance:
            self.give_back_what_was_not_spent(data, part, declined, False)
        else:
            self.refund(data, part, declined, False)
        pending = [item for item in self.state.transactions.values() if item.status is TransactionStatus.PENDING]
        if pending:
            back = pending[-1]
            assert back.original_id is not None
            asked = self.state.transactions[back.original_id].amount_micros
            self.told.setdefault(f"{back.original_id} 1", (back.original_id, asked))
            self.tell(f"{back.original_id} 1", status, None)
            self.answer_refund(back.transaction_id, declined)

    @rule(amount=cents, part=cents, end=st.sampled_from([None, DisputeStatus.WON, DisputeStatus.LOST]))
    def fund_spend_dispute_and_give_back(self, amount: int, part: int, end: DisputeStatus | None) -> None:
        """What comes back to a claimed balance is frozen; random commands seldom come so far."""
        funding = self.request()
        self.charge(FundPrepaid(funding, TokenId("F"), PREPAID, amount))
        spent = self.perform(Pay(self.request(), TokenId("S"), self.state.instruments[PREPAID].balance_micros))
        reference = f"{funding.transaction_id} 1"
        self.told[reference] = (funding.transaction_id, amount)
        self.tell(reference, DisputeStatus.OPENED, None)
        before = self.state.instruments[PREPAID].uncovered_micros
        if isinstance(spent, Accepted):
            back = self.perform(Refund(self.request(), spent.transaction_id, part))
            given = part if isinstance(back, Accepted) else 0
            left = self.state.instruments[PREPAID].uncovered_micros
            assert left == max(0, before - given)
        if end is not None:
            self.tell(reference, end, None)

    @rule(part=st.integers(min_value=0, max_value=100))
    def spend_the_cash_elsewhere(self, part: int) -> None:
        """As a payout would: what a dispute then takes, the seller owes."""
        micros = self.state.cash[OWN] * part // 100
        self.paid_out += micros
        self.state.cash[OWN] -= micros
        self.own[TOTALS[AccountKind.CASH]] -= micros
        self.mirror[owed_account(SELLER)] += micros

    @rule(data=st.data(), status=st.sampled_from(DisputeStatus), number=st.integers(1, 2), fee=fees)
    def dispute(self, data: st.DataObject, status: DisputeStatus, number: int, fee: int | None) -> None:
        charges = [
            item
            for item in self.state.transactions.values()
            if item.payment_method == "CC" and item.operation not in {Operation.REFUND, Operation.DISPUTE}
        ]
        if not charges:
            return
        original = data.draw(st.sampled_from(charges))
        reference = f"{original.transaction_id} {number}"
        if reference not in self.told:
            asked = data.draw(st.sampled_from([original.amount_micros, max(10_000, original.amount_micros // 3)]))
            self.told[reference] = (original.transaction_id, asked)
        self.tell(reference, status, fee)

    @rule(data=st.data(), fee=fees)
    def dispute_once_more(self, data: st.DataObject, fee: int | None) -> None:
        """Two disputes of one charge: what is left for the second one depends on the end of the first."""
        if self.told:
            original, asked = self.told[data.draw(st.sampled_from(sorted(self.told)))]
            other = f"{original} 2"
            self.told.setdefault(other, (original, asked))
            self.tell(other, data.draw(st.sampled_from([DisputeStatus.OPENED, DisputeStatus.LOST])), fee)

    @rule(data=st.data(), status=st.sampled_from(DisputeStatus), fee=fees)
    def tell_more(self, data: st.DataObject, status: DisputeStatus, fee: int | None) -> None:
        if self.told:
            self.tell(data.draw(st.sampled_from(sorted(self.told))), status, fee)

    def tell(self, reference: str, status: DisputeStatus, fee: int | None) -> None:
        original, asked = self.told[reference]
        name = TransactionId(f"X{next(self.numbers):06}")
        command = DisputeMoved(name, original, RAIL, reference, status, asked, fee)
        outcome = self.perform(command)
        own, mirror = Counter(self.own), Counter(self.mirror)
        again = self.perform(replace(command, transaction_id=TransactionId("again")))
        assert (self.own, self.mirror) == (own, mirror), "told twice, moved once"
        if not isinstance(outcome, Refused):
            assert isinstance(again, Accepted)
            assert isinstance(outcome, Accepted)
            assert again.transaction_id == outcome.transaction_id

    @rule()
    def collect(self) -> None:
        for dispute in list(self.state.disputes.values()):
            self.perform(CollectDue(dispute.transaction_id, dispute.original_id))
        due = sum(dispute.due_micros for dispute in self.state.disputes.values())
        assert not due or not self.state.cash[OWN], "what is owed is taken from the cash that there is"

    @rule(hours=st.integers(min_value=1, max_value=72))
    def pass_time(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    def of(self, original: Transaction) -> int:
        return sum(
            dispute.claimed_micros
            for dispute in self.state.disputes.values()
            if dispute.original_id == original.transaction_id
        )

    @invariant()
    def books_sum_to_what_left_them(self) -> None:
        assert sum(self.own.values()) == -self.paid_out
        assert sum(self.mirror.values()) == self.paid_out

    @invariant()
    def no_charge_is_taken_back_twice(self) -> None:
        for transaction in self.state.transactions.values():
            assert transaction.disputed_micros == (
                self.of(transaction) if transaction.operation is not Operation.DISPUTE else 0
            )
            assert 0 <= transaction.refunded_micros + transaction.disputed_micros <= transaction.amount_micros

    @invariant()
    def what_a_bank_took_is_claimed(self) -> None:
        """A dispute claims less than it asks for only where refunds or other disputes have the rest of the charge."""
        for dispute in self.state.disputes.values():
            if dispute.status is not DisputeStatus.WON and dispute.claimed_micros < dispute.asked_micros:
                assert self.state.transactions[dispute.original_id].refundable_micros == 0

    @invariant()
    def instruments_are_their_accounts(self) -> None:
        if not self.state.instruments:
            return
        prepaid, credit = self.state.instruments[PREPAID], self.state.instruments[CREDIT]
        assert self.own[prepaid.account_id] == -prepaid.balance_micros <= 0
        assert 0 <= self.own[credit.account_id] == credit.balance_micros <= LIMIT
        opened = [
            item for item in self.state.disputes.values() if item.instrument_id == PREPAID and not item.status.is_final
        ]
        assert self.own[frozen_account(PREPAID)] == -sum(item.borne_micros for item in opened) <= 0
        assert prepaid.uncovered_micros == sum(item.claimed_micros - item.borne_micros for item in opened) >= 0

    @invariant()
    def each_end_has_its_result(self) -> None:
        for dispute in self.state.disputes.values():
            assert len(dispute.told) == len({*dispute.told}), "each status counts once"
            assert 0 <= dispute.borne_micros <= dispute.claimed_micros
            assert 0 <= dispute.due_micros <= dispute.claimed_micros + dispute.fee_micros
            status = self.state.transactions[dispute.transaction_id].status
            if dispute.status is DisputeStatus.WON:
                assert (dispute.claimed_micros, dispute.borne_micros) == (0, 0)
                assert status is TransactionStatus.CANCELLED
            elif dispute.status is DisputeStatus.LOST:
                assert status is TransactionStatus.SUCCESS
            else:
                assert status is TransactionStatus.RESERVED
                if self.state.disputed_settlements is DisputedSettlements.LOSS and dispute.instrument_id == CREDIT:
                    assert dispute.borne_micros == 0

    @invariant()
    def accounts_are_what_disputes_say(self) -> None:
        disputes = list(self.state.disputes.values())
        opened = [item for item in disputes if not item.status.is_final]
        lost = [item for item in disputes if item.status is DisputeStatus.LOST]
        due = sum(item.due_micros for item in disputes)
        fee = sum(item.fee_micros for item in disputes)
        assert self.own[TOTALS[AccountKind.IN_DISPUTE]] == sum(item.claimed_micros for item in opened)
        assert self.own[TOTALS[AccountKind.DISPUTE_LOSSES]] == sum(
            item.claimed_micros - item.borne_micros for item in lost
        )
        assert self.own[TOTALS[AccountKind.DISPUTE_FEES]] == fee
        assert self.own[TOTALS[AccountKind.DUES]] == -due
        assert self.mirror[account_id(AccountKind.DUE_FROM, str(SELLER))] == due
        assert self.own[TOTALS[AccountKind.CASH]] == -self.mirror[owed_account(SELLER)] == self.state.cash[OWN] >= 0

    @invariant()
    def the_rail_has_what_was_charged_less_what_went_back(self) -> None:
        at_rail = 0
        for item in self.state.transactions.values():
            booked = {TransactionStatus.SUCCESS, TransactionStatus.PENDING}  # a refund is booked when it is opened
            if item.status in booked and item.payment_method == "CC":
                at_rail += item.amount_micros if item.operation is not Operation.REFUND else -item.amount_micros
                at_rail -= item.amount_micros if item.operation is Operation.DISPUTE else 0
        taken = sum(item.claimed_micros + item.fee_micros for item in self.state.disputes.values())
        assert self.mirror[account_id(AccountKind.RAIL, RAIL)] == at_rail - taken


Disputes.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestDisputes = pytest.mark.timeout(600)(Disputes.TestCase)
