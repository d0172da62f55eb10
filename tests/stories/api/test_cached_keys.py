"""A key that was used before is cached and revalidated by the optimistic read: one statement less, and never stale."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, NoReturn

import pytest
from tests.support.books import Buyer
from tests.support.shop import Answer, Shop, usd

from tallystick.domain.ids import BookId, IdKind, make_token_or_instrument_id
from tallystick.services.context import Service
from tallystick.services.process.transaction_ids import fresh_transaction_id
from tallystick.store.keys import access_keys
from tallystick.store.ledger.optimistic.payments import Snapshot, optimistic_read
from tallystick.store.ledger.optimistic.refunds import RefundSnapshot, read_refunds
from tallystick.store.ledger.shards import split


@pytest.fixture
async def buyer(shop: Shop) -> Buyer:
    """Somebody who has been charged already: the key is cached."""
    buyer = await shop.books.funded_buyer("10.00")
    await shop.done("Pay", shop.pay_parameters(buyer, "1.00"))
    return buyer


async def revoke(shop: Shop) -> None:
    await access_keys.revoke(shop.service.pool, shop.key.access_key_id, shop.clock())


async def nobody_asks(*_: object) -> NoReturn:
    raise AssertionError("the key was read by itself")


def in_the_middle(monkeypatch: pytest.MonkeyPatch, what: Any) -> None:  # noqa: ANN401 - a coroutine function
    """Run `what` after the key was taken from the cache and before the optimistic read."""

    async def later(*arguments: Any) -> Snapshot | None:  # noqa: ANN401 - passed on as they come
        await what()
        return await optimistic_read(*arguments)

    monkeypatch.setattr("tallystick.store.ledger.group_commits.optimistic_read", later)


async def test_a_key_in_use_is_not_read_by_itself(shop: Shop, buyer: Buyer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access_keys, "_find_all", nobody_asks)
    monkeypatch.setattr(shop.service.keys._reads, "read", nobody_asks)  # noqa: SLF001 - what must not happen is inside
    assert (await shop.pay(buyer, "1.00")).code is None
    assert (await shop.pay(buyer, "10.00")).code == "InsufficientBalance"


async def test_balances_look_at_a_key_in_use_too(shop: Shop, buyer: Buyer, monkeypatch: pytest.MonkeyPatch) -> None:
    tab = await shop.books.postpaid_buyer()
    monkeypatch.setattr(shop.service.keys._reads, "read", nobody_asks)  # noqa: SLF001 - what must not happen is inside
    left = await shop.call("GetPrepaidBalance", {"PrepaidInstrumentId": buyer.instrument})
    owed = await shop.call("GetDebtBalance", {"CreditInstrumentId": tab.instrument})
    assert (left.value("AvailableBalance/Value"), owed.value("AvailableBalance/Value")) == ("9.000000", "0.000000")


async def test_a_key_that_is_revoked_while_it_reads_reads_nothing(
    shop: Shop, buyer: Buyer, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = shop.service.balances._reads  # noqa: SLF001 - there is no other way to be in the middle
    read = reads.read

    async def revoked_first(asked: Sequence[Any]) -> Mapping[Any, Any]:
        await revoke(shop)
        return await read(asked)

    monkeypatch.setattr(reads, "read", revoked_first)
    answer = await shop.call("GetPrepaidBalance", {"PrepaidInstrumentId": buyer.instrument})
    assert answer.code == "InvalidClientTokenId"


async def test_statuses_look_at_a_key_in_use_too(shop: Shop, buyer: Buyer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that are asked for at the same time share a statement, and each has its own."""
    paid = [(await shop.pay(buyer, "1.00")).value("TransactionId") for _ in range(3)]
    refunded = await shop.done("Refund", {"TransactionId": paid[0], "CallerReference": "back"})
    asked = [*paid, refunded.value("TransactionId"), paid[0]]
    monkeypatch.setattr(shop.service.keys._reads, "read", nobody_asks)  # noqa: SLF001 - what must not happen is inside
    answers = await asyncio.gather(*(shop.call("GetTransactionStatus", {"TransactionId": one}) for one in asked))
    assert [one.value("TransactionId") for one in answers] == asked
    assert [one.value("TransactionStatus") for one in answers] == ["Success"] * 5
    assert answers[3].value("CallerReference") == "back"


