"""The simulated rail: no real money moves; it answers late, once for each idempotency key, and fails when told to.

It keeps its own records (store/rails/simulated_charges.py, simulated_setups.py) in commits of its own, as a real rail
would. What becomes of an order depends on the card (simulated_numbers.py), on ordered faults, and on the amount: those
whose first decimal is 6 or 7 are declined. Source: docs/protocol/sandbox.md, 2 and 4.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Final

import msgspec

from tallystick.domain.money import MICROS_PER_MINOR_UNIT, MICROS_PER_UNIT
from tallystick.domain.rails.commands import Declined, Paid, RailOperation
from tallystick.processors.declines import AUTHENTICATION_REQUIRED, declined
from tallystick.processors.rail import (
    DisputeFound,
    HintKind,
    MovementKind,
    PaymentMethodFound,
    RailAnswer,
    RailEventRefusedError,
    RailHint,
    RailMovement,
    RailOrder,
    RequiresAction,
    SetupAbandoned,
    SetupPending,
    SetupRequest,
    SetupResult,
    SetupStarted,
    StillPending,
    Unknown,
)
from tallystick.processors.simulated_numbers import Behaviour, behaviour_of
from tallystick.store.keys.access_keys import SANDBOX
from tallystick.store.rails import ordered_faults, simulated_charges, simulated_setups
from tallystick.store.rails.ordered_faults import DECLINES, OPERATIONS, OrderedFault
from tallystick.store.rails.simulated_charges import NewSimulatedCharge, SimulatedCharge

if TYPE_CHECKING:
    from tallystick.db.connections import Database

NAME: Final = "simulated"
PAGES: Final = "/simulated-provider"
"""Where the service serves the pages of the simulated provider: set-ups, and confirmations of the card's owner."""

SIGNATURE: Final = "x-simulated-signature"
"""The header of its events: HMAC-SHA-256 of the body, in hexadecimal digits."""

_BY_AMOUNT: Final = {6: "TemporaryDecline", 7: "TransactionDenied"}
"""The decline that an amount's first decimal triggers."""

ASK_AGAIN: Final = timedelta(seconds=2)
"""The polling interval for an order that an ordered fault holds back, which it does until somebody releases it."""

TAKES_ITS_TIME: Final = timedelta(minutes=1)
"""How much longer than usual some cards leave an order pending, and after which some refunds come back."""

SETUP_LIFETIME: Final = timedelta(hours=24)
REMEMBERS_KEYS_FOR: Final = timedelta(hours=24)

_FEE_PER_MILLE: Final = 29
_FIXED_FEE_MICROS: Final = 300_000
_TAKING: Final = frozenset({RailOperation.CHARGE, RailOperation.AUTHORIZE})
_REFUNDS_FAIL: Final = frozenset({Behaviour.REFUND_FAILS, Behaviour.REFUND_FAILS_LATER})
_GIVING_BACK: Final = frozenset({RailOperation.REFUND, RailOperation.RETURN})


class _SimulatedEvent(msgspec.Struct, frozen=True):
    id: str
    kind: HintKind
    reference: str
    idempotency_key: str | None = None


def signed_event(events_key: bytes, hint: RailHint) -> tuple[dict[str, str], bytes]:
    """Headers and body of an event as the simulated provider sends it."""
    event = _SimulatedEvent(hint.event_id, hint.object_kind, hint.reference, hint.idempotency_key)
    body = msgspec.json.encode(event)
    return {SIGNATURE: hmac.new(events_key, body, sha256).hexdigest()}, body


def fee_of(operation: RailOperation, amount_micros: int) -> int:
    """What the simulated provider keeps of what comes in: 2.9 % and 0.30, in whole cents, and never more than all."""
    if operation not in {RailOperation.CHARGE, RailOperation.CAPTURE}:
        return 0
    fee_micros = amount_micros * _FEE_PER_MILLE // 1000 + _FIXED_FEE_MICROS
    return min(amount_micros, fee_micros - fee_micros % MICROS_PER_MINOR_UNIT)


