"""Deeds in the console about money, tokens and exports."""

from __future__ import annotations

import httpx
from tests.stories.pages.business import paying_customer, postpaid_customer, prepaid_customer
from tests.stories.pages.deeds.scene import Scene
from tests.stories.pages.people import at_work
from tests.stories.pages.world import Page

from tallystick.domain.commands import Method
from tallystick.services.seller.staff import StaffRole
from tallystick.store.records import approvals


async def refund(scene: Scene) -> None:
    payment = await (await prepaid_customer(scene.world, scene.seller)).pay("5")
    form = Page(await scene.look("transactions", payment, "refund")).form("/refund")
    await scene.send(await scene.look("transactions", payment, "refund", **form.fields), "/refund")


async def refund_balance(scene: Scene) -> None:
    customer = await prepaid_customer(scene.world, scene.seller)
    form = Page(await scene.look("instruments", customer.instrument, "refund")).form("/refund")
    await scene.send(await scene.look("instruments", customer.instrument, "refund", **form.fields), "/refund")


async def ask_for_balance_refund(scene: Scene) -> None:
    await needs_two(scene)
    await refund_balance(scene)


async def choose_redemption(scene: Scene) -> None:
    await scene.on("redemption", "/redemption", choice="up_to", up_to="10.00")


async def choose_settlements(scene: Scene) -> None:
    await scene.on("disputes", "/settlements", settlements="loss")


async def dispute(scene: Scene) -> None:
    payment = await (await paying_customer(scene.world, scene.seller, Method.CC)).pay("5")
    await scene.world.rail_answers()
    await scene.on(f"transactions/{payment}", "/disputes/try", status="opened")


async def set_rule(scene: Scene) -> None:
    await scene.on("approvals", "/rule", above="1.00")


async def needs_two(scene: Scene) -> None:
    await approvals.set_rule(scene.world.pool, scene.seller.party.party_id, 1_000_000, scene.world.clock())


async def ask_for_refund(scene: Scene) -> None:
    await needs_two(scene)
    await refund(scene)


async def _asked_by_colleague(scene: Scene) -> httpx.Response:
    """The page of a refund that somebody else asked for."""
    await needs_two(scene)
    colleague = await at_work(scene.world, scene.seller, StaffRole.FINANCE)
    await refund(Scene(scene.world, scene.seller, scene.person, colleague))
    (one,) = await approvals.latest(scene.world.pool, scene.seller.party.party_id, "sandbox", 1)
    return await scene.look("approvals", one.approval_id)


async def approve(scene: Scene) -> None:
    await scene.send(await _asked_by_colleague(scene), "/approve")


async def decline(scene: Scene) -> None:
    await scene.send(await _asked_by_colleague(scene), "/decline")


async def cancel_token(scene: Scene) -> None:
    customer = await prepaid_customer(scene.world, scene.seller)
    await scene.on(f"tokens/{customer.spending}/cancel", "/cancel")


async def _debts(scene: Scene, deed: str) -> httpx.Response:
    customer = await postpaid_customer(scene.world, scene.seller)
    await customer.pay("12")
    preview = await scene.look("debts", "preview", deed=deed, debt=customer.instrument)
    return await scene.send(preview, "/runs")


async def settle(scene: Scene) -> None:
    await _debts(scene, "settle")


async def write_off(scene: Scene) -> None:
    await _debts(scene, "write_off")


async def go_on(scene: Scene) -> None:
    result = await _debts(scene, "settle")
    run_id = result.url.path.rpartition("/")[2]
    await scene.world.pool.execute("UPDATE debt_run_line SET transaction_id = NULL WHERE run_id = $1", run_id)
    await scene.send(await scene.browser.get(result.url.path), run_id)


async def export(scene: Scene) -> None:
    assert (await scene.look("activity.csv")).status_code == 200


async def export_instruments(scene: Scene) -> None:
    assert (await scene.look("instruments.csv")).status_code == 200


async def export_debts(scene: Scene) -> None:
    assert (await scene.look("debts.csv")).status_code == 200


async def export_close(scene: Scene) -> None:
    assert (await scene.look("close.csv")).status_code == 200


async def make_note(scene: Scene) -> httpx.Response:
    customer = await prepaid_customer(scene.world, scene.seller)
    place = f"customers/{customer.buyer.party_id}"
    return await scene.on(place, "/notes", note="Prefers records to songs")


async def remove_note(scene: Scene) -> None:
    await scene.send(await make_note(scene), "/remove")
