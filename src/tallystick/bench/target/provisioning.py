"""The books that are measured: few large sellers, and many small ones where a case asks for them."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain, repeat

from tallystick.bench.plan import Plan
from tallystick.bench.target.databases import execute
from tallystick.bench.target.sellers import (
    REFUNDABLE_MICROS,
    BenchmarkSeller,
    Progress,
    Provisioner,
    open_sellers,
    unequal,
)
from tallystick.services.context import Service
from tallystick.wiring import database_address


@dataclass(frozen=True, slots=True)
class Stock:
    """The sellers of a run. The first of the `sellers` has half of all balances, and all tabs and charges."""

    sellers: list[BenchmarkSeller]
    many: list[BenchmarkSeller] = field(default_factory=list)


async def provision(service: Service, plan: Plan, progress: Progress) -> Stock:
    """Create sellers with balances; the first also gets tabs and charges."""
    provisioner = Provisioner(service, progress)
    stock = Stock(await open_sellers(service, plan.sellers), await open_sellers(service, plan.many_sellers))
    first, *others = stock.sellers
    await provisioner.balances(first, plan.balances // 2)
    for seller in others:
        await provisioner.balances(seller, plan.balances // 2 // len(others))
    if stock.many:
        sizes = unequal(len(stock.many), plan.small_balances)
        await provisioner.stalls([*chain.from_iterable(map(repeat, stock.many, sizes))])
    await provisioner.tabs(first, plan.instruments - plan.balances)
    await provisioner.charges(first, plan.charges, REFUNDABLE_MICROS)
    await tidy(plan)
    return stock


async def tidy(plan: Plan) -> None:
    """Leave the database as one that has been in use for long: with statistics, and nothing to be written yet."""
    async with database_address(plan.settings) as address:
        await execute(address.admin, "VACUUM (ANALYZE)", "CHECKPOINT")
