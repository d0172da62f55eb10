"""What has to happen before asking again helps, for each refusal of which the reference says that it can."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

from tests.stories.api.causes.provoking import CARD, CAUSES, Cause, in_process, paid, payer, recipient_of, standing
from tests.support.books import Buyer
from tests.support.shop import Answer, Shop, amount

from tallystick.db.database import open_pool
from tallystick.domain.commands import LimitTerms
from tallystick.domain.ids import InstrumentId, PartyId, TokenId
from tallystick.domain.limits import LimitKind
from tallystick.domain.periods import Period
from tallystick.services.operations.fee_schedules import read_fee_schedules
from tallystick.store.charges import charge_rules
from tallystick.store.ledger import create_book
from tallystick.store.ledger.rules import Rules

Mend = Callable[[Shop, dict[str, str]], Awaitable[Shop | None]]
"""Given the shop and what it had asked for. It may give another one to ask again with than the one that was refused."""

MENDS: Final[dict[str, Mend]] = {}
OTHER_CAUSES: Final[dict[str, Cause]] = {}
"""Where the usual cause of a code is one of those that nothing mends."""

ELSEWHERE: Final = {
    "Throttling": "tests/stories/api/test_throttling.py::test_a_key_that_calls_too_often_is_throttled",
}
"""Codes that are provoked at a service of their own, and where that is shown, up to the call that succeeds."""


def mends(*codes: str) -> Callable[[Mend], Mend]:
    def register(mend: Mend) -> Mend:
        for code in codes:
            assert MENDS.setdefault(code, mend) is mend
        return mend

    return register


def mended_after(code: str) -> Callable[[Cause], Cause]:
    def register(cause: Cause) -> Cause:
        assert OTHER_CAUSES.setdefault(code, cause) is cause
        return cause

    return register


def cause_of(code: str) -> Cause:
    return OTHER_CAUSES.get(code) or CAUSES[code]


@mends("RequestExpired")
async def nothing(_: Shop, __: dict[str, str]) -> None:
    """Whoever asks again does so now."""


@mends("ConcurrentModification", "InternalError", "ServiceUnavailable")
async def rival_and_fault_have_gone(shop: Shop, _: dict[str, str]) -> Shop:
    return shop


@mends("AccessFailure")
async def without_faults_by_amount(shop: Shop, _: dict[str, str]) -> Shop:
    return in_process(shop, rules=Rules(read_fee_schedules(None), simulate_faults=False))


@mends("AuthFailure")
async def the_live_books_are_opened(shop: Shop, _: dict[str, str]) -> None:
    async with shop.service.pool.acquire() as connection:
        await create_book.create_seller_book(connection, shop.key.party_id, "live", shop.clock())


@mends("InvalidAccountState", "InvalidAccountState_Caller")
async def the_seller_is_active_again(shop: Shop, _: dict[str, str]) -> None:
    await standing(shop, shop.key.party_id, "status", "active")


@mends("InvalidAccountState_Recipient")
async def the_recipient_is_active_again(shop: Shop, params: dict[str, str]) -> None:
    await standing(shop, await recipient_of(shop, params["RecipientTokenId"]), "status", "active")


@mends("InvalidAccountState_Sender")
async def the_sender_is_active_again(shop: Shop, params: dict[str, str]) -> None:
    await standing(shop, await recipient_of(shop, params["SenderTokenId"]), "status", "active")


@mends("TransactionDenied")
async def the_sender_is_allowed_again(shop: Shop, params: dict[str, str]) -> None:
    await standing(shop, await recipient_of(shop, params["SenderTokenId"]), "denied", value=False)


@mends("InvalidRecipientForCCTransaction")
async def the_seller_may_take_cards(shop: Shop, _: dict[str, str]) -> None:
    await standing(shop, shop.key.party_id, "receives_cards", value=True)


@mends("NotMarketplaceApp")
async def the_seller_is_a_marketplace(shop: Shop, _: dict[str, str]) -> None:
    await standing(shop, shop.key.party_id, "marketplace", value=True)


@mends("AccountLimitsExceeded", "UnverifiedAccount_Sender", "UnverifiedAccount_Recipient")
async def both_accounts_are_verified(shop: Shop, params: dict[str, str]) -> None:
    for party in (shop.key.party_id, await recipient_of(shop, params["SenderTokenId"])):
        await standing(shop, party, "verified_at", shop.clock())


@mends("UnverifiedBankAccount")
async def the_bank_account_is_verified(shop: Shop, params: dict[str, str]) -> None:
    await shop.service.pool.execute(
        "UPDATE payment_method SET verified_at = $2 WHERE party_id = $1",
        await recipient_of(shop, params["SenderTokenId"]),
        shop.clock(),
    )


@mends("UnverifiedEmailAddress_Caller", "UnverifiedEmailAddress_Recipient", "UnverifiedEmailAddress_Sender")
async def all_addresses_are_verified(shop: Shop, params: dict[str, str]) -> None:
    tokens = [params[name] for name in ("SenderTokenId", "RecipientTokenId") if name in params]
    for party in (shop.key.party_id, *[await recipient_of(shop, token) for token in tokens]):
        await standing(shop, party, "email_verified_at", shop.clock())


@mends("InactiveInstrument")
async def the_card_is_another_one(shop: Shop, params: dict[str, str]) -> None:
    await shop.service.pool.execute(
        "UPDATE payment_method SET expires_on = NULL WHERE party_id = $1",
        await recipient_of(shop, params["SenderTokenId"]),
    )


@mended_after("InsufficientBalance")
async def one_cent_is_lacking(shop: Shop) -> Answer:
    buyer = await shop.books.sender_token()
    await shop.books.deposit(buyer, "4.99")
    return await shop.pay(buyer, "5.00")


@mends("InsufficientBalance")
async def there_is_enough(shop: Shop, params: dict[str, str]) -> None:
    party_id = PartyId(await recipient_of(shop, params["SenderTokenId"]))
    token = TokenId(params["SenderTokenId"])
    await shop.books.deposit(Buyer(party_id, InstrumentId(""), token, token), "0.01")


@mended_after("PrepaidFundingLimitExceeded")
async def the_balance_is_nearly_full(shop: Shop) -> Answer:
    buyer = await shop.books.funded_buyer("20.00", limit="25.00")
    await shop.books.deposit(buyer, "20.00")
    return await shop.fund(buyer, "6.00")


@mends("PrepaidFundingLimitExceeded")
async def some_is_spent(shop: Shop, params: dict[str, str]) -> None:
    await shop.done("Pay", charge(await spending_token(shop, params["PrepaidInstrumentId"]), shop.reference()))


@mended_after("SettleAmountGreaterThanDebt")
async def nothing_is_owed_yet(shop: Shop) -> Answer:
    return await shop.settle(await shop.books.postpaid_buyer(), "0.50")


@mends("SettleAmountGreaterThanDebt")
async def more_is_owed(shop: Shop, params: dict[str, str]) -> None:
    await shop.done("Pay", charge(await spending_token(shop, params["CreditInstrumentId"]), shop.reference()))
    owes = await recipient_of(shop, params["SenderTokenId"])
    token = TokenId(params["SenderTokenId"])
    await shop.books.deposit(Buyer(PartyId(owes), InstrumentId(""), token, token), "1.00")


@mended_after("AmountOutOfRange")
async def amount_too_small(shop: Shop) -> Answer:
    return await shop.pay(await shop.books.funded_buyer("1.00"), "0.001")


@mends("AmountOutOfRange")
async def the_seller_takes_payments_so_small(shop: Shop, _: dict[str, str]) -> None:
    async with shop.service.pool.acquire() as connection, connection.transaction():
        await charge_rules.set_smallest_charge(connection, [shop.books.book_id], 1_000)


@mended_after("TokenUsageError")
async def the_limit_of_the_day_is_used(shop: Shop) -> Answer:
    buyer = await payer(shop, limits=(LimitTerms(LimitKind.COUNT, 1, Period(1, "Day")),))
    await shop.pay(buyer, "1.00")
    return await shop.pay(buyer, "1.00")


@mends("TokenUsageError", "InvalidDateRange", "InvalidTokenId_Sender")
async def two_days_go_by(shop: Shop, _: dict[str, str]) -> None:
    shop.clock.forward(days=2)


@mended_after("InvalidTokenId_Sender")
async def the_authorization_begins_tomorrow(shop: Shop) -> Answer:
    buyer = await payer(shop)
    tomorrow = shop.clock() + timedelta(days=1)
    await shop.service.pool.execute("UPDATE token SET valid_from = $2 WHERE token_id = $1", buyer.spending, tomorrow)
    return await shop.pay(buyer, "1.00")


@mends("InvalidCallerReference")
async def such_a_token_is_installed(shop: Shop, params: dict[str, str]) -> None:
    buyer = await payer(shop)
    await shop.service.pool.execute(
        "UPDATE token SET caller_reference = $2 WHERE token_id = $1", buyer.spending, params["CallerReference"]
    )


@mended_after("PaymentInstrumentMissing")
async def the_seller_has_no_card(shop: Shop) -> Answer:
    text = {"PaymentInstruction": "MyRole == 'Sender'; string PaymentMethod := 'cc';", "TokenType": "Unrestricted"}
    return await shop.call("InstallPaymentInstruction", text | {"CallerReference": shop.reference()})


@mends("PaymentInstrumentMissing")
async def the_seller_has_a_card(shop: Shop, _: dict[str, str]) -> None:
    await shop.service.pool.execute(
        "INSERT INTO payment_method (party_id, environment, method, rail, rail_token, label, last_four, created_at)"
        " VALUES ($1, 'sandbox', 'CC', 'simulated', $2, 'Card', '4242', $3)",
        shop.key.party_id,
        shop.reference(),
        shop.clock(),
    )


@mends("OriginalTransactionIncomplete", "RefundAmountExceeded", "TransactionFullyRefundedAlready")
async def the_rail_has_answered(shop: Shop, _: dict[str, str]) -> None:
    await shop.rail_answers()


@mended_after("RefundAmountExceeded")
async def a_refund_that_will_fail_is_under_way(shop: Shop) -> Answer:
    original = await charged(shop)
    await shop.refund(original, "2.71")
    return await shop.refund(original, "2.50")


@mended_after("TransactionFullyRefundedAlready")
async def the_last_refund_will_fail(shop: Shop) -> Answer:
    original = await charged(shop)
    await shop.refund(original, "2.29")
    await shop.rail_answers()
    await shop.refund(original, "2.71")
    return await shop.refund(original)


@mended_after("ServiceUnavailable")
async def the_database_is_gone(shop: Shop) -> Answer:
    dsn = shop.service.settings.database_url
    assert dsn is not None
    closed = await open_pool(dsn, max_size=1)
    await closed.close()
    return await in_process(shop, pool=closed).pay(await payer(shop), "1.00")


async def charged(shop: Shop) -> str:
    """A payment of 5.00 by card that has come in."""
    original = await paid(shop, "5.00", CARD)
    await shop.rail_answers()
    return original


def charge(token: str, reference: str) -> dict[str, str]:
    return {"SenderTokenId": token, **amount("TransactionAmount", "1.00"), "CallerReference": reference}


async def spending_token(shop: Shop, instrument: str) -> str:
    found = await shop.service.pool.fetchval(
        "SELECT token_id FROM token WHERE instrument_id = $1 AND purpose IN ('prepaid_sender', 'credit_sender')",
        instrument,
    )
    assert isinstance(found, str)
    return found
