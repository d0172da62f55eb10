"""Payouts by Stripe Connect: a seller opens an account there, is paid by transfers, and the operator takes one back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, timedelta
from pathlib import Path

import httpx
import pytest
from tests.conftest import MakeDatabase
from tests.stories.pages.business import paying_customer
from tests.stories.pages.people import at_work, console, operator, signed_in
from tests.stories.pages.world import Browser, Page, Seller
from tests.support.master_key import MASTER_KEY
from tests.support.stripe.fake import utc_now
from tests.support.stripe.faults import Fault
from tests.support.stripe.forms import Json
from tests.support.stripe.world import StripeWorld, stripe_world

from tallystick.domain.ids import TransactionId
from tallystick.domain.rails.reconciliation import FindingKind
from tallystick.services.payouts import desk
from tallystick.services.rails.reconciliation import days_of, reconcile
from tallystick.settings import Settings, SettingsError
from tallystick.wiring import open_service

DAY_IN_READINGS = 86_400_000


@pytest.fixture(scope="module")
async def running(make_migrated: MakeDatabase, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[StripeWorld]:
    directory = tmp_path_factory.mktemp("data")
    async with stripe_world(await make_migrated(), directory, payout_rail="stripe") as opened:
        yield opened


@pytest.fixture
async def owner(running: StripeWorld, seller: Seller) -> Browser:
    return await at_work(running.world, seller)


async def begun(seller: Seller, owner: Browser) -> str:
    """The seller's account at Stripe, of which Stripe wants to know more."""
    page = await owner.submit(await owner.get(console(seller, "payouts", "account")), "/connect")
    (link,) = [link for link in Page(page).links if "connect.stripe.example" in link]
    return link.rpartition("/")[2]


async def connected(running: StripeWorld, seller: Seller, owner: Browser) -> str:
    account = await begun(seller, owner)
    running.fake.proxy.connect.finish(account)
    page = await owner.get(console(seller, "payouts", "connected"))
    assert "Payouts go to your account at Stripe" in Page(page).text
    return account


async def asked(running: StripeWorld, seller: Seller, owner: Browser, amount: str = "20.00") -> TransactionId:
    """A payout that the seller asks for, of cash that came in from an account balance."""
    await (await paying_customer(running.world, seller)).pay("30")
    preview = await owner.get(f"{console(seller, 'payouts', 'new')}?amount={amount}")
    done = await owner.submit(preview, "/new")
    assert done.status_code == 200, Page(done).text
    (row,) = await running.world.rows(
        "SELECT transaction_id FROM payout WHERE book_id = $1 AND ended_at IS NULL", seller.book_id
    )
    return TransactionId(row["transaction_id"])


async def state(running: StripeWorld, payout: TransactionId) -> tuple[str, str | None, bool]:
    found = await desk.find(running.world.service, payout)
    assert found is not None
    return found.status, found.bank_reference, bool(found.returned_micros)


async def cash(running: StripeWorld, seller: Seller) -> int:
    (row,) = await running.world.rows(
        "SELECT balance_micros FROM account WHERE book_id = $1 AND kind = 'cash'", seller.book_id
    )
    return int(row["balance_micros"])


def transfers_of(running: StripeWorld, payout: str) -> list[Json]:
    return [one for one in running.fake.proxy.connect.transfers.values() if one["transfer_group"] == payout]


async def findings(running: StripeWorld, name: str) -> list[tuple[FindingKind, int]]:
    today: date = utc_now().astimezone(UTC).date()
    days = days_of(today - timedelta(days=1), today + timedelta(days=1))
    rail = running.world.service.rails.find("sandbox", "stripe")
    reports = await reconcile(running.world.service, rail, "sandbox", days)
    found = [one for report in reports for one in report.findings]
    return [(one.kind, one.unexplained_micros) for one in found if name in {one.name, one.reference}]


