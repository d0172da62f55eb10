"""Debts of less than a cent: seen as such, written off by hand or by the seller's rule, each once, and nothing else."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.stories.pages.business import Customer, books, postpaid_customer, prepaid_customer
from tests.stories.pages.people import at_work, console
from tests.stories.pages.world import Page, Seller, World
from tests.support.broken_committer import BrokenCommitter

from tallystick.domain.commands import CancelToken, Method
from tallystick.services.charges import charge_rules
from tallystick.services.charges.charge_rules import DustRule
from tallystick.services.charges.dust import write_off_due
from tallystick.services.context import Service
from tallystick.services.operations.audit import Actor
from tallystick.services.seller.manual_operations import BookContext, context_with_book
from tallystick.services.seller.staff import StaffRole
from tallystick.store.ledger.verify import verify

pytestmark = pytest.mark.usefixtures("sub_cent")


async def context(world: World, seller: Seller) -> BookContext:
    found = await context_with_book(world.service, Actor.command("test"), seller.party.party_id, seller.book_id)
    assert found is not None
    return found


@pytest.fixture
async def sub_cent(world: World, seller: Seller) -> None:
    """The seller's charges may be a millionth."""
    await charge_rules.set_smallest_charge(await context(world, seller), 1)


async def set_rule(world: World, seller: Seller, rule: DustRule) -> None:
    await charge_rules.set_dust_rule(await context(world, seller), rule)


async def is_due(world: World, seller: Seller) -> bool:
    (row,) = await world.rows("SELECT dust_due_at FROM book WHERE book_id = $1", seller.book_id)
    return row["dust_due_at"] is not None and row["dust_due_at"] <= world.clock()


async def looked(world: World, seller: Seller, service: Service | None = None) -> None:
    """What the worker does, until this seller's books have had their turn; tests share a database."""
    for _ in range(100):
        await write_off_due(service or world.service)
        if not await is_due(world, seller):
            return
    raise AssertionError("the books never have their turn")


async def tab_owing(world: World, seller: Seller, *charges: str) -> Customer:
    customer = await postpaid_customer(world, seller)
    for charge in charges:
        await customer.pay(charge)
    return customer


async def cancel(world: World, customer: Customer) -> None:
    shop = await books(world, customer.seller)
    await shop.perform(CancelToken(customer.spending, customer.buyer.party_id))


async def owed(world: World, customer: Customer) -> int:
    return await (await books(world, customer.seller)).balance(customer.buyer)


async def write_offs(world: World, customer: Customer) -> list[tuple[int, str, str]]:
    rows = await world.rows(
        "SELECT amount_micros, status, caller_description FROM transaction"
        " WHERE book_id = $1 AND instrument_id = $2 AND operation = 'WriteOffDebt'",
        customer.seller.book_id,
        customer.instrument,
    )
    return [tuple(row.values()) for row in rows]


async def test_of_tabs_that_have_ended_it_is_written_off_once(world: World, seller: Seller) -> None:
    await set_rule(world, seller, DustRule.WRITE_OFF)
    alive, cancelled = [await tab_owing(world, seller, "0.004") for _ in range(2)]
    cent = await tab_owing(world, seller, "0.004", "0.006")
    for customer in (cancelled, cent):
        await cancel(world, customer)

    await asyncio.gather(looked(world, seller), looked(world, seller))
    await looked(world, seller)

    assert await write_offs(world, cancelled) == [(4_000, "Success", "Less than a cent")]
    assert [await owed(world, one) for one in (alive, cancelled, cent)] == [4_000, 0, 10_000]
    assert await write_offs(world, alive) == await write_offs(world, cent) == []
    deeds = await world.rows(
        "SELECT subject, details::text FROM audit_entry WHERE business_id = $1 AND action = 'money.write_off_dust'",
        seller.party.party_id,
    )
    assert sum('"debts": 1' in row["details"] and '"0.004"' in row["details"] for row in deeds) == len(deeds) == 1
    assert (await verify(world.pool)).problems == []


async def test_a_moved_clock_ends_tabs_and_they_are_looked_at_at_once(world: World, seller: Seller) -> None:
    ends = world.clock() + timedelta(days=10)
    customer = await postpaid_customer(world, seller, ends=ends)
    await customer.pay("0.009999")
    await set_rule(world, seller, DustRule.WRITE_OFF)
    await looked(world, seller)
    assert await owed(world, customer) == 9_999
    await world.later(seller, timedelta(days=11))
    assert await is_due(world, seller)
    await looked(world, seller)
    assert await write_offs(world, customer) == [(9_999, "Success", "Less than a cent")]


async def test_round_takes_settlements_down_to_whole_cents(world: World, seller: Seller) -> None:
    settled, charged_since, never_settled = [await tab_owing(world, seller, "1.0075") for _ in range(3)]
    by_card = await postpaid_customer(world, seller, Method.CC)
    await by_card.pay("1.0075")
    for customer in (settled, charged_since, by_card):
        await customer.settle("1.0075")
    await charged_since.pay("0.001")
    small = await tab_owing(world, seller, "0.0075")
    await set_rule(world, seller, DustRule.ROUND)

    await looked(world, seller)

    assert [await owed(world, one) for one in (settled, charged_since)] == [0, 8_500]
    assert await owed(world, never_settled) == 1_007_500
    assert await owed(world, by_card) == 1_007_500, "the rail has not answered"
    assert await owed(world, small) == 7_500, "nothing was settled"
    assert (await verify(world.pool)).problems == []


