"""The audit log: what is written down of the deeds of staff and operators, and how it is said."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from tallystick.domain.ids import PartyId
from tallystick.store.records import audit

if TYPE_CHECKING:
    from tallystick.db.connections import Database

ACTIONS: Final[Mapping[str, str]] = {
    "key.create": "Made an access key",
    "key.rotate": "Rotated an access key",
    "key.revoke": "Revoked an access key",
    "branding.change": "Changed the branding",
    "staff.invite": "Invited somebody",
    "staff.uninvite": "Took back an invitation",
    "staff.join": "Accepted an invitation",
    "staff.add": "Added somebody to the staff",
    "staff.role": "Changed somebody's role",
    "staff.remove": "Removed somebody from the staff",
    "notification.settings": "Changed where and of what is notified",
    "notification.replay": "Sent a notification again",
    "notification.replay_dead": "Sent all notifications again that were given up",
    "notification.test": "Sent a test notification",
    "clock.forward": "Moved the sandbox's clock forward",
    "fault.order": "Ordered a fault",
    "fault.remove": "Took back a fault",
    "fault.release": "Let go what a fault held",
    "request.send": "Sent a request from the explorer",
    "button.make": "Made a button",
    "money.refund": "Refunded a payment",
    "debts.settle": "Settled debts",
    "debts.write_off": "Wrote off debts",
    "token.cancel": "Cancelled a token",
    "activity.export": "Exported the activity",
    "operator.add": "Made somebody an operator",
    "operator.remove": "Removed an operator",
    "account.suspend": "Suspended an account",
    "account.reactivate": "Made an account active again",
    "account.verify": "Verified an account",
    "account.unverify": "Took back an account's verification",
    "account.verify_email": "Verified an e-mail address",
    "account.hold": "Held back an account's payments",
    "account.fees": "Chose a seller's fee schedule",
    "account.release": "Let an account's payments through again",
    "rail.ask_again": "Had a rail asked again",
    "books.verify": "Asked for a proof of the books",
}
"""Every kind of deed, and its words. Whoever adds a kind adds it here."""


async def record(
    database: Database,
    *,
    actor_id: PartyId | None,
    business_id: PartyId | None,
    environment: str | None,
    action: str,
    subject: str = "",
    details: Mapping[str, Any] | None = None,
    at: datetime,
) -> None:
    """Write down a deed; `details` are plain values and never a secret. Raises KeyError: no kind of deed."""
    if action not in ACTIONS:
        raise KeyError(action)
    await audit.add(
        database,
        actor_id=actor_id,
        business_id=business_id,
        environment=environment,
        action=action,
        subject=subject,
        details=details or {},
        at=at,
    )
