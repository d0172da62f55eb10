"""Charges of a millionth: bounded by the seller's rule alone, exact, settled in whole cents, free of fees."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from fractions import Fraction

import hypothesis.strategies as st
from hypothesis import given
from msgspec.structs import replace

from tallystick.domain.accounts import TOTALS, AccountKind
from tallystick.domain.commands import (
    AuthorizePostpaid,
    AuthorizePrepaid,
    Command,
    Consent,
    FundPrepaid,
    Method,
    Pay,
    Refund,
    Request,
    SettleDebt,
    WriteOffDebt,
)
from tallystick.domain.decide import decide
from tallystick.domain.fees import Bracket, FeeSchedule
from tallystick.domain.ids import BookId, InstrumentId, PartyId, TokenId, TransactionId
from tallystick.domain.money import GREATEST_SMALLEST_CHARGE_MICROS, MICROS_PER_MINOR_UNIT, MICROS_PER_UNIT
from tallystick.domain.outcomes import Accepted, Outcome
from tallystick.domain.refusals import Refusal, Refused
from tallystick.domain.state import Book, State

NOW = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)
SELLER, BUYER = PartyId(1), PartyId(2)
PREPAID, CREDIT = InstrumentId("P"), InstrumentId("C")
SPENDING, FUNDING, CHARGING, SETTLING = TokenId("S"), TokenId("F"), TokenId("D"), TokenId("T")
LIMIT = 100 * MICROS_PER_UNIT
CENT = MICROS_PER_MINOR_UNIT

smallest = st.one_of(st.sampled_from([1, 500, CENT - 1, CENT, CENT + 1]), st.integers(1, MICROS_PER_UNIT))
tiny = st.integers(1, 3 * CENT)
amounts = st.one_of(tiny, st.integers(1, 2 * LIMIT))
schedules = st.builds(
    lambda fixed, rates: FeeSchedule(
        fixed, tuple(Bracket((n + 1) * MICROS_PER_UNIT if n + 1 < len(rates) else None, r) for n, r in enumerate(rates))
    ),
    st.integers(0, MICROS_PER_UNIT),
    st.lists(st.integers(0, 1_000_000), min_size=1, max_size=4),
)
FREE = FeeSchedule(0, (Bracket(None, 0),))


class Shop:
    """A seller whose one buyer has a full balance and an empty tab; every transfer of the seller's book is kept."""

    def __init__(self, smallest_micros: int, schedule: FeeSchedule = FREE) -> None:
        self.count = 0
        book = Book(BookId(9), SELLER, True, smallest_micros, dict.fromkeys(Method, schedule), simulate_faults=False)
        self.state = State(book, person_balances={BUYER: 10 * LIMIT})
        self.accounts: dict[int, int] = {}
        consent = Consent(BUYER, Method.ABT, None, None, NOW, NOW + timedelta(days=30))
        self.do(AuthorizePrepaid(consent, PREPAID, SPENDING, FUNDING, "s", "f", LIMIT))
        self.do(AuthorizePostpaid(consent, CREDIT, CHARGING, SETTLING, "d", "t", LIMIT, 10 * LIMIT, ()))

    def do(self, command: Command) -> Outcome:
        decision = decide(self.state, command, NOW)
        self.state.apply(decision)
        for transfer in decision.transfers:
            self.accounts[transfer.debit] = self.accounts.get(transfer.debit, 0) + transfer.amount_micros
            self.accounts[transfer.credit] = self.accounts.get(transfer.credit, 0) - transfer.amount_micros
        return decision.outcome

    def request(self) -> Request:
        self.count += 1
        return Request(TransactionId(f"T{self.count}"), SELLER, f"reference {self.count}", b"", NOW)

    def pay(self, token: TokenId, micros: int) -> Outcome:
        return self.do(Pay(self.request(), token, micros))

    def balance(self, instrument: InstrumentId) -> int:
        return self.state.instruments[instrument].balance_micros

    def total(self, kind: AccountKind) -> int:
        return self.accounts.get(TOTALS[kind], 0)


def filled(smallest_micros: int, schedule: FeeSchedule = FREE) -> Shop:
    shop = Shop(smallest_micros, schedule)
    shop.do(FundPrepaid(shop.request(), FUNDING, PREPAID, LIMIT))
    return shop


