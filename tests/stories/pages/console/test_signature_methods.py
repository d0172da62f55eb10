"""A seller has its messages signed with SHA-256, and the operator revokes what somebody else may sign with."""

from __future__ import annotations

from urllib.parse import urlsplit

import httpx
import pytest
from tests.notify.receivers import receiver
from tests.stories.pages.people import at_work, console, operator, signed_in
from tests.stories.pages.world import RETURN_URL, Page, Seller, World
from tests.support.http import NO_AUTHORITIES

from tallystick.client.notifications import NotGenuineError, Verifier
from tallystick.notify.delivery import NotificationSender
from tallystick.services.seller import notification_settings
from tallystick.store.records import outbox

ENDPOINT = RETURN_URL.partition("?")[0]


async def chooses_sha256(world: World, seller: Seller) -> None:
    developer = await at_work(world, seller)
    page = await developer.get(console(seller, "notifications", "settings"))
    assert Page(page).form("/settings").fields["method"] == "RSA-SHA1"  # nobody gets another one unasked
    saved = await developer.submit(page, "/settings", method="RSA-SHA256")
    assert Page(saved).form("/settings").fields["method"] == "RSA-SHA256"


async def came_back(world: World, seller: Seller) -> str:
    """The address to which a buyer is led who agreed to a tab."""
    browser = world.browser()
    confirm = await browser.at_confirm(seller.url(seller.postpaid()))
    return (await browser.submit(confirm, "/confirm")).headers["location"]


async def verified(seller: Seller, url: str) -> str:
    asked = {"UrlEndPoint": ENDPOINT, "HttpParameters": urlsplit(url).query}
    return (await seller.api.call("VerifySignature", asked)).text("VerificationStatus")


async def test_return_urls_are_signed_by_what_the_seller_chose(world: World, seller: Seller) -> None:
    other = await world.seller("Other Shop")
    await chooses_sha256(world, seller)

    url, others = await came_back(world, seller), await came_back(world, other)

    assert "signatureMethod=RSA-SHA256&" in url
    assert "signatureMethod=RSA-SHA1&" in others
    assert (await verified(seller, url), await verified(other, others)) == ("Success", "Success")
    older = url.replace("RSA-SHA256", "RSA-SHA1")
    assert (await verified(seller, older), await verified(other, others.replace("-SHA1", "-SHA256"))) == (
        "Failure",
        "Failure",
    )


async def test_errors_and_departures_are_signed_so_too(world: World, seller: Seller) -> None:
    await chooses_sha256(world, seller)
    browser = world.browser()

    wrong = (await browser.get(seller.url(seller.prepaid(fundingAmount="ten")))).headers["location"]
    left = await browser.submit(await browser.get(seller.url(seller.prepaid())), "/leave")

    for url in (wrong, left.headers["location"]):
        assert "signatureMethod=RSA-SHA256&" in url
        assert await verified(seller, url) == "Success"


async def told(world: World, seller: Seller, url: str) -> None:
    """A payment on a tab happens, and the seller hears of it at `url`."""
    async with world.pool.acquire() as connection:
        await outbox.set_wishes(connection, seller.book_id, immediate=True)
        await outbox.set_address(connection, seller.book_id, url, world.clock())
    answer = await world.checked_by_any(await came_back(world, seller))
    await seller.pay(answer["creditSenderTokenID"], "5")
    await deliver(world)


async def deliver(world: World) -> None:
    service = world.configured(allow_private_notification_targets=True)
    notification_sender = NotificationSender(service.pool, service.vault, service.settings, service.clock)
    await notification_sender.dispatch()
    await notification_sender.idle()
    await notification_sender.close()


async def test_notifications_are_signed_so_and_the_client_checks_them(world: World, seller: Seller) -> None:
    await chooses_sha256(world, seller)
    async with receiver() as shop, httpx.AsyncClient(trust_env=False, timeout=30, verify=NO_AUTHORITIES) as http:
        await told(world, seller, shop.url)
        (received,) = shop.received
        assert received.form["signatureMethod"] == "RSA-SHA256"
        body = received.body.encode()
        for verifier in (Verifier(world.base_url, http), Verifier(world.base_url, http, ("RSA-SHA256",))):
            assert (await verifier.verify(shop.url, body))["operation"] == "PAY"
        with pytest.raises(NotGenuineError, match="not signed with version 2 and RSA-SHA1"):
            await Verifier(world.base_url, http, ("RSA-SHA1",)).verify(shop.url, body)
        with pytest.raises(NotGenuineError, match="does not fit"):
            await Verifier(world.base_url, http).verify(shop.url, body.replace(b"RSA-SHA256", b"RSA-SHA1"))


async def test_only_methods_that_there_are_can_be_chosen(world: World, seller: Seller) -> None:
    developer = await at_work(world, seller)
    page = await developer.get(console(seller, "notifications", "settings"))
    await developer.submit(page, "/settings", method="RSA-MD5")

    wishes = await notification_settings.find(world.service, seller.party.party_id, "sandbox")
    assert wishes.signature_method == "RSA-SHA1"


async def test_what_a_revoked_key_signed_is_not_genuine_any_more(world: World, seller: Seller) -> None:
    url = await came_back(world, seller)
    params = await world.checked_by_any(url)
    name = params["certificateUrl"].split("/")[-2]
    assert await verified(seller, url) == "Success"
    browser = await signed_in(world, await operator(world))

    page = await browser.get("/admin/signing-keys")
    form = next(form for form in Page(page).forms if form.fields.get("name") == name)
    done = await browser.post(form.action, form.fields)

    assert "The key is revoked" in Page(done).text
    assert await verified(seller, url) == "Failure"
    certificate = await world.browser().http.get(params["certificateUrl"])
    assert certificate.status_code == 410
    assert f"The key {name} was revoked" in certificate.text
    assert "BEGIN CERTIFICATE" not in certificate.text
    assert await verified(seller, await came_back(world, seller)) == "Success"
    again = await browser.post(form.action, form.fields)
    assert again.status_code == 404


async def test_what_waits_is_signed_anew_after_its_key_was_revoked(world: World, seller: Seller) -> None:
    async with receiver(answers=[b"HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n"]) as shop:
        await told(world, seller, shop.url)
        await world.pool.execute("UPDATE outbox SET due_at = $1 WHERE book_id = $2", world.clock(), seller.book_id)
        name = shop.received[0].form["certificateUrl"].split("/")[-2]
        browser = await signed_in(world, await operator(world))
        page = await browser.get("/admin/signing-keys")
        form = next(form for form in Page(page).forms if form.fields.get("name") == name)
        await browser.post(form.action, form.fields)

        await deliver(world)

        first, second = shop.received
        assert second.form["certificateUrl"].split("/")[-2] != name
        different = {"certificateUrl", "signature"}
        assert {n: v for n, v in first.form.items() if n not in different} == {
            n: v for n, v in second.form.items() if n not in different
        }
        async with httpx.AsyncClient(trust_env=False, timeout=30, verify=NO_AUTHORITIES) as http:
            await Verifier(world.base_url, http).verify(shop.url, second.body.encode())
            with pytest.raises(NotGenuineError):
                await Verifier(world.base_url, http).verify(shop.url, first.body.encode())
