"""Endpoints that sellers have their events delivered to, with their secrets."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Literal

import msgspec

from tallystick.db.connections import Connection, Database
from tallystick.db.statements import load_statements
from tallystick.domain.ids import BookId, PartyId
from tallystick.domain.messages.events import CHARGE_SUCCEEDED, was_answered_at_once
from tallystick.store.keys.vault import Vault

_SQL: Final = load_statements("endpoints.sql", __package__)

BY_SELLER: Final = "seller"
BY_FAILURES: Final = "failures"
_AS_GOOD_AS_NOW: Final = timedelta(minutes=1)
Reason = Literal["seller", "failures"]


@dataclass(frozen=True, slots=True)
class WebhookEndpoint:
    """One endpoint. `types`: the events that it is for; none: all but charges that are answered at once.

    `previous_until`: until when the secret before the present one signs, too. `failing_since`: the first failure after
    the last delivery that arrived. `request_digest`: of the request that made it.
    """

    endpoint_id: str
    business_id: PartyId
    environment: str
    url: str
    description: str | None
    types: Sequence[str]
    secrets_sealed: bytes = field(repr=False)
    previous_until: datetime | None
    request_digest: bytes | None = field(repr=False)
    created_at: datetime
    disabled_at: datetime | None
    disabled_because: str | None
    failing_since: datetime | None
    delivered_at: datetime | None

    @property
    def enabled(self) -> bool:
        """Whether events are delivered to it."""
        return self.disabled_at is None

    def is_for(self, event_type: str, number: int) -> bool:
        """Whether it is to have an event that is the `number`th of its subject."""
        if self.types:
            return event_type in self.types
        return not was_answered_at_once(event_type, number)

    def secrets(self, vault: Vault, now: datetime) -> tuple[bytes, ...]:
        """The secrets that sign at a moment, the present one first."""
        content = vault.open(self.secrets_sealed, seal_context(self.endpoint_id))
        current, previous = msgspec.json.decode(content, type=tuple[bytes, bytes | None])
        if previous is None or self.previous_until is None or now >= self.previous_until:
            return (current,)
        return (current, previous)


def seal_context(endpoint_id: str) -> str:
    """The place where the secrets of an endpoint belong."""
    return f"webhook_endpoint:{endpoint_id}"


async def lock_seller(connection: Connection, business_id: PartyId, environment: str) -> list[BookId]:
    """Keep others from changing the seller's endpoints until the commit; the seller's books, none: it has none."""
    rows = await connection.fetch(_SQL["lock_seller"], business_id, environment)
    return [BookId(row["book_id"]) for row in rows]


async def choose_charges(connection: Connection, business_id: PartyId, environment: str) -> None:
    """Charges that are answered at once are events as long as an endpoint of the seller names them.

    Only under `lock_seller`, and with the endpoints as they will be.
    """
    found = await list_(connection, business_id, environment)
    chosen = any(endpoint.enabled and CHARGE_SUCCEEDED in endpoint.types for endpoint in found)
    await connection.execute(_SQL["choose_charges"], business_id, environment, chosen)


async def list_(database: Database, business_id: PartyId, environment: str) -> list[WebhookEndpoint]:
    """All of a seller in an environment, the oldest first."""
    return [WebhookEndpoint(**dict(row)) for row in await database.fetch(_SQL["list"], business_id, environment)]


async def find(database: Database, endpoint_id: str) -> WebhookEndpoint | None:
    """One endpoint, whoever's it is."""
    row = await database.fetchrow(_SQL["find"], endpoint_id)
    return None if row is None else WebhookEndpoint(**dict(row))


async def of_ids(database: Database, ids: Collection[str]) -> dict[str, WebhookEndpoint]:
    """Endpoints by their ids."""
    rows = await database.fetch(_SQL["of_ids"], [*ids])
    return {row["endpoint_id"]: WebhookEndpoint(**dict(row)) for row in rows}


async def add(  # noqa: PLR0913 - one keyword for each column
    connection: Connection,
    vault: Vault,
    *,
    endpoint_id: str,
    business_id: PartyId,
    environment: str,
    url: str,
    description: str | None,
    types: Sequence[str],
    secret: bytes,
    request_digest: bytes | None,
    now: datetime,
) -> None:
    """Write a new endpoint, of an id that none has; only under `lock_seller`."""
    sealed = vault.seal(msgspec.json.encode((secret, None)), seal_context(endpoint_id))
    values = (endpoint_id, business_id, environment, url, description, [*types], sealed, request_digest, now)
    await connection.execute(_SQL["add"], *values)


async def change(
    connection: Connection, endpoint_id: str, url: str, description: str | None, types: Sequence[str]
) -> None:
    """Other values for an endpoint."""
    await connection.execute(_SQL["change"], endpoint_id, url, description, [*types])


async def replace_secret(
    connection: Connection,
    vault: Vault,
    endpoint: WebhookEndpoint,
    secret: bytes,
    previous_until: datetime | None,
    now: datetime,
) -> None:
    """Another secret; the present one signs until `previous_until`, too. One from before that ends."""
    current, *_ = endpoint.secrets(vault, now)
    kept = None if previous_until is None else current
    sealed = vault.seal(msgspec.json.encode((secret, kept)), seal_context(endpoint.endpoint_id))
    await connection.execute(_SQL["reseal_secrets"], endpoint.endpoint_id, sealed, previous_until)


async def disable(connection: Connection, endpoint_id: str, now: datetime, because: Reason) -> bool:
    """Deliver nothing to it any more; False: it was disabled before."""
    return await connection.fetchval(_SQL["disable"], endpoint_id, now, because) is not None


async def enable(connection: Connection, endpoint_id: str) -> None:
    """Deliver to it again, from the next event on."""
    await connection.execute(_SQL["enable"], endpoint_id)


async def remove(connection: Connection, endpoint_id: str) -> None:
    """Forget it with its secrets."""
    await connection.execute(_SQL["remove"], endpoint_id)


async def succeeded(database: Database, endpoint_id: str, now: datetime) -> None:
    """A delivery has arrived. Written down once in a while, since a busy endpoint has very many."""
    await database.execute(_SQL["succeeded"], endpoint_id, now, now - _AS_GOOD_AS_NOW)


async def failed(database: Database, endpoint_id: str, now: datetime) -> datetime | None:
    """A delivery has not arrived: since when none does. None: the endpoint is gone."""
    since: datetime | None = await database.fetchval(_SQL["failed"], endpoint_id, now)
    return since


async def any_delivered(database: Database, business_id: PartyId, environment: str) -> bool:
    """Whether anything ever arrived at one of a seller's endpoints."""
    return bool(await database.fetchval(_SQL["any_delivered"], business_id, environment))
