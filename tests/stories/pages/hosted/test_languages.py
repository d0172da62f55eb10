"""Every page of every flow in each language, and who is answered in which."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field
from html import unescape

import httpx
import pytest
from tests.stories.pages.buyers import AccountHolder, fund
from tests.stories.pages.hosted.test_marketplace import recipient_tokens
from tests.stories.pages.world import Browser, Page, Seller, World

from tallystick.words import LANGUAGES
from tallystick.words.texts import read_catalogue

GERMAN, ARABIC = "de", "ar"
TRANSLATED = [GERMAN, ARABIC]

# What stays Latin on an Arabic page: names, units, examples, and the names of the other languages.
LATIN = re.compile(
    r"(?:The )?Music Shop|The Band|Ann Buyer|Tallystick|English|Deutsch|USD|UTC|Visa|Mastercard|PDF|CSV|JavaScript"
    r"|One CD|Main St|Springfield|USA|name@example\.com|[\w.+-]+@[\w.-]+\.example|python-httpx/[\d.]+"
    r"|[0-9a-f]{8}-[0-9a-f-]{27}|[A-Z0-9]{35,64}|/[\w./-]+|https?://\S+"
)
ATTRIBUTES = re.compile(r'(?:aria-label|data-label|alt|placeholder|title)="([^"]*)"')
ENGLISH_PARTS = re.compile(r"<(\w+)[^>]* lang=\"en\"[^>]*>.*?</\1>", re.DOTALL)
PLACEHOLDER = re.compile(r"%\([a-z_]+\)s")


@dataclass
class Reader:
    """A browser of somebody who reads one language, and all pages that it showed."""

    browser: Browser
    shown: list[httpx.Response] = field(default_factory=list)

    async def keep(self, response: httpx.Response) -> None:
        if response.headers.get("content-type", "").startswith("text/html"):
            await response.aread()
            self.shown.append(response)


def reader(world: World, language: str) -> Reader:
    made = Reader(world.browser())
    made.browser.http.headers["accept-language"] = f"{language}-{language.upper()},en;q=0.5"
    made.browser.http.event_hooks["response"].append(made.keep)
    return made


def texts(response: httpx.Response) -> str:
    """All that a page says: what is seen, and what screen readers say besides."""
    html = ENGLISH_PARTS.sub("", response.text)
    labels = " ".join(unescape(label) for label in ATTRIBUTES.findall(html))
    return f"{Page(httpx.Response(200, text=html)).text} {labels}"


def check_language(pages: list[httpx.Response], language: str) -> None:
    assert pages
    for response in pages:
        direction = LANGUAGES[language].direction
        assert f'<html lang="{language}" dir="{direction}">' in response.text, response.url
        said = texts(response)
        if language == ARABIC:
            assert re.findall(r"[A-Za-z]{2,}", LATIN.sub("", said)) == [], response.url
        else:
            assert [text for text in english_sentences() if text in said] == [], response.url


def english_sentences() -> list[str]:
    """The longest piece of each English text that no other language has."""
    found = []
    for message in read_catalogue(LANGUAGES[GERMAN]):
        for text in (message.id,) if isinstance(message.id, str) else message.id:
            longest = max(PLACEHOLDER.split(re.sub(r"<[^>]+>", "", text)), key=len).strip(" .:,")
            if longest.count(" ") > 1:
                found.append(longest)
    assert len(found) > 200
    return found


async def by_card(somebody: Reader, url: str) -> httpx.Response:
    """To the page that asks to confirm, with every mistake on the way."""
    browser = somebody.browser
    page = await browser.get(url)
    link = next(link for link in Page(page).links if link.endswith("/sign-up"))
    await browser.submit(await browser.get(link), "/sign-up", name="", email="x", password="y")
    method = await browser.sign_up(page)
    await browser.submit(method, "/card", number="1", expiry="x")
    await browser.submit(method, "/account/test-money", amount="-1")
    return await browser.add_card(method)


@pytest.mark.parametrize("language", TRANSLATED)
async def test_a_balance_by_card(world: World, seller: Seller, language: str) -> None:
    somebody = reader(world, language)
    params = seller.prepaid(validityExpiry="4102444800", websiteDescription="The Music Shop")
    confirm = await by_card(somebody, seller.url(params))
    assert (await world.answer(await somebody.browser.submit(confirm, "/confirm")))["status"] == "SC"

    check_language(somebody.shown, language)


async def test_what_is_agreed_to_in_german(world: World, seller: Seller) -> None:
    somebody = reader(world, GERMAN)
    confirm = await by_card(somebody, seller.url(seller.prepaid(validityExpiry="4102444800")))

    text = Page(confirm).text
    assert "Music Shop darf bis zu 25,00 USD von Ihrer Karte mit den Endziffern 4242 abbuchen" in text
    assert "Sie endet am 1. Januar 2100." in text
    assert "Jetzt wird nichts abgebucht." in text


@pytest.mark.parametrize("language", TRANSLATED)
async def test_a_tab_with_an_address(world: World, seller: Seller, language: str) -> None:
    somebody = reader(world, language)
    browser = somebody.browser
    limits = {
        "usageLimitType1": "Amount",
        "usageLimitValue1": "50",
        "usageLimitPeriod1": "2 Weeks",
        "usageLimitType2": "Count",
        "usageLimitValue2": "3",
        "usageLimitPeriod2": "1 Day",
    }
    tomorrow = str(int(world.clock().timestamp()) + 86_400)
    params = seller.postpaid(collectShippingAddress="True", validityStart=tomorrow, **limits)
    method = await browser.sign_up(await browser.get(seller.url(params)))
    await browser.submit(method, "/account/test-money", amount="x")
    address = await browser.use_test_money(method, "120")
    await browser.submit(address, "/address")
    typed = {"addressLine1": "1 Main St", "zip": "12345", "city": "Springfield", "country": "USA"}
    confirm = await browser.submit(address, "/address", addressName="Ann Buyer", **typed)
    assert (await world.answer(await browser.submit(confirm, "/confirm")))["status"] == "SA"

    check_language(somebody.shown, language)


@pytest.mark.parametrize("language", TRANSLATED)
@pytest.mark.parametrize(
    ("pipeline", "changes"),
    [
        ("SingleUse", {"itemTotal": "22.00", "shipping": "4.90", "discount": "2.00"}),
        ("SingleUse", {"reserve": "True"}),
        ("MultiUse", {}),
        ("MultiUse", {"transactionAmount": "5", "amountType": "Maximum", "paymentMethod": "ACH"}),
        ("Recurring", {"recurringPeriod": "6 Months"}),
    ],
)
async def test_payments(world: World, seller: Seller, language: str, pipeline: str, changes: dict[str, str]) -> None:
    somebody = reader(world, language)
    browser = somebody.browser
    method = await browser.sign_up(await browser.get(seller.url(seller.request(pipeline, **changes))))
    bank = changes.get("paymentMethod") == "ACH"
    confirm = await (browser.add_bank_account(method) if bank else browser.add_card(method))
    assert (await world.answer(await browser.submit(confirm, "/confirm")))["status"] in {"SC", "SB"}

    check_language(somebody.shown, language)


@pytest.mark.parametrize("language", TRANSLATED)
async def test_a_way_of_paying_is_changed(world: World, seller: Seller, language: str) -> None:
    somebody = reader(world, language)
    browser = somebody.browser
    first = await browser.at_confirm(seller.url(seller.request("MultiUse")))
    token = (await world.answer(await browser.submit(first, "/confirm")))["tokenID"]
    method = await browser.get(seller.url(seller.request("EditToken", tokenId=token)))
    confirm = await browser.use_test_money(method, "50")
    assert (await world.answer(await browser.submit(confirm, "/confirm")))["status"] == "SA"

    check_language(somebody.shown, language)


@pytest.mark.parametrize("language", TRANSLATED)
async def test_receiving_payments(world: World, seller: Seller, language: str) -> None:
    band = await world.seller("The Band", signs_in=True)
    somebody = reader(world, language)
    browser = somebody.browser
    changes = {"maxFixedFee": "0.30", "maxVariableFee": "2.5", "paymentMethod": "CC,ABT"}
    page = await browser.get(seller.url(seller.request("Recipient", **changes)))
    await browser.submit(page, "/sign-in", email="nobody@buyer.example", password="something else")
    confirm = await browser.sign_in(page, band.party.email)
    assert (await world.answer(await browser.submit(confirm, "/confirm")))["status"] == "SR"
    check_language(somebody.shown, language)


@pytest.mark.parametrize("language", TRANSLATED)
async def test_a_purchase_in_a_marketplace(world: World, seller: Seller, language: str) -> None:
    band = await world.seller("The Band", signs_in=True)
    tokens = await recipient_tokens(world, seller, band)
    somebody = reader(world, language)
    params = seller.request("SingleUse", recipientToken=tokens["tokenID"])
    confirm = await somebody.browser.at_confirm(seller.url(params))
    assert "The Band" in Page(confirm).text

    bought = reader(world, language)
    page = await bought.browser.post("/pba/paypipeline", seller.button(description="One CD"))
    await bought.browser.add_card(await bought.browser.sign_up(page))

    check_language([*somebody.shown, *bought.shown], language)


@pytest.mark.parametrize("language", TRANSLATED)
async def test_a_persons_own_pages(world: World, seller: Seller, language: str) -> None:
    somebody = reader(world, language)
    browser, email = somebody.browser, f"{secrets.token_hex(6)}@buyer.example"
    confirm = await browser.add_card(await browser.sign_up(await browser.get(seller.url(seller.prepaid())), email))
    answer = await world.answer(await browser.submit(confirm, "/confirm"))
    seen = f"/account/authorizations/{answer['prepaidInstrumentID']}"
    paths = ["/account", seen, f"{seen}/cancel", f"{seen}/statements", "/account/payment-methods"]
    paths += ["/account/payment-methods/card", "/account/payment-methods/bank-account", "/account/test-money"]
    for path in paths:
        assert (await browser.get(path)).status_code == 200, path
    await browser.submit(await browser.get("/account/payment-methods/card"), "/card", number="1", expiry="01/01")
    removing = next(link for link in Page(await browser.get("/account/payment-methods")).links if "/remove" in link)
    await browser.get(removing)
    await browser.submit(await browser.get(f"{seen}/cancel"), "/cancel")
    await browser.get("/account")

    check_language(somebody.shown, language)


@pytest.mark.parametrize("language", TRANSLATED)
async def test_faults(world: World, seller: Seller, language: str) -> None:
    somebody = reader(world, language)
    browser = somebody.browser
    assert (await browser.get("/nowhere")).status_code == 404
    assert (await browser.post("/account/sign-in", {"email": "x"})).status_code == 403
    assert (await browser.http.post("/account")).status_code == 405
    assert (await browser.get("/cobranded-ui/actions/start?callerKey=x")).status_code == 400
    unsigned = seller.request("SetupPrepaid")
    assert (await browser.http.get("/cobranded-ui/actions/start", params=unsigned)).status_code == 400

    check_language(somebody.shown, language)


async def test_a_language_is_asked_for_and_kept(world: World) -> None:
    browser = world.browser()
    browser.http.headers["accept-language"] = "fr, ar;q=0.3, de-AT;q=0.7, en;q=0"
    assert '<html lang="de" dir="ltr">' in (await browser.get("/account/sign-in")).text

    chosen = await browser.get("/account/sign-in?next=/account/security&lang=ar")
    assert '<html lang="ar" dir="rtl">' in chosen.text
    assert "tallystick-language=ar" in chosen.headers["set-cookie"]
    assert "?next=%2Faccount%2Fsecurity&lang=en" in Page(chosen).links

    kept = await browser.get("/account/sign-in?lang=xx")
    assert '<html lang="ar" dir="rtl">' in kept.text
    assert "set-cookie" not in kept.headers or "language" not in kept.headers["set-cookie"]


@pytest.mark.parametrize(
    "header",
    ["", "*", "xx", "de;q=0", "de;q=x", ";;,,", "en-GB", "fr-FR, en;q=0.1", "\N{SNOWMAN}".encode().decode("latin-1")],
)
async def test_english_where_nothing_else_fits(world: World, header: str) -> None:
    browser = world.browser()
    browser.http.headers["accept-language"] = header.encode("latin-1").decode("latin-1")
    assert '<html lang="en" dir="ltr">' in (await browser.get("/account/sign-in")).text


async def test_no_link_to_a_language_leads_elsewhere(world: World) -> None:
    page = await world.browser().http.get(f"{world.base_url}//elsewhere.example/x?lang=de&next=%22%3E%3Cb%3E")
    assert page.status_code == 404
    assert "?next=%22%3E%3Cb%3E&lang=ar" in Page(page).links
    assert not any("elsewhere" in link for link in Page(page).links)


async def test_a_person_is_known_by_their_language(world: World, seller: Seller) -> None:
    first, email = world.browser(), f"{secrets.token_hex(6)}@buyer.example"
    await first.sign_up(await first.get(seller.url(seller.prepaid())), email)
    assert (await world.rows("SELECT language FROM party WHERE email = $1", email)) == [{"language": "en"}]
    await first.get("/account?lang=de")

    elsewhere = world.browser()
    elsewhere.http.headers["accept-language"] = "ar"
    page = await elsewhere.get(seller.url(seller.prepaid()))
    assert '<html lang="ar"' in page.text
    assert '<html lang="de"' in (await elsewhere.sign_in(page, email)).text


async def test_console_and_administration_are_english(world: World) -> None:
    browser = world.browser()
    browser.http.headers["accept-language"] = "de"
    page = await browser.get("/console/sign-in")
    assert '<html lang="en" dir="ltr">' in page.text
    assert "Deutsch" not in page.text


async def test_another_language_asks_to_confirm_again(world: World, seller: Seller) -> None:
    """What is kept as agreed are the words that were read."""
    browser = world.browser()
    confirm = await browser.at_confirm(seller.url(seller.prepaid()))
    await browser.get(f"{confirm.url}?lang=de")

    again = await browser.submit(confirm, "/confirm")

    assert again.status_code == 409
    assert "Bitte prüfen Sie noch einmal" in Page(again).text
    answer = await world.answer(await browser.submit(again, "/confirm"))
    assert answer["status"] == "SC"
    (kept,) = await world.rows(
        "SELECT wording ->> 'language' AS language, wording ->> 'closing' AS closing FROM authorization_evidence"
        " WHERE authorization_id = $1",
        answer["prepaidInstrumentID"],
    )
    assert kept == {"language": "de", "closing": "Jetzt wird nichts abgebucht."}


async def test_amounts_in_a_history(world: World, seller: Seller) -> None:
    browser, email = world.browser(), f"{secrets.token_hex(6)}@buyer.example"
    method = await browser.sign_up(await browser.get(seller.url(seller.prepaid(fundingAmount="2500"))), email)
    confirmed = await browser.submit(await browser.use_test_money(method, "2500"), "/confirm")
    answer = await world.answer(confirmed)
    await fund(seller, AccountHolder(browser, email, answer), "1250.00")
    shown = await browser.get(f"/account/authorizations/{answer['prepaidInstrumentID']}?lang=de")

    assert "+1.250,00 USD" in Page(shown).text