async def test_refunds_look_at_a_key_in_use_too(shop: Shop, buyer: Buyer, monkeypatch: pytest.MonkeyPatch) -> None:
    paid = (await shop.pay(buyer, "1.00")).value("TransactionId")
    refund = {"TransactionId": paid, "CallerReference": "back"}
    with monkeypatch.context() as patched:
        patched.setattr(shop.service.keys._reads, "read", nobody_asks)  # noqa: SLF001 - what must not happen is inside
        first, again = await shop.call("Refund", refund), await shop.call("Refund", refund)
        more = await shop.call("Refund", {"TransactionId": paid, "CallerReference": "more"})
    assert first.value("TransactionId") == again.value("TransactionId")
    assert more.code == "TransactionFullyRefundedAlready"


async def test_a_key_that_is_revoked_before_its_refund_is_read_refunds_nothing(
    shop: Shop, buyer: Buyer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether there is something to refund or not: the caller hears of the key, and of nothing else."""
    paid = (await shop.pay(buyer, "1.00")).value("TransactionId")
    before = await shop.books.balance(buyer)

    async def revoked_first(*arguments: Any) -> RefundSnapshot | None:  # noqa: ANN401 - passed on as they come
        await revoke(shop)
        return await read_refunds(*arguments)

    monkeypatch.setattr("tallystick.store.ledger.optimistic.refund_commits.read_refunds", revoked_first)
    for asked in (paid, "nonsense"):
        answer = await shop.call("Refund", {"TransactionId": asked, "CallerReference": "back"})
        assert answer.code == "InvalidClientTokenId"
    assert await shop.books.balance(buyer) == before


async def test_a_key_that_is_revoked_while_it_asks_hears_no_status(
    shop: Shop, buyer: Buyer, monkeypatch: pytest.MonkeyPatch
) -> None:
    paid = (await shop.pay(buyer, "1.00")).value("TransactionId")
    reads = shop.service.statuses._reads  # noqa: SLF001 - there is no other way to be in the middle
    read = reads.read

    async def revoked_first(asked: Sequence[Any]) -> Mapping[Any, Any]:
        await revoke(shop)
        return await read(asked)

    monkeypatch.setattr(reads, "read", revoked_first)
    assert (await shop.call("GetTransactionStatus", {"TransactionId": paid})).code == "InvalidClientTokenId"


@pytest.mark.usefixtures("buyer")
async def test_who_asks_for_what_is_not_theirs_is_told_so(shop: Shop) -> None:
    moment = shop.clock()
    nobodys, elsewhere = (fresh_transaction_id(book_id, moment) for book_id in (shop.books.book_id, BookId(4711)))
    for transaction_id, code in (
        (nobodys, "InvalidParams"),
        (elsewhere, "InvalidTransactionId"),
        ("?", "InvalidParams"),
    ):
        assert (await shop.call("GetTransactionStatus", {"TransactionId": transaction_id})).code == code


@pytest.mark.usefixtures("buyer")
async def test_who_reads_what_is_not_theirs_is_told_so(shop: Shop) -> None:
    nobodys = make_token_or_instrument_id(IdKind.PREPAID_INSTRUMENT, shop.books.book_id, bytes(27))
    elsewhere = make_token_or_instrument_id(IdKind.PREPAID_INSTRUMENT, BookId(4711), bytes(27))
    for instrument_id, refusal_code in ((nobodys, "InvalidParams"), (elsewhere, "InstrumentAccessDenied")):
        answer = await shop.call("GetPrepaidBalance", {"PrepaidInstrumentId": instrument_id})
        assert answer.code == refusal_code


async def test_who_reads_with_a_revoked_key_hears_nothing_else(shop: Shop, buyer: Buyer) -> None:
    await revoke(shop)
    for spoilt in ({"PrepaidInstrumentId": "none"}, {"PrepaidInstrumentId": buyer.instrument}):
        assert (await shop.call("GetPrepaidBalance", spoilt)).code == "InvalidClientTokenId"
    assert (await shop.call("GetTransactionStatus", {"TransactionId": "none"})).code == "InvalidClientTokenId"


async def test_a_revoked_key_pays_nothing_more(shop: Shop, buyer: Buyer) -> None:
    await revoke(shop)
    assert (await shop.pay(buyer, "1.00")).code == "InvalidClientTokenId"
    assert await shop.books.balance(buyer) == usd("9.00")


@pytest.mark.usefixtures("buyer")
async def test_a_key_that_is_revoked_while_it_pays_pays_nothing(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """From a balance that has to be read for; tests/store/ledger/test_payments_from_memory.py has the others."""
    buyer = await shop.books.funded_buyer("9.00")
    in_the_middle(monkeypatch, lambda: revoke(shop))
    assert (await shop.pay(buyer, "1.00")).code == "InvalidClientTokenId"
    assert await shop.books.balance(buyer) == usd("9.00")


async def test_who_holds_a_revoked_key_hears_nothing_else(shop: Shop, buyer: Buyer) -> None:
    """Not even an error in the request, or a wrong signature, is reported."""
    await revoke(shop)
    for spoilt in ({"SenderTokenId": "none"}, {"TransactionAmount.Value": "-1"}, {"Signature": "bm90aGluZw=="}):
        assert await refusal(shop, shop.pay_parameters(buyer, "1.00") | spoilt) == "InvalidClientTokenId"


async def test_an_expired_key_pays_nothing_more(shop: Shop, buyer: Buyer) -> None:
    async with shop.service.pool.acquire() as connection:
        overlap = timedelta(hours=1)
        await access_keys.rotate(connection, shop.service.vault, shop.key.access_key_id, overlap, shop.clock())
    assert (await shop.pay(buyer, "1.00")).code is None
    shop.clock.forward(hours=1)
    assert (await shop.pay(buyer, "1.00")).code == "InvalidClientTokenId"


async def test_what_changes_about_the_caller_counts_at_once(shop: Shop, buyer: Buyer) -> None:
    await shop.service.pool.execute("UPDATE party SET status = 'closed' WHERE party_id = $1", shop.key.party_id)
    assert (await shop.pay(buyer, "1.00")).code == "AccountClosed"


async def test_the_test_clock_counts_at_once(shop: Shop, buyer: Buyer) -> None:
    first = (await shop.pay(buyer, "1.00")).value("TransactionId")
    await shop.service.pool.execute(
        "UPDATE book SET clock_offset_seconds = 86400 * 30 WHERE book_id = $1", shop.books.book_id
    )
    second = (await shop.pay(buyer, "1.00")).value("TransactionId")
    rows = await shop.service.pool.fetch(
        "SELECT received_at FROM transaction WHERE transaction_id = ANY($1::text[]) ORDER BY transaction_id",
        [first, second],
    )
    assert rows[1][0] - rows[0][0] >= timedelta(days=30)
    assert first[:10] < second[:10], "the id carries the book's time"


async def test_a_seller_with_another_book_charges_there_at_once(shop: Shop, buyer: Buyer) -> None:
    """Payments of a split account find their book by the token, which only a fresh list of books allows."""
    service: Service = shop.service
    async with service.pool.acquire() as connection:
        await split(connection, shop.key.party_id, "sandbox", 2, shop.clock())
    assert (await shop.pay(buyer, "1.00")).code is None


async def test_a_refused_payment_is_decided_once(shop: Shop, buyer: Buyer) -> None:
    before = shop.service.committer.statistics.commands
    assert (await shop.pay(buyer, "50.00")).code == "InsufficientBalance"
    assert shop.service.committer.statistics.commands == before + 1


async def refusal(shop: Shop, parameters: dict[str, str]) -> str | None:
    response = await shop.send("POST", shop.signed("POST", {"Action": "Pay", **parameters}))
    return Answer(response.status_code, response.text).code
