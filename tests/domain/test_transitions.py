"""The transition tables: complete, exactly what the deciders do, and drawn in the documentation as they are."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count, product

import pytest
from msgspec.structs import replace
from tests.support.paths import ROOT
from tools.states import page

from tallystick.domain.accounts import AccountKind
from tallystick.domain.commands import (
    AuthorizePostpaid,
    AuthorizePrepaid,
    Cancel,
    Command,
    Consent,
    FundPrepaid,
    InstallToken,
    Method,
    Pay,
    Refund,
    Request,
    RequestPayout,
    Reserve,
    ReturnPayout,
    Settle,
    SettleDebt,
    TokenPurpose,
    TokenType,
    WriteOffDebt,
)
from tallystick.domain.decide import decide
from tallystick.domain.decide.authorize import cancelled
from tallystick.domain.decide.receipts import moved_on, record
from tallystick.domain.disputes.dispute import DisputeStatus
from tallystick.domain.ids import BookId, InstrumentId, PartyId, TokenId, TransactionId
from tallystick.domain.outcomes import Accepted, TransactionStatus
from tallystick.domain.rails.commands import (
    BookMovement,
    Declined,
    Deposit,
    DisputeMoved,
    Paid,
    RailOperation,
    ResolveCharge,
    ResolvePayout,
    ReverseRefund,
)
from tallystick.domain.refusals import Refused
from tallystick.domain.state import Book, Operation, State, Transaction
from tallystick.domain.tokens import TokenState
from tallystick.domain.transitions import (
    TOKENS,
    TRANSACTIONS,
    ImpossibleTransitionError,
    TransactionState,
    allowed_changes,
    check_first,
    check_next,
    check_token,
    state_of_transaction,
)
from tallystick.services.operations.fee_schedules import read_fee_schedules

NOW = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)
SELLER, BUYER = PartyId(1), PartyId(2)
CARD, BALANCE = TokenId("card"), TokenId("balance")
UNITS = 1_000_000
FINAL = {TransactionState.SUCCESS, TransactionState.FAILURE, TransactionState.CANCELLED}


class History:
    """A seller and a buyer, and every change of a status that decisions made."""

    def __init__(self) -> None:
        self.numbers = count(1)
        self.changes: set[tuple[str, int, str | None, str]] = set()
        fees = read_fee_schedules(None)
        self.operator = State(Book(BookId(1), None, True, 10_000, fees, simulate_faults=False))
        self.state = State(
            Book(BookId(2), SELLER, True, 10_000, fees, simulate_faults=False),
            person_balances={BUYER: 10_000 * UNITS},
            cash={BookId(2): 10_000 * UNITS},
        )
        for token, method in ((CARD, Method.CC), (BALANCE, Method.ABT)):
            self.do(
                InstallToken(
                    token, TokenPurpose.SENDER, TokenType.UNRESTRICTED, BUYER, token, method, 1, NOW, expires_at=None
                )
            )
            consent = Consent(BUYER, method, 1, None, NOW, None)
            names = (
                InstrumentId(f"P{token}"),
                TokenId(f"p{token}"),
                TokenId(f"f{token}"),
                f"p{token}",
                f"f{token}",
            )
            self.do(AuthorizePrepaid(consent, *names, 1_000 * UNITS))
            names = (
                InstrumentId(f"D{token}"),
                TokenId(f"d{token}"),
                TokenId(f"s{token}"),
                f"d{token}",
                f"s{token}",
            )
            self.do(AuthorizePostpaid(consent, *names, 1_000 * UNITS, 1_000 * UNITS))
        for key, item in self.state.tokens.items():
            if item.source is not None and item.source.method is Method.CC:
                self.state.tokens[key] = replace(item, source=replace(item.source, rail="simulated"))

    def do(self, command: Command, state: State | None = None) -> TransactionId:
        state = self.state if state is None else state
        before = dict(state.transactions)
        decision = decide(state, command, NOW)
        assert not isinstance(decision.outcome, Refused), decision.outcome
        state.apply(decision)
        for item in decision.transactions:
            old = before.get(item.transaction_id)
            if old is None or old.status_number != item.status_number:
                status = None if old is None else old.status.value
                self.changes.add((item.operation.value, item.status_number, status, item.status.value))
        return decision.outcome.transaction_id if isinstance(decision.outcome, Accepted) else TransactionId("")

    def request(self) -> Request:
        number = next(self.numbers)
        return Request(TransactionId(f"T{number}"), SELLER, f"r{number}", b"", NOW)

    def resolve(self, transaction: TransactionId, answer: Paid | Declined, operation: RailOperation) -> TransactionId:
        self.do(ResolveCharge(transaction, "simulated", answer, operation))
        return transaction

    def take_up(self, begin: Callable[[], TransactionId], operation: RailOperation) -> TransactionId:
        """Begin three times: one is declined by its rail, one cancelled before its rail is asked, one paid."""
        self.resolve(begin(), Declined("Declined", "no"), operation)
        called_off = begin()
        self.state.unasked[called_off] = operation
        self.do(Cancel(called_off))
        return self.resolve(begin(), Paid(), operation)

    def pay(self, name: TokenId) -> TransactionId:
        return self.do(Pay(self.request(), name, 5 * UNITS))

    def fund(self, name: TokenId) -> TransactionId:
        return self.do(FundPrepaid(self.request(), TokenId(f"f{name}"), InstrumentId(f"P{name}"), 5 * UNITS))

    def settle_debt(self, name: TokenId) -> TransactionId:
        return self.do(SettleDebt(self.request(), TokenId(f"s{name}"), InstrumentId(f"D{name}"), 5 * UNITS))

    def reserved(self) -> TransactionId:
        return self.take_up(lambda: self.do(Reserve(self.request(), CARD, 5 * UNITS)), RailOperation.AUTHORIZE)

    def dispute(self, charge: TransactionId, status: DisputeStatus) -> None:
        name, reference = TransactionId(f"X{next(self.numbers)}"), f"dispute of {charge}"
        self.do(DisputeMoved(name, charge, "simulated", reference, status, UNITS))

    def settling(self) -> TransactionId:
        reservation = self.reserved()
        self.do(Settle(reservation, None))
        return reservation


def test_the_table_of_transactions_is_what_the_deciders_do() -> None:
    history = History()
    for name in (BALANCE, CARD):
        history.do(Pay(history.request(), TokenId(f"d{name}"), 500 * UNITS))
    for begin in (history.pay, history.fund, history.settle_debt):
        begin(BALANCE)
        history.take_up(partial(begin, CARD), RailOperation.CHARGE)
    history.do(WriteOffDebt(history.request(), InstrumentId(f"D{CARD}"), 5 * UNITS))
    history.do(Cancel(history.reserved()))
    history.resolve(history.settling(), Declined("Declined", "no"), RailOperation.CAPTURE)
    paid = history.resolve(history.settling(), Paid(), RailOperation.CAPTURE)
    for answer in (Declined("Declined", "no"), Paid()):
        back = history.do(Refund(history.request(), paid, UNITS))
        history.resolve(back, answer, RailOperation.REFUND)
    history.do(ReverseRefund(TransactionId("R1"), back, "simulated", Declined("Declined", "no")))
    for end in (DisputeStatus.WON, DisputeStatus.LOST):
        charge = history.resolve(history.pay(CARD), Paid(), RailOperation.CHARGE)
        history.dispute(charge, DisputeStatus.OPENED)
        history.dispute(charge, end)
    at_once = history.do(Pay(history.request(), BALANCE, 5 * UNITS))
    history.do(Refund(history.request(), at_once, UNITS))
    history.do(Deposit(TransactionId("D1"), BUYER, "simulated", UNITS), history.operator)
    for answer in (Declined("Declined", "no"), Paid()):
        payout = history.do(RequestPayout(history.request(), UNITS, "manual", destination_id=1))
        history.do(ResolvePayout(payout, answer))
    history.do(ReturnPayout(history.request(), payout, "no such account"))
    history.do(RequestPayout(history.request(), UNITS, "recorded", destination_id=None))
    kept = BookMovement(TransactionId("D2"), "simulated", "mv_1", AccountKind.RAIL_FEES, UNITS)
    history.do(kept, history.operator)

    assert history.changes == set(allowed_changes())


def test_every_operation_ends() -> None:
    assert set(TRANSACTIONS) == set(Operation)
    for operation, table in TRANSACTIONS.items():
        after = {state for following in table.values() for state in following}
        assert set(table) - {TransactionState.NEW} <= after, f"{operation}: what has followers is reached"
        assert after - set(table) <= FINAL, f"{operation}: what has no followers is final"
        assert not FINAL & set(table), f"{operation}: nothing follows what is final"


@pytest.mark.parametrize("operation", Operation)
def test_what_is_not_in_the_table_is_a_bug(operation: Operation) -> None:
    allowed = set(allowed_changes())
    for after in TransactionStatus:
        if (operation.value, 1, None, after.value) in allowed:
            check_first(operation, after)
        else:
            with pytest.raises(ImpossibleTransitionError):
                check_first(operation, after)
    known = {(number, before) for name, number, before, _ in allowed if name == operation.value and before is not None}
    for (number, before), after in product(known, TransactionStatus):
        if (operation.value, number, before, after.value) in allowed:
            check_next(operation, number - 1, TransactionStatus(before), after)
        else:
            with pytest.raises(ImpossibleTransitionError):
                check_next(operation, number - 1, TransactionStatus(before), after)


def test_nothing_follows_a_final_status() -> None:
    for operation, before, after in product(Operation, TransactionState, TransactionStatus):
        if before in FINAL and before.status is not None:
            with pytest.raises(ImpossibleTransitionError):
                check_next(operation, 2, before.status, after)


def test_a_reservation_is_pending_twice() -> None:
    assert state_of_transaction(Operation.RESERVE, 1, TransactionStatus.PENDING) is TransactionState.PENDING
    assert state_of_transaction(Operation.RESERVE, 3, TransactionStatus.PENDING) is TransactionState.SETTLING
    with pytest.raises(ImpossibleTransitionError):
        check_next(Operation.RESERVE, 1, TransactionStatus.PENDING, TransactionStatus.SUCCESS)
    with pytest.raises(ImpossibleTransitionError):
        check_next(Operation.RESERVE, 3, TransactionStatus.PENDING, TransactionStatus.CANCELLED)


def test_no_decision_comes_from_an_impossible_change() -> None:
    request = Request(TransactionId("T"), SELLER, "r", b"", NOW)

    def new(operation: Operation) -> Transaction:
        status = TransactionStatus.SUCCESS
        return record(request, operation, status, UNITS, NOW, payment_method="CC", sender_id=BUYER, instrument_id=None)

    with pytest.raises(ImpossibleTransitionError):
        new(Operation.RESERVE)
    done = new(Operation.PAY)
    with pytest.raises(ImpossibleTransitionError):
        moved_on(done, TransactionStatus.CANCELLED, "Canceled", "too late", NOW)


def test_tokens_go_by_their_table() -> None:
    assert set(TOKENS) == set(TokenState) - {TokenState.CANCELLED}
    for before, after in product(TokenState, TokenState):
        if after in TOKENS.get(before, ()):
            check_token(before, after)
        else:
            with pytest.raises(ImpossibleTransitionError):
                check_token(before, after)


def test_a_token_is_cancelled_once() -> None:
    token = cancelled(History().state.tokens[CARD], NOW)
    with pytest.raises(ImpossibleTransitionError):
        cancelled(token, NOW + timedelta(days=1))


def test_the_page_shows_the_tables() -> None:
    written = (ROOT / "docs" / "states.md").read_text(encoding="utf-8")
    assert written == page(), "write it anew: .venv/bin/python -m tools.states > docs/states.md"


@pytest.mark.parametrize("late", [Declined("Declined", "no"), Paid()])
def test_the_answer_to_a_hold_changes_nothing_once_the_reservation_settles(late: Paid | Declined) -> None:
    """A worker that slept over its lease brings it when another has booked it, and the seller has settled since."""
    history = History()
    settling = history.settling()
    before = history.state.transactions[settling]

    history.resolve(settling, late, RailOperation.AUTHORIZE)

    assert history.state.transactions[settling] == before
    history.resolve(settling, Paid(), RailOperation.CAPTURE)
    assert history.state.transactions[settling].status is TransactionStatus.SUCCESS
