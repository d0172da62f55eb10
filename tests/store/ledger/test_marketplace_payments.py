"""Payments in real money that go to a third party: shares, fees, and who bears them."""

from __future__ import annotations

from dataclasses import dataclass

from tests.store.direct import on_account, said, status, taken, work
from tests.support.books import Books, Buyer, OpenBooks

from tallystick.domain.commands import (
    Cancel,
    FeePayer,
    Marketplace,
    Method,
    Pay,
    Refund,
    RefundPolicy,
    Reserve,
    Settle,
    TokenTerms,
)
from tallystick.domain.ids import TokenId, TransactionId
from tallystick.domain.money import display_amount, parse_amount
from tallystick.domain.outcomes import Outcome
from tallystick.store.ledger.verify import verify


async def test_a_marketplace_shares_a_payment_among_three(shop: Books, open_shop: OpenBooks) -> None:
    recipient = await open_shop()
    terms = TokenTerms(recipient_pays_fee=True, max_fixed_fee_micros=parse_amount("0.50"), max_variable_fee_ppm=100_000)
    token = await shop.recipient_token(recipient, terms)
    buyer = await shop.sender_token()
    await shop.deposit(buyer, "100.00")

    async def pay(fixed: str, ppm: int, payer: FeePayer = FeePayer.RECIPIENT) -> Outcome:
        marketplace = Marketplace(token, payer, parse_amount(fixed), ppm)
        return await shop.perform(Pay(shop.request(), buyer.spending, parse_amount("10.00"), marketplace))

    assert said(await pay("0.51", 0)) == "IncompatibleTokens"
    assert said(await pay("0.50", 100_001)) == "IncompatibleTokens"
    assert said(await pay("0.10", 0, FeePayer.CALLER)) == "IncompatibleTokens"
    paid = taken(await pay("0.50", 100_000))
    assert await recipient.total("cash") == parse_amount("8.20"), "10.00 less 1.50 share, less 0.30 fee"
    assert await recipient.total("sales") == parse_amount("10.00")
    assert await shop.total("cash") == parse_amount("1.50")

    master = Refund(shop.request(), paid, parse_amount("5.00"))
    taken(await shop.perform(master))
    assert await recipient.total("cash") == parse_amount("3.35"), "the caller keeps its share"
    both = Refund(shop.request(), paid, parse_amount("3.00"), RefundPolicy.MASTER_AND_MARKETPLACE)
    taken(await shop.perform(both))
    assert await shop.total("cash") == parse_amount("1.05")
    assert await recipient.total("cash") == parse_amount("0.89")
    assert await on_account(shop, buyer) == parse_amount("98.00")


async def test_the_callers_share_alone_can_go_back_to_the_recipient(shop: Books, open_shop: OpenBooks) -> None:
    recipient = await open_shop()
    terms = TokenTerms(max_fixed_fee_micros=parse_amount("2.00"))
    token = await shop.recipient_token(recipient, terms)
    buyer = await shop.sender_token(Method.CC)
    marketplace = Marketplace(token, fixed_fee_micros=parse_amount("2.00"))
    paid = taken(await shop.perform(Pay(shop.request(), buyer.spending, parse_amount("10.00"), marketplace)), "Pending")
    await work(shop)

    async def share(amount: str | None) -> Outcome:
        asked = None if amount is None else parse_amount(amount)
        return await shop.perform(Refund(shop.request(), paid, asked, RefundPolicy.MARKETPLACE_ONLY))

    taken(await share("0.50"))
    assert (await shop.total("cash"), await recipient.total("cash")) == (parse_amount("1.50"), parse_amount("8.20"))
    both = Refund(shop.request(), paid, parse_amount("9.00"), RefundPolicy.MASTER_AND_MARKETPLACE)
    taken(await shop.perform(both), "Pending")
    await work(shop)
    assert await shop.total("cash") == 0, "not more than what is left of the share, though 90 % of it were 1.80"
    assert said(await share(None)) == "TransactionFullyRefundedAlready"

    again = taken(await shop.perform(Pay(shop.request(), buyer.spending, parse_amount("5.00"), marketplace)), "Pending")
    await work(shop)
    declined = Refund(shop.request(), again, parse_amount("2.60"), RefundPolicy.MASTER_AND_MARKETPLACE)
    taken(await shop.perform(declined), "Pending")
    await work(shop)
    rest = Refund(shop.request(), again, parse_amount("2.01"), RefundPolicy.MARKETPLACE_ONLY)
    assert said(await shop.perform(rest)) == "RefundAmountExceeded", "the declined refund left the share whole"
    await shop.pool.execute("UPDATE account SET balance_micros = 0 WHERE book_id = $1 AND account_id = 1", shop.book_id)
    share_of_all = Refund(shop.request(), again, None, RefundPolicy.MARKETPLACE_ONLY)
    assert said(await shop.perform(share_of_all)) == "InsufficientBalance"
    await shop.pool.execute(
        "UPDATE account SET balance_micros = 2000000 WHERE book_id = $1 AND account_id = 1", shop.book_id
    )
    taken(await shop.perform(Refund(shop.request(), again, None, RefundPolicy.MARKETPLACE_ONLY)))
    assert await shop.total("cash") == 0


