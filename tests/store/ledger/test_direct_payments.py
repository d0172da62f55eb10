"""Payments in real money, from opening to refund, on PostgreSQL with the simulated rail."""

from __future__ import annotations

from datetime import timedelta

from tests.store.direct import on_account, said, status, taken, work
from tests.support.books import Books

from tallystick.domain.commands import Cancel, Method, Pay, Settle
from tallystick.domain.ids import TransactionId
from tallystick.domain.money import parse_amount


async def test_a_payment_by_balance_is_decided_at_once(shop: Books) -> None:
    buyer = await shop.sender_token()
    assert said(await shop.pay(buyer, "5.00")) == "InsufficientBalance"
    await shop.deposit(buyer, "20.00")

    taken(await shop.pay(buyer, "5.00"))

    assert await shop.total("cash") == parse_amount("4.70")
    assert await shop.total("sales") == parse_amount("5.00")
    assert await on_account(shop, buyer) == parse_amount("15.00")


async def test_a_payment_by_card_waits_for_the_rail_and_a_refund_goes_back_to_it(shop: Books) -> None:
    buyer = await shop.sender_token(Method.CC)
    paid = taken(await shop.pay(buyer, "10.00"), "Pending")
    assert said(await shop.refund(paid)) == "OriginalTransactionIncomplete"
    await work(shop)
    assert await status(shop, paid) == ("Success", "Success")
    assert await shop.total("cash") == parse_amount("9.70")

    refund = taken(await shop.refund(paid, "3.00"), "Pending")
    assert await shop.total("cash") == parse_amount("6.79"), "30 % of the fee comes back"
    await work(shop)
    assert await status(shop, refund) == ("Success", "Success")
    assert said(await shop.refund(paid, "7.01")) == "RefundAmountExceeded"
    taken(await shop.refund(paid), "Pending")
    assert said(await shop.refund(paid)) == "TransactionFullyRefundedAlready"
    await work(shop)
    assert await shop.total("cash") == 0


async def test_a_refund_of_a_bank_payment_goes_to_the_account_balance_at_once(shop: Books) -> None:
    """The fixture verifies the books when the test is over."""
    buyer = await shop.sender_token(Method.ACH)
    paid = taken(await shop.pay(buyer, "10.00"), "Pending")
    await work(shop)

    taken(await shop.refund(paid, "3.00"))
    assert await on_account(shop, buyer) == parse_amount("3.00")


async def test_a_refund_that_the_rail_declines_is_booked_back(shop: Books) -> None:
    buyer = await shop.sender_token(Method.CC)
    paid = taken(await shop.pay(buyer, "10.00"), "Pending")
    await work(shop)
    refund = taken(await shop.refund(paid, "2.70"), "Pending")
    await work(shop)

    assert await status(shop, refund) == ("Failure", "TransactionDenied")
    assert await shop.total("cash") == parse_amount("9.70")
    taken(await shop.refund(paid, "10.00"), "Pending")
    await work(shop)


async def test_a_refund_needs_the_sellers_cash(shop: Books) -> None:
    buyer = await shop.sender_token()
    await shop.deposit(buyer, "20.00")
    paid = taken(await shop.pay(buyer, "20.00"))
    await shop.pool.execute("UPDATE account SET balance_micros = 0 WHERE book_id = $1 AND account_id = 1", shop.book_id)
    assert said(await shop.refund(paid)) == "InsufficientBalance"
    await shop.pool.execute(
        "UPDATE account SET balance_micros = 19420000 WHERE book_id = $1 AND account_id = 1", shop.book_id
    )
    taken(await shop.refund(paid, "5.00"))
    assert await on_account(shop, buyer) == parse_amount("5.00"), "a balance payment goes back to the balance"


