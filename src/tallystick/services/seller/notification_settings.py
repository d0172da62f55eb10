"""Where and of what a seller is notified: look at it, change it, try the address.

Every change and its row in the audit log are one commit.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, Final, Literal

from tallystick.domain.messages.addresses import host_of
from tallystick.domain.messages.signing import RSA_METHODS
from tallystick.notify import address
from tallystick.notify.address import UnusableAddressError
from tallystick.notify.trial import NotificationTrial, Tester
from tallystick.services.operations import audit
from tallystick.services.seller.books import first_book_of
from tallystick.store.accounts import return_hosts
from tallystick.store.records import outbox
from tallystick.store.records.outbox import NotificationSettings

if TYPE_CHECKING:
    from tallystick.domain.ids import PartyId
    from tallystick.services.context import Service
    from tallystick.services.operations.audit import Actor
    from tallystick.store.accounts.parties import Party

__all__ = [
    "KEEP",
    "SIGNATURE_METHODS",
    "NoAddressError",
    "NoBooksError",
    "NotificationSettings",
    "UnusableAddressError",
    "find",
    "save",
    "send_test",
]


class NoBooksError(LookupError):
    """The seller has no books in this environment, so there is nothing to be notified of."""


class NoAddressError(LookupError):
    """The seller has no address that a test could be sent to."""


class _Unchanged(Enum):
    URL = auto()


SIGNATURE_METHODS: Final = RSA_METHODS
"""By which notifications and return URLs can be signed, the protocol's own first."""

KEEP: Final = _Unchanged.URL
"""As the address that `save` is given: the present one stays."""


async def find(service: Service, seller_id: PartyId, environment: str) -> NotificationSettings:
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
    signature_method: str | None = None,
) -> NotificationSettings:
    """Set the address (None: none) and what is told; what still waits for the old address goes to the new one.

    `immediate`, `write_offs`, `signature_method` (one of SIGNATURE_METHODS, of return URLs too): None leaves a wish as
    it is. Raises UnusableAddressError: nothing could be sent there, or the service would not; NoBooksError; ValueError.
    """
    if signature_method not in (None, *SIGNATURE_METHODS):
        raise ValueError(signature_method)
    if isinstance(url, str):
        await _check(service, seller_id, url)
    book_id, now = await first_book_of(service, seller_id, environment), service.clock()
    if book_id is None:
        raise NoBooksError(seller_id)
    async with service.pool.acquire() as connection, connection.transaction():
        # A cluster refuses to change the books after events, which lie on many machines, within one transaction: so
        # the address, which goes on to events, comes last.
        wishes = await outbox.set_wishes(
            connection, book_id, immediate=immediate, write_offs=write_offs, signature_method=signature_method
        )
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
            details={
                "immediate": wishes.notify_immediate,
                "write_offs": wishes.notify_write_offs,
                "signature_method": wishes.signature_method,
            },
            at=now,
        )
    return wishes


async def send_test(service: Service, actor: Actor, seller: Party, environment: str) -> NotificationTrial:
    """Post a test notification to the address that is set, and tell what came of it.

    Raises NoBooksError, NoAddressError.
    """
    wishes, now = await find(service, seller.party_id, environment), service.clock()
    url = wishes.notification_url
    if url is None:
        raise NoAddressError(seller.party_id)
    recipient = {"recipientName": seller.name, "recipientEmail": seller.email}
    tester = Tester(service.pool, service.vault, service.settings)
    trial = await tester.send(url, recipient, now, wishes.signature_method)
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


async def _check(service: Service, seller_id: PartyId, url: str) -> None:
    """Raises UnusableAddressError."""
    address.check_form(url)
    if closed := await return_hosts.closed_to(service.pool, seller_id, [host_of(url)]):
        raise UnusableAddressError(f"another seller has claimed {', '.join(closed)}")
    if not service.settings.allow_private_notification_targets:
        await address.check_public(url)
