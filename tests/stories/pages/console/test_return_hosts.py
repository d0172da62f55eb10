"""Hosts to which buyers return: claimed by a seller, and closed to the links and buttons of others."""

from __future__ import annotations

import secrets
from dataclasses import replace
from pathlib import Path

import pytest
from tests.notify.receivers import answer
from tests.notify.test_host_proof import prover, site
from tests.notify.test_safety import make_tls
from tests.stories.pages.people import at_work, console, operator, signed_in
from tests.stories.pages.world import BUTTON, Page, Seller, World

from tallystick.services.form_errors import FormError
from tallystick.services.operations.audit import Actor
from tallystick.services.seller import return_hosts
from tallystick.services.seller.return_hosts import HostTakenError, NotProvedError
from tallystick.store.accounts import parties

COMMAND = Actor.command("tester")
OTHERS = "The following input(s) lead to a host that another seller has claimed:[{name}]"


def fresh_host() -> str:
    """A host that no other test knows: claims count for all sellers of a database."""
    return f"{secrets.token_hex(6)}.example"


async def claimed(world: World, seller: Seller) -> str:
    """A host that is this seller's."""
    host = fresh_host()
    await return_hosts.claim_unproved(world.service, COMMAND, seller.party.party_id, host)
    return host


async def refused(world: World, url: str, name: str = "returnURL") -> bool:
    """Whether a link ends on a page that says why, and the browser goes nowhere. False: the visit begins."""
    response = await world.browser().get(url)
    if response.status_code == 200:
        assert response.url.path.endswith("/sign-in")
        return False
    assert response.status_code == 400
    text = Page(response).text
    assert f"Caller Input Exception: {OTHERS.format(name=name)}" in text
    assert "the site of another seller" in text
    return True


async def test_a_link_of_another_seller_does_not_lead_to_a_claimed_host(world: World, seller: Seller) -> None:
    host, other = await claimed(world, seller), await world.seller("Other Shop")
    back = f"https://{host}/paid?order=7"

    assert await refused(world, other.url(other.prepaid(returnURL=back)))
    assert not await refused(world, seller.url(seller.prepaid(returnURL=back)))
    assert not await refused(world, other.url(other.prepaid(returnURL=f"https://www.{host}/")))


@pytest.mark.parametrize(
    "spelling", ["https://{HOST}/", "http://{host}/", "https://{host}:8443/x", "https://{host}./", "HTTPS://{Host}/"]
)
async def test_every_spelling_of_the_host_is_closed(world: World, seller: Seller, spelling: str) -> None:
    host, other = await claimed(world, seller), await world.seller("Other Shop")
    url = spelling.format(host=host, HOST=host.upper(), Host=host.title())

    assert await refused(world, other.url(other.postpaid(returnURL=url)))


async def test_buttons_of_others_are_refused_too(world: World, seller: Seller) -> None:
    """Another seller's button with a claimed return address: a page; with a claimed other address: errorMessage."""
    host, other = await claimed(world, seller), await world.seller("Other Shop")
    browser = world.browser()

    page = await browser.post(BUTTON, other.button(returnUrl=f"https://{host}/paid?order=7", referenceId="order 7"))
    assert page.status_code == 400
    assert OTHERS.format(name="returnUrl") in Page(page).text
    for name in ("abandonUrl", "ipnUrl"):
        told = await world.answer(await browser.post(BUTTON, other.button(**{name: f"https://{host}/x"})))
        assert (told["status"], told["errorMessage"]) == ("ME", OTHERS.format(name=name))
    own = await browser.post(BUTTON, seller.button(returnUrl=f"https://{host}/paid", ipnUrl=f"https://{host}/ipn"))
    assert own.url.path.endswith("/sign-in")


async def test_unsigned_links_are_refused_too(world: World, seller: Seller) -> None:
    host, other = await claimed(world, seller), await world.seller("Other Shop")
    browser = world.browser(world.configured(allow_unsigned_cobranded=True))

    page = await browser.http.get("/cobranded-ui/actions/start", params=other.prepaid(returnURL=f"https://{host}/paid"))

    assert page.status_code == 400
    assert OTHERS.format(name="returnURL") in Page(page).text


async def test_a_seller_lets_another_one_in_by_its_number(world: World, seller: Seller) -> None:
    host, other, third = await claimed(world, seller), await world.seller("Other Shop"), await world.seller("Third")
    browser, back = await at_work(world, seller), f"https://{host}/paid"
    page = await browser.get(console(seller, "hosts"))

    wrong = await browser.submit(page, "/allow", guest=str(seller.party.party_id))
    assert wrong.status_code == 422
    assert "Type the account number of another seller" in Page(wrong).text
    done = await browser.submit(page, "/allow", guest=str(other.party.party_id))
    assert "That seller's links may lead there, too." in Page(done).text
    assert not await refused(world, other.url(other.prepaid(returnURL=back)))
    assert await refused(world, third.url(third.prepaid(returnURL=back)))

    await browser.submit(done, "/disallow")
    assert await refused(world, other.url(other.prepaid(returnURL=back)))


