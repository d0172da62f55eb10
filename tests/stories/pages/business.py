"""Buyers who agreed to something, and what a seller's program did with it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tests.stories.pages.world import Seller, World
from tests.support.books import Books, Buyer, books_of
from tests.support.clock import TestClock

from tallystick.domain.commands import Method, TokenTerms
from tallystick.domain.disputes.dispute import DisputeStatus
from tallystick.domain.ids import TokenId, TransactionId
from tallystick.services.disputes import sandbox
from tallystick.services.operations.audit import Actor


@dataclass(frozen=True)
class Customer:
    """A buyer of one seller, whose program charges them."""

    seller: Seller
    buyer: Buyer

    @property
    def spending(self) -> TokenId:
        return self.buyer.spending

    @property
    def money(self) -> TokenId:
        return self.buyer.money

    @property
    def instrument(self) -> str:
        return self.buyer.instrument

    async def fund(self, value: str) -> str:
        return (await self.seller.fund(self.money, self.instrument, value)).text("TransactionId")

    async def settle(self, value: str) -> str:
        return (await self.seller.settle(self.money, self.instrument, value)).text("TransactionId")

    async def pay(self, value: str, **more: str) -> str:
        return (await self.seller.pay(self.spending, value, **more)).text("TransactionId")


async def books(world: World, seller: Seller) -> Books:
    """The seller's books, for what hosted pages or the sandbox's tools would do."""
    return await books_of(world.service, seller.party.party_id, seller.book_id, TestClock(world.clock()))


async def prepaid_customer(world: World, seller: Seller, funded: str = "20.00") -> Customer:
    """A buyer with a prepaid balance that was filled from the account balance."""
    return Customer(seller, await (await books(world, seller)).funded_buyer(funded))


async def postpaid_customer(
    world: World, seller: Seller, method: Method = Method.ABT, *, money: str = "500", ends: datetime | None = None
) -> Customer:
    """A buyer with a tab, to be settled from an account balance with so much money, or from a card."""
    shop = await books(world, seller)
    buyer = await shop.postpaid_buyer(method=method, expires_at=ends)
    if method is Method.ABT:
        await shop.deposit(buyer, money)
    return Customer(seller, buyer)


async def paying_customer(world: World, seller: Seller, method: Method = Method.ABT) -> Customer:
    """A buyer whose every payment is real money."""
    shop = await books(world, seller)
    buyer = await shop.sender_token(method)
    if method is Method.ABT:
        await shop.deposit(buyer, "500")
    return Customer(seller, buyer)


async def disputed(world: World, seller: Seller) -> TransactionId:
    """The dispute of a payment by card, which has just been opened."""
    charge = await (await paying_customer(world, seller, Method.CC)).pay("5", SenderDescription="A record")
    await world.rail_answers()
    moved = await sandbox.move(world.service, Actor(None, "tests"), TransactionId(charge), DisputeStatus.OPENED)
    return moved.transaction_id


async def received_for(world: World, marketplace: Seller, recipient: Seller) -> TokenId:
    """The token by which a marketplace receives on another seller's behalf, for a share of at most 20 %."""
    shop, other = await books(world, marketplace), await books(world, recipient)
    return await shop.recipient_token(other, TokenTerms(recipient_pays_fee=True, max_variable_fee_ppm=200_000))
