"""One run: everything is measured in turn on one machine and one database server, then the books are verified."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

import tallystick
from tallystick.bench.goals import Findings, goals
from tallystick.bench.load import pgbench
from tallystick.bench.load.slices import Slice
from tallystick.bench.load.wrk import LoadError, find_wrk
from tallystick.bench.measures import BenchReport
from tallystick.bench.plan import Plan
from tallystick.bench.proof import BooksProof
from tallystick.bench.rounds import BenchRun, OnSlice
from tallystick.bench.target.machine import BUSY_PERCENT, this_machine
from tallystick.bench.target.provisioning import provision
from tallystick.bench.target.sellers import Progress
from tallystick.bench.target.server import database_on, find_postmaster
from tallystick.bench.target.service import Target
from tallystick.bench.target.serving import WAYS, serving_beside, serving_nothing, serving_service
from tallystick.bench.target.sizes import bytes_per_payment
from tallystick.db.database import check_reachable
from tallystick.services.context import Service
from tallystick.wiring import MAX_CONNECTIONS, MONEY_CONNECTIONS, database_address, open_service

_CONNECTIONS_OF_A_PROCESS: Final = MAX_CONNECTIONS + MONEY_CONNECTIONS + 4  # some to spare


async def bench(plan: Plan, progress: Progress, on_slice: OnSlice, server: str | None = None) -> BenchReport:
    """Measure, verify, report: on a database of its own on `server`, if that is given.

    Raises LoadError, EmbeddedPostgresError, NoDatabaseError.
    """
    find_wrk()
    if server is None:
        return await _bench(plan, progress, on_slice)
    await check_reachable(server)
    async with database_on(server) as dsn:
        return await _bench(replace(plan, database_url=dsn), progress, on_slice)


async def _bench(plan: Plan, progress: Progress, on_slice: OnSlice) -> BenchReport:
    started_at = datetime.now(UTC)
    async with database_address(plan.settings) as address, open_service(plan.settings) as service:
        await _check_connections(service, plan)
        version = await service.pool.fetchval("SHOW server_version")
        stock = await provision(service, plan, progress)
        progress("pgbench's tables", 0, 1)
        async with (
            pgbench.database_on(address.admin, plan.pgbench_scale) as pgbench_dsn,
            serving_service(plan) as served,
            serving_beside(plan) as beside,
            serving_nothing(plan.workers) as empty,
        ):
            progress("pgbench's tables", 1, 1)
            postmaster = await find_postmaster(service.pool)
            target = Target(plan.directory, service, served, stock.sellers, postmaster, stock.many, beside)
            rounds = BenchRun(plan, target, empty, pgbench_dsn, progress, on_slice)
            await rounds.everything()
        return await report_of(rounds, started_at, version)


async def report_of(rounds: BenchRun, started_at: datetime, version: str) -> BenchReport:
    """What a run has found. A database that does not answer any more is a problem, and loses no figure.

    Nor does whoever ends the run while the books are looked at. `version`: PostgreSQL's.
    """
    plan, pool = rounds.plan, rounds.target.service.pool
    proof, payments, size = BooksProof(interrupted=rounds.interrupted), 0, None
    with proof.looking():
        payments = await pool.fetchval("SELECT count(*) FROM transaction WHERE operation = 'Pay'")
        size = await bytes_per_payment(pool)
    if not proof.problems:
        await proof.prove(rounds.progress, pool)
    measures = rounds.measures()
    return BenchReport(
        version=tallystick.__version__,
        started_at=started_at.isoformat(timespec="seconds"),
        machine=this_machine(version),
        settings={
            "instruments": plan.instruments,
            "sellers": plan.sellers,
            "many_sellers": plan.many_sellers,
            "seconds": plan.seconds,
            "rounds": plan.rounds,
            "workers": plan.workers,
        },
        measures=measures,
        half_load=rounds.half_load,
        goals=goals(
            Findings(
                measures=measures,
                half_load=rounds.half_load,
                bytes_per_payment=size,
                remembered=rounds.remembered,
            )
        ),
        problems=tuple(proof.problems),
        payments_in_books=payments,
        late_payments=rounds.target.unanswered.late,
        failures=tuple(rounds.failures),
        interrupted=proof.interrupted,
        bytes_per_payment=size,
        remembered=rounds.remembered,
        warnings=(*rounds.warnings, *disturbed(rounds.slices())),
    )


def disturbed(slices: Iterable[Slice]) -> list[str]:
    """What to tell of slices during which others were at work; nothing, if they hardly were."""
    told = []
    all_slices = [one for one in slices if one.noise is not None]
    for what, shares in (
        ("other programs used", [one.noise.others for one in all_slices if one.noise is not None]),
        ("other machines had", [one.noise.stolen for one in all_slices if one.noise is not None]),
    ):
        much = [share for share in shares if share >= BUSY_PERCENT]
        if much:
            told.append(
                f"during {len(much)} of {len(shares)} slices {what} {BUSY_PERCENT} % of the processors or more, "
                f"at most {max(much):.0f} %: their figures are worse than they could be"
            )
    return told


async def _check_connections(service: Service, plan: Plan) -> None:
    """Raises LoadError: pgbench, of which each client has a connection, would fail in the middle of the run."""
    maximum = int(await service.pool.fetchval("SHOW max_connections"))
    processes = plan.workers + sum(WAYS[name].processes for name in plan.names() if name in WAYS)
    free = maximum - _CONNECTIONS_OF_A_PROCESS * (processes + 1)
    if max(plan.clients) > free:
        remedy = f"--clients: {free}" if free > 0 else "leave cases out: --only"
        raise LoadError(f"the database server takes {maximum} connections, too few for so many clients; {remedy}")
