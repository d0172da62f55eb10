"""Proofs of the books: on demand and, where settings say so, every so many hours. A worker makes them."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import asdict, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import msgspec
import structlog

from tallystick.db.connections import DAMAGED
from tallystick.db.damage import DamagedError, explain, read_everything
from tallystick.services.operations import audit, audit_chains
from tallystick.services.process.anchor import anchor_file, read_anchor
from tallystick.store.ledger import acknowledged
from tallystick.store.ledger import verify as ledger
from tallystick.store.ledger.verify import Check, VerificationReport, unexplained_micros
from tallystick.store.records import verification_runs
from tallystick.store.records.verification_runs import VerificationRun

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tallystick.db.connections import Pool
    from tallystick.services.context import Service
    from tallystick.services.operations.audit import Actor
    from tallystick.settings import Settings

__all__ = [
    "LEASE",
    "DamagedError",
    "VerificationReport",
    "VerificationRun",
    "ask",
    "find",
    "latest",
    "latest_result",
    "prove_if_due",
    "verify",
]

LEASE: Final = timedelta(minutes=2)
"""A worker renews the lease of its proof twice in this time; when it dies, another worker starts again."""

_log = structlog.get_logger(__name__)


async def verify(pool: Pool, settings: Settings | None = None) -> VerificationReport:
    """Read all tables, run every check of the books in one snapshot, then those of the chains.

    With `settings` what lies in their data directory is checked, too: whether the books have what callers were told of.
    Raises DamagedError: there are pages that cannot be read.
    """
    await read_everything(pool)
    try:
        report = await ledger.verify(pool)
        chains = await audit_chains.check_chains(pool)
    except DAMAGED as error:  # of an index
        raise DamagedError([await explain(pool, str(error))]) from error
    more = [Check(audit_chains.CHECKS[kind], tuple(problems)) for kind, problems in chains.by_kind.items()]
    if settings is not None:
        more.append(await check_anchor(pool, settings))
    return replace(report, checks=(*report.checks, *more))


async def check_anchor(pool: Pool, settings: Settings) -> Check:
    """Whether the books have what was acknowledged last, by the anchor in the data directory."""
    path = anchor_file(settings)
    if not path.exists():
        return Check(acknowledged.NAME, ())
    try:
        newest = read_anchor(path, await acknowledged.identity(pool))
    except (OSError, msgspec.DecodeError) as error:
        return Check(acknowledged.NAME, (f"the anchor cannot be read: {error}",))
    return await acknowledged.check(pool, newest)


async def ask(service: Service, actor: Actor) -> bool:
    """Ask for a proof, which a worker takes up.

    False, and nothing is written down, when one waits or runs already: its result will do.
    """
    now = service.clock()
    async with service.pool.acquire() as connection, connection.transaction():
        if not await verification_runs.ask(connection, actor.party_id, now):
            return False
        await audit.record(connection, actor, "books.verify", at=now)
    return True


async def latest(service: Service, maximum: int, before: int | None = None) -> list[VerificationRun]:
    """The latest proofs, newest first: before a number, or from the newest on."""
    return await verification_runs.latest(service.pool, maximum, before)


async def latest_result(service: Service) -> VerificationRun | None:
    """The latest proof that came to a result."""
    return await verification_runs.latest_result(service.pool)


async def find(service: Service, run_id: int) -> VerificationRun | None:
    """The proof with this number."""
    return await verification_runs.find(service.pool, run_id)


async def prove_if_due(service: Service) -> int:
    """Do the proof that somebody asked for, or whose time has come; how many were done."""
    now = service.clock()
    if hours := service.settings.verify_every_hours:
        last = await verification_runs.last_asked_at(service.pool)
        if last is None or now - last >= timedelta(hours=hours):
            await verification_runs.ask(service.pool, None, now)
    run_id = await verification_runs.claim(service.pool, now, now + LEASE)
    if run_id is None:
        return 0
    try:
        async with _held(service, run_id):
            report = await verify(service.pool, service.settings)
            unexplained = await unexplained_micros(service.pool) if report.problems else 0
    except Exception as error:
        service.damage.note(error)
        reason = f"{type(error).__name__}: {error}"[:500]
        await verification_runs.give_up(service.pool, run_id, service.clock(), reason)
        raise
    problems = len(report.problems)
    await verification_runs.finish(
        service.pool,
        run_id,
        service.clock(),
        problems=problems,
        unexplained_micros=unexplained,
        report=asdict(report),
    )
    (_log.error if problems else _log.info)("books_verified", run_id=run_id, problems=problems)
    return 1


@asynccontextmanager
async def _held(service: Service, run_id: int) -> AsyncIterator[None]:
    """Renew the lease of a proof while this is open."""

    async def renew() -> None:
        while True:
            await asyncio.sleep(LEASE.total_seconds() / 2)
            await verification_runs.hold(service.pool, run_id, service.clock() + LEASE)

    task = asyncio.create_task(renew())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
