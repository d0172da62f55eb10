"""Where and of what a seller is notified: look at it, change it, try the address.

Every change and its row in the audit log are one commit.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, Final, Literal

from tallystick.notify import address
from tallystick.notify.address import UnusableAddressError
from tallystick.notify.trial import Tester, Trial
from tallystick.services.operations import audit
from tallystick.services.seller.books import first_book_of
from tallystick.store.records import outbox
from tallystick.store.records.outbox import Wishes

if TYPE_CHECKING:
    from tallystick.domain.ids import PartyId
    from tallystick.services.context import Service
    from tallystick.services.operations.audit import Actor
    from tallystick.store.accounts.parties import Party

__all__ = ["KEEP", "NoAddressError", "NoBooksError", "UnusableAddressError", "Wishes", "find", "save", "send_test"]


class NoBooksError(LookupError):
    """The seller has no books in this environment, so there is nothing to be notified of."""


class NoAddressError(LookupError):
    """The seller has no address that a test could be sent to."""


class _Unchanged(Enum):
    URL = auto()


KEEP: Final = _Unchanged.URL
"""As the address that `save` is given: the present one stays."""


async def find(service: Service, seller_id: PartyId, environment: str) -> Wishes:
    """The settings of a seller in an environment. Raises NoBooksError."""
    book_id = await first_book_of(service, seller_id, environment)
    if book_id is None:
        raise NoBooksError(seller_id)
    return await outbox.wishes(service.pool, book_id)


async def save(
    service: Service,
    actor: Actor,
    seller_id: PartyId,
    environment: str,
    *,
    url: str | Literal[_Unchanged.URL] | None,
    immediate: bool | None = None,
    write_offs: bool | None = None,
) -> Wishes:
    """Set the address (None: none) and what is told; what still waits for the old address goes to the new one.

    `immediate`, `write_offs`: None leaves a wish as it is. Raises UnusableAddressError: nothing could be sent there, or
    the service would not; NoBooksError.
    """
    if isinstance(url, str):
        await _check(service, url)
    book_id, now = await first_book_of(service, seller_id, environment), service.clock()
    if book_id is None:
        raise NoBooksError(seller_id)
    async with service.pool.acquire() as connection, connection.transaction():
        # A cluster refuses to change the books after events, which lie on many machines, within one transaction: so
        # the address, which goes on to events, comes last.
        wishes = await outbox.set_wishes(connection, book_id, immediate=immediate, write_offs=write_offs)
        if url is not KEEP and url != wishes.notification_url:
            await outbox.set_address(connection, book_id, url, now)
            wishes = await outbox.wishes(connection, book_id)
        await audit.record(
            connection,
            actor,
            "notification.settings",
            wishes.notification_url or "",
            business_id=seller_id,
            environment=environment,
            details={"immediate": wishes.notify_immediate, "write_offs": wishes.notify_write_offs},
            at=now,
        )
    return wishes


async def send_test(service: Service, actor: Actor, seller: Party, environment: str) -> Trial:
    """Post a test notification to the address that is set, and tell what came of it.

    Raises NoBooksError, NoAddressError.
    """
    url, now = (await find(service, seller.party_id, environment)).notification_url, service.clock()
    if url is None:
        raise NoAddressError(seller.party_id)
    recipient = {"recipientName": seller.name, "recipientEmail": seller.email}
    trial = await Tester(service.pool, service.vault, service.settings).send(url, recipient, now)
    await audit.record(
        service.pool,
        actor,
        "notification.test",
        url,
        business_id=seller.party_id,
        environment=environment,
        details={"status": trial.status},
        at=service.clock(),
    )
    return trial


async def _check(service: Service, url: str) -> None:
    """Raises UnusableAddressError."""
    address.check_form(url)
    if not service.settings.allow_private_notification_targets:
        await address.check_public(url)
