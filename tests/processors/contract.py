"""The protocol of rails as tests: one suite, which each rail passes. `processors/rail.py` says what it promises.

A rail's own test file makes a class of RailContract with a fixture `stage`.
"""

from __future__ import annotations

import secrets
from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import Enum, unique

import pytest

from tallystick.domain.commands import Method
from tallystick.domain.ids import TRANSACTION_ENTROPY_BYTES, BookId, make_transaction_id
from tallystick.domain.rails.commands import Declined, Paid, RailOperation
from tallystick.processors.rail import (
    HintKind,
    MovementKind,
    PaymentMethodFound,
    Rail,
    RailAnswer,
    RailEventRefusedError,
    RailHint,
    RailMovement,
    RailOrder,
    RequiresAction,
    SetupAbandoned,
    SetupPending,
    SetupRequest,
    StillPending,
    Unknown,
    idempotency_key,
)

UNIT = 1_000_000
MAX_ASKED = 20


@unique
class CardKind(Enum):
    """How a means of payment behaves on a stage."""

    PAYS = "pays"
    NO_FUNDS = "insufficient_funds"
    STOLEN = "stolen_card"
    REQUIRES_ACTION = "authentication_required"


class Stage(ABC):
    """A rail with everything around it: cards, a buyer, the time, a network that may lose an answer."""

    rail: Rail

    @abstractmethod
    def now(self) -> datetime:
        """The time by the rail's clock."""

    @abstractmethod
    async def wait(self, pause: timedelta) -> None:
        """Let time pass, as far as the rail needs it to come to a result."""

    @abstractmethod
    async def card(self, kind: CardKind) -> str:
        """The rail's token of a new card."""

    @abstractmethod
    async def perform_unheard(self, order: RailOrder) -> None:
        """Have an order carried out whose answer is lost on its way back."""

    @abstractmethod
    async def complete_setup(self, url: str) -> None:
        """As a buyer does: go to the rail's page, and give a card that pays."""

    @abstractmethod
    async def abandon_setup(self, url: str) -> None:
        """As a buyer who turns back on the rail's page."""

    @abstractmethod
    async def confirm(self, asked: RequiresAction, rail_token: str) -> str:
        """As a buyer who confirms with the bank; the token of the card from then on."""

    @abstractmethod
    def event(self, hint: RailHint) -> tuple[Mapping[str, str], bytes]:
        """Headers and body of an event, as the rail sends it now."""


def key_of(operation: RailOperation = RailOperation.CHARGE, transaction_id: str | None = None) -> str:
    """The idempotency key of an order for a new transaction."""
    if transaction_id is None:
        transaction_id = make_transaction_id(
            BookId(7), 1_700_000_000_000, secrets.token_bytes(TRANSACTION_ENTROPY_BYTES)
        )
    return idempotency_key(transaction_id, operation)


async def answer_to(stage: Stage, order: RailOrder) -> RailAnswer:
    """What the rail says to an order in the end, asked as the worker asks."""
    asked_first = stage.now()
    answer: RailAnswer | Unknown = await stage.rail.perform(order)
    for _ in range(MAX_ASKED):
        if not isinstance(answer, StillPending):
            break
        await stage.wait(answer.ask_again_after)
        if answer.reference is None:
            answer = await stage.rail.perform(order)
        else:
            answer = await stage.rail.look_again(answer.reference, order.idempotency_key, asked_first)
    assert not isinstance(answer, StillPending | Unknown), answer
    return answer


async def paid(stage: Stage, order: RailOrder) -> Paid:
    answer = await answer_to(stage, order)
    assert isinstance(answer, Paid), answer
    return answer


async def movements(stage: Stage, *keys: str) -> list[RailMovement]:
    """What the rail says has moved by orders with these keys."""
    day = timedelta(days=1)
    found = [one async for one in stage.rail.list_movements(stage.now() - day, stage.now() + day)]
    return [one for one in found if one.idempotency_key in keys]


