"""Proofs that the books balance: asked for, made by a worker or by the clock, and kept."""

from __future__ import annotations

from datetime import timedelta

from tests.stories.pages.admin.office import funded, text_at
from tests.stories.pages.people import at_work, console
from tests.stories.pages.world import Browser, Page, Seller, World

from tallystick.services.operations.verification import prove_if_due


async def test_a_proof_is_asked_for_once_done_by_a_worker_and_kept(world: World, admin: Browser) -> None:
    page = await admin.get("/admin/verification")
    asked = await admin.submit(page, "/verification")
    await admin.submit(page, "/verification")
    assert "under way" in Page(asked).text

    assert await prove_if_due(world.service) == 1
    assert await prove_if_due(world.service) == 0

    listed = await admin.get("/admin/verification")
    assert "Balanced" in listed.text
    latest = next(link for link in Page(listed).links if link.startswith("/admin/verification/"))
    shown = await text_at(admin, latest)
    assert "Unexplained 0.00" in shown.replace("$", "")
    assert "Debits equal credits in every book Holds" in shown


async def test_a_proof_says_how_much_is_unexplained(world: World, seller: Seller, admin: Browser) -> None:
    await funded(world, seller)
    await world.rail_answers()
    tamper = "UPDATE account SET balance_micros = balance_micros + $2 WHERE book_id = $1 AND kind = 'cash'"

    await world.pool.execute(tamper, seller.book_id, 1_250_000)
    await admin.submit(await admin.get("/admin/verification"), "/verification")
    await prove_if_due(world.service)
    await world.pool.execute(tamper, seller.book_id, -1_250_000)

    listed = await admin.get("/admin/verification")
    assert "1.25" in listed.text
    latest = next(link for link in Page(listed).links if link.startswith("/admin/verification/"))
    assert f"book {seller.book_id}, account cash" in await text_at(admin, latest)
    assert "Problems" in await text_at(admin, "/admin")


async def test_pages_with_an_audit_log_say_when_its_chain_was_proved(
    world: World, seller: Seller, admin: Browser
) -> None:
    await admin.submit(await admin.get("/admin/verification"), "/verification")
    assert await prove_if_due(world.service) == 1

    owner = await at_work(world, seller)
    for browser, page in ((admin, "/admin/audit"), (owner, console(seller, "audit"))):
        assert "Its chain was proved whole on " in await text_at(browser, page)
    latest = next(link for link in Page(await admin.get("/admin/verification")).links if "/verification/" in link)
    shown = await text_at(admin, latest)
    assert "No entry of the audit log was changed, taken out or put in since it was chained Holds" in shown


async def test_a_proof_whose_worker_died_is_started_again(world: World, admin: Browser) -> None:
    await admin.submit(await admin.get("/admin/verification"), "/verification")
    await world.pool.execute(
        "UPDATE verification_run SET started_at = $1, due_at = $1 WHERE finished_at IS NULL", world.clock()
    )

    assert await prove_if_due(world.service) == 1


async def test_proofs_are_made_by_the_clock_where_settings_say_so(world: World, admin: Browser) -> None:
    service = world.configured(verify_every_hours=6)
    world.clock.ahead += timedelta(hours=7)  # after every proof of the other tests

    assert await prove_if_due(world.service) == 0
    assert await prove_if_due(service) == 1
    assert await prove_if_due(service) == 0
    world.clock.ahead += timedelta(hours=6, seconds=1)
    assert await prove_if_due(service) == 1

    world.clock.ahead = timedelta(0)  # the browser's session is not that old
    assert "The schedule" in await text_at(admin, "/admin/verification")