async def test_without_a_share_there_is_none_to_give_back(shop: Books) -> None:
    buyer = await shop.funded_buyer("10.00")
    paid = taken(await shop.pay(buyer, "1.00"))
    refund = Refund(shop.request(), paid, None, RefundPolicy.MARKETPLACE_ONLY)
    assert said(await shop.perform(refund)) == "TransactionTypeNotRefundable"


async def test_the_caller_may_pay_the_fee_of_a_marketplace_payment(shop: Books, open_shop: OpenBooks) -> None:
    recipient = await open_shop()
    token = await shop.recipient_token(recipient, TokenTerms(recipient_pays_fee=False))
    buyer = await shop.sender_token()
    await shop.deposit(buyer, "100.00")
    marketplace = Marketplace(token, FeePayer.CALLER)
    command = Pay(shop.request(), buyer.spending, parse_amount("10.00"), marketplace)
    assert said(await shop.perform(command)) == "InsufficientBalance"
    taken(await shop.pay(buyer, "1.00"))

    taken(await shop.perform(Pay(shop.request(), buyer.spending, parse_amount("10.00"), marketplace)))

    assert await recipient.total("cash") == parse_amount("10.00")
    assert await shop.total("cash") == parse_amount("0.60")


async def earned(shop: Books) -> TransactionId:
    """A payment of 1.00 by balance; 0.90 of it is the shop's."""
    payer = await shop.sender_token()
    await shop.deposit(payer, "1.00")
    return taken(await shop.pay(payer, "1.00"))


@dataclass
class Agency:
    """A caller who pays the service's fee for a recipient, out of the 0.90 that it earned before."""

    caller: Books
    recipient: Books
    marketplace: Marketplace
    buyer: Buyer
    earned: TransactionId

    @classmethod
    async def open(cls, shop: Books, open_shop: OpenBooks, share: str = "0.00") -> Agency:
        recipient = await open_shop()
        maximum = parse_amount(share)
        token = await shop.recipient_token(
            recipient, TokenTerms(recipient_pays_fee=False, max_fixed_fee_micros=maximum)
        )
        marketplace = Marketplace(token, FeePayer.CALLER, maximum)
        return cls(shop, recipient, marketplace, await shop.sender_token(Method.CC), await earned(shop))

    async def pay(self, amount: str) -> Outcome:
        command = Pay(self.caller.request(), self.buyer.spending, parse_amount(amount), self.marketplace)
        return await self.caller.perform(command)

    async def reserve(self, amount: str) -> Outcome:
        command = Reserve(self.caller.request(), self.buyer.spending, parse_amount(amount), self.marketplace)
        return await self.caller.perform(command)

    async def settle(self, held: TransactionId, amount: str) -> Outcome:
        return await self.caller.perform(Settle(held, parse_amount(amount)))

    async def totals(self) -> tuple[str, str, str]:
        """The caller's cash and fees, the recipient's cash."""
        cash, fees = await self.caller.total("cash"), await self.caller.total("fees")
        return display_amount(cash), display_amount(fees), display_amount(await self.recipient.total("cash"))


async def test_a_fee_that_the_caller_pays_is_set_aside_until_the_card_answers(
    shop: Books, open_shop: OpenBooks
) -> None:
    agency = await Agency.open(shop, open_shop)
    paid = taken(await agency.pay("10.00"), "Pending")
    assert await agency.totals() == ("0.60", "0.40", "0.00")
    assert said(await shop.refund(agency.earned)) == "InsufficientBalance", "0.30 of it is spoken for"
    taken(await shop.refund(agency.earned, "0.65"))
    assert (await verify(shop.pool)).problems == []

    await work(shop)

    assert await status(shop, paid) == ("Success", "Success")
    assert await agency.totals() == ("0.02", "0.33", "10.00")


