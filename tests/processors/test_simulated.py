from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, date, datetime, timedelta

import pytest
from tests.conftest import MakeDatabase
from tests.processors.contract import UNIT, CardKind, RailContract, Stage, key_of
from tests.support.clock import TestClock

from tallystick.db.connections import Pool
from tallystick.db.database import open_pool
from tallystick.domain.rails.commands import Declined, Paid, RailOperation
from tallystick.processors.rail import RailHint, RailOrder, RequiresAction, StillPending
from tallystick.processors.simulated import PAGES, SimulatedRail, signed_event
from tallystick.processors.simulated_numbers import NUMBERS, Behaviour, behaviour_of, rail_token
from tallystick.store.rails import simulated_charges, simulated_setups

EVENTS_KEY = b"of the tests' provider"
BEHAVIOURS = {
    CardKind.PAYS: Behaviour.PAYS,
    CardKind.NO_FUNDS: Behaviour.NO_FUNDS,
    CardKind.STOLEN: Behaviour.STOLEN,
    CardKind.REQUIRES_ACTION: Behaviour.REQUIRES_ACTION,
}


def token(behaviour: Behaviour) -> str:
    return rail_token(behaviour, secrets.token_urlsafe(12))


class SimulatedStage(Stage):
    def __init__(self, memory: Pool) -> None:
        self.memory = memory
        self.clock = TestClock()
        self.rail: SimulatedRail = SimulatedRail(
            memory, self.clock, timedelta(seconds=5), faults=True, pages_at="https://sim.example", events_key=EVENTS_KEY
        )

    def now(self) -> datetime:
        return self.clock()

    async def wait(self, pause: timedelta) -> None:
        self.clock.forward(seconds=int(pause.total_seconds()) + 1)

    async def card(self, kind: CardKind) -> str:
        return token(BEHAVIOURS[kind])

    async def perform_unheard(self, order: RailOrder) -> None:
        await self.rail.perform(order)

    async def complete_setup(self, url: str) -> None:
        reference = url.rpartition("/")[2]
        card = (token(Behaviour.PAYS), "Visa", "4242", date(2031, 10, 31))
        assert await simulated_setups.complete(self.memory, reference, *card) is not None

    async def abandon_setup(self, url: str) -> None:
        await simulated_setups.abandon(self.memory, url.rpartition("/")[2])

    async def confirm(self, asked: RequiresAction, rail_token: str) -> str:
        assert asked.url is not None
        assert asked.url.startswith(f"https://sim.example{PAGES}/confirm/")
        await simulated_setups.confirm(self.memory, rail_token, self.now())
        return rail_token

    def event(self, hint: RailHint) -> tuple[Mapping[str, str], bytes]:
        return signed_event(EVENTS_KEY, hint)


@pytest.fixture(scope="module")
async def memory(make_migrated: MakeDatabase) -> AsyncIterator[Pool]:
    """A database of the simulated rail alone: in no book there is anything of what it is asked here."""
    async with await open_pool(await make_migrated(), max_size=4) as pool:
        yield pool


@pytest.fixture
def stage(memory: Pool) -> SimulatedStage:
    return SimulatedStage(memory)


class TestSimulatedRail(RailContract):
    """The contract, kept by the simulated rail."""


async def test_some_cards_take_a_minute_longer(stage: SimulatedStage) -> None:
    for behaviour in (Behaviour.PENDING, Behaviour.LATE_FAILURE):
        order = RailOrder(key_of(), RailOperation.CHARGE, UNIT, token(behaviour))
        assert isinstance(await stage.rail.perform(order), StillPending)
        stage.clock.forward(seconds=60)
        assert isinstance(await stage.rail.perform(order), StillPending)
        stage.clock.forward(seconds=5)
        assert isinstance(await stage.rail.perform(order), Paid if behaviour is Behaviour.PENDING else Declined)


async def test_a_card_loses_the_first_answer_only(stage: SimulatedStage) -> None:
    order = RailOrder(key_of(), RailOperation.CHARGE, UNIT, token(Behaviour.LOST_ANSWER))
    with pytest.raises(ConnectionError):
        await stage.rail.perform(order)
    stage.clock.forward(seconds=5)

    assert isinstance(await stage.rail.perform(order), Paid)


