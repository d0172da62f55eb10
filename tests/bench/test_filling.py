"""Books that were filled for the measurement of growth are valid, and their charges are like those of requests."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tallystick.bench.cases import MANY, PAY
from tallystick.bench.load.wrk import LoadError
from tallystick.bench.plan import Plan
from tallystick.bench.target import filling
from tallystick.bench.target.databases import recreated
from tallystick.bench.target.filling import Filler, check_room, ids_before
from tallystick.bench.target.provisioning import provision
from tallystick.bench.target.sellers import CHARGE_MICROS, unequal
from tallystick.domain.decide.checks import MAX_FROM_A_RAIL_MICROS
from tallystick.domain.ids import BookId, book_of_transaction, milliseconds_of_transaction
from tallystick.store.ledger.verify import verify
from tallystick.wiring import open_service

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
SHAPE = """
    SELECT operation, status, status_code, status_message, payment_method, fee_payer, status_number,
           length(transaction_id), length(caller_reference) > 0, completed_at = received_at AS at_once,
           own_debit_account IS NOT NULL AS own_transfer
      FROM transaction WHERE operation = 'Pay' AND payment_method = $1 AND {} LIMIT 1"""


PlanOf = Callable[[int], Plan]


@pytest.fixture
async def plan_of(durable: str, tmp_path: Path) -> AsyncIterator[PlanOf]:
    """Plans with so many instruments, on a database of the test's own."""
    async with recreated(durable, f"filling_{secrets.token_hex(8)}") as url:
        plan = Plan(directory=tmp_path, database_url=url, sellers=2, cases=(PAY,))
        yield lambda instruments: replace(plan, instruments=instruments)


def no_progress(_what: str, _done: int, _total: int) -> None:
    """Nobody looks at the progress of a test."""


async def test_filled_books_balance_and_hold_what_requests_make(plan_of: PlanOf) -> None:
    plan = replace(plan_of(100), cases=(PAY, MANY))
    async with open_service(plan.settings) as service:
        stock = await provision(service, plan, no_progress)
        assert [len(seller.balances) for seller in stock.many] == unequal(plan.many_sellers, plan.small_balances)
        assert sum(len(seller.balances) for seller in (*stock.sellers, *stock.many)) == plan.instruments
        by_request = await service.pool.fetchval("SELECT array_agg(transaction_id) FROM transaction")

        await Filler(service, stock.sellers[0], no_progress).fill(len(by_request) + 1_000)

        assert await service.pool.fetchval("SELECT count(*) FROM transaction") == len(by_request) + 1_000
        assert (await verify(service.pool)).problems == []
        known = "transaction_id = ANY(ARRAY(SELECT unnest($2::text[])))"
        asked = await service.pool.fetchrow(SHAPE.format(known), "Prepaid", by_request)
        filled = await service.pool.fetchrow(SHAPE.format(f"NOT {known}"), "Prepaid", by_request)
        assert filled == asked
        assert await service.pool.fetchval(
            "SELECT array_agg(DISTINCT amount_micros) FROM transaction"
            " WHERE operation = 'Pay' AND NOT transaction_id = ANY($1)",
            by_request,
        ) == [CHARGE_MICROS]
        assert await service.pool.fetchval(
            "SELECT count(*) FROM transaction WHERE operation = 'Pay' AND payment_method = 'Debt'"
        )


async def test_buyers_pay_in_as_often_as_many_balances_need(plan_of: PlanOf) -> None:
    plan = plan_of(5_000)
    async with open_service(plan.settings) as service:
        sellers = (await provision(service, plan, no_progress)).sellers

        assert sum(len(seller.balances) + len(seller.tabs) for seller in sellers) == plan.instruments
        maximum = await service.pool.fetchval(
            "SELECT max(paid_in) FROM (SELECT sum(amount_micros) AS paid_in FROM transaction"
            " WHERE operation = 'Deposit' GROUP BY sender_party_id) AS of_a_buyer"
        )
        assert maximum > MAX_FROM_A_RAIL_MICROS, "else one deposit would do"
        assert (await verify(service.pool)).problems == []


async def test_filling_again_goes_on_where_it_ended(plan_of: PlanOf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filling, "AT_A_TIME", 70)
    plan = plan_of(100)
    async with open_service(plan.settings) as service:
        sellers = (await provision(service, plan, no_progress)).sellers
        there = await service.pool.fetchval("SELECT count(*) FROM transaction")
        filler = Filler(service, sellers[0], no_progress)
        for wanted in (there + 100, there + 100, there + 250):
            await filler.fill(wanted)
            assert await service.pool.fetchval("SELECT count(*) FROM transaction") == wanted
        used = await service.pool.fetch(
            "SELECT count(*) AS charges FROM transaction"
            " WHERE book_id = $1 AND operation = 'Pay' GROUP BY own_debit_account ORDER BY 1",
            sellers[0].book_id,
        )
        assert len(used) == 60, "every balance and tab has its turn"
        assert (await verify(service.pool)).problems == []


def test_stalls_of_many_sellers_are_unequal_and_none_is_empty() -> None:
    sizes = unequal(2_000, 20_000)
    assert sum(sizes) == 20_000
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > 1_000 * sizes[-1] > 0
    assert unequal(3, 2) == [1, 1, 1], "each has a balance, also where fewer were asked for"


def test_ids_lie_in_the_moments_before() -> None:
    ids = ids_before(BookId(7), NOW, 100)

    assert list(ids) == sorted(set(ids))
    assert len(ids) == 100
    assert {book_of_transaction(one) for one in ids} == {BookId(7)}
    milliseconds = [milliseconds_of_transaction(one) for one in ids]
    assert milliseconds[-1] == int(NOW.timestamp() * 1000)
    assert milliseconds[-1] - milliseconds[0] == 100 // filling.PER_MILLISECOND - 1


def test_more_than_is_funded_is_refused_beforehand() -> None:
    check_room(100_000_000, 100_000)
    with pytest.raises(LoadError, match="--instruments"):
        check_room(10_000_000_000, 100_000)
