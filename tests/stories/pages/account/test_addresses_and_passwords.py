"""Letters that prove an address, new passwords for who forgot theirs, and what nobody is told."""

from __future__ import annotations

import asyncio
import secrets
from datetime import timedelta

import httpx
import pytest
from tests.stories.pages.people import person, signed_in
from tests.stories.pages.world import PASSWORD, Browser, Page, Seller, World

from tallystick.services.identity import addresses, attempts, mail, password_reset, sign_in
from tallystick.services.identity.hosted import sign_up
from tallystick.services.identity.mail import Mail
from tallystick.store.accounts import parties
from tallystick.store.accounts.parties import Party

NEW = "an entirely different sentence"


async def verified(world: World, email: str) -> bool:
    party = await parties.find_by_email(world.pool, email)
    assert party is not None
    return party.email_verified


async def letters_to(world: World, email: str) -> list[Mail]:
    return [one for one in await mail.latest(world.service, 500) if one.recipient == email]


async def new_buyer(world: World, seller: Seller) -> tuple[Browser, str]:
    browser, email = world.browser(), f"{secrets.token_hex(6)}@buyer.example"
    method = await browser.sign_up(await browser.get(seller.url(seller.prepaid())), email)
    assert method.url.path.endswith("/method")  # no stop for the letter
    return browser, email


async def ask(world: World, email: str, browser: Browser | None = None) -> httpx.Response:
    browser = browser or world.browser()
    return await browser.submit(await browser.get("/account/forgotten"), "/forgotten", email=email)


async def test_a_link_confirms_an_address_once_and_only_when_somebody_says_so(world: World, seller: Seller) -> None:
    browser, email = await new_buyer(world, seller)
    link = await world.mailed_link(email)
    asking = await browser.get(link)
    assert not await verified(world, email)  # programs that look at links in mail confirm nothing

    done = await browser.submit(asking, "/verify")

    assert "Your e-mail address is confirmed" in Page(done).text
    assert await verified(world, email)
    assert (await browser.get(link)).status_code == 410
    assert (await browser.submit(asking, "/verify")).status_code == 410


async def test_a_link_confirms_nothing_for_who_cannot_sign_in_to_its_account(world: World, seller: Seller) -> None:
    browser, email = await new_buyer(world, seller)
    link = await world.mailed_link(email)
    other = await signed_in(world, await person(world), "/account/sign-in")
    assert (await other.submit(await other.get(link), "/verify")).status_code == 410
    stranger = world.browser()
    asked = await stranger.get(link)
    assert asked.url.path == "/account/sign-in"
    form = Page(await browser.get(link)).form("/verify")
    csrf = Page(asked).form("/sign-in").fields["_csrf_token"]
    late = await stranger.post("/account/verify", {"key": form.fields["key"], "_csrf_token": csrf})
    assert late.url.path == "/account/sign-in"
    assert not await verified(world, email)

    known = await stranger.sign_in(asked, email)

    assert str(known.url.path) == "/account/verify"
    await stranger.submit(known, "/verify")
    assert await verified(world, email)


async def test_a_code_confirms_an_address(world: World, seller: Seller) -> None:
    browser, email = await new_buyer(world, seller)
    code = await world.mailed_code(email)
    page = await browser.get("/account/security")
    assert "Confirm your e-mail address" in Page(page).text

    wrong = await browser.submit(page, "/address", code="000000" if code != "000000" else "000001")
    assert wrong.status_code == 422
    done = await browser.submit(wrong, "/address", code=f" {code[:3]} {code[3:]} ")

    assert "Your e-mail address is confirmed." in Page(done).text
    assert await verified(world, email)


async def test_five_wrong_codes_end_a_letter(world: World, seller: Seller) -> None:
    browser, email = await new_buyer(world, seller)
    code = await world.mailed_code(email)
    wrong = next(one for one in ("111111", "222222") if one != code)
    page = await browser.get("/account/security")
    for _ in range(5):
        assert (await browser.submit(page, "/address", code=wrong)).status_code == 422

    assert (await browser.submit(page, "/address", code=code)).status_code == 422
    sent = await browser.submit(page, "/address", again="yes")
    assert "A letter with a code is on its way" in Page(sent).text
    await browser.submit(page, "/address", code=await world.mailed_code(email))

    assert await verified(world, email)


async def test_letters_grow_old_and_a_newer_one_ends_the_older(world: World, seller: Seller) -> None:
    browser, email = await new_buyer(world, seller)
    first = await world.mailed_link(email)
    page = await browser.get("/account/security")
    await browser.submit(page, "/address", again="yes")
    second = await world.mailed_link(email)

    assert (await browser.get(first)).status_code == 410
    assert (await browser.get(second)).status_code == 200
    world.clock.ahead = addresses.LIFE
    assert (await browser.get(second)).status_code == 410


