"""The composition root: settings in, a running service and its application out. The one file that knows all parts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from tallystick.db import distribution
from tallystick.db.clock_watch import ClockWatch
from tallystick.db.database import (
    ANSWER_TIMEOUT_SECONDS,
    CONNECT_TIMEOUT_SECONDS,
    MONEY_PAUSE_TIMEOUT_MS,
    check_reachable,
    open_pool,
    place_of,
    until_it_answers,
)
from tallystick.db.embedded.guard import kept_alive
from tallystick.db.embedded.server import EmbeddedPostgres
from tallystick.db.kept_connections import KeptConnections
from tallystick.db.migrate import EmptyDatabaseError, migrate, migrate_if_empty
from tallystick.db.node_router import CONNECT_SECONDS, NodeRouter
from tallystick.domain.standing import Demands
from tallystick.processors.payout_rail import TRANSFER
from tallystick.processors.rails import RailMissingError, Rails
from tallystick.services.context import Service
from tallystick.services.operations.fee_schedules import (
    check_chosen_schedules,
    read_fee_schedules,
    read_own_fee_schedules,
)
from tallystick.services.process.anchor import anchored
from tallystick.services.process.peer_processes import PeerProcesses
from tallystick.services.process.request_log import RequestLog, to_json, to_text
from tallystick.settings import (
    Settings,
    SettingsError,
    has_master_key,
    load_master_keys,
    variable_name,
    variable_of_rail,
)
from tallystick.store.keys import master_keys
from tallystick.store.keys.master_key_watch import MasterKeyWatch
from tallystick.store.keys.sealed import any_secret, vault_of
from tallystick.store.keys.vault import SealBrokenError, Vault
from tallystick.store.ledger.command_queue import MAX_IN_FLIGHT
from tallystick.store.ledger.committer import Committer
from tallystick.store.ledger.create_book import SIMULATED_RAIL, open_rail
from tallystick.store.ledger.memory.payment_memory import PaymentMemory
from tallystick.store.ledger.rules import Rules
from tallystick.store.ledger.statements import SENT_ROWS
from tallystick.store.records.trace_links import TraceLinks

if TYPE_CHECKING:
    from tallystick.db.connections import Pool
    from tallystick.processors.stripe.rail import StripeRail
    from tallystick.services.api.callers import Address
    from tallystick.tracing.spans import Tracing
    from tallystick.web.api.asgi import Application, Scope
    from tallystick.worker import Worker

__all__ = [
    "DatabaseAddress",
    "NoDatabaseYetError",
    "SealBrokenError",
    "asgi_app",
    "database_address",
    "exporting_metrics",
    "make_worker",
    "open_database",
    "open_service",
    "utc_now",
    "where",
]

MAX_CONNECTIONS: Final = 10
"""Of one process to the database, for everything but the money path."""

MONEY_CONNECTIONS: Final = 6
"""Of one process, for the money path: the groups of a book mostly commit one after the other, so a few are enough."""


def utc_now() -> datetime:
    """The wall clock; read here and nowhere below."""
    return datetime.now(UTC)


class DatabaseAddress(NamedTuple):
    """How to connect to one database, by what for. Where one role does everything, all are the same.

    `work`: for the service. `owner`: for what changes the schema. `admin`: for what needs a superuser; on a server that
    is given, the owner again.
    """

    work: str
    owner: str
    admin: str


class NoDatabaseYetError(Exception):
    """There is no database yet, and none was to be made. The text says where."""


def where(settings: Settings) -> str:
    """Which database it is, for people: without user and password."""
    if settings.database_url is None:
        return f"in {settings.data_directory}"
    return place_of(settings.database_url).strip() or "at TALLYSTICK_DATABASE_URL"


@asynccontextmanager
async def database_address(settings: Settings, *, create: bool = True) -> AsyncIterator[DatabaseAddress]:
    """The address of the database as it is: the configured one, or the embedded one, held while this is open.

    `create`: whether the embedded one is made where there is none.
    Raises NoDatabaseError, EmbeddedPostgresError, NoDatabaseYetError.
    """
    async with AsyncExitStack() as stack:
        if settings.database_url is not None:
            owner = settings.owner_database_url or settings.database_url
            address = DatabaseAddress(settings.database_url, owner, owner)
            for dsn in {address.work, address.owner}:
                await check_reachable(dsn)
        else:
            embedded = EmbeddedPostgres(settings.data_directory)
            if not create and not embedded.has_data:
                raise NoDatabaseYetError(f"there is no database in {settings.data_directory}")
            stack.push_async_callback(asyncio.to_thread, embedded.stop)
            await asyncio.to_thread(embedded.start)
            address = DatabaseAddress(embedded.dsn, embedded.owner_dsn, embedded.admin_dsn)
            await stack.enter_async_context(kept_alive(embedded))
        yield address


@asynccontextmanager
async def open_database(settings: Settings, *, upgrade: bool = True, create: bool = True) -> AsyncIterator[str]:
    """The service's address of a migrated database. Raises MigrationError, NoDatabaseYetError.

    `upgrade`: whether one that an older version of the program has made is brought up to date, too.
    `create`: whether one is made where there is none; and, where none is brought up to date, whether an empty one is
    filled.
    """
    async with database_address(settings, create=create) as address:
        try:
            await until_it_answers(lambda: _migrate(address.owner, upgrade=upgrade, create=create))
        except EmptyDatabaseError:
            raise NoDatabaseYetError(f"the database {where(settings)} is empty") from None
        yield address.work


@asynccontextmanager
async def open_service(
    settings: Settings,
    clock: Callable[[], datetime] = utc_now,
    *,
    upgrade: bool = True,
    create: bool = True,
    peers: PeerProcesses | None = None,
    watch_clock: bool | None = None,
    router_of: Callable[[str, Pool, Pool], NodeRouter] | None = None,
) -> AsyncIterator[Service]:
    """A service on a migrated database. At the end every accepted command gets its answer before the pool closes.

    `upgrade` and `create` as with `open_database`; `peers`: the other processes of the same `serve`.
    `watch_clock`: whether the clock is held against the database's; None: if it is the machine's. `router_of`: leads
    money to machines, of the address, the pool and the money pool; None: to those of the cluster, where there is one.
    Raises SettingsError, MigrationError, NoDatabaseError and so on.
    """
    async with AsyncExitStack() as stack:
        dsn = await stack.enter_async_context(open_database(settings, upgrade=upgrade, create=create))
        pool = await stack.enter_async_context(await until_it_answers(lambda: open_pool(dsn, max_size=MAX_CONNECTIONS)))
        money_pool = await stack.enter_async_context(await until_it_answers(lambda: _open_money_pool(dsn)))
        vault = await until_it_answers(lambda: _open_vault(settings, pool))
        demands = Demands(
            settings.require_verified_email,
            settings.require_verified_accounts,
            settings.unverified_spending_limit,
            settings.unverified_receiving_limit,
        )
        own_fees = read_own_fee_schedules(settings.fee_schedule_file)
        await until_it_answers(lambda: check_chosen_schedules(pool, own_fees))
        rules = Rules(
            read_fee_schedules(settings.fee_schedule_file),
            settings.sandbox_faults,
            demands,
            own_fees,
            reuse_references=settings.reference_reuse == "after-seven-days",
        )
        key_watch = MasterKeyWatch(pool, vault, partial(load_master_keys, settings))
        await until_it_answers(key_watch.look)
        watching_keys = asyncio.create_task(key_watch.run())
        stack.callback(watching_keys.cancel)
        watch = None
        if clock is utc_now if watch_clock is None else watch_clock:
            watch = ClockWatch(clock, timedelta(seconds=settings.clock_tolerance_seconds))
            await until_it_answers(partial(watch.compare, pool))
            watching = asyncio.create_task(watch.run(pool))
            stack.callback(watching.cancel)
        tracing = tracing_of(settings)
        if tracing is not None:
            stack.push_async_callback(asyncio.to_thread, tracing.close)
            links = TraceLinks(pool, clock)
            stack.push_async_callback(links.close)
            linking = asyncio.create_task(links.run())
            stack.callback(linking.cancel)
            tracing.note_link = links.note
        distributed = await until_it_answers(lambda: distribution.is_distributed(pool))
        router = None
        if router_of is not None or distributed:
            router = (router_of or _route_to_nodes)(dsn, pool, money_pool)
            following = asyncio.create_task(router.follow())
            stack.callback(following.cancel)
        committer = Committer(
            money_pool,
            rules,
            clock if watch is None else watch.now,
            keeps=MAX_IN_FLIGHT,
            replans=True,
            router=router,
            memory=PaymentMemory(settings.remembered_balances if router is None else 0),
            tracing=tracing,
            answer_seconds=ANSWER_TIMEOUT_SECONDS,
        )
        stack.push_async_callback(committer.close)
        await stack.enter_async_context(anchored(settings, pool, committer))
        rails = _rails(settings, pool, vault, clock if watch is None else watch.now, stack)
        await until_it_answers(lambda: _open_rails(pool, rails, clock()))
        request_log = _request_log(settings, clock)
        stack.callback(request_log.flush)
        yield Service(
            settings=settings,
            pool=pool,
            committer=committer,
            vault=vault,
            clock=clock,
            peers=peers or PeerProcesses(),
            clock_watch=watch,
            rails=rails,
            request_log=request_log,
            tracing=tracing,
        )


def _request_log(settings: Settings, clock: Callable[[], datetime]) -> RequestLog:
    if not settings.log_requests or settings.log_level not in {"debug", "info"}:
        return RequestLog()
    return RequestLog(clock, to_json if settings.log_format == "json" else to_text)


def tracing_of(settings: Settings) -> Tracing | None:
    """OpenTelemetry, which is an extra, is loaded only where there is a collector. Raises SettingsError."""
    if settings.otlp_endpoint is None:
        return None
    try:
        from tallystick.tracing.spans import Tracing  # noqa: PLC0415 - needs an extra
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "opentelemetry":
            raise SettingsError("traces need a library more: pip install 'tallystick[tracing]'") from error
        raise
    return Tracing(settings.otlp_endpoint)


async def _migrate(dsn: str, *, upgrade: bool, create: bool) -> None:
    await (migrate(dsn) if upgrade else migrate_if_empty(dsn, create=create))


async def _open_money_pool(dsn: str, connect_timeout_seconds: float = CONNECT_TIMEOUT_SECONDS) -> Pool:
    return await open_pool(
        dsn,
        max_size=MONEY_CONNECTIONS,
        connect_timeout_seconds=connect_timeout_seconds,
        answer_timeout_seconds=ANSWER_TIMEOUT_SECONDS,
        pause_timeout_ms=MONEY_PAUSE_TIMEOUT_MS,
        plan_once=True,
        row_types=SENT_ROWS,
    )


def _route_to_nodes(dsn: str, pool: Pool, money_pool: Pool) -> NodeRouter:
    """Each book's commands go to the machine that has it.

    Nothing is remembered there: versions of rows are those of one machine, and books move.
    """
    return NodeRouter(
        KeptConnections(money_pool, MAX_IN_FLIGHT, replans=True),
        partial(distribution.nodes_of, pool),
        lambda node: _open_money_pool(distribution.address_of(dsn, node), CONNECT_SECONDS),
    )


async def _open_vault(settings: Settings, pool: Pool) -> Vault:
    """The vault of the secrets in the database. Raises SettingsError: they were sealed with another master key.

    A key of our own is made only where there is nothing yet that another one has sealed.
    """
    sealed_already = await any_secret(pool) is not None or (await master_keys.read(pool)).all
    if has_master_key(settings) or not sealed_already:
        vault = await vault_of(pool, await asyncio.to_thread(load_master_keys, settings))
        if vault is not None:
            return vault
    raise SettingsError(
        f"the secrets in this database are sealed with another master key; all processes on a database share one: "
        f"put it into {settings.key_file}, or set TALLYSTICK_MASTER_KEY"
    )


@asynccontextmanager
async def exporting_metrics(service: Service) -> AsyncIterator[None]:
    """Let the other processes of the same `serve` ask this one what it counted. Raises OSError."""
    from tallystick.web.probes.metrics import export_metrics  # noqa: PLC0415 - half a second, for servers only

    async with service.peers.answering(lambda: export_metrics(service)):
        yield


def asgi_app(service: Service) -> Application:
    """All HTTP interfaces of the service: the query API and SOAP at ``/``, the pages elsewhere."""
    # Loaded here, since most commands serve nothing: pages and API take as long to load as all else together, 0.9 s.
    from tallystick.web.api.asgi import LazyApplication  # noqa: PLC0415 - see above
    from tallystick.web.api.batch_api import BatchApi  # noqa: PLC0415 - see above
    from tallystick.web.api.front import Front  # noqa: PLC0415 - see above
    from tallystick.web.api.plain.lane import Lane, Taker  # noqa: PLC0415 - see above
    from tallystick.web.api.plain.query_lane import QueryTaker  # noqa: PLC0415 - see above
    from tallystick.web.api.query_api import QueryApi  # noqa: PLC0415 - see above
    from tallystick.web.api.refusing import RefusalWriter  # noqa: PLC0415 - see above
    from tallystick.web.api.strict_answers import StrictAnswers  # noqa: PLC0415 - see above
    from tallystick.web.api.traced_calls import TracedCalls  # noqa: PLC0415 - see above
    from tallystick.web.common.browser.addresses import client_address, network_address  # noqa: PLC0415 - see above
    from tallystick.web.probes.probes import Probes  # noqa: PLC0415 - see above
    from tallystick.web.v1.app import JsonApi  # noqa: PLC0415 - see above
    from tallystick.web.v1.charge_lane import ChargeTaker  # noqa: PLC0415 - see above

    def address_of(scope: Scope) -> Address | None:
        """Where a call comes from, for keys that are for some networks only."""
        return network_address(scope, service.settings)

    def traced(interface: Application) -> Application:
        return interface if service.tracing is None else TracedCalls(interface, service.tracing)

    query_api, json_api = QueryApi(service, address_of), JsonApi(service, address_of)
    front = Front(
        query_api=traced(query_api),
        soap=traced(LazyApplication(lambda: _soap(service))),
        batch_api=traced(BatchApi(service, address_of)),
        json_api=traced(json_api),
        probes=Probes(service),
        pages=LazyApplication(lambda: _pages(service)),
        refusing=RefusalWriter(service.meter, service.request_log, service.settings.public_url.rstrip("/")),
        address_of=lambda scope: client_address(scope, service.settings),
        rates=service.rates_of("addresses", service.settings.requests_per_second_per_address),
        by_route={
            route: service.rates_of(f"addresses, {route}", limit / 60, burst_seconds=10)
            for route, limit in service.settings.requests_per_minute_by_route or ()
        },
    )
    answers = StrictAnswers(front, service.settings, service.ending)
    if service.tracing is None:
        takers: dict[str, Taker] = {"/": QueryTaker(query_api), "/v1/charges": ChargeTaker(json_api)}
        answers.lane = Lane(service, front, answers, takers)
    return answers


def _pages(service: Service) -> Application:
    """A process that is asked for no page does without their library, templates and words: 30 MB (decision 222)."""
    from tallystick.web.app import create_pages  # noqa: PLC0415 - for its first request only

    return cast("Application", create_pages(service))


def _soap(service: Service) -> Application:
    """Most services never see an envelope: neither this nor the XML libraries are loaded before the first one."""
    from tallystick.web.api.soap.missing import LIBRARIES, SoapMissing  # noqa: PLC0415 - for its first request only

    try:
        from tallystick.web.api.soap.api import SoapApi  # noqa: PLC0415 - needs an extra
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in LIBRARIES:
            return SoapMissing(service)
        raise
    return SoapApi(service)


def make_worker(service: Service) -> Worker:
    """A worker with every rail there is."""
    from tallystick.processors.simulated_payouts import SimulatedPayoutRail  # noqa: PLC0415 - see below
    from tallystick.processors.transfer_payouts import TransferPayouts  # noqa: PLC0415 - see below
    from tallystick.worker import Worker  # noqa: PLC0415 - notifications and the HTTP client take 0.3 s to load

    faults = service.settings.sandbox_faults
    payout_rail = SimulatedPayoutRail(service.pool, service.trusted_now, faults=faults)
    transfers = TransferPayouts(service.rails, TRANSFER)
    return Worker(service, service.rails, {payout_rail.name: payout_rail, transfers.name: transfers})


def _rails(settings: Settings, pool: Pool, vault: Vault, clock: Callable[[], datetime], stack: AsyncExitStack) -> Rails:
    """All rails that are on, and where new cards and bank accounts go. Raises SettingsError: one is not on."""
    from tallystick.processors.simulated import SimulatedRail  # noqa: PLC0415 - for what opens a service only

    simulated = SimulatedRail(
        memory=pool,
        clock=clock,
        delay=timedelta(milliseconds=settings.rail_delay_ms),
        faults=settings.sandbox_faults,
        pages_at=settings.public_url,
        events_key=vault.digest("events", "simulated rail"),
    )
    over_stripe = _stripe_rails(settings, clock)
    for rail in over_stripe:
        stack.push_async_callback(rail.close)
    rails = Rails((simulated, *over_stripe), settings.rails)
    for environment, method in settings.rails:
        try:
            rails.chosen(environment, method)
        except RailMissingError as error:
            raise SettingsError(f"{variable_of_rail(environment, method)}: {error}") from error
    for environment, setting in (("live", "payout_rail"), ("sandbox", "sandbox_payout_rail")):
        if getattr(settings, setting) == TRANSFER:
            try:
                rails.find(environment, TRANSFER)
            except RailMissingError as error:
                raise SettingsError(f"{variable_name(setting)}: {error}") from error
    return rails


async def _open_rails(pool: Pool, rails: Rails, now: datetime) -> None:
    """Each rail has an account of its own in the operator's books; that of the simulated one comes with the book."""
    for rail in rails:
        for environment in rail.environments if rail.name != SIMULATED_RAIL else ():
            async with pool.acquire() as connection:
                await open_rail(connection, environment, rail.name, now)


def _stripe_rails(settings: Settings, clock: Callable[[], datetime]) -> list[StripeRail]:
    """Stripe's library, which is an extra, is loaded only where there is a key. Raises SettingsError."""
    if settings.stripe_secret_key is None and settings.stripe_test_secret_key is None:
        return []
    try:
        from tallystick.processors.stripe.configured import stripe_rails  # noqa: PLC0415 - needs an extra
    except ModuleNotFoundError as error:
        if error.name == "stripe":
            raise SettingsError("a key of Stripe needs its library: pip install 'tallystick[stripe]'") from error
        raise
    return stripe_rails(settings, clock)
