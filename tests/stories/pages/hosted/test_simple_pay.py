"""Simple Pay buttons: a signed form, a buyer who confirms and pays at once, and the button's own status codes."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from tests.stories.pages.world import BUTTON, RETURN_URL, Browser, Page, Seller, World, named


async def pressed(world: World, form: dict[str, str]) -> tuple[Browser, httpx.Response]:
    browser = world.browser()
    return browser, await browser.post(BUTTON, form)


async def payments(world: World, seller: Seller) -> list[dict[str, Any]]:
    return await world.rows(
        "SELECT transaction_id, status, amount_micros, payment_method, notification_url FROM transaction"
        " WHERE book_id = $1 ORDER BY transaction_id",
        seller.book_id,
    )


async def test_a_buyer_pays_at_once_by_balance(world: World, seller: Seller) -> None:
    browser, page = await pressed(world, seller.button(ipnUrl="https://shop.example/ipn"))
    assert page.url.path.endswith("/sign-in")
    confirm = await browser.use_test_money(await browser.sign_up(page), "20")
    text = Page(confirm).text
    assert "You pay 12.50 USD to Music Shop from your account balance, once and now." in text
    assert "Nothing is charged now" not in text
    assert "One <b>CD</b>" in text  # a text and not HTML
    assert "One &lt;b&gt;CD&lt;/b&gt;" in confirm.text

    answer = await world.answer(await browser.submit(confirm, "/confirm"))

    expected = {
        "status": "PS",
        "transactionAmount": "USD 12.50",
        "operation": "PAY",
        "paymentMethod": "ABT",
        "paymentReason": "One <b>CD</b>",
        "referenceId": "order 7",
        "buyerName": "Ann Buyer",
        "recipientName": "Music Shop",
        "recipientEmail": seller.party.email,
        "order": "7",
    }
    assert {name: answer[name] for name in expected} == expected
    assert await payments(world, seller) == [
        {
            "transaction_id": answer["transactionId"],
            "status": "Success",
            "amount_micros": 12_500_000,
            "payment_method": "ABT",
            "notification_url": "https://shop.example/ipn",
        }
    ]


async def test_a_card_takes_its_time(world: World, seller: Seller) -> None:
    browser, page = await pressed(world, seller.button())
    confirm = await browser.add_card(await browser.sign_up(page))

    answer = await world.answer(await browser.submit(confirm, "/confirm"))

    assert (answer["status"], answer["paymentMethod"]) == ("PI", "CC")
    await world.rail_answers()
    status = await seller.api.call("GetTransactionStatus", {"TransactionId": answer["transactionId"]})
    assert status.text("TransactionStatus") == "Success"


async def test_a_double_click_pays_once(world: World, seller: Seller) -> None:
    browser, page = await pressed(world, seller.button())
    confirm = await browser.use_test_money(await browser.sign_up(page), "100")

    answers = await asyncio.gather(*(browser.submit(confirm, "/confirm") for _ in range(4)))

    ids = {(await world.answer(answer))["transactionId"] for answer in answers}
    assert ids == {row["transaction_id"] for row in await payments(world, seller)}
    assert len(ids) == 1


async def test_one_button_serves_many_buyers(world: World, seller: Seller) -> None:
    form = seller.button()
    for _ in range(2):
        browser, page = await pressed(world, form)
        confirm = await browser.use_test_money(await browser.sign_up(page), "20")
        assert (await world.answer(await browser.submit(confirm, "/confirm")))["status"] == "PS"

    assert len(await payments(world, seller)) == 2


async def test_a_balance_that_does_not_suffice_is_not_offered(world: World, seller: Seller) -> None:
    browser, page = await pressed(world, seller.button())
    method = await browser.submit(await browser.sign_up(page), "/account/test-money", amount="12.49")

    assert (await browser.submit(method, "/method", key="balance")).status_code == 422


async def test_a_payment_that_is_refused_is_told(world: World, seller: Seller) -> None:
    browser, page = await pressed(world, seller.button(amount="USD 5.70"))  # simulates a payment error
    confirm = await browser.use_test_money(await browser.sign_up(page), "20")

    answer = await world.answer(await browser.submit(confirm, "/confirm"))

    assert answer["status"] == "PF"
    assert "Simulated" in answer["errorMessage"]
    assert "transactionId" not in answer
    assert await payments(world, seller) == []


async def test_a_buyer_who_leaves_goes_elsewhere(world: World, seller: Seller) -> None:
    browser, page = await pressed(world, seller.button())
    left = await browser.submit(page, "/leave")
    assert left.headers["location"].startswith("https://shop.example/basket?")
    assert (await world.answer(left))["status"] == "A"

    browser, page = await pressed(world, seller.button(abandonUrl=None))
    assert (await browser.submit(page, "/leave")).headers["location"].startswith(RETURN_URL)


async def test_the_seller_cannot_buy_from_itself(world: World) -> None:
    seller = await world.seller(signs_in=True)
    browser, page = await pressed(world, seller.button())

    answer = await world.answer(await browser.sign_in(page, seller.party.email))

    assert (answer["status"], answer["errorMessage"]) == ("PF", "Sender and recipient are the same account.")


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": "12.50"},
        {"amount": "EUR 12.50"},
        {"amount": "USD 0.001"},
        {"amount": None},
        {"description": None},
        {"description": "x" * 101},
        {"abandonUrl": "basket"},
        {"processImmediate": "0"},
        {"immediateReturn": "perhaps"},
    ],
)
async def test_a_faulty_button_is_told_to_the_seller(world: World, seller: Seller, changes: dict[str, str]) -> None:
    _, page = await pressed(world, seller.button(**changes))

    answer = await world.answer(page)

    assert (answer["status"], answer["errorMessage"]) == ("ME", named(changes))


async def test_a_button_that_cannot_be_trusted_leads_nowhere(world: World, seller: Seller) -> None:
    signed = seller.button()
    unsigned = {name: value for name, value in signed.items() if name != "signature"}
    for form, line in (
        (signed | {"amount": "USD 0.01"}, "Caller Input Exception: Invalid Signature"),
        (unsigned, "either invalid or absent:[signature]"),
        (seller.button(accessKey="AK" + "0" * 18), "either invalid or absent:[accessKey]"),
        (seller.button(returnUrl=None), "either invalid or absent:[returnUrl]"),
    ):
        _, page = await pressed(world, form)
        assert page.status_code == 400
        assert line in Page(page).text

    lenient = world.browser(world.configured(allow_unsigned_cobranded=True))
    assert (await lenient.post(BUTTON, unsigned)).status_code == 400


async def test_a_button_needs_a_form(world: World) -> None:
    assert (await world.browser().http.get(BUTTON)).status_code == 405
