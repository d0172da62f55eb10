"""A seller's developers set where notifications go, see what arrived, and send again what did not."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from tests.notify.receivers import Receiver, answer, receiver
from tests.stories.pages.people import console, employee
from tests.stories.pages.world import PASSWORD, Browser, Page, Seller, World

from tallystick.client.notifications import Verifier
from tallystick.notify.delivery import NotificationSender
from tallystick.services.operations.housekeeping import MESSAGES_KEPT, forget_expired
from tallystick.services.seller.staff import StaffRole
from tallystick.store.records import outbox


class Notified:
    """A seller with a notification address on this machine, and its developer."""

    def __init__(self, world: World, seller: Seller, shop: Receiver, developer: Browser) -> None:
        self.world, self.seller, self.shop, self.developer = world, seller, shop, developer
        self.service = world.configured(allow_private_notification_targets=True)

    async def page(self, *parts: str, **query: str) -> Page:
        response = await self.developer.http.get(self.path(*parts), params=query)
        assert response.status_code == 200, response.text[:2000]
        return Page(response)

    def path(self, *parts: str) -> str:
        return console(self.seller, "notifications", *parts)

    async def submit(self, at: str, ending: str, **typed: str) -> Page:
        """Fill in a form of a page of the notifications."""
        return Page(await self.developer.submit(await self.developer.get(self.path(at)), ending, **typed))

    async def tab_payment(self) -> str:
        """Something happens: the transaction's id."""
        browser = self.world.browser()
        at_confirm = await browser.at_confirm(self.seller.url(self.seller.postpaid()))
        given = await self.world.answer(await browser.submit(at_confirm, "/confirm"))
        paid = await self.seller.pay(given["creditSenderTokenID"], "5")
        return paid.text("TransactionId")

    async def deliver(self) -> None:
        """Let a worker send what is due."""
        service = self.service
        notification_sender = NotificationSender(service.pool, service.vault, service.settings, service.clock)
        await notification_sender.dispatch()
        await notification_sender.idle()
        await notification_sender.close()

    async def gave_up(self, transaction_id: str) -> None:
        """As after a day in vain."""
        await self.world.pool.execute(
            "UPDATE outbox SET state = 'dead', last_error = 'the receiver answered 500' WHERE subject_id = $1",
            transaction_id,
        )


async def signed_in(world: World, seller: Seller, role: StaffRole, browser: Browser) -> Browser:
    someone = await employee(world, seller, role)
    await browser.submit(await browser.get("/console/sign-in"), "/sign-in", email=someone.email, password=PASSWORD)
    return browser


@pytest.fixture
async def notified(world: World, seller: Seller) -> AsyncIterator[Notified]:
    # events of other tests' sellers would be sent as well
    await world.pool.execute("UPDATE outbox SET state = 'unwanted' WHERE state = 'waiting'")
    open_pages = world.shared_pages(allow_private_notification_targets=True)
    async with receiver() as shop:
        developer = await signed_in(world, seller, StaffRole.DEVELOPER, world.browser_of(open_pages))
        async with world.pool.acquire() as connection:
            await outbox.set_wishes(connection, seller.book_id, immediate=True)
            await outbox.set_address(connection, seller.book_id, shop.url, world.clock())
        yield Notified(world, seller, shop, developer)


async def test_an_empty_log_says_whether_an_address_is_missing(notified: Notified) -> None:
    assert (
        "What happens to your transactions and tokens is posted to 127.0.0.1 and listed here."
        in (await notified.page()).text
    )
    await notified.submit("settings", "/settings", url="")
    assert "As soon as an address is set" in (await notified.page()).text


async def test_the_address_and_the_wishes_are_set_in_the_console(notified: Notified) -> None:
    url = f"{notified.shop.url}/new"
    page = await notified.submit("settings", "/settings", url=url, immediate="yes")

    assert "Saved." in page.text
    wishes = await outbox.wishes(notified.world.pool, notified.seller.book_id)
    assert (wishes.notification_url, wishes.notify_immediate, wishes.notify_write_offs) == (url, True, True)
    (entry,) = await notified.world.rows(
        "SELECT action, subject FROM audit_entry WHERE business_id = $1", notified.seller.party.party_id
    )
    assert entry == {"action": "notification.settings", "subject": url}


