"""The worker chains and anchors, the proof of the books reads the chains, and pages tell when they were proved."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict
from tests.store.chains.deeds import Log, new_log
from tests.support.clock import TestClock
from tests.support.master_key import VAULT

from tallystick.db.connections import Pool
from tallystick.processors.rails import Rails
from tallystick.processors.simulated import SimulatedRail
from tallystick.services.context import Service
from tallystick.services.operations import audit_chains, verification
from tallystick.services.operations.audit import Actor
from tallystick.services.operations.fee_schedules import read_fee_schedules
from tallystick.settings import Settings
from tallystick.store.chains.check import MAX_PROBLEMS
from tallystick.store.ledger.committer import Committer
from tallystick.store.ledger.rules import Rules
from tallystick.worker import Worker


@pytest.fixture
async def service(own_pool: Pool, clock: TestClock) -> AsyncIterator[Service]:
    committer = Committer(own_pool, Rules(read_fee_schedules(None), simulate_faults=False), clock)
    yield Service(Settings(), own_pool, committer, VAULT, clock)
    await committer.close()


@pytest.fixture
async def log(own_pool: Pool) -> Log:
    return await new_log(own_pool)


def worker_of(service: Service) -> Worker:
    return Worker(service, Rails((SimulatedRail(service.pool, service.clock, timedelta(0), faults=True),)))


def anchors_in(lines: list[EventDict]) -> dict[str, int]:
    return {line["chain"]: line["sequence"] for line in lines if line["event"] == "audit_anchor"}


async def test_a_pass_of_the_worker_chains_and_tells_the_log(service: Service, log: Log, clock: TestClock) -> None:
    await log.enter(2)
    await log.enter(of_operator=True)
    (agreed,) = await log.agree()
    assert agreed
    worker = worker_of(service)

    with capture_logs() as lines:
        await worker.step()
    assert anchors_in(lines) == {log.chain: 2, "operator": 1, "book-77": 1}
    told = {line["chain"]: line["digest"] for line in lines if line["event"] == "audit_anchor"}
    digest = await log.pool.fetchval(
        "SELECT chain_digest FROM audit_entry WHERE business_id = $1 AND chain_sequence = 2", log.seller
    )
    assert told[log.chain] == digest.hex()

    await log.enter()
    with capture_logs() as lines:
        await worker.step()
        clock.forward(minutes=9)
        await worker.step()
    assert (await log.report()).waiting == 0
    assert anchors_in(lines) == {}, "a chain that grows is told every ten minutes"
    clock.forward(minutes=2)
    with capture_logs() as lines:
        await worker.step()
    assert anchors_in(lines) == {log.chain: 3}

    clock.forward(days=7)
    with capture_logs() as lines:
        await worker.step()
        await worker.step()
    assert anchors_in(lines) == {log.chain: 3, "operator": 1, "book-77": 1}, "log files are thrown away one day"


async def test_at_start_and_end_all_that_moved_is_told_and_the_operators_chain_always(
    service: Service, log: Log
) -> None:
    await log.enter()
    await log.enter(of_operator=True)
    await audit_chains.chain_waiting(service)

    with capture_logs() as lines:
        assert await audit_chains.anchor_all(service) == 2
    assert anchors_in(lines) == {log.chain: 1, "operator": 1}
    with capture_logs() as lines:
        assert await audit_chains.anchor_all(service) == 1
    assert anchors_in(lines) == {"operator": 1}


async def test_a_clock_that_was_ahead_keeps_no_end_from_the_log(service: Service, log: Log) -> None:
    await log.enter()
    await audit_chains.chain_waiting(service)
    ahead = replace(service, clock=lambda: service.clock() + timedelta(days=8))
    assert await audit_chains.anchor_all(ahead) == 1

    await log.enter()
    await audit_chains.chain_waiting(service)
    with capture_logs() as lines:
        assert await audit_chains.anchor_all(service) == 1
    assert anchors_in(lines) == {log.chain: 2}
    with capture_logs() as lines:
        assert await audit_chains.anchor_all(service) == 0
    assert anchors_in(lines) == {}


async def test_what_nobody_would_see_in_the_log_does_not_count_as_told(service: Service, log: Log) -> None:
    await log.enter()
    await audit_chains.chain_waiting(service)
    silent = replace(service, settings=Settings(log_level="warning"))

    with capture_logs() as lines:
        assert await audit_chains.anchor_all(silent) == 0
        assert await audit_chains.anchor_all(service) == 1
    assert anchors_in(lines) == {log.chain: 1}


async def test_a_backlog_is_chained_over_several_passes(service: Service, log: Log) -> None:
    number = 4_100  # forty steps of 100, and then some
    await log.pool.execute(
        "INSERT INTO audit_entry (at, business_id, action)"
        " SELECT $1::timestamptz + number * interval '1 second', $2, 'key.create'"
        "   FROM generate_series(1, $3) AS number",
        log.now,
        log.seller,
        number,
    )

    assert [await audit_chains.chain_waiting(service) for _ in range(3)] == [4_000, 100, 0]
    assert await log.problems() == []


async def test_the_proof_of_the_books_reads_the_chains(service: Service, log: Log) -> None:
    await log.enter(3)
    await log.agree(3)
    await audit_chains.chain_waiting(service)
    report = await verification.verify(service.pool)
    assert report.problems == []
    assert [check.name for check in report.checks][-2:] == ["audit_log_is_whole", "agreements_are_whole"]

    await log.tamper("UPDATE audit_entry SET action = 'key.revoke' WHERE chain_sequence = 2")
    await log.tamper("DELETE FROM authorization_evidence WHERE chain_sequence = 3")

    found = (await verification.verify(service.pool)).problems
    assert [problem.partition(":")[0] for problem in found] == ["audit_log_is_whole", "agreements_are_whole"]


async def test_what_was_proved_is_told_for_the_whole_log_and_for_each_seller(
    service: Service, log: Log, clock: TestClock
) -> None:
    async def proved() -> tuple[bool | None, bool | None, bool | None]:
        await verification.ask(service, Actor.command("root"))
        assert await verification.prove_if_due(service) == 1
        return tuple(  # type: ignore[return-value]
            None if proof is None else proof.whole
            for proof in [await audit_chains.last_proof(service, who) for who in (None, log.seller, log.buyer)]
        )

    assert await audit_chains.last_proof(service) is None
    await log.enter(MAX_PROBLEMS + 5)
    await audit_chains.chain_waiting(service)
    assert await proved() == (True, True, True)
    last = await audit_chains.last_proof(service)
    assert last is not None
    assert last.at == clock()

    await log.tamper(
        "UPDATE audit_entry SET action = 'key.revoke' WHERE chain_sequence = 2 AND business_id = $1", log.seller
    )
    assert await proved() == (False, False, True)
    await log.tamper("UPDATE audit_entry SET action = 'key.revoke' WHERE business_id = $1", log.seller)
    assert await proved() == (False, False, None), "of so many problems only a part is named"