async def test_a_fee_set_aside_comes_back_when_nothing_is_paid(shop: Books, open_shop: OpenBooks) -> None:
    agency = await Agency.open(shop, open_shop)
    taken(await agency.pay("10.70"), "Pending")
    assert await agency.totals() == ("0.58", "0.42", "0.00")
    await work(shop)
    assert await agency.totals() == ("0.90", "0.10", "0.00"), "the card declined"

    called_off = taken(await agency.pay("10.00"), "Pending")
    taken(await shop.perform(Cancel(called_off)), "Cancelled")
    assert await agency.totals() == ("0.90", "0.10", "0.00")

    held = taken(await agency.reserve("10.00"), "Pending")
    await work(shop)
    assert await agency.totals() == ("0.60", "0.40", "0.00")
    shop.clock.forward(days=7)
    await work(shop)
    assert await status(shop, held) == ("Cancelled", "Expired")
    assert await agency.totals() == ("0.90", "0.10", "0.00")


async def test_a_share_covers_the_callers_fee_as_far_as_it_goes(shop: Books, open_shop: OpenBooks) -> None:
    agency = await Agency.open(shop, open_shop, share="0.20")
    taken(await agency.pay("10.00"), "Pending")
    assert await agency.totals() == ("0.80", "0.20", "0.00"), "the share of 0.20 will cover the rest of 0.30"
    await work(shop)
    assert await agency.totals() == ("0.80", "0.40", "9.80")
    taken(await shop.refund(agency.earned, "0.80"))
    assert await shop.total("cash") == parse_amount("0.08")
    assert said(await agency.pay("10.00")) == "InsufficientBalance"


async def test_what_is_set_aside_follows_the_amount_that_is_settled(shop: Books, open_shop: OpenBooks) -> None:
    agency = await Agency.open(shop, open_shop, share="0.50")
    assert said(await agency.reserve("80.00")) == "InsufficientBalance", "2.23 less 0.50 is more than 0.90"
    held = taken(await agency.reserve("50.00"), "Pending")
    await work(shop)
    assert await agency.totals() == ("0.00", "1.00", "0.00"), "1.40 less 0.50"
    taken(await agency.settle(held, "10.00"), "Pending")
    assert await agency.totals() == ("0.70", "0.30", "0.00"), "0.30 less 0.10, a fifth of the share"
    await work(shop)
    assert await agency.totals() == ("0.70", "0.40", "9.90")

    held = taken(await agency.reserve("10.00"), "Pending")
    await work(shop)
    assert await shop.total("cash") == parse_amount("0.70"), "the share covers all of it"
    taken(await shop.refund(agency.earned, "0.78"))
    assert await shop.total("cash") == 0
    assert said(await agency.settle(held, "1.00")) == "InsufficientBalance", "0.10 is more than a tenth of the share"
    taken(await agency.settle(held, "10.00"), "Pending")
    await work(shop)
    assert await agency.totals() == ("0.20", "0.62", "19.40")


async def test_the_fee_of_a_refund_comes_back_to_the_caller_with_the_cards_answer(
    shop: Books, open_shop: OpenBooks
) -> None:
    """Sooner, the caller could spend it, and a refund that the card declines could not be booked back."""
    agency = await Agency.open(shop, open_shop)
    paid = taken(await agency.pay("10.00"), "Pending")
    await work(shop)
    refund = taken(await shop.refund(paid, "2.70"), "Pending")
    assert await agency.totals() == ("0.60", "0.40", "7.30")
    await work(shop)
    assert await status(shop, refund) == ("Failure", "TransactionDenied")
    assert await agency.totals() == ("0.60", "0.40", "10.00")

    taken(await shop.refund(paid), "Pending")
    await work(shop)
    assert await agency.totals() == ("0.90", "0.10", "0.00")


async def test_recipient_tokens_that_cannot_be_used(shop: Books, open_shop: OpenBooks) -> None:
    recipient = await open_shop()
    token = await shop.recipient_token(recipient, TokenTerms())
    buyer = await shop.sender_token()
    await shop.deposit(buyer, "100.00")

    async def pay(recipient_token: TokenId, payer: Buyer = buyer) -> Outcome:
        marketplace = Marketplace(recipient_token)
        return await shop.perform(Pay(shop.request(), payer.spending, parse_amount("10.00"), marketplace))

    assert said(await pay(buyer.spending)) == "InvalidTokenId_Recipient"
    prepaid = await shop.funded_buyer("10.00")
    assert said(await pay(token, prepaid)) == "IncompatibleTokens"
    only = await shop.sender_token(terms=TokenTerms(recipient_tokens=("another",)))
    assert said(await pay(token, only)) == "IncompatibleTokens"
    await shop.pool.execute("UPDATE party SET status = 'suspended' WHERE party_id = $1", recipient.party_id)
    assert said(await pay(token)) == "InvalidAccountState_Recipient"
    await shop.pool.execute("UPDATE token SET cancelled_at = created_at WHERE token_id = $1", token)
    assert said(await pay(token)) == "TokenNotActive_Recipient"
