"""Means of payment that are set up at a rail: the buyer goes there, and comes back to a page of ours.

No card number ever reaches our pages. What is found is kept when the buyer comes back, or when the rail's event comes,
whichever is first. Where neither comes, the worker looks by itself, ever more rarely, until the set-up is forgotten.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog

from tallystick.domain.commands import Method
from tallystick.domain.environments import SANDBOX
from tallystick.processors.rail import HintKind, PaymentMethodFound, Rail, SetupAbandoned, SetupRequest
from tallystick.processors.rails import RailMissingError
from tallystick.store.accounts import payment_methods
from tallystick.store.accounts.payment_methods import NewPaymentMethod, PaymentMethod
from tallystick.store.ledger.create_book import SIMULATED_RAIL
from tallystick.store.rails import rail_events, rail_setups
from tallystick.store.rails.rail_setups import RailSetup

if TYPE_CHECKING:
    from tallystick.domain.ids import PartyId
    from tallystick.services.context import Service

BACK: Final = "/rails/back"
"""Where rails send buyers back to, followed by the set-up's id."""

KEPT: Final = timedelta(days=7)
"""How long a set-up stays known."""

LOOKED_AFTER: Final = timedelta(minutes=10)
"""How long after its beginning a set-up is looked at by itself; each further look comes after as long a time again."""

_log = structlog.get_logger(__name__)


class RailUnavailableError(RuntimeError):
    """The rail could not be asked, or none is on for this kind of payment method."""


@dataclass(frozen=True, slots=True)
class SetupOutcome:
    """What became of a set-up. `method`: what was found, None where there is nothing (yet). `given_up`: for good."""

    setup: RailSetup
    method: PaymentMethod | None
    given_up: bool


def available(service: Service, environment: str, method: Method) -> bool:
    """Whether new means of payment of this kind can be set up."""
    return (environment, method) in service.rails.choices


def is_typed(service: Service, environment: str, method: Method) -> bool:
    """Whether a form of ours takes its number: of the sandbox's simulated rail, whose numbers are nobody's."""
    return environment == SANDBOX and service.rails.choices.get((environment, method)) == SIMULATED_RAIL


async def begin(
    service: Service,
    party_id: PartyId,
    environment: str,
    method: Method,
    back_to: str,
    *,
    replaces: PaymentMethod | None = None,
) -> str:
    """Begin a set-up; the address at the rail where the buyer goes on.

    `back_to`: the page of ours on which the buyer goes on afterwards. `replaces`: the means of payment that is set up
    once more, at the rail where it is; what is found takes its place everywhere. Raises RailUnavailableError.
    """
    try:
        if replaces is None:
            rail = service.rails.chosen(environment, method)
        else:
            rail = service.rails.find(environment, replaces.rail)
    except RailMissingError as error:
        raise RailUnavailableError(str(error)) from error
    if rail is None:
        raise RailUnavailableError(f"no rail is on for {method.value} in {environment} books")
    setup_id = secrets.token_urlsafe(24)
    await rail_setups.begin(
        service.pool,
        setup_id,
        party_id,
        environment,
        rail.name,
        method,
        back_to=back_to,
        replaces_id=None if replaces is None else replaces.payment_method_id,
        now=service.clock(),
    )
    address = f"{service.settings.public_url}{BACK}/{setup_id}"
    buyer_reference = service.vault.digest(f"{party_id}", "buyer at a rail").hex()[:32]
    request = SetupRequest(method, address, f"{address}?given-up", buyer_reference, setup_id)
    try:
        started = await rail.begin_setup(request)
    except Exception as error:
        _log.warning("rail_setup_failed", rail=rail.name, error=repr(error))
        raise RailUnavailableError(f"{rail.name} did not begin the set-up") from error
    async with service.pool.acquire() as connection, connection.transaction():
        await rail_setups.started(connection, setup_id, started.reference, started.url)
        await rail_events.add(
            connection,
            rail.name,
            f"set-up: {started.reference}",
            environment=environment,
            object_kind=HintKind.SETUP.value,
            reference=started.reference,
            idempotency_key=None,
            now=service.clock() + LOOKED_AFTER,
        )
    return started.url


async def find(service: Service, setup_id: str) -> RailSetup | None:
    """One by its id, whoever's it is."""
    return await rail_setups.find(service.pool, setup_id)


async def come_back(service: Service, party_id: PartyId, setup_id: str) -> SetupOutcome | None:
    """The buyer is back; None: there is no such set-up of theirs.

    Raises RailUnavailableError: what became of it is not known.
    """
    setup = await rail_setups.find(service.pool, setup_id)
    if setup is None or setup.party_id != party_id:
        return None
    if setup.ended_at is not None or setup.reference is None:
        return await _outcome(service, setup)
    try:
        rail = service.rails.find(setup.environment, setup.rail)
    except RailMissingError as error:
        raise RailUnavailableError(str(error)) from error
    return await _finish(service, rail, setup)


async def finish_by_reference(service: Service, rail: Rail, reference: str) -> timedelta | None:
    """The rail has sent an event about a set-up, or none for long: keep what was found, if the buyer has not come back.

    After what time to look again; None: the set-up is over, or forgotten. Raises RailUnavailableError.
    """
    setup = await rail_setups.by_reference(service.pool, rail.name, reference)
    if setup is None or setup.ended_at is not None:
        return None
    ended = (await _finish(service, rail, setup)).setup.ended_at
    return None if ended is not None else max(LOOKED_AFTER, service.trusted_now() - setup.begun_at)


async def _finish(service: Service, rail: Rail, setup: RailSetup) -> SetupOutcome:
    assert setup.reference is not None, "a set-up that the rail knows"  # noqa: S101
    try:
        found = await rail.finish_setup(setup.reference)
    except Exception as error:
        _log.warning("rail_setup_unknown", rail=rail.name, error=repr(error))
        raise RailUnavailableError(f"{rail.name} does not say what became of the set-up") from error
    if isinstance(found, PaymentMethodFound | SetupAbandoned):
        setup = await _end(service, setup, found)
    return await _outcome(service, setup)


async def _end(service: Service, setup: RailSetup, found: PaymentMethodFound | SetupAbandoned) -> RailSetup:
    """Keep what was found, once: two that come at the same moment find the same."""
    now = service.clock()
    async with service.pool.acquire() as connection, connection.transaction():
        locked = await rail_setups.lock(connection, setup.setup_id)
        if locked is not None and locked.ended_at is None:
            number = None
            if isinstance(found, PaymentMethodFound):
                new = NewPaymentMethod(
                    found.kind, setup.rail, found.rail_token, found.brand, found.last_four, found.expires_on
                )
                kept = await payment_methods.add(connection, setup.party_id, setup.environment, new, now)
                number = kept.payment_method_id
                old = None
                if setup.replaces_id is not None:
                    old = await payment_methods.find(connection, setup.replaces_id)
                if old is not None and old.party_id == setup.party_id:
                    await payment_methods.replace(connection, old, kept, now)
            await rail_setups.end(connection, setup.setup_id, number, now)
        ended = await rail_setups.lock(connection, setup.setup_id)
    return ended or setup


async def _outcome(service: Service, setup: RailSetup) -> SetupOutcome:
    number = setup.payment_method_id
    method = None if number is None else await payment_methods.find(service.pool, number)
    return SetupOutcome(setup, method, given_up=setup.ended_at is not None and number is None)