async def test_a_card_is_declined_and_then_paid_after_all(stage: SimulatedStage) -> None:
    order = RailOrder(key_of(), RailOperation.CHARGE, UNIT, token(Behaviour.LATE_SUCCESS))
    said = await stage.rail.perform(order)
    assert isinstance(said, Declined)
    stage.clock.forward(seconds=5)

    assert isinstance(await stage.rail.look_again(said.reference, order.idempotency_key, stage.now()), Paid)
    assert isinstance(await stage.rail.perform(order), Declined), "who asks with the key hears what was said"


async def test_a_card_pays_and_takes_no_money_back(stage: SimulatedStage) -> None:
    card = token(Behaviour.REFUND_FAILS)
    charge = RailOrder(key_of(), RailOperation.CHARGE, UNIT, card)
    refund = RailOrder(key_of(RailOperation.REFUND), RailOperation.REFUND, UNIT, card, charge.idempotency_key)
    for order in (charge, refund):
        assert isinstance(await stage.rail.perform(order), StillPending)
    stage.clock.forward(seconds=5)

    assert isinstance(await stage.rail.perform(charge), Paid)
    refused = await stage.rail.perform(refund)
    assert isinstance(refused, Declined)
    assert refused.code == "declined"


async def test_a_key_is_not_used_when_a_real_rail_might_have_forgotten_it(stage: SimulatedStage) -> None:
    order = RailOrder(key_of(), RailOperation.CHARGE, UNIT, token(Behaviour.PAYS))
    await stage.rail.perform(order)
    stage.clock.forward(days=2)

    with pytest.raises(ValueError, match="look again instead"):
        await stage.rail.perform(order)
    assert isinstance(await stage.rail.look_again(None, order.idempotency_key, stage.now()), Paid)


async def test_what_an_early_version_has_charged_is_still_known(stage: SimulatedStage) -> None:
    key = key_of()
    await stage.memory.execute(
        "INSERT INTO simulated_charge (idempotency_key, rail_token, amount_micros, outcome, opened_at, known_at)"
        " VALUES ($1, 'a-token_without-behaviour', 1000000, 'paid', $2, $2)",
        key,
        stage.now(),
    )

    assert await stage.rail.perform(RailOrder(key, RailOperation.CHARGE, UNIT, "a-token_without-behaviour")) == Paid(
        key, 0
    )


async def test_a_set_up_that_nobody_finishes_is_given_up_after_a_day(stage: SimulatedStage) -> None:
    setup = await simulated_setups.begin(
        stage.memory,
        secrets.token_hex(8),
        secrets.token_hex(8),
        NUMBERS[0].method,
        "https://a/",
        "https://a/",
        stage.now(),
    )
    stage.clock.forward(days=1)

    assert type(await stage.rail.finish_setup(setup.reference)).__name__ == "SetupAbandoned"


def test_each_number_is_one_behaviour() -> None:
    assert len({(one.method, one.number) for one in NUMBERS}) == len(NUMBERS)
    assert {one.behaviour for one in NUMBERS} == set(Behaviour)
    assert all(behaviour_of(rail_token(one.behaviour, "x")) is one.behaviour for one in NUMBERS)


async def test_movements_are_those_of_their_time(stage: SimulatedStage) -> None:
    order = RailOrder(key_of(), RailOperation.CHARGE, UNIT, token(Behaviour.PAYS))
    await stage.rail.perform(order)
    charge = await simulated_charges.find(stage.memory, order.idempotency_key)
    assert charge is not None

    async def between(since: datetime, until: datetime) -> list[str | None]:
        found = [one async for one in stage.rail.list_movements(since, until)]
        return [one.idempotency_key for one in found if one.idempotency_key == order.idempotency_key]

    moment, later = charge.known_at, charge.known_at + timedelta(seconds=1)
    assert await between(moment, later) == [order.idempotency_key]
    assert await between(datetime(2000, 1, 1, tzinfo=UTC), moment) == []
