"""Test money for a buyer's account balance, put there by an operator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallystick.domain.environments import SANDBOX
from tallystick.domain.money import display_amount
from tallystick.services.consent import wallet
from tallystick.services.operations import audit
from tallystick.store.queries import account_balances

if TYPE_CHECKING:
    from tallystick.services.context import Service
    from tallystick.services.operations.audit import Actor
    from tallystick.store.accounts.parties import Party


async def deposit(service: Service, actor: Actor, buyer: Party, amount: str) -> tuple[int, int]:
    """What was added, and the account balance then, in micro-units. Raises FormError.

    The money has its commit in the books; the row in the audit log follows it.
    """
    added = await wallet.add_test_money(service, buyer.party_id, amount)
    await audit.record(
        service.pool,
        actor,
        "account.test_money",
        buyer.email,
        environment=SANDBOX,
        details={"account": buyer.party_id, "amount": display_amount(added)},
        at=service.clock(),
    )
    return added, await account_balances.of_person(service.pool, SANDBOX, buyer.party_id)