@given(smallest, amounts)
def test_a_balance_is_charged_from_the_smallest_charge_to_the_last_millionth(least: int, micros: int) -> None:
    shop = filled(least)
    outcome = shop.pay(SPENDING, micros)
    if micros < least:
        assert isinstance(outcome, Refused)
        assert outcome.refusal is Refusal.AmountOutOfRange
    else:
        assert isinstance(outcome, Accepted) is (micros <= LIMIT)
    taken = micros if isinstance(outcome, Accepted) else 0
    assert shop.balance(PREPAID) == LIMIT - taken
    assert shop.total(AccountKind.SALES) == -taken


@given(smallest, st.lists(tiny, max_size=20), st.data())
def test_what_a_tab_is_charged_is_settled_in_cents_and_the_rest_written_off(
    least: int, charges: list[int], data: st.DataObject
) -> None:
    """However it is charged, given back and settled: nothing of it is lost, and less than a cent stays owed."""
    shop = Shop(least)
    owed = 0
    for micros in charges:
        paid = shop.pay(CHARGING, micros)
        assert isinstance(paid, Accepted) is (micros >= least)
        if not isinstance(paid, Accepted):
            continue
        owed += micros
        part = data.draw(st.one_of(st.none(), st.integers(1, micros)))
        if part is not None:
            back = shop.do(Refund(shop.request(), paid.transaction_id, part))
            assert isinstance(back, Accepted) is (part >= least or part == micros)
            owed -= part if isinstance(back, Accepted) else 0
    assert shop.balance(CREDIT) == owed
    settled = shop.do(SettleDebt(shop.request(), SETTLING, CREDIT, owed)) if owed else None
    assert isinstance(settled, Accepted) is (owed >= CENT)
    dust = owed % CENT if owed >= CENT else owed
    assert shop.balance(CREDIT) == dust
    assert shop.total(AccountKind.CASH) == owed - dust
    assert dust < CENT
    if dust:
        assert isinstance(shop.do(WriteOffDebt(shop.request(), CREDIT, dust)), Accepted), "all that is left may go"
    assert shop.balance(CREDIT) == 0
    assert shop.total(AccountKind.WRITE_OFFS) == dust
    assert sum(shop.accounts.values()) == 0


@given(schedules, st.one_of(tiny, st.integers(1, GREATEST_SMALLEST_CHARGE_MICROS)))
def test_a_fee_is_whole_cents_and_at_most_half_a_cent_off(schedule: FeeSchedule, micros: int) -> None:
    """Rounded once, half up. A schedule of 100 per cent and more can take more than there was: that is refused."""
    exact = Fraction(schedule.fixed_micros)
    start = 0
    for bracket in schedule.brackets:
        end = micros if bracket.up_to_micros is None else min(micros, bracket.up_to_micros)
        exact += Fraction(max(0, end - start) * bracket.rate_ppm, 1_000_000)
        start = end
    fee = schedule.fee(micros)
    assert fee % CENT == 0
    assert -CENT <= 2 * (exact - fee) < CENT


@given(schedules, tiny)
def test_no_fee_is_taken_of_what_is_charged_to_a_balance_or_a_tab(schedule: FeeSchedule, micros: int) -> None:
    shop = Shop(1, schedule)
    for token in (CHARGING, SPENDING):
        shop.state.instruments[PREPAID] = replace(shop.state.instruments[PREPAID], balance_micros=LIMIT)
        paid = shop.pay(token, micros)
        assert isinstance(paid, Accepted)
        assert shop.state.transactions[paid.transaction_id].fee_micros == 0
    assert shop.total(AccountKind.FEES) == 0
    assert shop.total(AccountKind.CASH) == 0


@given(schedules, st.integers(1, LIMIT))
def test_a_settlement_moves_cents_and_leaves_something_after_its_fee(schedule: FeeSchedule, micros: int) -> None:
    shop = Shop(1, schedule)
    shop.pay(CHARGING, micros)
    settled = shop.do(SettleDebt(shop.request(), SETTLING, CREDIT, micros))
    whole = micros - micros % CENT
    if micros < CENT:
        assert isinstance(settled, Refused)
        assert settled.refusal is Refusal.AmountOutOfRange
    elif schedule.fee(whole) >= whole:
        assert isinstance(settled, Refused)
        assert settled.refusal is Refusal.InvalidParams
    else:
        assert isinstance(settled, Accepted)
        assert shop.balance(CREDIT) == micros % CENT
        assert shop.total(AccountKind.CASH) == whole - schedule.fee(whole) > 0
