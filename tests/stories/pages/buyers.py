"""Buyers who agreed on the hosted pages and look at their account, and what a seller does with it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from tests.stories.pages.world import Browser, Page, Seller, World

from tallystick.client.fps import FpsAnswer


@dataclass(frozen=True)
class AccountHolder:
    """Somebody with a browser, and what they agreed to."""

    browser: Browser
    email: str
    answer: dict[str, str]

    @property
    def authorization(self) -> str:
        names = ("prepaidInstrumentID", "creditInstrumentID", "tokenID")
        return next(self.answer[name] for name in names if name in self.answer)

    @property
    def path(self) -> str:
        return f"/account/authorizations/{self.authorization}"


async def buyer_of(world: World, seller: Seller, params: dict[str, str], money: str = "500") -> AccountHolder:
    """Somebody who agreed to it, paying from the account balance."""
    browser, email = world.browser(), f"{secrets.token_hex(6)}@buyer.example"
    method = await browser.sign_up(await browser.get(seller.url(params)), email)
    confirmed = await browser.submit(await browser.use_test_money(method, money), "/confirm")
    return AccountHolder(browser, email, await world.answer(confirmed))


async def fund(seller: Seller, buyer: AccountHolder, value: str) -> FpsAnswer:
    return await seller.fund(buyer.answer["fundingTokenID"], buyer.authorization, value)


async def settle(seller: Seller, buyer: AccountHolder, value: str) -> FpsAnswer:
    return await seller.settle(buyer.answer["settlementTokenID"], buyer.authorization, value)


async def prepaid_buyer(world: World, seller: Seller) -> AccountHolder:
    """Filled with 20.00, 8.00 spent, 1.50 of it refunded: 13.50 left."""
    buyer = await buyer_of(world, seller, seller.prepaid())
    await fund(seller, buyer, "20")
    token = buyer.answer["prepaidSenderTokenID"]
    paid = await seller.pay(token, "5", SenderDescription="Two songs")
    await seller.pay(token, "3", SenderDescription="=HYPERLINK(1)")
    await seller.refund(paid.text("TransactionId"), "1.50")
    return buyer


async def seen(buyer: AccountHolder, path: str) -> str:
    response = await buyer.browser.get(path)
    assert response.status_code == 200, response.text
    return Page(response).text