async def test_boxes_that_are_not_ticked_are_off_and_an_empty_address_ends_notifications(notified: Notified) -> None:
    browser = notified.developer
    form = Page(await browser.get(notified.path("settings"))).form("/settings")
    assert (form.fields.pop("immediate"), form.fields.pop("write_offs")) == ("yes", "yes")
    page = Page(await browser.post(form.action, form.fields | {"url": ""}))

    assert "No notifications are sent any more." in page.text
    wishes = await outbox.wishes(notified.world.pool, notified.seller.book_id)
    assert (wishes.notification_url, wishes.notify_immediate, wishes.notify_write_offs) == (None, False, False)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("ftp://shop.example/", "Not an http or https address"),
        ("https://user:word@shop.example/", "Not an http or https address"),
        ("https://shop.example/" + "x" * 2048, "at most 2048 characters"),
        ("https://shop.example/ipn?a=1&a=2", "must not give a parameter more than once"),
        ("http://127.0.0.1:8080/ipn", "127.0.0.1 is not on the public internet"),
        ("http://169.254.169.254/latest", "169.254.169.254 is not on the public internet"),
        ("http://[::1]/", "::1 is not on the public internet"),
    ],
)
async def test_addresses_that_nothing_is_sent_to_cannot_be_set(
    world: World, seller: Seller, url: str, problem: str
) -> None:
    browser = await signed_in(world, seller, StaffRole.DEVELOPER, world.browser())
    page = await browser.get(console(seller, "notifications", "settings"))
    refused = await browser.submit(page, "/settings", url=url)

    assert refused.status_code == 422
    assert problem in Page(refused).text
    assert Page(refused).form("/settings").fields["url"] == url, "what was typed stays"
    assert (await outbox.wishes(world.pool, seller.book_id)).notification_url is None


async def test_what_is_delivered_is_in_the_log_with_the_form_as_it_was_sent(notified: Notified) -> None:
    payment = await notified.tab_payment()
    assert "Waiting due now" in (await notified.page()).text
    await notified.deliver()

    log = await notified.page()
    assert "Delivered" in log.text
    assert notified.path(f"{payment}-1") in log.links
    event = await notified.page(f"{payment}-1")
    for name, value in notified.shop.received[-1].form.items():
        assert f"{name} {' '.join(value.split())}" in event.text
    assert notified.shop.received[-1].body.replace("&", "&amp;") in event.response.text


async def test_what_was_sent_is_forgotten_after_a_while(notified: Notified) -> None:
    payment = await notified.tab_payment()
    await notified.deliver()
    notified.world.clock.ahead = MESSAGES_KEPT + timedelta(minutes=1)
    await forget_expired(notified.service)
    notified.world.clock.ahead = timedelta(0)

    found = await outbox.find(notified.world.pool, (notified.seller.book_id,), f"{payment}-1")
    assert found is not None
    assert (found.state, found.message) == ("delivered", None)


async def test_one_event_is_sent_again_with_the_same_bytes(notified: Notified) -> None:
    payment = await notified.tab_payment()
    await notified.deliver()
    page = await notified.submit(f"{payment}-1", "/replay")
    assert "It is sent again" in page.text
    assert Page(await notified.developer.get(notified.path(f"{payment}-1"))).text.count("Send it again") == 0
    await notified.deliver()

    assert notified.shop.received[0].body == notified.shop.received[1].body


