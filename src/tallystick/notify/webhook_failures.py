"""An endpoint at which nothing arrives for days is disabled, and its seller told so by a letter."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from tallystick.store.accounts import parties
from tallystick.store.events import deliveries, endpoints
from tallystick.store.records import mail

if TYPE_CHECKING:
    from datetime import datetime

    from tallystick.db.connections import Pool
    from tallystick.domain.ids import BookId
    from tallystick.settings import Settings
    from tallystick.store.events.endpoints import WebhookEndpoint
    from tallystick.store.keys.vault import Vault

_log = structlog.get_logger(__name__)


async def disable_failing(
    pool: Pool,
    vault: Vault,
    settings: Settings,
    endpoint: WebhookEndpoint,
    home_id: BookId,
    reason: str,
    now: datetime,
) -> bool:
    """Disable an endpoint and write to its seller, in one commit; False: it was disabled before."""
    async with pool.acquire() as connection, connection.transaction():
        await endpoints.lock_seller(connection, endpoint.business_id, endpoint.environment)
        if not await endpoints.disable(connection, endpoint.endpoint_id, now, endpoints.BY_FAILURES):
            return False
        await endpoints.choose_charges(connection, endpoint.business_id, endpoint.environment)
        await deliveries.stop(connection, home_id, endpoint.endpoint_id)
        seller = await parties.find(connection, endpoint.business_id)
        if seller is not None:
            page = f"{settings.public_url}/console/{seller.party_id}/{endpoint.environment}/webhooks"
            await mail.write(
                connection, vault, seller.email, "An endpoint was disabled", _text(endpoint, reason, page), now
            )
    _log.warning("webhook_endpoint_disabled", endpoint_id=endpoint.endpoint_id, reason=reason)
    return True


def _text(endpoint: WebhookEndpoint, reason: str, page: str) -> str:
    return (
        f"Nothing has arrived at your endpoint for five days:\n{endpoint.url}\n\n"
        f"The last time: {reason}.\n\n"
        "It gets no more events. When it answers again, enable it and have what it missed delivered on this page:\n"
        f"{page}\n\nEvents are kept for 30 days.\n"
    )
