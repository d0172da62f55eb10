"""What the pages of the simulated provider do: a buyer gives one of its numbers, or confirms a payment.

These pages stand for another company's. Of what they are told only what a real provider would tell reaches the service.
"""

from __future__ import annotations

import secrets
from calendar import monthrange
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final

from tallystick.domain.commands import Method
from tallystick.processors.simulated_numbers import BY_NUMBER, NUMBERS, SimulatedNumber, rail_token
from tallystick.store.rails import simulated_charges, simulated_setups
from tallystick.store.rails.simulated_setups import SimulatedSetup

if TYPE_CHECKING:
    from tallystick.services.context import Service

__all__ = [
    "ConfirmationAsked",
    "SimulatedSetup",
    "confirm",
    "confirmation",
    "give",
    "give_up",
    "numbers",
    "open_setup",
]

YEARS: Final = 5
"""How long the provider's cards are good for."""


@dataclass(frozen=True, slots=True)
class ConfirmationAsked:
    """A payment that its card's owner is asked to confirm. `confirmed`: that was done."""

    reference: str
    amount_micros: int
    confirmed: bool


async def open_setup(service: Service, reference: str) -> SimulatedSetup | None:
    """A set-up that has been begun."""
    return await simulated_setups.find(service.pool, reference)


def numbers(kind: Method) -> list[SimulatedNumber]:
    """What can be given there."""
    return [one for one in NUMBERS if one.method is kind]


async def give(service: Service, setup: SimulatedSetup, number: str) -> bool:
    """The buyer gives a number; False: it is none of the provider's. What is over stays as it is."""
    chosen = BY_NUMBER.get((setup.kind, number))
    if chosen is None:
        return False
    expires_on = None
    if setup.kind is Method.CC:
        year = service.clock().year + YEARS
        expires_on = date(year, 12, monthrange(year, 12)[1])
    token = rail_token(chosen.behaviour, secrets.token_urlsafe(24))
    await simulated_setups.complete(service.pool, setup.reference, token, chosen.brand, chosen.last_four, expires_on)
    return True


async def give_up(service: Service, setup: SimulatedSetup) -> None:
    """The buyer turns back."""
    await simulated_setups.abandon(service.pool, setup.reference)


async def confirmation(service: Service, reference: str) -> ConfirmationAsked | None:
    """The payment that the rail calls so, as its card's owner sees it."""
    charge = await simulated_charges.find(service.pool, "", reference)
    if charge is None:
        return None
    confirmed = await simulated_setups.is_confirmed(service.pool, charge.rail_token)
    return ConfirmationAsked(reference, charge.amount_micros, confirmed)


async def confirm(service: Service, reference: str) -> None:
    """The card's owner has confirmed: from now on the card pays."""
    charge = await simulated_charges.find(service.pool, "", reference)
    if charge is not None:
        await simulated_setups.confirm(service.pool, charge.rail_token, service.clock())
