"""Above an amount, one person asks and another one approves: books move only then, and once."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import asyncpg
import httpx
import pytest
from tests.stories.pages.business import Customer, postpaid_customer, prepaid_customer
from tests.stories.pages.console.test_debts import FORM, body, chosen, owed, run
from tests.stories.pages.console.test_refunds import asked, refunds
from tests.stories.pages.people import at_work, console, employee, signed_in
from tests.stories.pages.world import PASSWORD, Browser, Page, Seller, World
from tests.support.busy_committer import BusyCommitter

from tallystick.domain.ids import BookId
from tallystick.domain.refusals import Refusal
from tallystick.services.operations.audit import Actor
from tallystick.services.seller import approvals as approving
from tallystick.services.seller.manual_operations import context_with_book
from tallystick.services.seller.staff import StaffRole
from tallystick.store.ledger.committer import Committer
from tallystick.store.records import approvals

TEN = 10_000_000


@pytest.fixture
async def asker(world: World, seller: Seller) -> Browser:
    await approvals.set_rule(world.pool, seller.party.party_id, TEN, world.clock())
    return await at_work(world, seller, StaffRole.FINANCE)


@pytest.fixture
async def approver(world: World, seller: Seller) -> Browser:
    return await at_work(world, seller, StaffRole.FINANCE)


@pytest.fixture
async def payment(world: World, seller: Seller) -> str:
    return await (await prepaid_customer(world, seller)).pay("15")


async def ask(browser: Browser, seller: Seller, payment: str, **typed: str) -> httpx.Response:
    """Fill in the form of a refund and say yes."""
    return await browser.submit(await asked(browser, seller, payment, **typed), "/refund")


async def rows_of(world: World, seller: Seller) -> list[str]:
    rows = await world.rows(
        "SELECT action FROM audit_entry WHERE business_id = $1 ORDER BY audit_id", seller.party.party_id
    )
    return [row["action"] for row in rows]


def may_approve(page: httpx.Response) -> bool:
    return any(form.action.endswith("/approve") for form in Page(page).forms)


async def test_a_large_refund_waits_for_somebody_else(
    world: World, seller: Seller, asker: Browser, approver: Browser, payment: str
) -> None:
    preview = await asked(asker, seller, payment, how="all")
    assert "nothing is given back before somebody else approves it" in Page(preview).text
    waiting = await asker.submit(preview, "/refund")
    assert "Refund 15.00 USD?" in Page(waiting).text
    assert await refunds(world, payment) == []
    assert "1 deed waits for a second person." in Page(await approver.get(console(seller))).text
    assert await asker.submit(preview, "/refund") is not None
    assert await rows_of(world, seller) == ["approval.ask"]

    assert not may_approve(waiting)
    own = await asker.post(f"{waiting.url.path}/approve", Page(waiting).form("/decline").fields)
    assert own.status_code == 409
    assert "somebody else has to approve it" in Page(own).text
    assert await refunds(world, payment) == []

    done = await approver.submit(await approver.get(waiting.url.path), "/approve")

    assert "Done The refund" in Page(done).text
    assert await refunds(world, payment) == [15_000_000]
    entries = await world.rows(
        "SELECT action, email FROM audit_entry JOIN party ON party_id = actor_id WHERE business_id = $1"
        " ORDER BY audit_id",
        seller.party.party_id,
    )
    assert [row["action"] for row in entries] == ["approval.ask", "approval.approve", "money.refund"]
    assert entries[0]["email"] != entries[1]["email"] == entries[2]["email"]


@pytest.mark.parametrize("amount", ["10", "0.01"])
async def test_what_is_not_above_the_amount_is_done_at_once(
    world: World, seller: Seller, asker: Browser, payment: str, amount: str
) -> None:
    done = await ask(asker, seller, payment, how="part", amount=amount)

    assert "The refund is made." in Page(done).text
    assert len(await refunds(world, payment)) == 1


async def test_two_who_approve_at_once_do_it_once(
    world: World, seller: Seller, asker: Browser, approver: Browser, payment: str
) -> None:
    path = (await ask(asker, seller, payment)).url.path
    third = await at_work(world, seller)
    pages = [await browser.get(path) for browser in (approver, third, approver)]

    await asyncio.gather(
        *(browser.submit(page, "/approve") for browser, page in zip((approver, third, approver), pages, strict=True))
    )
    again = await third.submit(pages[1], "/approve")

    assert "Done The refund" in Page(again).text
    assert await refunds(world, payment) == [15_000_000]
    assert await rows_of(world, seller) == ["approval.ask", "approval.approve", "money.refund"]


async def test_what_is_declined_or_taken_back_is_not_done(
    world: World, seller: Seller, asker: Browser, approver: Browser, payment: str
) -> None:
    for browser, word in ((approver, "Declined"), (asker, "Taken back")):
        path = (await ask(asker, seller, payment)).url.path
        page = await approver.get(path)
        declined = await browser.submit(await browser.get(path), "/decline")
        assert word in Page(declined).text

        late = await approver.submit(page, "/approve")
        assert late.status_code == 409
        assert "This was decided already" in Page(late).text
    assert await refunds(world, payment) == []
    assert await rows_of(world, seller) == ["approval.ask", "approval.decline"] * 2


async def test_after_seven_days_it_is_over(world: World, seller: Seller, asker: Browser, payment: str) -> None:
    path = (await ask(asker, seller, payment)).url.path
    world.clock.ahead = timedelta(days=7, minutes=1)
    browser = await at_work(world, seller)
    page = await browser.get(path)
    assert "Nobody decided" in Page(page).text
    assert not may_approve(page)

    for ending in ("approve", "decline"):
        refused = await browser.post(f"{path}/{ending}", Page(await browser.get("/account")).forms[0].fields)
        assert refused.status_code == 409
    assert await refunds(world, payment) == []


async def test_what_the_books_refuse_by_then_stays_undone(
    world: World, seller: Seller, asker: Browser, approver: Browser, payment: str
) -> None:
    path = (await ask(asker, seller, payment, how="all")).url.path
    await ask(asker, seller, payment, how="part", amount="5")

    refused = await approver.submit(await approver.get(path), "/approve")

    assert "Approved, refused by the books" in Page(refused).text
    assert await refunds(world, payment) == [5_000_000]
    assert not may_approve(refused)


async def test_what_broke_off_after_the_approval_is_carried_out_later_and_once(
    world: World, seller: Seller, asker: Browser, approver: Browser, payment: str
) -> None:
    path = (await ask(asker, seller, payment)).url.path
    approval_id = path.rpartition("/")[2]
    decided = await world.rows("SELECT person_id FROM staff WHERE business_id = $1", seller.party.party_id)
    somebody = decided[-1]["person_id"]
    assert await approvals.decide(world.pool, approval_id, "approved", somebody, world.clock())

    page = await approver.get(path)
    assert "Approved, not done yet" in Page(page).text
    await asyncio.gather(*(approver.submit(page, "/approve") for _ in range(2)))

    assert await refunds(world, payment) == [15_000_000]
    assert "Done The refund" in Page(await approver.get(path)).text


@pytest.mark.parametrize("refusal", [Refusal.ConcurrentModification, Refusal.ServiceUnavailable])
async def test_what_passes_leaves_it_approved_and_to_be_done(
    world: World, seller: Seller, asker: Browser, approver: Browser, payment: str, refusal: Refusal
) -> None:
    """As while the clock is doubted: nothing was done, so nothing is over."""
    path = (await ask(asker, seller, payment)).url.path
    service = replace(world.service, committer=BusyCommitter(world.service.committer, 1, refusal))  # type: ignore[arg-type]
    owner = await employee(world, seller, StaffRole.OWNER)
    books = await context_with_book(service, Actor.person(owner), seller.party.party_id, BookId(seller.book_id))
    assert books is not None
    asked_for = await approving.find(books, path.rpartition("/")[2])
    assert asked_for is not None

    approved = await approving.approve(books, asked_for)

    assert (approved.decision, approved.open) == ("approved", True)
    await approver.submit(await approver.get(path), "/approve")
    assert await refunds(world, payment) == [15_000_000]


async def test_what_was_done_unnoticed_is_not_done_again_when_its_reference_is_forgotten(
    world: World, seller: Seller, asker: Browser, approver: Browser, payment: str
) -> None:
    await approvals.set_rule(world.pool, seller.party.party_id, 1_000_000, world.clock())
    path = (await ask(asker, seller, payment, how="part", amount="2")).url.path
    await approver.submit(await approver.get(path), "/approve")
    await world.pool.execute(
        "UPDATE approval SET done_at = NULL, result = NULL WHERE approval_id = $1", path.rpartition("/")[2]
    )
    world.clock.ahead = timedelta(days=8)
    committer = Committer(world.pool, replace(world.service.committer.rules, reuse_references=True), world.clock)
    try:
        service = replace(world.service, committer=committer)
        owner = await employee(world, seller, StaffRole.OWNER)
        browser = await signed_in(world, owner, browser=world.browser(service))

        late = await browser.post(f"{path}/approve", Page(await browser.get("/account")).forms[0].fields)
    finally:
        await committer.close()

    assert await refunds(world, payment) == [2_000_000]
    assert late.status_code == 409
    assert "This was decided already" in Page(late).text
    assert not may_approve(await browser.get(path))


async def test_the_database_itself_refuses_one_person(
    world: World, seller: Seller, asker: Browser, payment: str
) -> None:
    approval_id = (await ask(asker, seller, payment)).url.path.rpartition("/")[2]

    with pytest.raises(asyncpg.CheckViolationError, match="approval_two_people"):
        await world.pool.execute(
            "UPDATE approval SET decision = 'approved', decided_by = asked_by, decided_at = now()"
            " WHERE approval_id = $1",
            approval_id,
        )


async def test_another_wish_under_the_same_form_is_not_asked_for(
    world: World, seller: Seller, asker: Browser, payment: str
) -> None:
    preview = await asked(asker, seller, payment, how="part", amount="12")
    await asker.submit(preview, "/refund")

    other = await asker.submit(preview, "/refund", amount="14")

    assert other.status_code == 422
    assert "Something else" in Page(other).text
    (one,) = await approvals.latest(world.pool, seller.party.party_id, "sandbox", 5)
    assert one.amount_micros == 12_000_000


@pytest.mark.parametrize(("deed", "left"), [("settle", 0), ("write_off", 0)])
async def test_many_debts_wait_together(
    world: World, seller: Seller, asker: Browser, approver: Browser, deed: str, left: int
) -> None:
    debtors: list[Customer] = []
    for amount in ("6", "7"):
        debtors.append(await postpaid_customer(world, seller))
        await debtors[-1].pay(amount)
    single = await run(asker, await asker.get(chosen(seller, deed, debtors[0])))
    assert "/debts/runs/" in single.url.path, "6.00 is not above the amount"
    await debtors[0].pay("6")

    preview = await asker.get(chosen(seller, deed, *debtors))
    assert "no debt is touched before somebody else approves it" in Page(preview).text
    waiting = await run(asker, preview)
    assert (await run(asker, preview)).url.path == waiting.url.path, "a second click asks once"
    assert await owed(world, *debtors) == [600, 700]

    done = await approver.submit(await approver.get(waiting.url.path), "/approve")
    assert "What came of each debt" in Page(done).text
    assert await owed(world, *debtors) == [left, left]
    assert (await run(asker, preview)).url.path.endswith(f"/debts/runs/{waiting.url.path.rpartition('/')[2]}")
    assert await owed(world, *debtors) == [left, left]


async def test_every_line_of_a_run_goes_through_the_proof(world: World, seller: Seller, asker: Browser) -> None:
    debtors = [await postpaid_customer(world, seller) for _ in range(2)]
    for one in debtors:
        await one.pay("8")
    preview = await asker.get(chosen(seller, "write_off", *debtors))
    world.clock.ahead = timedelta(minutes=16)
    proof = await run(asker, preview)
    assert "Nothing is done yet." in Page(proof).text

    content = f"{body(proof)}&_proof_password={PASSWORD.replace(' ', '+')}"
    waiting = await asker.http.post(
        Page(proof).form("/runs").action, content=content, headers={"content-type": FORM}, follow_redirects=True
    )

    assert "Write off 16.00 USD?" in Page(waiting).text


async def test_the_amount_is_for_owners_to_set(world: World, seller: Seller) -> None:
    owner, finance = await at_work(world, seller), await at_work(world, seller, StaffRole.FINANCE)
    path = console(seller, "approvals")
    page = await owner.get(path)
    assert "At present nothing waits" in Page(page).text
    assert not any(form.action.endswith("/rule") for form in Page(await finance.get(path)).forms)
    refused = await finance.post(f"{path}/rule", Page(page).form("/rule").fields)
    assert refused.status_code == 403

    for typed in ("much", "-1", "1e3"):
        assert (await owner.submit(page, "/rule", above=typed)).status_code == 422
    done = await owner.submit(page, "/rule", above="100.00")
    assert "everything above 100.00 USD waits" in Page(done).text
    assert "nobody can approve" not in Page(done).text
    await owner.submit(done, "/rule", above="")
    assert await approvals.rule(world.pool, seller.party.party_id) is None
    entries = await world.rows(
        "SELECT details FROM audit_entry WHERE action = 'approval.rule' AND business_id = $1 ORDER BY audit_id",
        seller.party.party_id,
    )
    assert [row["details"] for row in entries] == [
        {"before": "never", "now": "above 100.00"},
        {"before": "above 100.00", "now": "never"},
    ]


async def test_who_is_alone_is_told_so(world: World, seller: Seller) -> None:
    owner = await at_work(world, seller)

    done = await owner.submit(await owner.get(console(seller, "approvals")), "/rule", above="0")

    assert "nobody can approve what is asked for" in Page(done).text


async def test_another_seller_has_nothing_of_it(world: World, seller: Seller, asker: Browser, payment: str) -> None:
    path = (await ask(asker, seller, payment)).url.path
    other = await world.seller("Other Shop")
    stranger = await at_work(world, other)
    elsewhere = console(other, "approvals", path.rpartition("/")[2])

    assert (await stranger.get(path)).status_code == 404
    assert (await stranger.get(elsewhere)).status_code == 404
    fields = Page(await stranger.get("/account")).forms[0].fields
    assert (await stranger.post(f"{elsewhere}/approve", fields)).status_code == 404
    assert await refunds(world, payment) == []
