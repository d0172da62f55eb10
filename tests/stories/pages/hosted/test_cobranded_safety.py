"""What keeps buyers safe on the hosted pages."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

import httpx
import pytest
from tests.stories.pages.world import PASSWORD, START, Browser, Page, Seller, World

from tallystick.services.identity.sign_in import WRONG

HOSTILE = "\"><script>alert('x')</script>&{{ 'z' * 9 }}"


async def new_buyer(world: World, seller: Seller) -> str:
    email = f"{secrets.token_hex(6)}@buyer.example"
    browser = world.browser()
    await browser.sign_up(await browser.get(seller.url(seller.prepaid())), email)
    return email


async def sign_in_page(browser: Browser, seller: Seller) -> httpx.Response:
    return await browser.get(seller.url(seller.prepaid()))


async def pauses(world: World) -> list[datetime]:
    rows = await world.rows("SELECT paused_until FROM sign_in_pause WHERE paused_until > $1", world.clock())
    return [row["paused_until"] for row in rows]


async def test_hostile_texts_are_only_texts(world: World) -> None:
    seller = await world.seller(f"Shop {HOSTILE}")
    browser = world.browser()
    params = seller.prepaid(
        websiteDescription=HOSTILE,
        paymentReason=f'<img src=x onerror=alert(1)><b onclick="x()">bold</b><a href="javascript:x()">a</a>{HOSTILE}',
        addressName=HOSTILE,
    )
    page = await browser.get(seller.url(params))
    method = await browser.sign_up(page)
    confirm = await browser.add_card(method)

    for response in (page, method, confirm):
        assert response.status_code == 200
        lowered = response.text.lower()
        for bad in ("<script", "onerror", "onclick", "<img src=x", "javascript:", "z" * 9):
            assert bad not in lowered, bad
        assert "<b>bold</b>" in response.text
    assert HOSTILE.replace(" ", "") in Page(confirm).text.replace(" ", "")


async def test_what_was_typed_comes_back_escaped(world: World, seller: Seller) -> None:
    browser = world.browser()
    page = await sign_in_page(browser, seller)

    again = await browser.submit(page, "/sign-in", email=HOSTILE, password="a secret that was typed")

    assert again.status_code == 422
    assert "<script" not in again.text
    assert Page(again).form("/sign-in").fields["email"] == HOSTILE
    assert "a secret that was typed" not in again.text


@pytest.mark.parametrize(
    "typed",
    [
        {"name": "", "email": "a@example.com", "password": PASSWORD},
        {"name": "Ann", "email": "a@example", "password": PASSWORD},
        {"name": "Ann", "email": "a b@example.com", "password": PASSWORD},
        {"name": "Ann", "email": "a@example.com", "password": "elevenchars"},
        {"name": "Ann", "email": "a@example.com", "password": "aaaaaaaaaaaaaaaa"},
        {"name": "Ann", "email": "long.address@example.com", "password": "long.address@example.com"},
        {"name": "An\x07n", "email": "a@example.com", "password": PASSWORD},
    ],
)
async def test_a_careless_sign_up_is_explained_beside_the_field(
    world: World, seller: Seller, typed: dict[str, str]
) -> None:
    browser = world.browser()
    page = await browser.get(str((await sign_in_page(browser, seller)).url).replace("sign-in", "sign-up"))

    again = await browser.submit(page, "/sign-up", **typed)

    assert again.status_code == 422
    assert 'aria-invalid="true"' in again.text
    assert 'role="alert"' in again.text
    assert Page(again).form("/sign-up").fields["password"] == ""


async def test_forms_without_their_token_are_refused(world: World, seller: Seller) -> None:
    browser = world.browser()
    confirm = await browser.add_card(await browser.sign_up(await sign_in_page(browser, seller)))

    for form in Page(confirm).forms:
        for fields in ({**form.fields, "_csrf_token": ""}, {**form.fields, "_csrf_token": "0" * 128}, {}):
            refused = await browser.http.post(form.action, data=fields)
            assert refused.status_code == 403
            assert "form is no longer valid" in Page(refused).text
    rows = await world.rows("SELECT 1 FROM instrument WHERE book_id = $1", seller.book_id)
    assert rows == []
    assert (await browser.submit(confirm, "/confirm")).status_code == 302


async def test_a_damaged_form_cookie_is_replaced(world: World, seller: Seller) -> None:
    browser = world.browser()
    browser.http.cookies.set("tallystick-form", "damaged", domain="127.0.0.1")
    page = await sign_in_page(browser, seller)
    assert browser.http.cookies["tallystick-form"] != "damaged"

    assert (await browser.submit(page, "/leave")).status_code == 302


async def test_every_answer_carries_strict_headers(world: World, seller: Seller) -> None:
    browser = world.browser()
    page = await sign_in_page(browser, seller)
    answers = [page, *[await browser.http.get(path) for path in ("/nowhere", START, "/healthz")]]

    for response in answers:
        policy = response.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; form-action")
        assert "unsafe" not in policy
        assert "base-uri 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert response.headers["x-frame-options"] == "DENY"
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["referrer-policy"] == "no-referrer"
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["x-request-id"]


async def test_forms_may_end_at_the_sellers_site_only(world: World, seller: Seller) -> None:
    browser = world.browser()
    secure = await sign_in_page(browser, seller)
    plain = await browser.get(seller.url(seller.prepaid(returnURL="http://localhost:3000/back")))

    assert "form-action 'self' https:;" in secure.headers["content-security-policy"]
    assert "form-action 'self' https: http://localhost:3000;" in plain.headers["content-security-policy"]


async def test_pages_load_nothing_from_elsewhere_and_run_nothing(world: World, seller: Seller) -> None:
    browser = world.browser()
    page = await sign_in_page(browser, seller)

    assert "<script" not in page.text
    assert "http://" not in page.text
    assert "https://" not in page.text
    assert "style=" not in page.text


async def test_signing_in_always_gives_a_new_session(world: World, seller: Seller) -> None:
    email = await new_buyer(world, seller)
    victim = world.browser()
    victim.http.cookies.set("tallystick-session", "planted-by-somebody-else", domain="127.0.0.1")
    page = await sign_in_page(victim, seller)
    assert victim.http.cookies["tallystick-session"] == "planted-by-somebody-else"

    await victim.submit(page, "/sign-in", email=email, password=PASSWORD)

    sessions = [cookie.value for cookie in victim.http.cookies.jar if cookie.name == "tallystick-session"]
    assert "planted-by-somebody-else" not in sessions[-1:]
    attacker = world.browser()
    attacker.http.cookies.set("tallystick-session", "planted-by-somebody-else", domain="127.0.0.1")
    assert (await sign_in_page(attacker, seller)).url.path.endswith("/sign-in")


async def test_a_second_sign_in_ends_the_first_session(world: World, seller: Seller) -> None:
    email = await new_buyer(world, seller)
    browser = world.browser()
    page = await sign_in_page(browser, seller)
    await browser.submit(page, "/sign-in", email=email, password=PASSWORD)
    first = browser.http.cookies["tallystick-session"]
    await browser.submit(page, "/sign-in", email=email, password=PASSWORD)
    assert browser.http.cookies["tallystick-session"] != first

    old = world.browser()
    old.http.cookies.set("tallystick-session", first, domain="127.0.0.1")
    assert (await sign_in_page(old, seller)).url.path.endswith("/sign-in")


async def test_signing_out_ends_the_session(world: World, seller: Seller) -> None:
    browser = world.browser()
    method = await browser.sign_up(await sign_in_page(browser, seller))
    session = browser.http.cookies["tallystick-session"]
    await browser.submit(method, "/sign-out")
    assert "tallystick-session" not in browser.http.cookies

    browser.http.cookies.set("tallystick-session", session, domain="127.0.0.1")
    assert (await browser.get(str(method.url))).url.path.endswith("/sign-in")


async def test_a_session_ends_by_itself(world: World, seller: Seller) -> None:
    browser = world.browser()
    method = await browser.sign_up(await sign_in_page(browser, seller))
    world.clock.ahead = timedelta(hours=2, minutes=1)

    assert (await browser.get(str(method.url))).url.path.endswith("/sign-in")


async def test_the_database_does_not_hold_what_the_cookie_holds(world: World, seller: Seller) -> None:
    browser = world.browser()
    await browser.sign_up(await sign_in_page(browser, seller))

    keys = {row["session_key"] for row in await world.rows("SELECT session_key FROM web_session")}

    assert keys
    assert browser.http.cookies["tallystick-session"] not in keys


async def test_cookies_are_strict(world: World, seller: Seller) -> None:
    browser = world.browser()
    page = await sign_in_page(browser, seller)
    form = Page(await browser.get(str(page.url).replace("sign-in", "sign-up"))).form("/sign-up")
    typed = {"name": "Ann", "email": f"{secrets.token_hex(6)}@buyer.example", "password": PASSWORD}

    signed_up = await browser.http.post(form.action, data=form.fields | typed)

    cookie = signed_up.headers["set-cookie"]
    assert cookie.startswith("tallystick-session=")
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Path=/" in cookie


async def test_over_https_cookies_belong_to_this_host_alone(world: World) -> None:
    browser = world.browser(world.configured(public_url="https://pay.example"))
    start = await browser.http.get("/account/sign-in", headers={"host": "pay.example"})

    cookie = start.headers["set-cookie"]

    assert cookie.startswith("__Host-tallystick-form=")
    assert "Secure" in cookie
    assert "Domain" not in cookie
    assert start.headers["strict-transport-security"].startswith("max-age=")


async def test_wrong_passwords_pause_a_client_at_an_account(world: World, seller: Seller) -> None:
    email = await new_buyer(world, seller)
    browser = world.browser()
    page = await sign_in_page(browser, seller)
    for _ in range(5):
        wrong = await browser.submit(page, "/sign-in", email=email, password="not the password")
        assert WRONG in Page(wrong).text

    paused = await browser.submit(page, "/sign-in", email=email, password=PASSWORD)
    assert paused.status_code == 422
    assert WRONG in Page(paused).text

    world.clock.ahead = timedelta(seconds=31)
    assert (await browser.submit(page, "/sign-in", email=email, password=PASSWORD)).url.path.endswith("/method")
    assert await pauses(world) == []


async def test_what_was_left_empty_is_named_and_is_no_attempt(world: World, seller: Seller) -> None:
    email = await new_buyer(world, seller)
    browser = world.browser()
    page = await sign_in_page(browser, seller)
    for _ in range(6):  # one more than are paused after
        page = await browser.submit(page, "/sign-in", email=email, password="")
        assert page.status_code == 422
        assert "There is a problem Type your password." in Page(page).text
    page = await browser.submit(page, "/sign-in", email=" ", password=PASSWORD)
    assert "There is a problem Type your e-mail address" in Page(page).text

    assert (await browser.submit(page, "/sign-in", email=email, password=PASSWORD)).url.path.endswith("/method")


async def test_pauses_grow(world: World, seller: Seller) -> None:
    email = await new_buyer(world, seller)
    browser = world.browser()
    page = await sign_in_page(browser, seller)
    await world.pool.execute("DELETE FROM sign_in_pause")
    lengths = []
    for _ in range(8):
        await browser.submit(page, "/sign-in", email=email, password="not the password")
        for until in await pauses(world):
            lengths.append(round((until - world.clock()).total_seconds(), -1))
            world.clock.ahead += until - world.clock() + timedelta(seconds=1)

    assert lengths == [30, 60, 120, 240]


async def test_sign_in_does_not_tell_who_has_an_account(world: World, seller: Seller) -> None:
    email = await new_buyer(world, seller)
    answers = []
    for address in (email, f"{secrets.token_hex(6)}@buyer.example", seller.party.email):
        browser = world.browser()
        page = await sign_in_page(browser, seller)
        answer = await browser.submit(page, "/sign-in", email=address, password="not the password")
        visit = str(page.url).rsplit("/", 2)[1]
        token = Page(answer).form("/sign-in").fields["_csrf_token"]
        answers.append((answer.status_code, answer.text.replace(address, "").replace(visit, "").replace(token, "")))

    assert answers[0] == answers[1] == answers[2]


async def test_card_numbers_are_not_kept(world: World, seller: Seller) -> None:
    """Neither somebody's real number, which is refused, nor one of the sandbox's, of which the last four remain."""
    browser = world.browser()
    real, test = f"4{secrets.randbelow(10**15):015}", "4242424242424242"
    method = await browser.sign_up(await sign_in_page(browser, seller))
    wrong = await browser.submit(method, "/card", number=test, expiry="13/31")
    assert test not in wrong.text
    refused = await browser.submit(wrong, "/card", number=real, expiry="10/31")
    assert real not in refused.text
    await browser.submit(refused, "/card", number=test, expiry="10/31")

    for table in ("payment_method", "cobranded_visit", "web_session"):
        rows = await world.rows(f"SELECT t::text FROM {table} AS t")  # noqa: S608 - names from above
        assert real not in str(rows)
        assert test not in str(rows)
    kept = await world.rows("SELECT last_four FROM payment_method ORDER BY payment_method_id DESC LIMIT 1")
    assert kept == [{"last_four": test[-4:]}]


@pytest.mark.parametrize(
    ("verb", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/cobranded-ui/visits/unknown/confirm", 404),
        ("GET", f"/cobranded-ui/visits/{'x' * 32}/confirm", 404),
        ("GET", "/cobranded-ui/visits/%00/confirm", 404),
        ("GET", "/static/../app.py", 404),
        ("GET", "/certs/990101/PKICert.pem", 404),
        ("GET", "/certs/..%2f/PKICert.pem", 404),
        ("PUT", START, 405),
        ("POST", "/account/test-money", 403),
    ],
)
async def test_errors_look_like_the_rest(world: World, verb: str, path: str, status: int) -> None:
    response = await world.browser().http.request(verb, path)

    assert response.status_code == status
    assert response.headers["content-type"].startswith("text/html")
    assert "Payments by Tallystick" in Page(response).text
    assert response.headers["x-request-id"] in response.text


async def test_pages_say_who_runs_the_service_and_where_its_terms_are(world: World, seller: Seller) -> None:
    pages = world.shared_pages(
        operator_name="Example & Sons",
        imprint_url="https://example.com/imprint",
        terms_url="https://example.com/terms?a=1&b=2",
        privacy_url="https://example.com/privacy",
    )
    page = Page(await world.browser_of(pages).get(seller.url(seller.prepaid())))

    assert "Payments by Example & Sons" in page.text
    for address in ("https://example.com/imprint", "https://example.com/terms?a=1&b=2", "https://example.com/privacy"):
        assert page.links.count(address) == 1
    untold = Page(await world.browser().get("/account/sign-in"))
    assert "Payments by Tallystick" in untold.text
    assert not [link for link in untold.links if "example.com" in link]


async def test_too_large_a_form_is_refused(world: World) -> None:
    response = await world.browser().http.post(START, data={"x": "y" * 100_000})

    assert response.status_code == 413
    assert "more than this page can take" in Page(response).text


async def test_the_service_tells_that_it_lives(world: World) -> None:
    browser = world.browser()

    assert (await browser.http.get("/healthz")).text == "alive\n"
    assert (await browser.http.get("/readyz")).text == "ready\n"


async def test_style_and_pictures_may_be_kept(world: World, seller: Seller) -> None:
    browser = world.browser()
    page = await sign_in_page(browser, seller)
    sheet = page.text.split('rel="stylesheet" href="')[1].split('"')[0]

    response = await browser.http.get(sheet)

    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/css")
    assert "immutable" in response.headers["cache-control"]