@dataclass(frozen=True, slots=True)
class SimulatedRail:
    """Charges in full, after `delay`, whatever does not behave otherwise.

    `faults`: amounts and ordered faults may decline or hold an order. `pages_at`: the address of the service, which has
    the provider's pages. `events_key`: signs its events.
    """

    memory: Database
    clock: Callable[[], datetime]
    delay: timedelta
    faults: bool
    pages_at: str = ""
    events_key: bytes = field(default=b"", repr=False)
    remembers_keys_for: timedelta = REMEMBERS_KEYS_FOR

    @property
    def name(self) -> str:
        """The rail's name in the books."""
        return NAME

    @property
    def environments(self) -> frozenset[str]:
        """Never live books: what it takes is worth nothing."""
        return frozenset({SANDBOX})

    async def perform(self, order: RailOrder) -> RailAnswer:
        """Carry out an order once per idempotency key.

        Raises ValueError: the key was used with another amount, or so long ago that a real rail might have forgotten
        it; ConnectionError: the answer is lost, as the card is made for it.
        """
        now = self.clock()
        charge = await simulated_charges.find(self.memory, order.idempotency_key)
        if charge is None:
            fault = await self._fault(order, now) if self.faults else None
            if fault is not None and fault.holding:
                return StillPending(ASK_AGAIN)
            charge = await self._carry_out(order, self._decline(order) if fault is None else fault.decline, now)
            if charge.reason == Behaviour.LOST_ANSWER.value:
                raise ConnectionError("the answer was lost")
        if charge.amount_micros != order.amount_micros:
            raise ValueError(f"key {order.idempotency_key} was used for {charge.amount_micros} micro-units")
        if now - charge.known_at > self.remembers_keys_for:
            raise ValueError(f"key {order.idempotency_key} may be forgotten: look again instead")
        if charge.reason == Behaviour.LATE_SUCCESS.value:
            return self._refused("generic_decline", charge)
        return self._answer(charge, now)

    async def look_again(
        self,
        reference: str | None,
        idempotency_key: str,
        asked_first: datetime,  # noqa: ARG002 - this rail finds every order by its key
    ) -> RailAnswer | Unknown:
        """What became of an order; nothing is created."""
        charge = await simulated_charges.find(self.memory, idempotency_key, reference)
        return Unknown() if charge is None else self._answer(charge, self.clock())

    async def begin_setup(self, request: SetupRequest) -> SetupStarted:
        """A page of the simulated provider, on which the buyer types one of its numbers."""
        setup = await simulated_setups.begin(
            self.memory,
            f"sim_setup_{secrets.token_urlsafe(18)}",
            request.idempotency_key,
            request.kind,
            request.return_url,
            request.cancel_url,
            self.clock(),
        )
        return SetupStarted(f"{self.pages_at}{PAGES}/set-up/{setup.reference}", setup.reference)

    async def finish_setup(self, reference: str) -> SetupResult:
        """What became of a set-up. What nobody finished within a day is given up."""
        setup = await simulated_setups.find(self.memory, reference)
        if setup is None or setup.outcome == "abandoned":
            return SetupAbandoned()
        if setup.outcome is None:
            return SetupPending() if self.clock() - setup.begun_at < SETUP_LIFETIME else SetupAbandoned()
        return _found(setup)

    async def find_method(self, rail_token: str) -> PaymentMethodFound | None:
        """A means of payment that was set up at the provider's page."""
        setup = await simulated_setups.of_token(self.memory, rail_token)
        return None if setup is None else _found(setup)

    async def find_dispute(self, reference: str) -> DisputeFound | None:  # noqa: ARG002 - there is none
        """None: buyers of the sandbox dispute nothing by themselves."""
        return None

    def read_event(self, headers: Mapping[str, str], body: bytes) -> RailHint:
        """An event that `signed_event` has made. Raises RailEventRefusedError."""
        expected = hmac.new(self.events_key, body, sha256).hexdigest()
        if not self.events_key or not hmac.compare_digest(headers.get(SIGNATURE, "").encode(), expected.encode()):
            raise RailEventRefusedError(f"the header {SIGNATURE} does not fit")
        try:
            event = msgspec.json.decode(body, type=_SimulatedEvent)
        except msgspec.DecodeError as error:
            raise RailEventRefusedError(f"the event is not one of this rail: {error}") from error
        return RailHint(event.id, event.kind, event.reference, event.idempotency_key)

    async def list_movements(self, since: datetime, until: datetime) -> AsyncIterator[RailMovement]:
        """What came in and went out, in the order in which it did."""
        soon = self.clock() + timedelta(microseconds=1)
        for charge in await simulated_charges.moved(self.memory, since - TAKES_ITS_TIME, until):
            out = charge.operation in _GIVING_BACK
            moved = RailMovement(
                movement_id=f"sim_mv_{charge.idempotency_key}",
                kind=MovementKind.REFUND if out else MovementKind.CHARGE,
                reference=charge.reference,
                amount_micros=-charge.amount_micros if out else charge.amount_micros,
                fee_micros=charge.fee_micros,
                currency="USD",
                moment=charge.known_at,
                idempotency_key=charge.idempotency_key,
            )
            if moved.moment >= since:
                yield moved
            came_back = charge.known_at + TAKES_ITS_TIME
            if charge.reason == Behaviour.REFUND_FAILS_LATER.value and since <= came_back < min(until, soon):
                yield replace(
                    moved,
                    movement_id=f"{moved.movement_id}.back",
                    amount_micros=charge.amount_micros,
                    moment=came_back,
                )

    async def _fault(self, order: RailOrder, now: datetime) -> OrderedFault | None:
        return await ordered_faults.met_by(self.memory, order.idempotency_key, order.operation, now)

    async def _carry_out(self, order: RailOrder, decline: str | None, now: datetime) -> SimulatedCharge:
        """The stored result of the order. Of several processes with the same key, the first insert decides it."""
        behaviour = behaviour_of(order.rail_token)
        reason = decline or await self._reason(order, behaviour)
        is_declined = decline is not None or reason in _DECLINED
        late = TAKES_ITS_TIME if reason == behaviour.value and behaviour.takes_its_time else timedelta(0)
        return await simulated_charges.keep(
            self.memory,
            NewSimulatedCharge(
                idempotency_key=order.idempotency_key,
                reference=f"sim_{secrets.token_hex(12)}",
                operation=order.operation,
                rail_token=order.rail_token,
                amount_micros=order.amount_micros,
                fee_micros=0 if is_declined else fee_of(order.operation, order.amount_micros),
                outcome="declined" if is_declined else "paid",
                reason=reason,
                opened_at=now,
                known_at=now + self.delay + late,
            ),
        )

    async def _reason(self, order: RailOrder, behaviour: Behaviour) -> str | None:
        """The code of the decline, or of the odd way, in which this card takes the order; None: as usual."""
        if order.operation in _GIVING_BACK:
            return behaviour.value if behaviour in _REFUNDS_FAIL else None
        if order.operation not in _TAKING or behaviour is Behaviour.PAYS or behaviour in _REFUNDS_FAIL:
            return None
        if behaviour is Behaviour.REQUIRES_ACTION and await simulated_setups.is_confirmed(
            self.memory, order.rail_token
        ):
            return None
        return str(behaviour.value)

    def _decline(self, order: RailOrder) -> str | None:
        """The status code of the decline that the amount triggers; None: it is charged."""
        if not self.faults or order.operation not in OPERATIONS:
            return None
        return _BY_AMOUNT.get(order.amount_micros // (MICROS_PER_UNIT // 10) % 10)

    def _answer(self, charge: SimulatedCharge, now: datetime) -> RailAnswer:
        if now < charge.known_at:
            return StillPending(charge.known_at - now, charge.reference)
        fails_later = charge.reason == Behaviour.REFUND_FAILS_LATER.value
        if fails_later and now >= charge.known_at + TAKES_ITS_TIME:
            return self._refused(charge.reason, charge)
        if charge.outcome == "paid":
            return Paid(charge.reference, charge.fee_micros)
        if charge.reason == AUTHENTICATION_REQUIRED:
            return RequiresAction(f"{self.pages_at}{PAGES}/confirm/{charge.reference}", charge.reference)
        return self._refused(charge.reason, charge)

    def _refused(self, reason: str | None, charge: SimulatedCharge) -> Declined:
        """A decline: by a status code where it was ordered, by a code of the table where the card is made for it."""
        if reason in _CODES:
            known = declined("declined" if reason in _REFUND_REASONS else reason)
        else:
            known = DECLINES.get(reason or "", DECLINES["TransactionDenied"])  # older rows hold a sentence
        return msgspec.structs.replace(known, reference=charge.reference)


def _found(setup: simulated_setups.SimulatedSetup) -> PaymentMethodFound:
    if setup.rail_token is None or setup.brand is None or setup.last_four is None:
        raise ValueError(f"set-up {setup.reference} is not complete")
    return PaymentMethodFound(setup.rail_token, setup.kind, setup.brand, setup.last_four, setup.expires_on)


_DECLINED: Final = frozenset(one.value for one in Behaviour if one.declines) | {
    AUTHENTICATION_REQUIRED,
    Behaviour.REFUND_FAILS.value,
}
_CODES: Final = _DECLINED | {"generic_decline", Behaviour.REFUND_FAILS_LATER.value}
_REFUND_REASONS: Final = frozenset(one.value for one in _REFUNDS_FAIL)
