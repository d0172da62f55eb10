"""What buyers may have paid back of prepaid balances: the seller's choice, a law, what they agreed to."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from tallystick.domain.decide.outgoing.redemption import NEVER, Redemption, most_generous
from tallystick.domain.money import display_amount
from tallystick.services.operations import audit
from tallystick.store.records import redemptions

if TYPE_CHECKING:
    from tallystick.domain.ids import BookId, PartyId
    from tallystick.services.context import Service
    from tallystick.services.seller.manual_operations import BookContext
    from tallystick.store.queries.authorizations import Authorization


def by_law(service: Service) -> Redemption:
    """What every seller has to pay back, whatever it chose."""
    return Redemption(0, service.settings.redeem_balances_below or 0)


async def at_present(service: Service, seller_id: PartyId, environment: str) -> Redemption:
    """What whoever agrees now to a balance of this seller's is told about it."""
    chosen = await redemptions.policies(service.pool, [(seller_id, environment)])
    return most_generous([by_law(service), *chosen.values()])


async def of_balances(service: Service, found: Sequence[Authorization]) -> dict[str, tuple[Redemption, Redemption]]:
    """For each authorization, by its id: what was promised when it was agreed to, and what is allowed now.

    A seller that chooses less later still owes what it promised, and one that chooses more is held to that.
    """
    chosen = await redemptions.policies(service.pool, [(one.seller_id, one.environment) for one in found])
    promised: dict[str, Redemption] = {}
    for book_id, balances in _by_book(found).items():
        promised |= await redemptions.promised(service.pool, book_id, balances)
    return {
        one.authorization_id: (
            promised.get(one.authorization_id, NEVER),
            most_generous(
                [
                    by_law(service),
                    chosen.get((one.seller_id, one.environment), NEVER),
                    promised.get(one.authorization_id, NEVER),
                ]
            ),
        )
        for one in found
    }


def _by_book(found: Collection[Authorization]) -> dict[BookId, list[str]]:
    books: dict[BookId, list[str]] = {}
    for one in found:
        books.setdefault(one.book_id, []).append(one.authorization_id)
    return books


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
