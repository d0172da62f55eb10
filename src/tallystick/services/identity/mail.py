"""Mail to people. It is written down here and leaves through the worker: notify/mail.py."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from tallystick.store.records import mail
from tallystick.store.records.mail import KEPT, Mail

if TYPE_CHECKING:
    from tallystick.db.connections import Connection
    from tallystick.services.context import Service
    from tallystick.services.identity.email_templates import Letter

__all__ = ["KEPT", "Mail", "address_of", "latest", "post"]


async def post(service: Service, to: str, letter: Letter, connection: Connection | None = None) -> None:
    """Send a letter to an e-mail address, soon. Whether it arrives nobody can promise.

    `connection`: whose transaction it belongs to, where it is sent only with what else is written there.
    """
    shown = letter.subject.replace(letter.code, "…") if letter.code else letter.subject
    await mail.write(
        connection or service.pool, service.vault, to, letter.subject, letter.text, service.clock(), shown=shown
    )


async def latest(service: Service, maximum: int) -> list[Mail]:
    """The newest letters, newest first, for operators."""
    return await mail.latest(service.pool, service.vault, maximum)


def address_of(service: Service, path: str, **query: str) -> str:
    """A page of ours as a letter names it; the console may have an address of its own."""
    settings = service.settings
    of_staff = path.startswith(("/console/", "/admin/")) and settings.staff_url is not None
    address = f"{settings.staff_url if of_staff else settings.public_url}{path}"
    return f"{address}?{urlencode(query)}" if query else address