async def test_asking_keeps_nobody_away_before_the_proof(world: World, seller: Seller, tmp_path: Path) -> None:
    host, other, browser = fresh_host(), await world.seller("Other Shop"), await at_work(world, seller)
    link = other.url(other.prepaid(returnURL=f"https://{host}/"))

    asked = await browser.submit(await browser.get(console(seller, "hosts")), "/hosts", host=f" {host.upper()}. ")
    (known,) = await return_hosts.of_seller(world.service, seller.party.party_id)
    assert (known.host, known.claimed) == (host, False)
    assert known.token in Page(asked).text
    assert f"https://{host}/.well-known/tallystick-return-host" in Page(asked).text
    assert not await refused(world, link)
    failed = await browser.submit(asked, "/check")
    assert failed.status_code == 409
    assert "Not proved" in Page(failed).text
    assert not await refused(world, link)

    server, client = make_tls(tmp_path, host)
    async with site(server, answer(200, body=known.token.encode())) as opened:
        proving = prover(client, opened.port)
        proved = await return_hosts.prove(world.service, COMMAND, seller.party.party_id, host, proving)
    assert (proved.claimed, proved.proved_by) == (True, "file")
    assert await refused(world, link)
    rows = await world.rows("SELECT action, business_id FROM audit_entry WHERE subject = $1 ORDER BY audit_id", host)
    assert [row["action"] for row in rows] == ["host.ask", "host.claim"]
    assert {row["business_id"] for row in rows} == {seller.party.party_id}


async def test_one_sellers_line_proves_nothing_for_another(world: World, seller: Seller, tmp_path: Path) -> None:
    """The file is public: whoever copies it has to show another line."""
    host, other = fresh_host(), await world.seller("Other Shop")
    mine = await return_hosts.ask(world.service, COMMAND, seller.party.party_id, host)
    await return_hosts.ask(world.service, COMMAND, other.party.party_id, host)
    server, client = make_tls(tmp_path, host)

    async with site(server, answer(200, body=mine.token.encode())) as opened:
        with pytest.raises(NotProvedError):
            await return_hosts.prove(world.service, COMMAND, other.party.party_id, host, prover(client, opened.port))


async def test_a_host_is_one_sellers(world: World, seller: Seller) -> None:
    host, other = await claimed(world, seller), await world.seller("Other Shop")
    browser = await signed_in(world, await operator(world))
    with pytest.raises(HostTakenError):
        await return_hosts.claim_unproved(world.service, COMMAND, other.party.party_id, host)
    assert await return_hosts.of_seller(world.service, other.party.party_id) == []

    page = await browser.get(f"/admin/accounts/{other.party.party_id}")
    taken = await browser.submit(page, "/hosts", host=host)
    assert taken.status_code == 409
    assert "Another seller has it" in Page(taken).text
    await browser.submit(await browser.get(f"/admin/accounts/{seller.party.party_id}"), "/release")
    given = await browser.submit(await browser.get(f"/admin/accounts/{other.party.party_id}"), "/hosts", host=host)
    assert "The host is this seller's" in Page(given).text
    assert await refused(world, seller.url(seller.prepaid(returnURL=f"https://{host}/")))


async def test_what_a_closed_account_claimed_does_not_count(world: World, seller: Seller) -> None:
    host, other = await claimed(world, seller), await world.seller("Other Shop")
    link = other.url(other.prepaid(returnURL=f"https://{host}/"))
    assert await refused(world, link)

    await world.pool.execute("UPDATE party SET status = 'closed' WHERE party_id = $1", seller.party.party_id)

    assert not await refused(world, link)


@pytest.mark.parametrize(
    "text", ["", "https://shop.example", "shop.example/x", "shop example", "shop.example:1", "é.example"]
)
async def test_only_a_host_can_be_claimed(world: World, seller: Seller, text: str) -> None:
    with pytest.raises(FormError):
        await return_hosts.ask(world.service, COMMAND, seller.party.party_id, text)


async def test_the_services_own_host_is_nobodys(world: World, seller: Seller) -> None:
    """Buttons that have no shop yet end there."""
    own = replace(world.service, settings=replace(world.service.settings, public_url="https://pay.example"))
    with pytest.raises(FormError):
        await return_hosts.ask(own, COMMAND, seller.party.party_id, "Pay.Example.")


async def test_a_seller_asks_for_so_many_hosts(world: World, seller: Seller) -> None:
    for number in range(return_hosts.MAX_HOSTS):
        await return_hosts.ask(world.service, COMMAND, seller.party.party_id, f"h{number}.example")
    await return_hosts.ask(world.service, COMMAND, seller.party.party_id, "h0.example")
    with pytest.raises(FormError) as too_many:
        await return_hosts.ask(world.service, COMMAND, seller.party.party_id, "one-more.example")
    assert "at most 50 hosts" in too_many.value.problems["host"]


async def test_a_personal_account_is_no_guest(world: World, seller: Seller) -> None:
    host = await claimed(world, seller)
    async with world.pool.acquire() as connection:
        email = f"{secrets.token_hex(6)}@people.example"
        ann = await parties.create_personal(connection, email, "Ann", "no hash", world.clock())
    for text in (str(ann.party_id), "0", "-1", "x", "9" * 30):
        with pytest.raises(FormError):
            await return_hosts.allow(world.service, COMMAND, seller.party.party_id, host, text)