async def test_nobodys_mailbox_is_flooded(world: World, seller: Seller) -> None:
    browser, email = await new_buyer(world, seller)
    page = await browser.get("/account/security")
    answers = [await browser.submit(page, "/address", again="yes") for _ in range(attempts.LETTERS.maximum + 2)]

    assert len(await letters_to(world, email)) == attempts.LETTERS.maximum
    assert answers[-1].status_code == 422
    assert "Several letters were sent already" in Page(answers[-1]).text


async def test_a_forgotten_password_is_replaced_by_a_link(world: World) -> None:
    someone = await person(world)
    elsewhere = await signed_in(world, someone, "/account/sign-in")
    sent = await ask(world, someone.email)
    assert f"If {someone.email} has an account here" in Page(sent).text
    browser, link = world.browser(), await world.mailed_link(someone.email)

    again = await browser.submit(await browser.get(link), "/reset", password="short")
    assert again.status_code == 422
    done = await browser.submit(again, "/reset", password=NEW)

    assert "Your password is changed" in Page(done).text
    assert (await elsewhere.get("/account/security")).url.path == "/account/sign-in"
    page = await browser.get("/account/sign-in")
    assert (await browser.submit(page, "/sign-in", email=someone.email, password=PASSWORD)).status_code == 422
    assert (await browser.submit(page, "/sign-in", email=someone.email, password=NEW)).url.path == "/account"
    assert (await world.mailed(someone.email)).subject == "Your password was changed"
    assert await verified(world, someone.email)  # whoever opened the link reads the mail
    assert (await browser.get(link)).status_code == 410


async def test_a_link_for_a_new_password_works_once_and_for_an_hour(world: World) -> None:
    someone = await person(world)
    await ask(world, someone.email)
    browser, link = world.browser(), await world.mailed_link(someone.email)
    page = await browser.get(link)
    both = [browser.submit(page, "/reset", password=f"{NEW} {number}") for number in range(2)]
    assert sorted(answer.status_code for answer in await asyncio.gather(*both)) == [200, 410]

    await ask(world, someone.email)
    link = await world.mailed_link(someone.email)
    world.clock.ahead = password_reset.LIFE
    assert (await browser.get(link)).status_code == 410


async def test_asking_tells_nobody_who_has_an_account(world: World) -> None:
    someone, nobody = await person(world), f"{secrets.token_hex(6)}@people.example"
    known, unknown = await ask(world, someone.email), await ask(world, nobody)

    assert known.status_code == unknown.status_code == 200
    assert Page(known).text.replace(someone.email, "…") == Page(unknown).text.replace(nobody, "…")
    assert len(await letters_to(world, someone.email)) == 1
    assert await letters_to(world, nobody) == []
    assert (await ask(world, "no address")).status_code == 422


async def test_the_way_on_after_a_new_password_is_ours(world: World, seller: Seller) -> None:
    someone, browser = await person(world), world.browser()
    visit = str((await browser.get(seller.url(seller.prepaid()))).url.path)
    asking = await browser.get(f"/account/forgotten?next={visit}")
    await browser.submit(asking, "/forgotten", email=someone.email)
    link = await world.mailed_link(someone.email)
    done = await browser.submit(await browser.get(link), "/reset", password=NEW)

    assert visit in Page(done).links
    for elsewhere in ("https://evil.example/", "//evil.example", "/account/../x", "javascript:alert(1)"):
        page = await browser.get(f"/account/forgotten?next={elsewhere}")
        assert Page(page).form("/forgotten").fields["next"] == "/account"


async def test_somebody_who_forgot_that_they_have_been_here_is_let_in(world: World, seller: Seller) -> None:
    _, email = await new_buyer(world, seller)
    browser = world.browser()

    again = await browser.sign_up(await browser.get(seller.url(seller.prepaid())), email)

    assert again.url.path.endswith("/method")


async def test_a_taken_address_opens_nothing_and_its_owner_hears_of_it(world: World) -> None:
    someone, seller = await person(world), await world.seller()
    browser = world.browser()
    page = await browser.get(seller.url(seller.prepaid()))
    link = next(link for link in Page(page).links if link.endswith("/sign-up"))

    refused = await browser.submit(
        await browser.get(link), "/sign-up", name="Eve", email=someone.email, password="eve has another password"
    )

    assert refused.status_code == 422
    assert sign_up.NOT_OPENED in Page(refused).text
    assert (await world.mailed(someone.email)).subject == "You already have an account"


