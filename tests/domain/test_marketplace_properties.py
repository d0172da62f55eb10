"""Caller, recipient and buyer in any order: no answer of a rail ever needs cash that was spent meanwhile."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import count

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from msgspec.structs import replace

from tallystick.domain.accounts import TOTALS, AccountKind
from tallystick.domain.commands import (
    Cancel,
    Command,
    FeePayer,
    InstallToken,
    LimitTerms,
    Marketplace,
    Method,
    Pay,
    Refund,
    RefundPolicy,
    Request,
    Reserve,
    Settle,
    TokenPurpose,
    TokenTerms,
    TokenType,
)
from tallystick.domain.decide import decide
from tallystick.domain.ids import AccountId, BookId, PartyId, TokenId, TransactionId
from tallystick.domain.limits import LimitKind
from tallystick.domain.outcomes import Accepted, Outcome, TransactionStatus
from tallystick.domain.rails.commands import Declined, Paid, RailOperation, ResolveCharge
from tallystick.domain.state import (
    Book,
    Decision,
    Operation,
    RailRequest,
    Seller,
    State,
    Transaction,
    Transfer,
    balance_account,
    owed_account,
)
from tallystick.services.operations.fee_schedules import read_fee_schedules

START = datetime(2027, 1, 1, tzinfo=UTC)
CALLER, RECIPIENT, BUYER = PartyId(1), PartyId(2), PartyId(3)
CALLERS, RECIPIENTS = BookId(1), BookId(2)
START_BALANCE = 10_000_000_000
CASH, SALES, FEES = (TOTALS[kind] for kind in (AccountKind.CASH, AccountKind.SALES, AccountKind.FEES))
INCOME = TOTALS[AccountKind.COMMISSION_INCOME]
CARD, BALANCE = TokenId("card"), TokenId("balance")
NEVER_REACHED = (LimitTerms(LimitKind.AMOUNT, 10**15, None), LimitTerms(LimitKind.COUNT, 10**6, None))
PAYS = {FeePayer.CALLER: TokenId("caller pays"), FeePayer.RECIPIENT: TokenId("recipient pays")}

cents = st.one_of(
    st.integers(min_value=1, max_value=200),
    st.integers(min_value=1, max_value=8_000),
).map(lambda number: number * 10_000)
marketplaces = st.one_of(
    st.just(Marketplace()),
    st.builds(
        lambda payer, fixed, ppm: Marketplace(PAYS[payer], payer, fixed, ppm),
        st.sampled_from(FeePayer),
        st.integers(min_value=0, max_value=200).map(lambda number: number * 10_000),
        st.integers(min_value=0, max_value=900_000),
    ),
)


class Market(RuleBasedStateMachine):
    """The caller's book, the recipient's and their mirror; `asked`: transactions whose rail has not answered yet."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.numbers = count(1)
        self.books: dict[BookId, Counter[AccountId]] = {CALLERS: Counter(), RECIPIENTS: Counter()}
        self.mirror: Counter[AccountId] = Counter(
            {balance_account(BUYER): -START_BALANCE, AccountId(-1): START_BALANCE}
        )
        self.moved: dict[TransactionId, Counter[str]] = {}
        self.numbered: set[tuple[TransactionId, BookId, int]] = set()
        self.asked: list[RailRequest] = []
        book = Book(CALLERS, CALLER, True, 10_000, read_fee_schedules(None), simulate_faults=False)
        self.state = State(
            book,
            person_balances={BUYER: START_BALANCE},
            recipients={RECIPIENT: Seller(RECIPIENT, RECIPIENTS, True)},
            cash={CALLERS: 0, RECIPIENTS: 0},
        )

    @initialize()
    def agree(self) -> None:
        self.install(CARD, TokenPurpose.SENDER, BUYER, Method.CC, TokenTerms())
        self.install(BALANCE, TokenPurpose.SENDER, BUYER, Method.ABT, TokenTerms())
        for payer, token in PAYS.items():
            terms = TokenTerms(
                recipient_pays_fee=payer is FeePayer.RECIPIENT,
                max_fixed_fee_micros=10_000_000,
                max_variable_fee_ppm=1_000_000,
            )
            self.install(token, TokenPurpose.RECIPIENT, RECIPIENT, None, terms)
        source = self.state.tokens[CARD].source
        assert source is not None
        known = replace(source, rail="simulated")  # loading adds the rail of the card
        self.state.tokens[CARD] = replace(self.state.tokens[CARD], source=known)

    def install(
        self, token: TokenId, purpose: TokenPurpose, party: PartyId, method: Method | None, terms: TokenTerms
    ) -> None:
        self.perform(
            InstallToken(
                token_id=token,
                purpose=purpose,
                token_type=TokenType.MULTI_USE if purpose is TokenPurpose.SENDER else TokenType.UNRESTRICTED,
                sender_id=party,
                caller_reference=token,
                method=method,
                payment_method_id=7 if method is Method.CC else None,
                valid_from=START,
                expires_at=None,
                terms=terms,
                limits=NEVER_REACHED if purpose is TokenPurpose.SENDER else (),
            )
        )

    def perform(self, command: Command) -> Outcome:
        decision = decide(self.state, command, self.now)
        for book_id, transfers in ((CALLERS, decision.transfers), *decision.recipient_transfers):
            self.move(self.books[book_id], transfers)
            self.count_up(book_id, transfers)
        self.move(self.mirror, decision.operator_transfers)
        self.follow(decision)
        self.state.apply(decision)
        return decision.outcome

    def move(self, accounts: Counter[AccountId], transfers: tuple[Transfer, ...]) -> None:
        for transfer in transfers:
            assert transfer.amount_micros > 0
            accounts[transfer.debit] += transfer.amount_micros
            accounts[transfer.credit] -= transfer.amount_micros

    def count_up(self, book_id: BookId, transfers: tuple[Transfer, ...]) -> None:
        """Keep what each transaction moved, and see that the store could number its transfers without a clash."""
        phases = {(transfer.transaction_id, book_id, transfer.phase) for transfer in transfers}
        assert not phases & self.numbered, "a phase is booked once"
        self.numbered |= phases
        for transfer in transfers:
            moved = self.moved.setdefault(transfer.transaction_id, Counter())
            for account, name, sign in ((SALES, "amount", -1), (FEES, "fee", 1), (INCOME, "share", -1)):
                moved[name] += (
                    sign * transfer.amount_micros * ((transfer.debit == account) - (transfer.credit == account))
                )

    def follow(self, decision: Decision) -> None:
        if decision.rail_request is not None and decision.rail_request.operation is not RailOperation.VOID:
            self.asked.append(decision.rail_request)
        if decision.resolved is not None:
            self.asked = [item for item in self.asked if (item.transaction_id, item.operation) != decision.resolved]

    def request(self) -> Request:
        number = next(self.numbers)
        return Request(TransactionId(f"T{number}"), CALLER, f"reference {number}", b"%d" % number, self.now)

    def some(self, data: st.DataObject, *statuses: TransactionStatus) -> TransactionId | None:
        fitting = [name for name, item in self.state.transactions.items() if item.status in statuses]
        return data.draw(st.sampled_from(fitting)) if fitting else None

    @rule(amount=cents, token=st.sampled_from([CARD, CARD, BALANCE]), marketplace=marketplaces)
    def pay(self, amount: int, token: TokenId, marketplace: Marketplace) -> None:
        self.perform(Pay(self.request(), token, amount, marketplace))

    @rule(amount=cents, marketplace=marketplaces)
    def reserve(self, amount: int, marketplace: Marketplace) -> None:
        self.perform(Reserve(self.request(), CARD, amount, marketplace))

    @rule(part=st.one_of(st.none(), cents), data=st.data())
    def settle(self, part: int | None, data: st.DataObject) -> None:
        held = self.some(data, TransactionStatus.RESERVED)
        if held is not None:
            self.perform(Settle(held, part))

    @rule(part=st.one_of(st.none(), cents), policy=st.sampled_from(RefundPolicy), data=st.data())
    def refund(self, part: int | None, policy: RefundPolicy, data: st.DataObject) -> None:
        original = self.some(data, TransactionStatus.SUCCESS)
        if original is not None:
            self.perform(Refund(self.request(), original, part, policy))

    @rule(
        cents=st.integers(min_value=20, max_value=3_000),
        parts=st.integers(min_value=2, max_value=5),
        declined=st.lists(st.tuples(st.booleans(), st.booleans()), min_size=2, max_size=5),
    )
    def refund_in_parts(self, cents: int, parts: int, declined: list[tuple[bool, bool]]) -> None:
        """A card payment with two refunds pending at a time; random commands alone rarely get that far."""
        paid = self.perform(Pay(self.request(), CARD, cents * parts * 10_000))
        if not isinstance(paid, Accepted):
            return
        self.perform(ResolveCharge(paid.transaction_id, "simulated", Paid(), RailOperation.CHARGE))
        for pair in declined:
            opened = [self.perform(Refund(self.request(), paid.transaction_id, cents * 10_000)) for _ in pair]
            for refund, no in zip(opened, pair, strict=True):
                if isinstance(refund, Accepted):
                    answer = Declined("TransactionDenied", "no") if no else Paid()
                    self.perform(ResolveCharge(refund.transaction_id, "simulated", answer, RailOperation.REFUND))

    @precondition(lambda self: self.asked)
    @rule(data=st.data(), paid=st.booleans())
    def the_rail_answers(self, data: st.DataObject, paid: bool) -> None:
        """Whatever the rail answers, no seller's cash decreases, so there is nothing that could be missing."""
        asked = data.draw(st.sampled_from(self.asked))
        before = dict(self.state.cash)
        answer = Paid() if paid else Declined("TransactionDenied", "no")
        self.perform(ResolveCharge(asked.transaction_id, "simulated", answer, asked.operation))
        assert all(self.state.cash[book_id] >= before[book_id] for book_id in before)

    @rule(data=st.data(), expired=st.booleans())
    def give_up(self, data: st.DataObject, expired: bool) -> None:
        """Cancel a hold, or a transaction before its rail was asked; the store knows which those are."""
        chosen = self.some(data, TransactionStatus.PENDING, TransactionStatus.RESERVED)
        if chosen is not None:
            before = dict(self.state.cash)
            self.state.unasked = {item.transaction_id: item.operation for item in self.asked}
            self.perform(Cancel(chosen, expired=expired))
            self.state.unasked = {}
            assert all(self.state.cash[book_id] >= before[book_id] for book_id in before)

    @rule(hours=st.integers(min_value=1, max_value=72))
    def pass_time(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    @invariant()
    def books_sum_to_zero_and_the_mirror_owes_the_cash(self) -> None:
        assert sum(self.mirror.values()) == 0
        for party, book_id in ((CALLER, CALLERS), (RECIPIENT, RECIPIENTS)):
            accounts = self.books[book_id]
            assert sum(accounts.values()) == 0
            assert accounts[CASH] == -self.mirror[owed_account(party)] == self.state.cash[book_id] >= 0

    @invariant()
    def fees_are_given_back_once(self) -> None:
        """The fee account holds the fees taken less those given back, and is never negative."""
        given: Counter[TransactionId] = Counter()
        for refund in self.state.transactions.values():
            if refund.original_id is not None and refund.status is not TransactionStatus.FAILURE:
                given[refund.original_id] -= refund.fee_micros
        for name, transaction in self.state.transactions.items():
            assert given[name] == transaction.fee_refunded_micros
            assert 0 <= transaction.fee_refunded_micros <= max(0, transaction.fee_micros), transaction
            if 0 < transaction.refunded_micros == transaction.amount_micros:
                assert transaction.fee_refunded_micros == transaction.fee_micros
        assert all(accounts[FEES] >= 0 for accounts in self.books.values())

    @invariant()
    def limits_count_what_was_charged_or_may_be_yet(self) -> None:
        ended = {TransactionStatus.FAILURE, TransactionStatus.CANCELLED}
        for token in (self.state.tokens[name] for name in (CARD, BALANCE) if name in self.state.tokens):
            counted = [
                item.amount_micros
                for item in self.state.transactions.values()
                if item.sender_token_id == token.token_id
                and item.operation is not Operation.REFUND
                and item.status not in ended
            ]
            assert [limit.used for limit in token.limits] == [sum(counted), len(counted)]

    @invariant()
    def transactions_moved_what_they_say(self) -> None:
        for name, transaction in self.state.transactions.items():
            moved = self.moved.get(name, Counter())
            assert (moved["amount"], moved["fee"], moved["share"]) == expected(transaction), transaction


def expected(transaction: Transaction) -> tuple[int, int, int]:
    """Amount, fee and share, as `verify` expects them too."""
    refund = transaction.operation is Operation.REFUND
    share_alone = refund and transaction.sender_id is None
    another = transaction.recipient_id is not None
    amount = 0 if share_alone else transaction.amount_micros * (-1 if refund else 1)
    fee, share = transaction.fee_micros, transaction.marketplace_fee_micros if another else 0
    by_caller = another and transaction.fee_payer is FeePayer.CALLER
    match transaction.status:
        case TransactionStatus.SUCCESS:
            return amount, fee, share
        case TransactionStatus.PENDING if refund:
            return amount, 0 if by_caller else max(fee, amount - share), share
        case TransactionStatus.PENDING | TransactionStatus.RESERVED if by_caller:
            return 0, max(0, fee - share), 0
        case _:
            return 0, 0, 0


Market.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestMarket = pytest.mark.timeout(600)(Market.TestCase)


def test_the_way_to_a_fee_that_was_spent_is_found_by_hand_too() -> None:
    """The caller earns 0.90, opens a payment whose fee it pays, and tries to spend all before the card answers."""
    market = Market()
    market.agree()
    earned = market.perform(Pay(market.request(), BALANCE, 1_000_000))
    assert isinstance(earned, Accepted)
    paid = market.perform(Pay(market.request(), CARD, 10_000_000, Marketplace(PAYS[FeePayer.CALLER], FeePayer.CALLER)))
    assert isinstance(paid, Accepted)
    assert market.state.cash[CALLERS] == 600_000
    market.perform(Refund(market.request(), earned.transaction_id, None))
    market.perform(ResolveCharge(paid.transaction_id, "simulated", Paid(), RailOperation.CHARGE))
    assert market.state.cash == {CALLERS: 600_000, RECIPIENTS: 10_000_000}
    assert market.state.transactions[paid.transaction_id].status is TransactionStatus.SUCCESS
