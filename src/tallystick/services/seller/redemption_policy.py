"""Which prepaid balances a seller pays back because their buyers ask for it: choosing it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallystick.domain.money import display_amount
from tallystick.domain.redemption import NEVER, Redemption
from tallystick.services.operations import audit
from tallystick.store.records import redemptions

if TYPE_CHECKING:
    from tallystick.services.seller.manual_operations import BookContext


async def chosen(books: BookContext) -> Redemption:
    """What the seller chose in this environment."""
    found = await redemptions.policies(books.service.pool, [(books.seller_id, books.environment)])
    return found.get((books.seller_id, books.environment), NEVER)


async def choose(books: BookContext, wanted: Redemption) -> None:
    """Choose for all balances of the environment, from now on. What buyers were promised before stays theirs.

    Audited where it changes anything.
    """
    now = books.service.clock()
    async with books.service.pool.acquire() as connection, connection.transaction():
        before = await redemptions.policies(connection, [(books.seller_id, books.environment)])
        was = before.get((books.seller_id, books.environment), NEVER)
        if was == wanted:
            return
        await redemptions.set_policy(connection, books.seller_id, books.environment, wanted, now)
        await audit.record(
            connection,
            books.actor,
            "balance.redemption",
            in_words(wanted),
            business_id=books.seller_id,
            environment=books.environment,
            details={"before": in_words(was)},
            at=now,
        )


def in_words(choice: Redemption) -> str:
    """A choice in a word or two, as the audit log and commands name it."""
    if choice.up_to_micros is None:
        return "always"
    return "never" if choice.up_to_micros == 0 else f"up to {display_amount(choice.up_to_micros)}"