async def sign_up_page(world: World, seller: Seller, **settings: object) -> tuple[Browser, httpx.Response]:
    browser = world.browser(world.configured(**settings))
    page = await browser.get(seller.url(seller.prepaid()))
    return browser, await browser.get(next(link for link in Page(page).links if link.endswith("/sign-up")))


async def test_where_addresses_are_verified_signing_up_tells_nobody_who_has_an_account(
    world: World, seller: Seller
) -> None:
    someone, new = await person(world), f"{secrets.token_hex(6)}@people.example"
    browsers: dict[str, Browser] = {}
    shown: dict[str, httpx.Response] = {}
    for email in (someone.email, new):
        browsers[email], page = await sign_up_page(world, seller, require_verified_email=True)
        shown[email] = await browsers[email].submit(page, "/sign-up", name="Eve", email=email, password=NEW)

    texts = {Page(answer).text.replace(email, "…") for email, answer in shown.items()}
    assert len(texts) == 1
    assert {answer.status_code for answer in shown.values()} == {200}
    assert await parties.find_by_email(world.pool, new) is None
    assert (await world.mailed(someone.email)).subject == "You already have an account"
    for code in ("000000", "123456"):
        refused = await browsers[someone.email].submit(shown[someone.email], "/code", code=code)
        assert refused.status_code == 422

    browser = browsers[new]
    opened = await browser.submit(shown[new], "/code", code=await world.mailed_code(new))

    assert opened.url.path.endswith("/method")
    assert await verified(world, new)
    again = await world.browser(world.configured(require_verified_email=True)).get(str(opened.url.path))
    assert again.url.path.endswith("/sign-in")


async def test_an_older_account_proves_its_address_on_the_way(world: World, seller: Seller) -> None:
    someone = await person(world)
    browser = world.browser(world.configured(require_verified_email=True))
    page = await browser.sign_in(await browser.get(seller.url(seller.prepaid())), someone.email)
    assert page.url.path.endswith("/verify")

    sent = await browser.submit(page, "/verify", again="yes")
    assert "Another letter is on its way." in Page(sent).text
    assert (await browser.submit(sent, "/verify", code="no code")).status_code == 422
    on = await browser.submit(sent, "/verify", code=await world.mailed_code(someone.email))

    assert on.url.path.endswith("/method")
    assert await verified(world, someone.email)


@pytest.mark.parametrize("client", ["203.0.113.7", "2001:db8:1:2::7"])
async def test_one_client_cannot_try_many_accounts(world: World, client: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sign_in, "FAILURE_SECONDS", 0.0)
    strict = world.configured(reverse_proxies=1)

    async def fails(email: str, source: str) -> bool:
        browser = world.browser(strict)
        browser.http.headers["x-forwarded-for"] = source
        page = await browser.get("/account/sign-in")
        return (await browser.submit(page, "/sign-in", email=email, password=PASSWORD)).status_code == 422

    someone = await person(world)
    assert not await fails(someone.email, client)  # a sign-in that works is no failed one
    for _ in range(attempts.FAILED_SIGN_INS.maximum):
        await fails(f"{secrets.token_hex(6)}@people.example", client)

    assert await fails(someone.email, client)
    assert not await fails(someone.email, "198.51.100.9")
    world.clock.ahead = attempts.FAILED_SIGN_INS.window
    assert not await fails(someone.email, client)
    kept = await world.rows("SELECT subject FROM attempt_count")
    assert kept != []
    assert all(client.encode() not in bytes(row["subject"]) for row in kept)


async def test_one_client_cannot_open_accounts_without_end(world: World, seller: Seller) -> None:
    browser, page = await sign_up_page(world, seller, reverse_proxies=1)
    browser.http.headers["x-forwarded-for"] = "203.0.113.77"
    service = world.configured(reverse_proxies=1)
    for _ in range(attempts.SIGN_UPS.maximum):
        assert await attempts.allowed(service, attempts.SIGN_UPS, "203.0.113.77")

    email = f"{secrets.token_hex(6)}@people.example"
    held = await browser.submit(page, "/sign-up", name="Ann", email=email, password=NEW)
    assert sign_up.TOO_MANY in Page(held).text
    world.clock.ahead = timedelta(hours=1)
    opened = await browser.submit(page, "/sign-up", name="Ann", email=email, password=NEW)
    assert opened.url.path.endswith("/method")


async def test_a_seller_that_cannot_sign_in_is_sent_no_link(world: World, seller: Seller) -> None:
    await ask(world, seller.party.email)
    assert await letters_to(world, seller.party.email) == []
    able: Party = (await world.seller(signs_in=True)).party
    await ask(world, able.email)
    assert len(await letters_to(world, able.email)) == 1