async def test_all_that_were_given_up_are_sent_again_but_only_of_this_environment_and_seller(
    notified: Notified, world: World
) -> None:
    payments = [await notified.tab_payment() for _ in range(2)]
    for payment in payments:
        await notified.gave_up(payment)
    other = Notified(world, await world.seller("Neighbour"), notified.shop, notified.developer)
    async with world.pool.acquire() as connection:
        await outbox.set_wishes(connection, other.seller.book_id, immediate=True)
        await outbox.set_address(connection, other.seller.book_id, notified.shop.url, world.clock())
    theirs = await other.tab_payment()
    await other.gave_up(theirs)

    assert "2 tried in vain" in (await notified.page()).text
    page = await notified.submit("", "/replay-dead")

    assert "2 notifications are sent again" in page.text
    await notified.deliver()
    assert {received.form["transactionId"] for received in notified.shop.received} == set(payments)


async def test_the_log_is_filtered_and_goes_on_page_by_page(
    notified: Notified, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tallystick.web.console.developer.notification_log.LISTED", 2)
    payments = [await notified.tab_payment() for _ in range(3)]
    await notified.deliver()
    await notified.gave_up(payments[0])

    first = await notified.page()
    assert [payment in first.text for payment in payments] == [False, True, True]
    older = next(link for link in first.links if "before=" in link)
    second = Page(await notified.developer.get(older))
    assert [payment in second.text for payment in payments] == [True, False, False]
    dead = await notified.page(state="dead")
    assert [payment in dead.text for payment in payments] == [True, False, False]
    about = await notified.page(about=payments[1])
    assert [payment in about.text for payment in payments] == [False, True, False]
    assert "Nothing found" in (await notified.page(about="no such thing")).text
    assert payments[2] in (await notified.page(before="nonsense", state="nonsense")).text


async def test_a_test_notification_is_signed_and_tells_what_came_of_it(notified: Notified, world: World) -> None:
    page = await notified.submit("settings", "/test")

    assert "It arrived:" in page.text
    (received,) = notified.shop.received
    assert received.form["notificationType"] == "Test"
    assert received.form["recipientName"] == notified.seller.party.name
    verifier = Verifier(world.base_url, notified.developer.http)
    assert await verifier.verify(notified.shop.url, received.body.encode()) == received.form
    assert await world.rows("SELECT 1 FROM outbox WHERE kind NOT IN ('TransactionStatus', 'TokenCancellation')") == []


@pytest.mark.parametrize(("reply", "told"), [(answer(500), "answered 500"), (b"", "It did not arrive")])
async def test_a_test_that_fails_says_why(notified: Notified, reply: bytes, told: str) -> None:
    notified.shop.usual = reply
    assert told in (await notified.submit("settings", "/test")).text


async def test_without_permission_a_test_goes_to_public_addresses_only(world: World, seller: Seller) -> None:
    async with world.pool.acquire() as connection:
        await outbox.set_address(connection, seller.book_id, "http://127.0.0.1:9/", world.clock())
    browser = await signed_in(world, seller, StaffRole.OWNER, world.browser())
    page = await browser.submit(await browser.get(console(seller, "notifications", "settings")), "/test")
    assert "not on the public internet" in Page(page).text


async def test_viewers_see_the_log_and_the_settings_but_no_buttons(notified: Notified, world: World) -> None:
    payment = await notified.tab_payment()
    await notified.gave_up(payment)
    viewer = await signed_in(world, notified.seller, StaffRole.VIEWER, world.browser())
    for parts in ((), ("settings",), (f"{payment}-1",)):
        page = Page(await viewer.get(notified.path(*parts)))
        assert page.response.status_code == 200
        assert {form.action for form in page.forms if "notifications" in form.action} <= {notified.path()}


async def test_without_live_books_there_is_nothing_to_see(world: World, seller: Seller) -> None:
    browser = await signed_in(world, seller, StaffRole.OWNER, world.browser())
    for parts in (("notifications",), ("notifications", "settings")):
        assert "Not open yet" in (await browser.get(console(seller, *parts, environment="live"))).text
    event = console(seller, "notifications", secrets.token_hex(8), environment="live")
    assert (await browser.get(event)).status_code == 404
