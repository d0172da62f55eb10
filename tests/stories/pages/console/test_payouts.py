"""A seller's cash leaves for the bank: the bank account, a payout with a preview, a second person, the calendar."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from urllib.parse import urlencode

import httpx
import pytest
from tests.stories.pages.business import paying_customer
from tests.stories.pages.people import at_work, console
from tests.stories.pages.world import Browser, Page, Seller, World

from tallystick.processors.simulated_payouts import SimulatedPayoutRail
from tallystick.services.payouts.calendar import next_day, pay_by_calendar
from tallystick.services.payouts.sending import LEASE, send_payouts
from tallystick.services.seller.staff import StaffRole
from tallystick.store.payouts import schedules
from tallystick.store.payouts.schedules import PayoutSchedule
from tallystick.store.records import approvals

IBAN = "DE89 3704 0044 0532 0130 00"


@pytest.fixture
async def owner(world: World, seller: Seller) -> Browser:
    return await at_work(world, seller, StaffRole.OWNER)


@pytest.fixture
async def finance(world: World, seller: Seller) -> Browser:
    return await at_work(world, seller, StaffRole.FINANCE)


@pytest.fixture
async def bank(owner: Browser, seller: Seller) -> httpx.Response:
    """The owner gave a bank account."""
    return await give(owner, seller, holder="Music Shop", iban=IBAN)


@pytest.fixture
async def cash(world: World, seller: Seller) -> None:
    await (await paying_customer(world, seller)).pay("50")


async def give(browser: Browser, seller: Seller, **typed: str) -> httpx.Response:
    return await browser.submit(await browser.get(console(seller, "payouts", "account")), "/account", **typed)


async def preview(browser: Browser, seller: Seller, **typed: str) -> httpx.Response:
    address = console(seller, "payouts", "new")
    form = Page(await browser.get(address)).form("/new")
    return await browser.get(f"{address}?{urlencode(form.fields | typed)}")


async def payouts_of(world: World, seller: Seller) -> list[tuple[int, str]]:
    rows = await world.rows(
        "SELECT amount_micros, status FROM transaction WHERE book_id = $1 AND operation = 'Payout'"
        " ORDER BY transaction_id",
        seller.book_id,
    )
    return [(row["amount_micros"], row["status"]) for row in rows]


async def send_all(world: World, seller: Seller) -> None:
    """As the worker does, until nothing of this seller waits for the simulated rail."""
    rail = SimulatedPayoutRail(world.pool, world.clock, faults=True)
    while await world.rows("SELECT 1 FROM payout WHERE book_id = $1 AND due_at IS NOT NULL", seller.book_id):
        await send_payouts(world.service, {rail.name: rail})
        world.clock.ahead += LEASE


@pytest.mark.usefixtures("cash")
async def test_a_payout_from_the_bank_account_to_the_bank(
    world: World, seller: Seller, finance: Browser, bank: httpx.Response
) -> None:
    assert "Every owner gets a letter." in Page(bank).text
    assert "DE …3000" in Page(bank).text
    assert IBAN.replace(" ", "") not in bank.text

    asked = await preview(finance, seller, amount="20.00", description="August")
    text = Page(asked).text
    assert "Pay out 20.00 USD?" in text
    assert "Goes to DE …3000" in text
    assert await payouts_of(world, seller) == []
    done = await finance.submit(asked, "/new")
    assert "the cash is set aside" in Page(done).text
    assert "Under way 20.00 USD" in Page(done).text
    assert await payouts_of(world, seller) == [(20_000_000, "Pending")]

    await send_all(world, seller)

    shown = Page(await finance.get(console(seller, "payouts"))).text
    assert "Paid out 20.00 USD" in shown
    assert "Succeeded" in shown
    assert "sim-" in shown
    (entry,) = await world.rows(
        "SELECT details FROM audit_entry WHERE action = 'money.payout' AND business_id = $1", seller.party.party_id
    )
    assert entry["details"]["amount"] == "20.00"


@pytest.mark.usefixtures("bank", "cash")
async def test_a_form_that_is_sent_twice_pays_once(world: World, seller: Seller, finance: Browser) -> None:
    form = Page(await preview(finance, seller, amount="20.00")).form("/new")
    await asyncio.gather(*(finance.post(form.action, form.fields) for _ in range(4)))
    await finance.post(form.action, form.fields)
    assert await payouts_of(world, seller) == [(20_000_000, "Pending")]
    other = await finance.post(form.action, form.fields | {"amount": "21.00"})
    assert other.status_code == 422
    assert "Something else was paid out with this form already" in Page(other).text


@pytest.mark.parametrize(
    ("amount", "says"),
    [
        ("50.01", "is held for the seller"),
        ("0.001", "at least 0.01"),
        ("a lot", "Enter an amount such as 250.00."),
    ],
)
@pytest.mark.usefixtures("bank", "cash")
async def test_what_cannot_be_paid_out_is_said(seller: Seller, finance: Browser, amount: str, says: str) -> None:
    refused = await preview(finance, seller, amount=amount)
    assert refused.status_code == 422
    assert says in Page(refused).text


@pytest.mark.usefixtures("cash")
async def test_without_a_bank_account_there_is_nowhere_to_go(seller: Seller, finance: Browser) -> None:
    assert "No bank account was given yet" in Page(await preview(finance, seller, amount="1.00")).text


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ({"holder": "Music Shop", "iban": "DE89 3704 0044 0532 0130 01"}, "check digits of this IBAN are wrong"),
        ({"holder": "", "iban": IBAN}, "needs 1 to 70 characters"),
        ({"holder": "Music Shop", "routing": "021000022", "account": "12345678"}, "does not fit the others"),
        ({"holder": "Music Shop", "routing": "021000021", "account": "12"}, "has 4 to 17 digits"),
        ({"holder": "Music Shop"}, "An IBAN begins with two letters"),
    ],
)
async def test_a_bank_account_is_checked(seller: Seller, owner: Browser, typed: dict[str, str], says: str) -> None:
    refused = await give(owner, seller, **typed)
    assert refused.status_code == 422
    assert says in Page(refused).text


async def test_an_account_of_the_united_states(seller: Seller, owner: Browser) -> None:
    done = await give(owner, seller, holder="Music Shop", routing="021000021", account="123456789")
    assert "US …6789" in Page(done).text


@pytest.mark.usefixtures("bank")
async def test_every_owner_gets_a_letter(world: World, seller: Seller) -> None:
    rows = await world.rows(
        "SELECT email FROM party JOIN staff ON person_id = party_id WHERE business_id = $1 AND role = 'owner'",
        seller.party.party_id,
    )
    for row in rows:
        assert "DE …3000" in ((await world.mailed(row["email"])).body or "")


@pytest.mark.usefixtures("bank", "cash")
async def test_above_an_amount_somebody_else_approves_it(
    world: World, seller: Seller, owner: Browser, finance: Browser
) -> None:
    await approvals.set_rule(world.pool, seller.party.party_id, 10_000_000, world.clock())
    waiting = await finance.submit(await preview(finance, seller, amount="20.00", description="August"), "/new")
    assert "Pay out 20.00 USD?" in Page(waiting).text
    assert await payouts_of(world, seller) == []

    done = await owner.submit(await owner.get(str(waiting.url)), "/approve")

    assert "The payout" in Page(done).text
    assert await payouts_of(world, seller) == [(20_000_000, "Pending")]


@pytest.mark.usefixtures("bank", "cash")
async def test_the_calendar_pays_what_is_above_the_reserve_once(world: World, seller: Seller, finance: Browser) -> None:
    page = await finance.get(console(seller, "payouts"))
    done = await finance.submit(page, "/schedule", every="day", reserve="10.00")
    assert "All cash above 10.00 USD is paid out" in Page(done).text
    found = await schedules.find(world.pool, seller.party.party_id, "sandbox")
    assert found is not None
    world.clock.ahead += found.next_at - world.clock() + timedelta(minutes=1)

    await asyncio.gather(*(pay_by_calendar(world.service) for _ in range(3)))
    await pay_by_calendar(world.service)

    (held,) = await world.rows(
        "SELECT balance_micros FROM account WHERE book_id = $1 AND kind = 'cash'", seller.book_id
    )
    assert held["balance_micros"] == 10_000_000
    assert len(await payouts_of(world, seller)) == 1
    again = await schedules.find(world.pool, seller.party.party_id, "sandbox")
    assert again == PayoutSchedule(seller.party.party_id, "sandbox", "day", 10_000_000, next_day("day", found.next_at))
    finance = await at_work(world, seller, StaffRole.FINANCE)  # days later
    ended = await finance.submit(await finance.get(console(seller, "payouts")), "/schedule", every="never")
    assert "Nothing is paid out by itself." in Page(ended).text


async def test_only_owners_change_the_bank_account(seller: Seller, finance: Browser) -> None:
    assert (await finance.get(console(seller, "payouts", "account"))).status_code == 403
