"""What payments that were decided from memory write, found in one pass, is what the general way finds in several."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Final, cast

import pytest

from tallystick.db.connections import Connection
from tallystick.domain.accounts import TOTALS, AccountKind
from tallystick.domain.commands import (
    AuthorizePostpaid,
    AuthorizePrepaid,
    Command,
    Consent,
    FundPrepaid,
    LimitTerms,
    Method,
    Pay,
    Refund,
    Request,
)
from tallystick.domain.decide import decide_all
from tallystick.domain.fees import Bracket, FeeSchedule
from tallystick.domain.ids import BookId, InstrumentId, PartyId, TokenId, TransactionId
from tallystick.domain.limits import LimitKind
from tallystick.domain.outcomes import Accepted
from tallystick.domain.state import Book, Decision, State
from tallystick.store.ledger.apply import Batch
from tallystick.store.ledger.apply_payments import payment_rows
from tallystick.store.ledger.load import LoadedState
from tallystick.store.ledger.memory.written_payments import written_payments

NOW: Final = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)
SELLER, BUYER = PartyId(1), PartyId(2)
MOST: Final = 1_000_000_000
BALANCES: Final = [TokenId(f"S{number}") for number in range(3)]
TABS: Final = [TokenId(f"D{number}") for number in range(3)]
COUNTING: Final = TokenId("D9")
"""Of a tab whose token counts its uses."""


class Desk:
    """A seller with funded balances and tabs, and what is known of them before a group is decided."""

    def __init__(self, url: str | None = None, *, charge_events: bool = False) -> None:
        self.count, self.url, self.charge_events = 0, url, charge_events
        free = dict.fromkeys(Method, FeeSchedule(0, (Bracket(None, 0),)))
        book = Book(BookId(9), SELLER, True, 1, free, simulate_faults=False)
        self.state = State(book, person_balances={BUYER: 10 * MOST})
        consent = Consent(BUYER, Method.ABT, None, None, NOW, NOW + timedelta(days=30))
        for token in BALANCES:
            funding, balance = TokenId(f"F{token}"), InstrumentId(f"P{token}")
            self.do(AuthorizePrepaid(consent, balance, token, funding, f"s{token}", f"f{token}", MOST))
            self.do(FundPrepaid(self.request(), funding, balance, MOST))
        for token in (*TABS, COUNTING):
            terms = (LimitTerms(LimitKind.COUNT, 3, None),) if token == COUNTING else ()
            named = InstrumentId(f"C{token}"), token, TokenId(f"T{token}"), f"d{token}", f"t{token}"
            self.do(AuthorizePostpaid(consent, *named, MOST, 10 * MOST, terms))
        self.loaded = LoadedState(
            self.state,
            None,
            None,
            self.url,
            NOW,
            known_instruments=dict(self.state.instruments),
            known_tokens=frozenset(self.state.tokens),
            versions={known.account_id: place for place, known in enumerate(self.state.instruments.values())},
            charge_events=self.charge_events,
        )

    def request(self, reference: str | None = None, url: str | None = None) -> Request:
        self.count += 1
        name = TransactionId(f"T{self.count:05}")
        return Request(name, SELLER, reference or f"reference {self.count}", b"x" * 32, NOW, notification_url=url)

    def do(self, *commands: Command) -> list[Decision]:
        return decide_all(self.state, commands, NOW)

    def pay(self, token: TokenId, micros: int = 5, reference: str | None = None, url: str | None = None) -> Pay:
        return Pay(self.request(reference, url), token, micros)


@pytest.mark.parametrize("seed", range(20))
def test_one_pass_finds_what_the_general_way_finds(seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - chance that can be had again
    desk = Desk(dice.choice([None, "https://shop.example/told"]), charge_events=dice.random() < 0.5)
    tokens = [*BALANCES, *TABS] if seed % 3 else BALANCES
    named = [None, None, None, "again"]
    decisions = desk.do(
        *(
            desk.pay(
                dice.choice(tokens), dice.randint(1, 50), dice.choice(named), dice.choice([None, "https://own.example"])
            )
            for _ in range(dice.choice([1, 2, 40]))
        )
    )
    for one_row in (True, False):
        rows = payment_rows(decisions, desk.state.tokens if one_row else None)
        general = Batch(cast("Connection", None), desk.loaded, decisions)
        found = written_payments(desk.loaded, decisions, one_row=one_row)
        assert (found.paid, found.first) == (rows.paid, rows.first)
        assert found.paid
        taken_from_sales = (TOTALS[AccountKind.SALES], -found.total_micros, None)
        assert [*found.changes, taken_from_sales] == general.balance_changes(rows.transfers, ())
        assert found.events == general.events()
        assert [*found.queued] == (general.queued_events() if desk.charge_events else [])
        instruments, _, _ = general.more(())
        charged = {key: charged_micros for key, charged_micros, _ in instruments}
        known = desk.loaded.known_instruments
        assert [(tab[0], tab[2]) for tab in found.tabs] == sorted(
            ((key, charged[key] - known[key].charged_micros) for key in charged),
            key=lambda tab: known[tab[0]].account_id,
        )


def test_nothing_is_written_of_what_was_answered_before() -> None:
    desk = Desk()
    first = desk.pay(BALANCES[0], reference="once")
    desk.do(first)
    decisions = desk.do(desk.pay(BALANCES[0], reference="once"))
    assert isinstance(decisions[0].outcome, Accepted)
    found = written_payments(desk.loaded, decisions, one_row=True)
    assert (found.paid, found.changes, found.total_micros, found.tabs, found.first) == ([], [], 0, [], None)


def test_what_changes_more_than_a_balance_or_a_tab_is_not_written_so() -> None:
    desk = Desk()
    (paid,) = desk.do(desk.pay(BALANCES[0]))
    assert isinstance(paid.outcome, Accepted)
    for command in (
        desk.pay(COUNTING),  # its token counts
        desk.pay(BALANCES[0], 2 * MOST),  # it is refused
        Refund(desk.request(), paid.outcome.transaction_id, None),
        FundPrepaid(desk.request(), TokenId(f"F{BALANCES[0]}"), InstrumentId(f"P{BALANCES[0]}"), 5),
    ):
        with pytest.raises((TypeError, ValueError)):
            written_payments(desk.loaded, [paid, *desk.do(command)], one_row=True)
