"""What a seller decides about its charges: look at it, change it. Both environments have rules of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tallystick.domain.environments import LIVE
from tallystick.domain.money import (
    GREATEST_SMALLEST_CHARGE_MICROS,
    SANDBOX_SMALLEST_CHARGE_MICROS,
    USUAL_SMALLEST_CHARGE_MICROS,
    display_amount,
    parse_amount,
)
from tallystick.services.form_errors import FormError
from tallystick.services.operations import audit
from tallystick.store.charges import charge_rules
from tallystick.store.charges.charge_rules import ChargeRules, DustRule
from tallystick.store.ledger import shards

if TYPE_CHECKING:
    from tallystick.services.context import Service
    from tallystick.services.seller.manual_operations import BookContext

__all__ = [
    "FIELD",
    "ChargeRules",
    "DustRule",
    "find",
    "read_smallest_charge",
    "read_smallest_charge_if_typed",
    "set_dust_rule",
    "set_smallest_charge",
    "usual_smallest_charge",
]

FIELD: Final = "smallest_charge"
"""The field of forms in which the smallest charge is typed."""


def usual_smallest_charge(service: Service, environment: str) -> int:
    """What a seller's books of an environment begin with, in micro-units: what the setting says, if it does."""
    usual = service.settings.smallest_charge
    if usual is not None:
        return usual
    return USUAL_SMALLEST_CHARGE_MICROS if environment == LIVE else SANDBOX_SMALLEST_CHARGE_MICROS


def read_smallest_charge(text: str) -> int:
    """An amount as typed, in micro-units, from 0.000001 on. Raises FormError."""
    try:
        micros = parse_amount(text.strip())
    except ValueError:
        micros = 0
    if not 0 < micros <= GREATEST_SMALLEST_CHARGE_MICROS:
        most = display_amount(GREATEST_SMALLEST_CHARGE_MICROS)
        raise FormError({FIELD: f"Type an amount from 0.000001 to {most}, such as 0.01."})
    return micros


def read_smallest_charge_if_typed(text: str) -> int | None:
    """The same; None for nothing, which leaves the usual one. Raises FormError."""
    return read_smallest_charge(text) if text.strip() else None


async def find(books: BookContext) -> ChargeRules:
    """What counts in these books."""
    return await charge_rules.find(books.service.pool, books.parts[0])


async def set_smallest_charge(books: BookContext, micros: int) -> None:
    """The least that one payment may be from now on, in one commit with its row in the audit log.

    The same as before: nothing is written down.
    """
    service = books.service
    async with service.pool.acquire() as connection, connection.transaction():
        await charge_rules.lock(connection, books.parts)
        before = await charge_rules.find(connection, books.parts[0])
        if before.smallest_charge_micros == micros:
            return
        parts = await shards.shards_of_seller(connection, books.seller_id, books.environment)  # one may be new
        await charge_rules.set_smallest_charge(connection, parts, micros)
        await audit.record(
            connection,
            books.actor,
            "charges.smallest",
            display_amount(micros),
            business_id=books.seller_id,
            environment=books.environment,
            details={"before": display_amount(before.smallest_charge_micros)},
            at=service.clock(),
        )


async def set_dust_rule(books: BookContext, rule: DustRule) -> None:
    """What becomes of debts of less than a cent from now on, in one commit with its row in the audit log.

    The same as before: nothing is written down.
    """
    service, now = books.service, books.service.clock()
    async with service.pool.acquire() as connection, connection.transaction():
        await charge_rules.lock(connection, books.parts)
        before = await charge_rules.find(connection, books.parts[0])
        if before.dust_rule is rule:
            return
        parts = await shards.shards_of_seller(connection, books.seller_id, books.environment)
        await charge_rules.set_dust_rule(connection, parts, rule, now)
        await audit.record(
            connection,
            books.actor,
            "charges.dust",
            rule.value,
            business_id=books.seller_id,
            environment=books.environment,
            details={"before": before.dust_rule.value},
            at=now,
        )
