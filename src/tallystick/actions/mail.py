"""Mail to people. It is written down here and leaves through the worker: notify/mail.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tallystick.ledger import mail

if TYPE_CHECKING:
    from tallystick.actions.service import Service


async def send(service: Service, to: str, subject: str, text: str) -> None:
    """Send plain text to an e-mail address, soon. Whether it arrives nobody can promise."""
    await mail.write(service.pool, to, subject, text, service.clock())