async def test_an_account_is_opened_once_and_used_when_stripe_says_so(
    running: StripeWorld, seller: Seller, owner: Browser
) -> None:
    account = await begun(seller, owner)
    assert await begun(seller, owner) == account, "the same one goes on"
    waiting = Page(await owner.get(console(seller, "payouts", "connected"))).text
    assert "Stripe needs more" in waiting
    assert "external_account" in waiting
    assert (
        "No account at Stripe is ready for your payouts yet" in Page(await owner.get(console(seller, "payouts"))).text
    )

    running.fake.proxy.connect.finish(account)
    for _ in range(2):
        await owner.get(console(seller, "payouts", "connected"))

    assert f"Stripe …{account[-4:]}" in Page(await owner.get(console(seller, "payouts"))).text
    given = await running.world.rows(
        "SELECT hint FROM payout_destination WHERE business_id = $1", seller.party.party_id
    )
    assert len(given) == 1, "looking twice gives it once"
    (row,) = await running.world.rows(
        "SELECT subject FROM audit_entry WHERE action = 'payout.account' AND business_id = $1", seller.party.party_id
    )
    assert row["subject"] == f"Stripe …{account[-4:]}"


async def test_no_bank_account_is_taken_where_payouts_go_by_stripe(
    running: StripeWorld, seller: Seller, owner: Browser
) -> None:
    page = await owner.get(console(seller, "payouts", "account"))
    fields = Page(page).form("/connect").fields | {"holder": "Shop", "iban": "DE89370400440532013000"}
    refused: httpx.Response = await owner.post(console(seller, "payouts", "account"), fields)
    assert refused.status_code == 422
    assert (
        await running.world.rows("SELECT FROM payout_destination WHERE business_id = $1", seller.party.party_id) == []
    )


async def test_a_payout_is_one_transfer_and_is_explained(running: StripeWorld, seller: Seller, owner: Browser) -> None:
    account = await connected(running, seller, owner)
    payout = await asked(running, seller, owner)
    await running.work()

    (transfer,) = transfers_of(running, payout)
    assert (transfer["amount"], transfer["destination"]) == (2_000, account)
    assert await state(running, payout) == ("Success", transfer["id"], False)
    assert await findings(running, payout) == []


@pytest.mark.parametrize("fault", [Fault.DROPPED_AFTER, Fault.DROPPED_BEFORE, Fault.BROKEN, Fault.TOO_MANY])
async def test_whatever_is_lost_there_is_one_transfer(
    running: StripeWorld, seller: Seller, owner: Browser, fault: Fault
) -> None:
    await connected(running, seller, owner)
    payout = await asked(running, seller, owner)
    running.fake.proxy.faults.plan(fault)
    await running.work()
    running.world.clock.readings += 10_000  # ten seconds
    await running.work()

    (transfer,) = transfers_of(running, payout)
    assert await state(running, payout) == ("Success", transfer["id"], False)


async def test_a_lost_answer_is_found_after_the_key_was_forgotten(
    running: StripeWorld, seller: Seller, owner: Browser
) -> None:
    await connected(running, seller, owner)
    payout = await asked(running, seller, owner)
    running.fake.proxy.faults.plan(Fault.DROPPED_AFTER)
    await running.work()
    running.fake.proxy.forget_keys()
    running.world.clock.readings += 2 * DAY_IN_READINGS
    await running.work()

    (transfer,) = transfers_of(running, payout)
    assert await state(running, payout) == ("Success", transfer["id"], False)


async def test_what_never_arrived_is_not_sent_again_after_a_day(
    running: StripeWorld, seller: Seller, owner: Browser
) -> None:
    await connected(running, seller, owner)
    payout = await asked(running, seller, owner)
    before = await cash(running, seller)
    running.fake.proxy.faults.plan(Fault.DROPPED_BEFORE)
    await running.work()
    running.world.clock.readings += 2 * DAY_IN_READINGS
    await running.work()

    assert transfers_of(running, payout) == []
    assert (await state(running, payout))[0] == "Failure"
    assert await cash(running, seller) == before + 20_000_000


async def test_in_the_last_hour_of_its_key_none_is_made_so_that_none_is_on_its_way_when_it_is_given_up(
    running: StripeWorld, seller: Seller, owner: Browser
) -> None:
    await connected(running, seller, owner)
    payout = await asked(running, seller, owner)
    running.fake.proxy.faults.plan(Fault.DROPPED_BEFORE)
    await running.work()
    running.world.clock.readings += DAY_IN_READINGS - DAY_IN_READINGS // 48
    await running.work()

    assert transfers_of(running, payout) == []
    assert (await state(running, payout))[0] == "Pending"
    running.world.clock.readings += DAY_IN_READINGS // 12
    await running.work()
    assert transfers_of(running, payout) == []
    assert (await state(running, payout))[0] == "Failure"


