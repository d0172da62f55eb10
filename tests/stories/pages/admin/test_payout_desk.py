"""The operator sends payouts by hand and by file, and says what became of them."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import httpx
import pytest
from tests.stories.pages.deeds import payouts as deeds
from tests.stories.pages.deeds.scene import Scene
from tests.stories.pages.people import operator, signed_in
from tests.stories.pages.world import Browser, Page, Seller, World

from tallystick.domain.ids import TransactionId
from tallystick.services.operations.audit import Actor
from tallystick.services.payouts import desk
from tallystick.services.payouts.desk import PayoutFileError

NAMESPACE = {"p": "urn:iso:std:iso:20022:tech:xsd:pain.001.001.03"}


@pytest.fixture
async def admin(world: World) -> Browser:
    return await signed_in(world, await operator(world))


@pytest.fixture
async def scene(world: World, seller: Seller, admin: Browser) -> Scene:
    return Scene(world, seller, seller.party, admin)


async def page_of(admin: Browser, payout: TransactionId) -> httpx.Response:
    return await admin.get(f"/admin/payouts/{payout}")


async def cash(world: World, seller: Seller) -> int:
    (row,) = await world.rows("SELECT balance_micros FROM account WHERE book_id = $1 AND kind = 'cash'", seller.book_id)
    return int(row["balance_micros"])


async def test_by_hand_sent_and_then_sent_back(world: World, seller: Seller, admin: Browser, scene: Scene) -> None:
    payout = await deeds.under_way(scene)
    before = await cash(world, seller)
    listed = Page(await admin.get("/admin/payouts?environment=sandbox")).text
    assert payout in listed
    page = await page_of(admin, payout)
    assert "DE89370400440532013000" in Page(page).text

    done = await admin.submit(page, "/sent", bank_reference="B-77")
    assert "State sent" in Page(done).text
    assert "B-77" in Page(done).text
    again = await admin.post(f"/admin/payouts/{payout}/sent", Page(page).form("/sent").fields)
    assert again.status_code == 409
    assert await cash(world, seller) == before

    back = await admin.submit(done, "/returned", returned_reason="no such account")
    assert "State came back" in Page(back).text
    assert await cash(world, seller) == before + 20_000_000
    assert not [form for form in Page(back).forms if form.action.endswith("/returned")]


async def test_by_hand_not_sent(world: World, seller: Seller, admin: Browser, scene: Scene) -> None:
    payout = await deeds.under_way(scene)
    before = await cash(world, seller)
    without = await admin.submit(await page_of(admin, payout), "/failed")
    assert without.status_code == 422
    assert "Say why" in Page(without).text
    done = await admin.submit(await page_of(admin, payout), "/failed", failed_reason="the account is closed")
    assert "not sent: the account is closed" in Page(done).text
    assert await cash(world, seller) == before + 20_000_000


async def test_nobody_says_what_became_of_what_a_rail_sends(admin: Browser, scene: Scene) -> None:
    payout = await deeds.under_way(scene, "simulated")
    page = await page_of(admin, payout)
    assert "answers by itself" in Page(page).text
    token = next(form for form in Page(page).forms).fields["_csrf_token"]
    refused = await admin.post(f"/admin/payouts/{payout}/failed", {"_csrf_token": token, "failed_reason": "so"})
    assert refused.status_code == 409


async def test_a_file_has_each_payout_once_and_can_be_fetched_again(world: World, admin: Browser, scene: Scene) -> None:
    pytest.importorskip("sepaxml")
    actor = Actor(None)
    first, second = await deeds.under_way(scene, "file"), await deeds.under_way(scene, "file")

    made = await desk.make_file(world.service, actor, "sandbox")

    fetched = await admin.get(f"/admin/payout-files/{made.message_id}")
    assert fetched.headers["content-disposition"].startswith("attachment")
    assert fetched.content == (await admin.get(f"/admin/payout-files/{made.message_id}")).content
    document = ET.fromstring(fetched.content)  # noqa: S314 - our own
    transfers = {
        transfer.findtext("p:PmtId/p:EndToEndId", namespaces=NAMESPACE): transfer
        for transfer in document.iter(f"{{{NAMESPACE['p']}}}CdtTrfTxInf")
    }
    assert {first, second} <= transfers.keys()
    amount = transfers[first].find("p:Amt/p:InstdAmt", NAMESPACE)
    assert amount is not None
    assert (amount.text, amount.get("Ccy")) == ("20.00", "USD")
    assert transfers[first].findtext("p:CdtrAcct/p:Id/p:IBAN", namespaces=NAMESPACE) == "DE89370400440532013000"
    assert document.findtext(".//p:GrpHdr/p:MsgId", namespaces=NAMESPACE) == made.message_id

    third = await deeds.under_way(scene, "file")
    later = await desk.make_file(world.service, actor, "sandbox")
    again = await desk.file_content(world.service, later.message_id)
    assert again is not None
    assert third.encode() in again
    assert first.encode() not in again

    assert await desk.mark_file_sent(world.service, actor, made.message_id, None) >= 2
    assert await desk.mark_file_sent(world.service, actor, made.message_id, None) == 0
    asked = {form.action for form in Page(await admin.get("/admin/payouts?environment=sandbox")).forms}
    assert f"/admin/payout-files/{later.message_id}/sent" in asked
    assert f"/admin/payout-files/{made.message_id}/sent" not in asked, "nothing of it is left to be said"
    found = await desk.find(world.service, first)
    assert found is not None
    assert (found.status, found.bank_reference) == ("Success", made.message_id)
    await desk.mark_file_sent(world.service, actor, later.message_id, None)


async def test_a_file_that_cannot_be_made_takes_no_payout(world: World, scene: Scene) -> None:
    pytest.importorskip("sepaxml")
    payout = await deeds.under_way(scene, "file")
    nameless = world.configured(payout_sender_name=None)
    with pytest.raises(PayoutFileError, match="TALLYSTICK_PAYOUT_SENDER_NAME"):
        await desk.make_file(nameless, Actor(None), "sandbox")
    found = await desk.find(world.service, payout)
    assert found is not None
    assert found.message_id is None
    made = await desk.make_file(world.service, Actor(None), "sandbox")
    await desk.mark_file_sent(world.service, Actor(None), made.message_id, None)
    with pytest.raises(PayoutFileError, match="no payout waits"):
        await desk.make_file(world.service, Actor(None), "live")
