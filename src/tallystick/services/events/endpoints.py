"""Webhook endpoints of a seller: add, change, remove; their secrets; trying one; what was delivered, and once more.

Every change and its row in the audit log are one commit. Pages, commands and /v1 call the same functions.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from tallystick.domain.messages.addresses import host_of
from tallystick.domain.messages.events import CHARGE_SUCCEEDED, TYPES
from tallystick.domain.names.spelling import did_you_mean
from tallystick.notify import address, webhook_content
from tallystick.notify.address import UnusableAddressError
from tallystick.notify.trial import Trial
from tallystick.notify.webhook_trial import WebhookTester
from tallystick.services.operations import audit
from tallystick.services.seller.books import books_of
from tallystick.store.accounts import return_hosts
from tallystick.store.events import deliveries, endpoints, events
from tallystick.store.events.deliveries import WebhookDelivery
from tallystick.store.events.endpoints import BY_SELLER, WebhookEndpoint

if TYPE_CHECKING:
    from tallystick.db.connections import Connection
    from tallystick.domain.ids import BookId, PartyId
    from tallystick.services.context import Service
    from tallystick.services.operations.audit import Actor

__all__ = [
    "BY_SELLER",
    "DEFAULT_OVERLAP",
    "DisabledEndpointError",
    "EndpointConflictError",
    "EndpointWish",
    "NewEndpoint",
    "NoEndpointError",
    "RotatedBeforeError",
    "TooManyEndpointsError",
    "Trial",
    "UnusableAddressError",
    "WebhookDelivery",
    "WebhookEndpoint",
    "any_delivered",
    "change",
    "create",
    "delivery_log",
    "find",
    "last_problem",
    "list_",
    "mark_of",
    "read_types",
    "remove",
    "replay",
    "rotate",
    "send_test",
    "unfinished",
]

MAX_ENDPOINTS: Final = 20
MAX_DESCRIPTION: Final = 200
DEFAULT_OVERLAP: Final = timedelta(hours=24)
LONGEST_OVERLAP: Final = timedelta(days=30)
SECOND_CLICK: Final = timedelta(minutes=1)
"""For how long the same form, sent again, gets the same secret shown: a browser shows only the second answer."""

_SECRET_BYTES: Final = 32
_REPLAY_AT_ONCE: Final = 10_000
_ID: Final = re.compile(r"we_[0-9a-f]{24}", re.ASCII)


class NoEndpointError(LookupError):
    """The seller has no such endpoint in this environment, or no books there."""


class TooManyEndpointsError(Exception):
    """The seller has as many endpoints as there may be."""


class DisabledEndpointError(Exception):
    """Nothing is delivered to the endpoint: it has to be enabled first."""


class EndpointConflictError(Exception):
    """The name of the request was used for an endpoint with other values."""


class RotatedBeforeError(Exception):
    """The secret that was to be replaced was replaced before.

    `made`: the endpoint with its present secret, where this took that one's place less than a minute ago.
    """

    def __init__(self, made: NewEndpoint | None) -> None:
        super().__init__()
        self.made = made


@dataclass(frozen=True, slots=True)
class EndpointWish:
    """What an endpoint is to be like. `types`: none: all events but charges that are answered at once."""

    url: str
    types: Sequence[str] = ()
    description: str | None = None


@dataclass(frozen=True, slots=True)
class NewEndpoint:
    """An endpoint with its secret, which is shown this once. `is_new`: it was not made by an earlier request."""

    endpoint: WebhookEndpoint
    secret: str
    is_new: bool = True


def read_types(names: Sequence[str]) -> tuple[str, ...]:
    """Types of events by their names, in their order. Raises ValueError: there is no such one."""
    for name in names:
        if name not in TYPES:
            raise ValueError(f"there is no event {name!r}.{did_you_mean(name, TYPES)}")
    return tuple(name for name in TYPES if name in names)


async def list_(service: Service, seller_id: PartyId, environment: str) -> list[WebhookEndpoint]:
    """All endpoints of a seller in an environment, the oldest first."""
    return await endpoints.list_(service.pool, seller_id, environment)


async def find(service: Service, seller_id: PartyId, environment: str, endpoint_id: str) -> WebhookEndpoint:
    """One endpoint of the seller. Raises NoEndpointError."""
    found = await endpoints.find(service.pool, endpoint_id) if _ID.fullmatch(endpoint_id) else None
    return _own(found, seller_id, environment)


def _own(found: WebhookEndpoint | None, seller_id: PartyId, environment: str) -> WebhookEndpoint:
    if found is None or (found.business_id, found.environment) != (seller_id, environment):
        raise NoEndpointError
    return found


async def any_delivered(service: Service, seller_id: PartyId, environment: str) -> bool:
    """Whether anything ever arrived at an endpoint of the seller."""
    return await endpoints.any_delivered(service.pool, seller_id, environment)


async def create(
    service: Service, actor: Actor, seller_id: PartyId, environment: str, wish: EndpointWish, request: str = ""
) -> NewEndpoint:
    """Make an endpoint with a secret of its own. `request`: the name of a request, which makes one, whenever it comes.

    Raises UnusableAddressError, NoEndpointError: the seller has no books; TooManyEndpointsError; EndpointConflictError.
    """
    await _check(service, seller_id, wish.url)
    now = service.clock()
    endpoint_id, digest = _names(service, seller_id, environment, wish, request)
    async with service.pool.acquire() as connection, connection.transaction():
        await _lock(connection, seller_id, environment)
        known = await endpoints.find(connection, endpoint_id)
        if known is not None:
            if known.request_digest != digest:
                raise EndpointConflictError(endpoint_id)
            current, *_ = known.secrets(service.vault, now)
            return NewEndpoint(known, webhook_content.secret_text(current), is_new=False)
        if len(await endpoints.list_(connection, seller_id, environment)) >= MAX_ENDPOINTS:
            raise TooManyEndpointsError
        secret = secrets.token_bytes(_SECRET_BYTES)
        await endpoints.add(
            connection,
            service.vault,
            endpoint_id=endpoint_id,
            business_id=seller_id,
            environment=environment,
            url=wish.url,
            description=wish.description,
            types=wish.types,
            secret=secret,
            request_digest=digest,
            now=now,
        )
        await endpoints.choose_charges(connection, seller_id, environment)
        made = _own(await endpoints.find(connection, endpoint_id), seller_id, environment)
        await _record(service, connection, actor, "webhook.create", made, now, types=[*wish.types])
    return NewEndpoint(made, webhook_content.secret_text(secret))


def _names(
    service: Service, seller_id: PartyId, environment: str, wish: EndpointWish, request: str
) -> tuple[str, bytes | None]:
    """The id of a new endpoint, and the digest of the request for it, if it has a name."""
    if not request:
        return f"we_{secrets.token_hex(12)}", None
    key = service.vault.of_digests.digests
    place = f"webhook endpoint {seller_id} {environment} {request}"
    digest = sha256("\0".join((wish.url, *wish.types, "", wish.description or "")).encode()).digest()
    return f"we_{hmac.digest(key, place.encode(), sha256).hex()[:24]}", digest


async def change(
    service: Service,
    actor: Actor,
    found: WebhookEndpoint,
    wish: EndpointWish,
    *,
    enabled: bool | None = None,
) -> WebhookEndpoint:
    """Other values for an endpoint, for deliveries from now on; `enabled`: deliver to it (again), or no more.

    What waits when it is disabled can be replayed. Raises UnusableAddressError, NoEndpointError: it was removed.
    """
    if wish.url != found.url:
        await _check(service, found.business_id, wish.url)
    now = service.clock()
    async with service.pool.acquire() as connection, connection.transaction():
        home_id = await _lock(connection, found.business_id, found.environment)
        before = await _again(connection, found)
        await endpoints.change(connection, found.endpoint_id, wish.url, wish.description, wish.types)
        if enabled is False and before.enabled:
            await endpoints.disable(connection, found.endpoint_id, now, BY_SELLER)
        if enabled and not before.enabled:
            await endpoints.enable(connection, found.endpoint_id)
        await endpoints.choose_charges(connection, found.business_id, found.environment)
        if enabled is False:
            await deliveries.stop(connection, home_id, found.endpoint_id)
        changed = await _again(connection, found)
        told = {"types": [*wish.types], "enabled": changed.enabled}
        await _record(service, connection, actor, "webhook.change", changed, now, **told)
    return changed


async def remove(service: Service, actor: Actor, found: WebhookEndpoint) -> None:
    """Forget an endpoint, its secrets and its log; again: nothing changes."""
    now = service.clock()
    async with service.pool.acquire() as connection, connection.transaction():
        home_id = await _lock(connection, found.business_id, found.environment)
        if await endpoints.find(connection, found.endpoint_id) is None:
            return
        await endpoints.remove(connection, found.endpoint_id)
        await endpoints.choose_charges(connection, found.business_id, found.environment)
        await deliveries.remove(connection, home_id, found.endpoint_id)
        await _record(service, connection, actor, "webhook.remove", found, now)


async def rotate(
    service: Service, actor: Actor, found: WebhookEndpoint, overlap: timedelta = DEFAULT_OVERLAP, seen: str = ""
) -> NewEndpoint:
    """Another secret; for `overlap` everything is signed by both. A secret from before the present one ends at once.

    `seen`: the mark of the secret that is to be replaced; none: whichever is the present one.
    Raises ValueError: longer than 30 days; NoEndpointError: it was removed; RotatedBeforeError.
    """
    if not timedelta(0) <= overlap <= LONGEST_OVERLAP:
        raise ValueError("two secrets sign for at most 30 days")
    now, secret = service.clock(), secrets.token_bytes(_SECRET_BYTES)
    async with service.pool.acquire() as connection, connection.transaction():
        await _lock(connection, found.business_id, found.environment)
        before = await _again(connection, found)
        if seen and seen != mark_of(service, before):
            raise RotatedBeforeError(_made_just_now(service, before, overlap, seen))
        until = now + overlap if overlap else None
        await endpoints.replace_secret(connection, service.vault, before, secret, until, now)
        changed = await _again(connection, found)
        hours = overlap // timedelta(hours=1)
        await _record(service, connection, actor, "webhook.rotate", changed, now, overlap_hours=hours)
    return NewEndpoint(changed, webhook_content.secret_text(secret))


def mark_of(service: Service, found: WebhookEndpoint) -> str:
    """A mark of the present secret, from which nobody learns it: a form that was sent twice replaces it once."""
    current, *_ = found.secrets(service.vault, service.clock())
    return _mark(current)


def _mark(secret: bytes) -> str:
    return sha256(b"mark of " + secret).hexdigest()[:32]


def _made_just_now(service: Service, found: WebhookEndpoint, overlap: timedelta, seen: str) -> NewEndpoint | None:
    now = service.clock()
    current, *older = found.secrets(service.vault, now)
    if found.previous_until is None or not any(_mark(secret) == seen for secret in older):
        return None
    rotated_at = found.previous_until - overlap  # only where the form asks for the overlap that there was
    if abs(now - rotated_at) >= SECOND_CLICK:
        return None
    return NewEndpoint(found, webhook_content.secret_text(current), is_new=False)


async def send_test(service: Service, actor: Actor, found: WebhookEndpoint) -> Trial:
    """Send something that is no event, signed like one, and tell what came of it; also to one that is disabled."""
    now = service.clock()
    tester = WebhookTester(service.settings)
    trial = await tester.send(f"evt_test_{uuid4().hex}", found.url, found.secrets(service.vault, now), now)
    if trial.arrived:
        await endpoints.succeeded(service.pool, found.endpoint_id, now)
    await _record(service, None, actor, "webhook.test", found, now, status=trial.status)
    return trial


async def delivery_log(
    service: Service,
    found: WebhookEndpoint,
    maximum: int,
    state: str | None = None,
    before: int | None = None,
) -> list[WebhookDelivery]:
    """What was or is to be delivered, the newest events first, those with numbers below `before`."""
    home_id = await _home(service, found)
    return await deliveries.log(service.pool, home_id, found.endpoint_id, state, before, maximum)


async def unfinished(service: Service, found: WebhookEndpoint) -> tuple[int, int]:
    """How many events wait to be delivered, and how many were given up."""
    return await deliveries.counts(service.pool, await _home(service, found), found.endpoint_id)


async def last_problem(service: Service, found: WebhookEndpoint) -> str | None:
    """Why the newest event did not arrive of those that were tried in vain; None: there is none."""
    return await deliveries.last_problem(service.pool, await _home(service, found), found.endpoint_id)


async def replay(
    service: Service, actor: Actor, found: WebhookEndpoint, *, sequence: int | None = None, after: int = 0
) -> int:
    """Deliver an event once more or, without one, all after a number that did not arrive; how many, of those kept.

    Raises DisabledEndpointError.
    """
    now = service.clock()
    home_id = await _home(service, found)
    if not found.enabled:
        raise DisabledEndpointError
    types = found.types or [name for name in TYPES if name != CHARGE_SUCCEEDED]
    last = after if sequence is None else sequence - 1
    count = 0
    async with service.pool.acquire() as connection, connection.transaction():
        while True:
            if sequence is not None:
                event = await events.find(connection, home_id, sequence)
                wanted = [] if event is None else [(event.sequence, event.subject_id)]
            else:
                wanted = await deliveries.missed(connection, home_id, found.endpoint_id, last, types, _REPLAY_AT_ONCE)
            if wanted:
                count += await deliveries.add(connection, home_id, found.endpoint_id, wanted, now)
                last = wanted[-1][0]
            if sequence is not None or len(wanted) < _REPLAY_AT_ONCE:
                break
        await _record(service, connection, actor, "webhook.replay", found, now, events=count)
    return count


async def _home(service: Service, found: WebhookEndpoint) -> BookId:
    parts = await books_of(service, found.business_id, found.environment)
    if not parts:
        raise NoEndpointError
    return parts[0]


async def _lock(connection: Connection, seller_id: PartyId, environment: str) -> BookId:
    """The seller's first book, with nobody else changing its endpoints. Raises NoEndpointError."""
    books = await endpoints.lock_seller(connection, seller_id, environment)
    if not books:
        raise NoEndpointError
    return books[0]


async def _again(connection: Connection, found: WebhookEndpoint) -> WebhookEndpoint:
    return _own(await endpoints.find(connection, found.endpoint_id), found.business_id, found.environment)


async def _check(service: Service, seller_id: PartyId, url: str) -> None:
    """Raises UnusableAddressError."""
    address.check_form(url)
    if closed := await return_hosts.closed_to(service.pool, seller_id, [host_of(url)]):
        raise UnusableAddressError(f"another seller has claimed {', '.join(closed)}")
    if not service.settings.allow_private_notification_targets:
        await address.check_public(url)


async def _record(
    service: Service,
    connection: Connection | None,
    actor: Actor,
    action: str,
    endpoint: WebhookEndpoint,
    now: datetime,
    **details: object,
) -> None:
    await audit.record(
        service.pool if connection is None else connection,
        actor,
        action,
        endpoint.endpoint_id,
        business_id=endpoint.business_id,
        environment=endpoint.environment,
        details={"url": endpoint.url, **details},
        at=now,
    )
