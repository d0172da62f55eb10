"""Requests are kept as they came, beside the books: who asks what a program sent can read it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from tests.stories.api.test_batch import line, pay
from tests.stories.soap.soap_client import program_of
from tests.stories.soap.test_soap import call, dollars
from tests.support.books import Buyer
from tests.support.shop import Answer, Shop, Way, canonical

from tallystick.domain.ids import BookId, TransactionId
from tallystick.services.process.transaction_ids import fresh_transaction_id
from tallystick.store.records import kept_requests
from tallystick.store.records.kept_requests import (
    MAX_CHARACTERS,
    MAX_OF_A_BOOK,
    MAX_WAITING,
    KeptRequest,
    KeptRequests,
    as_text,
)

AT = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
async def buyer(shop: Shop) -> Buyer:
    await shop.service.requests.write(shop.service.pool)  # flush what other tests left in the buffer
    return await shop.books.funded_buyer("10.00")


async def kept(shop: Shop, transaction_id: str) -> Sequence[KeptRequest]:
    await shop.service.requests.write(shop.service.pool)
    return await kept_requests.of_transaction(shop.service.pool, shop.books.book_id, TransactionId(transaction_id))


@pytest.mark.parametrize("way", ["GET", "POST"])
async def test_a_call_can_be_read_as_it_came(shop: Shop, buyer: Buyer, way: Way) -> None:
    params = shop.signed(way, {"Action": "Pay", **shop.pay_parameters(buyer, "1.00"), "SenderDescription": "A song"})
    response = await shop.send(way, params)

    (one,) = await kept(shop, Answer(response.status_code, response.text).value("TransactionId"))

    assert (one.verb, one.host, one.path) == (way, shop.host, "/")
    assert one.content == canonical(params)
    assert one.request_id in response.text
    assert one.received_at == shop.clock()


async def test_a_repeated_call_is_beside_the_first(shop: Shop, buyer: Buyer) -> None:
    params = shop.pay_parameters(buyer, "1.00")
    first = await shop.done("Pay", params)
    shop.clock.forward(seconds=1)
    await shop.done("Pay", params)

    both = await kept(shop, first.value("TransactionId"))

    assert [parse_qs(one.content)["CallerReference"] for one in both] == [[params["CallerReference"]]] * 2
    assert both[0].received_at < both[1].received_at


async def test_lines_of_a_batch_and_envelopes_too(shop: Shop, buyer: Buyer, tmp_path: Path) -> None:
    (outcome,) = await pay(shop, line(shop, buyer, "0.05", "song-1"))
    (one,) = await kept(shop, outcome["transaction_id"])
    assert (one.verb, one.path) == ("POST", "/v1/payments/batch")
    assert '"song-1"' in one.content

    client = await (await program_of(shop, tmp_path)).client("2010-08-28")
    paid = await call(
        client, "Pay", SenderTokenId=buyer.spending, TransactionAmount=dollars("1"), CallerReference="song-2"
    )
    (one,) = await kept(shop, paid.PayResult.TransactionId)
    assert one.content.lstrip().startswith("<")
    assert "song-2" in one.content


async def test_what_moves_no_money_or_is_refused_is_not_kept(shop: Shop, buyer: Buyer) -> None:
    await shop.service.requests.write(shop.service.pool)
    before = await shop.service.pool.fetchval("SELECT count(*) FROM kept_request")
    paid = await shop.pay(buyer, "1.00")
    await shop.done("GetTransaction", {"TransactionId": paid.value("TransactionId")})
    assert (await shop.pay(buyer, "100.00")).code == "InsufficientBalance"

    await shop.service.requests.write(shop.service.pool)

    assert await shop.service.pool.fetchval("SELECT count(*) FROM kept_request") == before + 1


async def test_they_are_forgotten_after_the_days_of_the_setting(shop: Shop, buyer: Buyer) -> None:
    paid = (await shop.pay(buyer, "1.00")).value("TransactionId")
    assert len(await kept(shop, paid)) == 1
    shop.clock.forward(days=shop.service.settings.keep_requests_days, seconds=1)
    await shop.worker.forget()
    assert await kept(shop, paid) == []


def note(requests: KeptRequests, transaction_id: TransactionId, times: int) -> None:
    for number in range(times):
        requests.note(transaction_id, str(number), AT, verb="GET", host="pay.example", path="/", content=b"Action=Pay")


async def test_of_a_busy_seller_some_are_kept_and_all_of_the_others(shop: Shop) -> None:
    requests, first = KeptRequests(), fresh_transaction_id(shop.books.book_id, AT)
    other = fresh_transaction_id(shop.books.operator_book_id, AT)
    note(requests, first, MAX_OF_A_BOOK + 1)
    rooms = [requests.has_room(first), requests.has_room(other)]
    note(requests, other, 2)

    await requests.write(shop.service.pool)

    assert (rooms, requests.has_room(first)) == ([False, True], True)
    stored = "SELECT count(*) FROM kept_request WHERE transaction_id = $1"
    assert [await shop.service.pool.fetchval(stored, one) for one in (first, other)] == [MAX_OF_A_BOOK, 2]


async def test_more_than_one_statement_takes_are_written(shop: Shop) -> None:
    requests, pool = KeptRequests(), shop.service.pool
    books = (shop.books.book_id, shop.books.operator_book_id)
    names = [fresh_transaction_id(book_id, AT) for book_id in books]
    for name in names:
        note(requests, name, MAX_OF_A_BOOK - 1)
    await requests.write(pool)
    stored = "SELECT count(*) FROM kept_request WHERE transaction_id = ANY($1)"
    assert await pool.fetchval(stored, names) == 2 * (MAX_OF_A_BOOK - 1)


def test_of_very_many_sellers_no_more_are_kept_than_memory_is_given() -> None:
    requests = KeptRequests()
    names = [fresh_transaction_id(BookId(number), AT) for number in range(1, MAX_WAITING // MAX_OF_A_BOOK + 2)]
    for name in names[:-1]:
        assert requests.has_room(names[-1])
        note(requests, name, MAX_OF_A_BOOK)
    assert not requests.has_room(names[-1])


def test_whatever_came_can_be_stored() -> None:
    assert as_text(b"a=1&b=%00") == "a=1&b=%00"
    assert as_text(b"\xff\x00") == "��"
    assert len(as_text(b"x" * 70_000)) == MAX_CHARACTERS + 1