async def test_what_stripe_refuses_is_cash_again(running: StripeWorld, seller: Seller, owner: Browser) -> None:
    await connected(running, seller, owner)
    payout = await asked(running, seller, owner)
    before = await cash(running, seller)
    connect = running.fake.proxy.connect
    held, connect.balance = connect.balance, 0
    await running.work()
    connect.balance = held

    assert (await state(running, payout))[0] == "Failure"
    assert await cash(running, seller) == before + 20_000_000
    assert transfers_of(running, payout) == []


@pytest.mark.parametrize("how", ["here", "here, and the answer is lost", "at Stripe by hand"])
async def test_a_transfer_that_is_taken_back_is_cash_again_once(
    running: StripeWorld, seller: Seller, owner: Browser, how: str
) -> None:
    await connected(running, seller, owner)
    payout = await asked(running, seller, owner)
    await running.work()
    before = await cash(running, seller)
    (transfer,) = transfers_of(running, payout)
    admin = await signed_in(running.world, await operator(running.world))
    page = await admin.get(f"/admin/payouts/{payout}")
    if how == "at Stripe by hand":
        running.fake.proxy.connect.reverse_by_hand(transfer["id"], int(utc_now().timestamp()))
    if "lost" in how:
        running.fake.proxy.faults.plan(Fault.DROPPED_AFTER)
        lost = await admin.submit(page, "/take-back")
        assert lost.status_code == 409
        assert "try again" in Page(lost).text
        assert await cash(running, seller) == before

    back = await admin.submit(page, "/take-back")
    again = await admin.post(f"/admin/payouts/{payout}/take-back", Page(page).form("/take-back").fields)

    assert "State came back" in Page(back).text
    assert again.status_code == 409
    assert transfer["amount_reversed"] == 2_000
    assert await cash(running, seller) == before + 20_000_000
    assert await findings(running, payout) == []
    rows = await running.world.rows("SELECT FROM audit_entry WHERE action = 'payout.returned' AND subject = $1", payout)
    assert len(rows) == 1


async def test_a_transfer_by_hand_is_only_at_the_rail(running: StripeWorld, seller: Seller, owner: Browser) -> None:
    account = await connected(running, seller, owner)
    fields = {"destination": account, "amount": "123", "currency": "usd"}
    _, made = running.fake.proxy.connect.change(["transfers"], fields, int(utc_now().timestamp()))
    assert await findings(running, made["id"]) == [(FindingKind.ONLY_THERE, 1_230_000)]


async def test_money_that_was_taken_back_by_hand_and_not_written_down_is_found(
    running: StripeWorld, seller: Seller, owner: Browser
) -> None:
    await connected(running, seller, owner)
    payout = await asked(running, seller, owner)
    await running.work()
    (transfer,) = transfers_of(running, payout)
    running.fake.proxy.connect.reverse_by_hand(transfer["id"], int(utc_now().timestamp()))
    assert await findings(running, payout) == [(FindingKind.DIFFERENT, 20_000_000)]


async def test_the_provider_is_silent(running: StripeWorld, seller: Seller, owner: Browser) -> None:
    page = await owner.get(console(seller, "payouts", "account"))
    running.fake.proxy.faults.plan(Fault.DROPPED_BEFORE)
    silent = await owner.submit(page, "/connect")
    assert silent.status_code == 502
    assert "could not be asked" in Page(silent).text


async def test_a_service_whose_payouts_need_a_key_does_not_start_without_one(
    make_migrated: MakeDatabase, tmp_path: Path
) -> None:
    settings = Settings(
        data_directory=tmp_path,
        database_url=await make_migrated(),
        master_key=MASTER_KEY,
        sandbox_payout_rail="stripe",
    )
    with pytest.raises(SettingsError, match="TALLYSTICK_SANDBOX_PAYOUT_RAIL: the rail stripe is not on for sandbox"):
        async with open_service(settings):
            pass