async def test_whoever_is_suspended_and_whoever_keeps_it_is_left_alone(world: World, seller: Seller) -> None:
    customer = await tab_owing(world, seller, "0.004")
    await cancel(world, customer)
    await looked(world, seller)
    assert await owed(world, customer) == 4_000, "the rule keeps it"
    await set_rule(world, seller, DustRule.WRITE_OFF)
    await world.pool.execute("UPDATE party SET status = 'suspended' WHERE party_id = $1", seller.party.party_id)
    await looked(world, seller)
    await world.pool.execute("UPDATE party SET status = 'active' WHERE party_id = $1", seller.party.party_id)
    await looked(world, seller)
    assert await owed(world, customer) == 4_000, "looked at once a day"
    await set_rule(world, seller, DustRule.ROUND)
    await looked(world, seller)
    assert await owed(world, customer) == 4_000, "the day's reference is spent by the refusal"
    await world.later(seller, timedelta(days=1))
    await looked(world, seller)
    assert await owed(world, customer) == 0
    await set_rule(world, seller, DustRule.KEEP)
    assert not await is_due(world, seller)


async def test_a_book_that_fails_keeps_no_other_waiting_and_has_its_turn_later(world: World, seller: Seller) -> None:
    """The longest due is looked at first: one that always failed would stay the first for ever."""
    other = await world.seller("Bookshop")
    tabs = []
    for one in (seller, other):
        await charge_rules.set_smallest_charge(await context(world, one), 1)
        tabs.append(await tab_owing(world, one, "0.004"))
        await cancel(world, tabs[-1])
        await set_rule(world, one, DustRule.WRITE_OFF)
    long_ago = world.clock() - timedelta(days=1)
    await world.pool.execute("UPDATE book SET dust_due_at = $2 WHERE book_id = $1", seller.book_id, long_ago)
    broken = BrokenCommitter(world.service.committer, seller.book_id)
    service = replace(world.service, committer=broken)  # type: ignore[arg-type]

    await looked(world, other, service)

    assert [await owed(world, tab) for tab in tabs] == [4_000, 0]
    assert not await is_due(world, seller), "it is put off, and not asked for again at once"
    await world.pool.execute("UPDATE book SET dust_due_at = $2 WHERE book_id = $1", seller.book_id, long_ago)
    await looked(world, seller)
    assert [await owed(world, tab) for tab in tabs] == [0, 0]


async def test_owners_choose_and_see_it(world: World, seller: Seller) -> None:
    owner = await at_work(world, seller)
    customer = await tab_owing(world, seller, "0.004")
    await tab_owing(world, seller, "0.01")
    balance = await prepaid_customer(world, seller, "1.00")
    await balance.pay("0.997")

    page = await owner.get(console(seller, "charges"))
    assert "Owed below a cent 0.004 USD on 1 tab Left below a cent 0.003 USD on 1 balance" in Page(page).text
    saved = await owner.submit(page, "/charges/dust", dust="round")

    assert "Saved. It counts from now on." in Page(saved).text
    (row,) = await world.rows("SELECT dust_rule FROM book WHERE book_id = $1", seller.book_id)
    assert row["dust_rule"] == "round"
    finance = await at_work(world, seller, StaffRole.FINANCE)
    assert "It is written off when the tab is settled." in Page(await finance.get(console(seller, "charges"))).text
    listed = Page(await finance.get(console(seller, "debts") + "?size=dust"))
    assert listed.text.count("less than a cent") == 1
    exported = (await finance.get(console(seller, "debts.csv") + "?size=dust")).text
    assert ",0.004000," in exported
    assert ",0.010000," not in exported
    held = Page(await finance.get(console(seller, "instruments", customer.instrument)))
    assert "0.004 USD owed, less than a cent" in held.text
    assert not [link for link in held.links if "deed=settle" in link]
    left = Page(await finance.get(console(seller, "instruments", balance.instrument)))
    assert "0.003 USD left to spend, less than a cent" in left.text


async def test_by_hand_it_is_written_off_and_never_settled(world: World, seller: Seller) -> None:
    finance = await at_work(world, seller, StaffRole.FINANCE)
    customer = await tab_owing(world, seller, "0.004")
    preview = console(seller, "debts", "preview") + f"?debt={customer.instrument}&deed="
    settle = await finance.get(preview + "settle")
    assert settle.status_code == 422
    assert "Less than a cent is owed, which cannot be settled by itself." in Page(settle).text
    done = await finance.submit(await finance.get(preview + "write_off"), "/debts/runs")
    assert "0.004 USD" in Page(done).text
    assert await owed(world, customer) == 0
    assert (await verify(world.pool)).problems == []