async def test_a_reservation_is_settled_once_for_what_was_held_or_less(shop: Books) -> None:
    buyer = await shop.sender_token(Method.CC)
    assert said(await shop.reserve(await shop.sender_token(Method.ACH), "5.00")) == "PaymentInstrumentNotCC"
    held = taken(await shop.reserve(buyer, "50.00"), "Pending")
    assert said(await shop.perform(Settle(held, None))) == "OriginalTransactionIncomplete"
    await work(shop)
    assert await status(shop, held) == ("Reserved", "Success")
    assert await shop.total("cash") == 0
    assert said(await shop.perform(Settle(held, parse_amount("50.01")))) == "SettleAmountGreaterThanReserveAmount"

    assert taken(await shop.perform(Settle(held, parse_amount("10.00"))), "Pending") == held
    assert said(await shop.perform(Settle(held, None))) == "InvalidTransactionState"
    await work(shop)

    assert await status(shop, held) == ("Success", "Success")
    assert await shop.total("cash") == parse_amount("9.70")
    steps = await shop.pool.fetch(
        "SELECT status FROM transaction_step WHERE book_id = $1 AND transaction_id = $2 ORDER BY number",
        shop.book_id,
        held,
    )
    assert [row["status"] for row in steps] == ["Reserved", "Pending", "Success"]
    taken(await shop.refund(held, "1.00"), "Pending")
    await work(shop)


async def test_a_reservation_is_cancelled_by_the_caller_or_by_time(shop: Books) -> None:
    buyer = await shop.sender_token(Method.CC)
    one, other = [taken(await shop.reserve(buyer, "5.00"), "Pending") for _ in range(2)]
    await work(shop)
    taken(await shop.perform(Cancel(one)), "Cancelled")
    taken(await shop.perform(Cancel(one)), "Cancelled")
    assert said(await shop.perform(Settle(one, None))) == "InvalidTransactionState"

    shop.clock.forward(days=6, hours=23)
    await work(shop)
    assert await status(shop, other) == ("Reserved", "Success")
    shop.clock.forward(hours=1)
    assert said(await shop.perform(Settle(other, None))) == "InvalidTransactionState"
    await work(shop)
    assert await status(shop, other) == ("Cancelled", "Expired")
    voids = await shop.pool.fetchval(
        "SELECT count(*) FROM simulated_charge WHERE operation = 'void' AND idempotency_key LIKE ANY($1::text[])",
        [f"{one}%", f"{other}%"],
    )
    assert voids == 2


async def test_a_payment_can_be_cancelled_until_the_rail_is_asked(shop: Books) -> None:
    buyer = await shop.sender_token(Method.CC)
    early, late = taken(await shop.pay(buyer, "5.00"), "Pending"), taken(await shop.pay(buyer, "6.00"), "Pending")
    taken(await shop.perform(Cancel(early)), "Cancelled")
    await work(shop)
    assert await status(shop, early) == ("Cancelled", "Canceled")
    assert await status(shop, late) == ("Success", "Success")
    assert said(await shop.perform(Cancel(late))) == "InvalidTransactionState"
    assert said(await shop.perform(Cancel(TransactionId("0" * 35)))) == "InvalidTransactionId"


async def test_a_payment_not_asked_for_in_time_fails_as_expired(shop: Books) -> None:
    buyer = await shop.sender_token(Method.CC)
    command = Pay(shop.request(), buyer.spending, parse_amount("5.00"), timeout=timedelta(minutes=5))
    opened = taken(await shop.perform(command), "Pending")
    await shop.pool.execute(
        "UPDATE rail_request SET due_at = (due_at AT TIME ZONE 'UTC' + interval '1 hour') AT TIME ZONE 'UTC'"
        " WHERE transaction_id = $1",
        opened,
    )
    shop.clock.forward(minutes=5)
    await work(shop)
    assert await status(shop, opened) == ("Failure", "Expired")


async def test_refunds_of_real_money_move_whole_cents(shop: Books) -> None:
    buyer = await shop.sender_token()
    await shop.deposit(buyer, "5.00")
    paid = taken(await shop.pay(buyer, "5.00"))
    assert said(await shop.refund(paid, "0.009999")) == "AmountOutOfRange"
    taken(await shop.refund(paid, "1.019999"))
    assert await on_account(shop, buyer) == parse_amount("1.01")
