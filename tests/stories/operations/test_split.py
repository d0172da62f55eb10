"""A seller with several books: to its program and its buyers there is one account."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace

import pytest
from tests.stories.conftest import OpenShop
from tests.support.books import Buyer
from tests.support.shop import Shop, usd

from tallystick.domain.commands import Method
from tallystick.domain.ids import BookId, TransactionId, book_named_in
from tallystick.services.charges import charge_rules
from tallystick.services.operations.audit import Actor
from tallystick.services.seller.manual_operations import context_with_book
from tallystick.store.keys import access_keys
from tallystick.store.ledger import shards
from tallystick.store.records import outbox


@dataclass
class Large:
    """A seller after the split. `branches`: the same seller, each with another of its books behind the API."""

    shop: Shop
    branches: list[Shop]


@pytest.fixture
async def large(shop: Shop) -> Large:
    books = await split(shop, 3)
    key = await access_keys.find(shop.service.pool, shop.service.vault, shop.key.access_key_id, shop.clock())
    assert key is not None
    assert key.parts == books
    shop = shop.with_key(key)
    return Large(shop, [replace(shop, books=replace(shop.books, book_id=book_id)) for book_id in books])


async def split(shop: Shop, count: int) -> tuple[BookId, ...]:
    async with shop.service.pool.acquire() as connection:
        return await shards.split(connection, shop.key.party_id, "sandbox", count, shop.clock())


async def funded(branch: Shop, value: str) -> Buyer:
    buyer = await branch.books.prepaid_buyer()
    await branch.books.deposit(buyer, value)
    assert (await branch.fund(buyer, value)).code is None
    return buyer


async def test_balance_liability_and_debt_are_those_of_all_books(large: Large) -> None:
    shop = large.shop
    for branch, value in zip(large.branches, ("10.00", "7.00", "5.00"), strict=True):
        buyer = await funded(branch, value)
        assert (await shop.pay(buyer, "1.00")).code is None
        debtor = await branch.books.postpaid_buyer()
        assert (await shop.pay(debtor, "2.50")).code is None
        assert await shop.balance(buyer) == usd(value) - usd("1.00")

    liability = await shop.done("GetTotalPrepaidLiability")
    debt = await shop.done("GetOutstandingDebtBalance")
    balance = await shop.done("GetAccountBalance")
    assert liability.amount("OutstandingBalance") == usd("19.00")
    assert debt.amount("OutstandingBalance") == usd("7.50")
    cash = [await branch.books.total("cash") for branch in large.branches]
    assert balance.amount("TotalBalance") == balance.amount("DisburseBalance") == sum(cash)
    assert balance.amount("RefundBalance") == cash[0]


async def test_everything_that_names_an_id_finds_its_book(large: Large) -> None:
    shop, branch = large.shop, large.branches[2]
    buyer = await funded(branch, "10.00")
    paid = (await shop.pay(buyer, "4.00")).value("TransactionId")
    refunded = (await shop.refund(paid, "1.50")).value("TransactionId")
    debtor = await branch.books.postpaid_buyer(method=Method.CC)
    await shop.pay(debtor, "9.00")
    settled = (await shop.settle(debtor, "6.00")).value("TransactionId")
    await shop.rail_answers()
    await shop.write_off(debtor, "3.00")

    made = {book_named_in(TransactionId(transaction)) for transaction in (paid, refunded, settled)}
    assert made == {branch.books.book_id}
    assert await shop.balance(buyer) == usd("7.50")
    assert await shop.debt(debtor) == 0
    detail = await shop.done("GetTransaction", {"TransactionId": paid})
    assert detail.value("RelatedTransaction/TransactionId") == refunded
    assert (await shop.done("GetTransactionStatus", {"TransactionId": settled})).value("TransactionStatus") == "Success"
    assert (await shop.done("GetTokenByCaller", {"TokenId": buyer.spending})).value("TokenId") == buyer.spending
    await shop.done("CancelToken", {"TokenId": buyer.spending})
    assert (await shop.pay(buyer, "1.00")).code == "TokenNotActive_Sender"


async def test_a_retry_is_carried_out_once_in_any_part(large: Large) -> None:
    buyer = await funded(large.branches[1], "10.00")
    first = await large.shop.pay(buyer, "4.00", "order-7")
    again = await large.shop.pay(buyer, "4.00", "order-7")
    other = await large.shop.pay(buyer, "5.00", "order-7")

    assert first.value("TransactionId") == again.value("TransactionId")
    assert other.code == "DuplicateRequest"
    assert await large.shop.balance(buyer) == usd("6.00")


@pytest.mark.parametrize("order", ["Ascending", "Descending"])
async def test_one_list_of_activity_page_by_page(large: Large, order: str) -> None:
    shop = large.shop
    start = shop.clock().strftime("%Y-%m-%dT%H:%M:%SZ")
    buyers = [await funded(branch, "10.00") for branch in large.branches]
    for number in range(24):
        shop.clock.forward(seconds=number % 2)
        assert (await shop.pay(buyers[number % 3], "0.10")).code is None
    shop.clock.forward(seconds=1)

    seen: list[str] = []
    balances: list[str] = []
    cursor: dict[str, str] = {"StartDate": start}
    while True:
        page = await shop.done("GetAccountActivity", {"MaxBatchSize": "20", "SortOrderByDate": order, **cursor})
        seen += page.values("GetAccountActivityResult/Transaction/TransactionId")
        balances += page.values("GetAccountActivityResult/Transaction/Balance/Value")
        following = page.values("StartTimeForNextTransaction")
        if not following:
            break
        name = "StartDate" if order == "Ascending" else "EndDate"
        cursor[name] = following[0]

    assert len(seen) == len(set(seen)) == 27
    assert [text[:10] for text in seen] == sorted((text[:10] for text in seen), reverse=order == "Descending")
    latest = balances[-1] if order == "Ascending" else balances[0]
    assert usd(latest[:-4]) == await shop.cash()


async def test_clock_and_addresses_are_those_of_all_books(large: Large) -> None:
    shop, pool = large.shop, large.shop.service.pool
    url = f"https://{secrets.token_hex(4)}.example/ipn"
    async with pool.acquire() as connection:
        await outbox.set_address(connection, shop.books.book_id, url, shop.clock())
    await outbox.set_wishes(pool, shop.books.book_id, immediate=False)

    rows = await pool.fetch(
        "SELECT notification_url, notify_immediate, clock_offset_seconds FROM book WHERE party_id = $1",
        shop.key.party_id,
    )
    assert [tuple(row) for row in rows] == [(url, False, 0)] * 3
    assert await split(shop, 4)  # a new one has the settings of the first
    rows = await pool.fetch("SELECT DISTINCT notification_url FROM book WHERE party_id = $1", shop.key.party_id)
    assert [row[0] for row in rows] == [url]


async def test_others_still_get_in_nowhere(large: Large, open_shop: OpenShop) -> None:
    stranger = await open_shop()
    buyer = await funded(large.branches[1], "10.00")

    assert (await stranger.pay(buyer, "1.00")).code == "InvalidTokenId_Sender"
    asked = await stranger.call("GetPrepaidBalance", {"PrepaidInstrumentId": buyer.instrument})
    assert asked.code == "InstrumentAccessDenied"


async def test_all_parts_have_the_same_smallest_charge_and_new_ones_too(large: Large) -> None:
    shop = large.shop
    parts = shop.key.parts
    books = await context_with_book(shop.service, Actor.command("test"), shop.key.party_id, parts[0])
    assert books is not None
    await split(shop, 4)  # after the context was made
    await charge_rules.set_smallest_charge(books, 1)
    await split(shop, 5)
    rows = await shop.service.pool.fetch(
        "SELECT part, minimum_charge_micros FROM book WHERE party_id = $1 ORDER BY part", shop.key.party_id
    )
    assert [tuple(row) for row in rows] == [(part, 1) for part in range(5)]


async def test_parts_are_never_joined_and_splitting_twice_changes_nothing(large: Large) -> None:
    assert await split(large.shop, 3) == large.shop.key.parts
    with pytest.raises(ValueError, match="never joined"):
        await split(large.shop, 2)
    with pytest.raises(shards.NoBookError):
        async with large.shop.service.pool.acquire() as connection:
            await shards.split(connection, large.shop.key.party_id, "live", 2, large.shop.clock())


async def test_a_token_reference_belongs_to_one_part_for_ever(large: Large) -> None:
    pool, (first, second, third) = large.shop.service.pool, large.shop.key.parts
    older = await large.branches[0].books.prepaid_buyer()
    reference = await pool.fetchval("SELECT caller_reference FROM token WHERE token_id = $1", older.spending)

    assert not await shards.claim(pool, large.shop.key.parts, second, [reference])
    assert await shards.claim(pool, large.shop.key.parts, second, ["spending-1", "funding-1"])
    assert await shards.claim(pool, large.shop.key.parts, second, ["spending-1"])
    assert not await shards.claim(pool, large.shop.key.parts, third, ["funding-1"])
    assert await shards.choose(pool, large.shop.key.parts, ["funding-1"], "any turn") == second
    turns = {await shards.choose(pool, large.shop.key.parts, ["new"], secrets.token_hex(8)) for _ in range(60)}
    assert turns == {first, second, third}


OF_ONE_BOOK = {"book_id", "part", "parts", "created_at", "archived_before", "events_since", "operator_part"}
"""What is not the seller's to choose for all books."""

CHOSEN = {
    "minimum_charge_micros": 20_000,
    "clock_offset_seconds": 60,
    "notification_url": "https://seller.example/ipn",
    "notify_immediate": True,
    "notify_write_offs": False,
    "signature_method": "RSA-SHA256",
    "disputed_settlements": "loss",
    "dust_rule": "round",
    "charge_events": True,
}


async def test_new_books_have_all_that_was_chosen_for_the_first(shop: Shop) -> None:
    pool, book_id = shop.service.pool, shop.books.book_id
    (usual,) = await pool.fetch("SELECT * FROM book WHERE book_id = $1", book_id)
    assert not {name for name, value in CHOSEN.items() if usual[name] == value}, "each is another than it would be"
    for name, value in CHOSEN.items():
        await pool.execute(f"UPDATE book SET {name} = $2 WHERE book_id = $1", book_id, value)  # noqa: S608
    await split(shop, 2)
    rows = await pool.fetch("SELECT * FROM book WHERE party_id = $1 ORDER BY part", shop.key.party_id)
    first, new = ({name: value for name, value in row.items() if name not in OF_ONE_BOOK} for row in rows)
    assert new == first
    assert first.items() >= CHOSEN.items()
