"""What refunds give back of the service's fee: never more than it was, whichever of them a card declines."""

from __future__ import annotations

import pytest
from tests.conftest import MakeDatabase
from tests.store.direct import taken, work
from tests.support.books import Books, OpenBooks
from tests.support.earlier_schemas import go_back, run_script

from tallystick.db.connections import Pool
from tallystick.db.database import open_pool
from tallystick.db.migrate import migrate
from tallystick.domain.commands import FeePayer, Marketplace, Method, Pay, TokenTerms
from tallystick.domain.ids import TokenId, TransactionId
from tallystick.domain.money import parse_amount
from tallystick.domain.outcomes import Done
from tallystick.domain.rails.commands import Declined, Paid, RailOperation, ResolveCharge
from tallystick.store.ledger.verify import verify

THIRD = "1.10"
"""Of a payment of 3.30, whose fee is 0.22: thirds of it are 0.07, 0.08 and 0.07."""

BEFORE_0020 = """
ALTER TABLE transaction DROP COLUMN fee_refunded_micros;
UPDATE alembic_version SET version_num = '0019';
"""


async def paid_by_card(shop: Books) -> TransactionId:
    buyer = await shop.sender_token(Method.CC)
    paid = taken(await shop.pay(buyer, "3.30"), "Pending")
    await work(shop)
    return paid


async def begin(shop: Books, paid: TransactionId) -> TransactionId:
    return taken(await shop.refund(paid, THIRD), "Pending")


async def end(shop: Books, refund: TransactionId, *, declined: bool = False) -> None:
    answer = Declined("TransactionDenied", "no") if declined else Paid()
    assert await shop.perform(ResolveCharge(refund, "simulated", answer, RailOperation.REFUND)) == Done()


async def given_back(shop: Books, paid: TransactionId) -> int:
    """The fee given back, as the payment records it."""
    statement = "SELECT fee_refunded_micros FROM transaction WHERE book_id = $1 AND transaction_id = $2"
    return int(await shop.pool.fetchval(statement, shop.book_id, paid))


@pytest.mark.parametrize("declined", [0, 1])
async def test_a_fee_is_given_back_once_though_a_refund_is_declined(shop: Books, declined: int) -> None:
    paid = await paid_by_card(shop)
    assert await shop.total("fees") == parse_amount("0.22")
    for number, refund in enumerate([await begin(shop, paid), await begin(shop, paid)]):
        await end(shop, refund, declined=number == declined)
    await end(shop, await begin(shop, paid))

    await end(shop, await begin(shop, paid))

    assert await given_back(shop, paid) == parse_amount("0.22")
    assert (await shop.total("fees"), await shop.total("cash")) == (0, 0)


async def test_a_declined_refund_leaves_the_fee_to_the_next_one(shop: Books) -> None:
    paid = await paid_by_card(shop)
    refund = taken(await shop.refund(paid), "Pending")
    assert await given_back(shop, paid) == parse_amount("0.22"), "what waits for the rail is spoken for"
    await end(shop, refund, declined=True)
    assert await given_back(shop, paid) == 0
    assert await shop.total("fees") == parse_amount("0.22")

    await end(shop, await begin(shop, paid))

    assert await given_back(shop, paid) == parse_amount("0.07")


async def test_the_last_refund_of_a_fee_that_the_caller_pays_can_be_booked(shop: Books, open_shop: OpenBooks) -> None:
    """The fee comes back with the card's answer, and the caller has paid no other fee that more could be taken from."""
    token = await shop.recipient_token(await open_shop(), TokenTerms(max_fixed_fee_micros=parse_amount("2.00")))
    await earn(shop, token)
    command = Pay(
        shop.request(),
        (await shop.sender_token(Method.CC)).spending,
        parse_amount("3.30"),
        Marketplace(token, FeePayer.CALLER),
    )
    paid = taken(await shop.perform(command), "Pending")
    await work(shop)
    assert await shop.total("fees") == parse_amount("0.22")
    first, second = await begin(shop, paid), await begin(shop, paid)
    await end(shop, first, declined=True)
    await end(shop, second)
    await end(shop, await begin(shop, paid))

    await end(shop, await begin(shop, paid))

    assert (await shop.total("fees"), await shop.total("cash")) == (0, parse_amount("2.00"))


async def earn(shop: Books, token: TokenId) -> None:
    """A share of 2.00, of which no fee is taken: the recipient pays it."""
    buyer = await shop.sender_token()
    await shop.deposit(buyer, "20.00")
    marketplace = Marketplace(token, FeePayer.RECIPIENT, parse_amount("2.00"))
    taken(await shop.perform(Pay(shop.request(), buyer.spending, parse_amount("20.00"), marketplace)))


async def test_verify_compares_a_fee_with_what_was_given_back(own_pool: Pool, open_shop: OpenBooks) -> None:
    shop = await open_shop(own_pool)
    paid = await paid_by_card(shop)
    await end(shop, await begin(shop, paid))
    assert (await verify(own_pool)).problems == []

    await own_pool.execute("UPDATE transaction SET fee_refunded_micros = 60000 WHERE fee_refunded_micros > 0")
    assert await problems(own_pool) == [f"{paid}: 60000 of its fee of 220000 given back, its refunds sum to 70000"]
    await own_pool.execute("UPDATE transaction SET fee_refunded_micros = 230000 WHERE fee_refunded_micros > 0")
    await own_pool.execute("UPDATE transaction SET fee_micros = -230000 WHERE operation = 'Refund'")
    assert await problems(own_pool) == [f"{paid}: 230000 of its fee of 220000 given back, its refunds sum to 230000"]


async def problems(pool: Pool) -> list[str]:
    """What the check of fees found, without the numbers of books."""
    (check,) = [each for each in (await verify(pool)).checks if each.name == "fees_given_back_agree"]
    return [problem.partition("transaction ")[2] for problem in check.problems]


async def test_a_filled_database_is_told_what_was_given_back(make_database: MakeDatabase, open_shop: OpenBooks) -> None:
    url = await make_database()
    await migrate(url)
    async with await open_pool(url, max_size=3) as pool:
        shop = await open_shop(pool)
        refunded, whole = await paid_by_card(shop), await paid_by_card(shop)
        first, second = await begin(shop, refunded), await begin(shop, refunded)
        await end(shop, first, declined=True)
        await end(shop, second)
        await begin(shop, refunded)  # pending at the rail
        file = "SELECT pg_relation_filenode('transaction')"
        before = await pool.fetchval(file)
        await go_back(pool, "0021")
        await run_script(pool, BEFORE_0020)

        assert (await migrate(url))[0] == "0020"

        await pool.expire_connections()
        assert await pool.fetchval(file) == before, "no row was written anew but those of what was refunded"
        assert [await given_back(shop, each) for each in (refunded, whole)] == [parse_amount("0.15"), 0]
        assert (await verify(pool)).problems == []
        await end(shop, await begin(shop, refunded))
        assert await given_back(shop, refunded) == parse_amount("0.22")