class RailContract:
    """What every rail does."""

    async def test_it_says_who_it_is(self, stage: Stage) -> None:
        assert stage.rail.name.isidentifier()
        assert stage.rail.environments
        assert stage.rail.environments <= {"sandbox", "live"}
        assert stage.rail.remembers_keys_for >= timedelta(hours=2)

    async def test_a_charge_is_paid_and_moves_its_amount_less_the_fee(self, stage: Stage) -> None:
        order = RailOrder(key_of(), RailOperation.CHARGE, 10 * UNIT, await stage.card(CardKind.PAYS))

        answer = await paid(stage, order)

        assert answer.reference
        (moved,) = await movements(stage, order.idempotency_key)
        assert moved.kind is MovementKind.CHARGE
        assert moved.reference == answer.reference
        assert (moved.amount_micros, moved.currency) == (10 * UNIT, "USD")
        assert answer.fee_micros in {None, moved.fee_micros}
        assert 0 <= moved.fee_micros < 10 * UNIT

    async def test_the_same_key_pays_once(self, stage: Stage) -> None:
        order = RailOrder(key_of(), RailOperation.CHARGE, 3 * UNIT, await stage.card(CardKind.PAYS))

        first = await paid(stage, order)
        again = await paid(stage, order)

        assert again.reference == first.reference
        assert len(await movements(stage, order.idempotency_key)) == 1

    async def test_a_key_with_another_amount_is_refused(self, stage: Stage) -> None:
        key, card = key_of(), await stage.card(CardKind.PAYS)
        await paid(stage, RailOrder(key, RailOperation.CHARGE, 3 * UNIT, card))

        with pytest.raises(Exception):  # noqa: B017, PT011 - each rail has its own; that it is refused is what matters
            await answer_to(stage, RailOrder(key, RailOperation.CHARGE, 4 * UNIT, card))

        assert [one.amount_micros for one in await movements(stage, key)] == [3 * UNIT]

    async def test_an_answer_that_was_lost_is_told_again_under_the_same_key(self, stage: Stage) -> None:
        order = RailOrder(key_of(), RailOperation.CHARGE, 5 * UNIT, await stage.card(CardKind.PAYS))
        await stage.perform_unheard(order)

        assert (await paid(stage, order)).reference
        assert len(await movements(stage, order.idempotency_key)) == 1

    async def test_looking_again_finds_an_order_by_reference_or_key(self, stage: Stage) -> None:
        asked_first = stage.now()
        order = RailOrder(key_of(), RailOperation.CHARGE, 5 * UNIT, await stage.card(CardKind.PAYS))
        answer = await paid(stage, order)

        by_reference = await stage.rail.look_again(answer.reference, order.idempotency_key, asked_first)
        by_key = await stage.rail.look_again(None, order.idempotency_key, asked_first)

        assert isinstance(by_reference, Paid)
        assert isinstance(by_key, Paid)
        assert by_reference.reference == by_key.reference == answer.reference

    async def test_looking_again_makes_nothing(self, stage: Stage) -> None:
        key = key_of()

        assert await stage.rail.look_again(None, key, stage.now()) == Unknown()
        assert await stage.rail.look_again(None, key, stage.now()) == Unknown()

        assert await movements(stage, key) == []

    async def test_a_soft_decline_is_told_from_a_hard_one(self, stage: Stage) -> None:
        soft = RailOrder(key_of(), RailOperation.CHARGE, 5 * UNIT, await stage.card(CardKind.NO_FUNDS))
        hard = RailOrder(key_of(), RailOperation.CHARGE, 5 * UNIT, await stage.card(CardKind.STOLEN))

        refused = [await answer_to(stage, order) for order in (soft, hard)]

        assert [isinstance(one, Declined) and (one.code, one.hard) for one in refused] == [
            ("insufficient_funds", False),
            ("stolen_card", True),
        ]
        assert await movements(stage, soft.idempotency_key, hard.idempotency_key) == []

    async def test_a_decline_stays_one_when_it_is_asked_for_again(self, stage: Stage) -> None:
        order = RailOrder(key_of(), RailOperation.CHARGE, 5 * UNIT, await stage.card(CardKind.STOLEN))
        first = await answer_to(stage, order)

        again = await stage.rail.look_again(first.reference, order.idempotency_key, stage.now())

        assert isinstance(first, Declined)
        assert isinstance(again, Declined)
        assert (again.status_code, again.hard) == (first.status_code, first.hard)

    async def test_a_buyer_who_must_confirm_does_so_and_the_next_order_is_paid(self, stage: Stage) -> None:
        card = await stage.card(CardKind.REQUIRES_ACTION)
        order = RailOrder(key_of(), RailOperation.CHARGE, 5 * UNIT, card)

        asked = await answer_to(stage, order)

        assert isinstance(asked, RequiresAction)
        confirmed = await stage.confirm(asked, card)
        await paid(stage, next_order := RailOrder(key_of(), RailOperation.CHARGE, 5 * UNIT, confirmed))
        assert await movements(stage, order.idempotency_key) == [], "the order that asked stays without money"
        assert len(await movements(stage, next_order.idempotency_key)) == 1

    async def test_a_hold_is_captured_in_part(self, stage: Stage) -> None:
        key, card = key_of(RailOperation.AUTHORIZE), await stage.card(CardKind.PAYS)
        hold = RailOrder(key, RailOperation.AUTHORIZE, 9 * UNIT, card)
        held = await paid(stage, hold)
        assert await movements(stage, key) == [], "a hold moves nothing"

        capture = RailOrder(
            key_of(RailOperation.CAPTURE, hold.transaction_id),
            RailOperation.CAPTURE,
            4 * UNIT,
            card,
            key,
            held.reference,
        )
        await paid(stage, capture)
        await paid(stage, capture)

        moved = await movements(stage, key, capture.idempotency_key)
        assert [one.amount_micros for one in moved] == [4 * UNIT]

    async def test_a_hold_is_let_go(self, stage: Stage) -> None:
        key, card = key_of(RailOperation.AUTHORIZE), await stage.card(CardKind.PAYS)
        hold = RailOrder(key, RailOperation.AUTHORIZE, 9 * UNIT, card)
        held = await paid(stage, hold)

        void = RailOrder(
            key_of(RailOperation.VOID, hold.transaction_id), RailOperation.VOID, 9 * UNIT, card, key, held.reference
        )
        await paid(stage, void)

        assert await movements(stage, key, void.idempotency_key) == []

    async def test_money_goes_back_in_parts(self, stage: Stage) -> None:
        charge = RailOrder(key_of(), RailOperation.CHARGE, 9 * UNIT, await stage.card(CardKind.PAYS))
        reference = (await paid(stage, charge)).reference

        refunds = [
            RailOrder(
                key_of(RailOperation.REFUND),
                RailOperation.REFUND,
                amount * UNIT,
                charge.rail_token,
                charge.idempotency_key,
                reference,
            )
            for amount in (2, 7)
        ]
        for refund in refunds:
            first = await paid(stage, refund)
            assert (await paid(stage, refund)).reference == first.reference

        moved = await movements(stage, *(refund.idempotency_key for refund in refunds))
        assert sorted((one.kind.value, one.amount_micros) for one in moved) == [
            ("refund", -7 * UNIT),
            ("refund", -2 * UNIT),
        ]

    async def test_what_came_too_late_goes_back(self, stage: Stage) -> None:
        charge = RailOrder(key_of(), RailOperation.CHARGE, 6 * UNIT, await stage.card(CardKind.PAYS))
        reference = (await paid(stage, charge)).reference

        back = RailOrder(
            key_of(RailOperation.RETURN, charge.transaction_id),
            RailOperation.RETURN,
            6 * UNIT,
            charge.rail_token,
            charge.idempotency_key,
            reference,
        )
        await paid(stage, back)

        moved = await movements(stage, charge.idempotency_key, back.idempotency_key)
        assert sum(one.amount_micros for one in moved) == 0
        assert len(moved) == 2

    async def test_a_card_is_set_up_by_going_there_and_back(self, stage: Stage) -> None:
        request = setup_request()
        started = await stage.rail.begin_setup(request)
        assert await stage.rail.finish_setup(started.reference) == SetupPending()

        await stage.complete_setup(started.url)

        found = await stage.rail.finish_setup(started.reference)
        assert isinstance(found, PaymentMethodFound)
        assert found.kind is Method.CC
        assert found.brand
        assert len(found.last_four) == 4
        assert found.expires_on is not None
        assert await stage.rail.finish_setup(started.reference) == found
        assert await stage.rail.find_method(found.rail_token) == found
        await paid(stage, RailOrder(key_of(), RailOperation.CHARGE, 5 * UNIT, found.rail_token))

    async def test_a_set_up_that_is_begun_twice_is_one(self, stage: Stage) -> None:
        request = setup_request()

        first, again = [await stage.rail.begin_setup(request) for _ in range(2)]

        assert again == first
        assert (await stage.rail.begin_setup(setup_request())).reference != first.reference

    async def test_a_set_up_that_is_given_up_comes_to_nothing(self, stage: Stage) -> None:
        started = await stage.rail.begin_setup(setup_request())

        await stage.abandon_setup(started.url)

        assert await stage.rail.finish_setup(started.reference) == SetupAbandoned()

    async def test_there_is_no_dispute_that_nobody_began(self, stage: Stage) -> None:
        assert await stage.rail.find_dispute(f"none_{secrets.token_hex(8)}") is None

    async def test_an_event_says_what_it_is_about(self, stage: Stage) -> None:
        hint = RailHint("event_1", HintKind.ORDER, "reference_1", key_of())
        headers, body = stage.event(hint)

        assert stage.rail.read_event(headers, body) == hint

    async def test_an_event_that_somebody_else_sent_is_refused(self, stage: Stage) -> None:
        headers, body = stage.event(RailHint("event_1", HintKind.REFUND, "reference_1", key_of()))

        for forged in ((headers, body + b" "), ({}, body), (dict.fromkeys(headers, "0"), body), (headers, b"")):
            with pytest.raises(RailEventRefusedError):
                stage.rail.read_event(*forged)


def setup_request() -> SetupRequest:
    return SetupRequest(
        kind=Method.CC,
        return_url="https://service.example/back",
        cancel_url="https://service.example/back?given-up",
        buyer_reference=secrets.token_hex(8),
        idempotency_key=secrets.token_hex(16),
    )
