"""Statements of a month: as a page, as PDF, for spreadsheets; all three agree with the books."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest
from tests.stories.pages.buyers import buyer_of, fund, prepaid_buyer, seen
from tests.stories.pages.world import Page, Seller, World

from tallystick.services.buyer import authorizations, monthly
from tallystick.services.buyer.months import Month
from tallystick.store.keys import access_keys
from tallystick.store.ledger.verify import verify
from tallystick.web.account.statement_words import detail_of
from tallystick.web.common.agreements.history_text import kind_in_words
from tallystick.web.common.paper import paper
from tallystick.web.common.paper.fonts import in_latin
from tallystick.web.v1.app import JsonApi

MINUS = "\N{MINUS SIGN}"


async def a_month_later(world: World, seller: Seller) -> tuple[Month, Month]:
    """Move on to the next month; it and the one before."""
    (book,) = await world.rows("SELECT clock_offset_seconds FROM book WHERE book_id = $1", seller.book_id)
    now = world.clock() + timedelta(seconds=book["clock_offset_seconds"])
    month = Month.of(now)
    await world.later(seller, month.end - now + timedelta(days=2))
    return month, month.next


def sums(text: str) -> tuple[str, str]:
    found = re.search(r"Left at the beginning ([\d.]+) USD .*Left at the end ([\d.]+) USD", text)
    assert found, text
    return found[1], found[2]


async def test_months_follow_each_other_without_a_gap(world: World, seller: Seller) -> None:
    buyer = await prepaid_buyer(world, seller)
    first, second = await a_month_later(world, seller)
    await seller.pay(buyer.answer["prepaidSenderTokenID"], "4", SenderDescription="A <b>song</b> of the Żółć")
    await fund(seller, buyer, "2")

    listed = await buyer.browser.get(f"{buyer.path}/statements")
    assert [link for link in Page(listed).links if link.endswith((first.text, second.text))] == [
        f"{buyer.path}/statements/{second.text}",
        f"{buyer.path}/statements/{first.text}",
    ]
    old = await seen(buyer, f"{buyer.path}/statements/{first.text}")
    new = await seen(buyer, f"{buyer.path}/statements/{second.text}")

    assert sums(old) == ("0.00", "13.50")
    assert sums(new) == ("13.50", "11.50")
    assert "Balance filled (1) +20.00 USD Purchase (2) −8.00 USD Refund (1) +1.50 USD" in old  # noqa: RUF001
    assert "A <b>song</b> of the Żółć −4.00 USD 9.50 USD" in new  # noqa: RUF001
    assert "So far" in new
    assert "So far" not in old
    response = await buyer.browser.get(f"{buyer.path}/statements/{first.text}.csv")
    rows = list(csv.DictReader(io.StringIO(response.content.decode("utf-8-sig"))))
    assert [row["balance_after"] for row in rows] == ["20.00", "15.00", "12.00", "13.50"]
    assert f"statement-music-shop-{first.text}.csv" in response.headers["content-disposition"]
    assert (await verify(world.pool)).problems == []


@pytest.mark.parametrize("machine_has_fonts", [True, False])
async def test_a_statement_can_be_filed_as_pdf(
    world: World, seller: Seller, monkeypatch: pytest.MonkeyPatch, *, machine_has_fonts: bool
) -> None:
    if not machine_has_fonts:
        monkeypatch.setattr(paper, "find_fonts", lambda: None)
    buyer = await prepaid_buyer(world, seller)
    month = Month.of(world.clock())

    response = await buyer.browser.get(f"{buyer.path}/statements/{month.text}.pdf")

    assert response.headers["content-type"] == "application/pdf"
    assert f'filename="statement-music-shop-{month.text}.pdf"' in response.headers["content-disposition"]
    assert response.content.startswith(b"%PDF-")
    assert len(response.content) < 100_000
    assert (b"Helvetica" in response.content) or machine_has_fonts


def test_what_the_built_in_font_lacks_is_a_question_mark() -> None:
    quoted = "\N{DOUBLE LOW-9 QUOTATION MARK}Łódź\N{LEFT DOUBLE QUOTATION MARK}"
    assert in_latin(f"Größe \N{MINUS SIGN}5.00 \N{EN DASH} {quoted}") == 'Größe -5.00 - "?ód?"'


async def test_programs_of_the_seller_read_what_the_buyer_reads(world: World, seller: Seller) -> None:
    buyer = await prepaid_buyer(world, seller)
    first, second = await a_month_later(world, seller)
    await seller.pay(buyer.answer["prepaidSenderTokenID"], "4", SenderDescription="A song")
    secret = await access_keys.make_bearer(world.pool, seller.key.access_key_id, world.clock())
    api = httpx.AsyncClient(transport=httpx.ASGITransport(JsonApi(world.service)), base_url="http://pay.example")
    world.clients.append(api)

    async def told(month: Month) -> dict[str, Any]:
        path = f"/v1/statements/stm_{buyer.authorization}_{month.text}?expand=lines"
        answer = await api.get(path, headers={"authorization": f"Bearer {secret}"})
        assert answer.status_code == 200, answer.text
        found = answer.json()
        assert isinstance(found, dict)
        return found

    for month in (first, second):
        statement = await told(month)
        text = await seen(buyer, f"{buyer.path}/statements/{month.text}")
        assert tuple(f"{Decimal(statement[name]):.2f}" for name in ("opening", "closing")) == sums(text)
        for total in statement["totals"]:
            assert f"({total['count']}) {'+' if Decimal(total['change']) > 0 else MINUS}" in text
        response = await buyer.browser.get(f"{buyer.path}/statements/{month.text}.csv")
        rows = list(csv.DictReader(io.StringIO(response.content.decode("utf-8-sig"))))
        assert [
            (line["transaction"], Decimal(line["change"]), Decimal(line["balance"])) for line in statement["lines"]
        ] == [(row["transaction_id"], Decimal(row["change"]), Decimal(row["balance_after"])) for row in rows]
        assert statement["complete"] is True
    await world.pool.execute(
        "UPDATE book SET archived_before = $2 WHERE book_id = $1", seller.book_id, second.begin + timedelta(seconds=1)
    )
    assert [(await told(month))["complete"] for month in (first, second)] == [False, False]


async def test_other_months_and_other_peoples_statements_are_unknown(world: World, seller: Seller) -> None:
    buyer, other = await prepaid_buyer(world, seller), await buyer_of(world, seller, seller.prepaid())
    month = Month.of(world.clock())
    wrong = ("2001-01", "2999-12", f"{month.next.text}", "2027-13", f"{month.text}.doc", f"{month.text}.", "x")
    for name in wrong:
        assert (await buyer.browser.get(f"{buyer.path}/statements/{name}")).status_code == 404, name
    for ending in ("", f"/{month.text}", f"/{month.text}.pdf", f"/{month.text}.csv"):
        assert (await other.browser.get(f"{buyer.path}/statements{ending}")).status_code == 404
    back = await world.browser().get(f"{buyer.path}/statements/{month.text}.pdf")
    assert Page(back).form("/sign-in").fields["next"] == f"{buyer.path}/statements/{month.text}.pdf"


async def test_a_busy_month_has_a_line_for_each_day_and_kind(world: World, seller: Seller) -> None:
    buyer = await buyer_of(world, seller, seller.postpaid())
    token = buyer.answer["creditSenderTokenID"]
    paid = [await seller.pay(token, "0.10") for _ in range(6)]
    await seller.refund(paid[0].text("TransactionId"), "0.05")
    (owner,) = await world.rows("SELECT party_id FROM party WHERE email = $1", buyer.email)
    state = await authorizations.find(world.service, owner["party_id"], buyer.authorization)
    assert state is not None

    whole = await monthly.statement(world.service, state, Month.of(state.now))
    short = await monthly.statement(world.service, state, Month.of(state.now), max_lines=5)

    assert not whole.by_day
    assert len(whole.lines) == 7
    assert short.by_day
    assert [(kind_in_words(line.kind), detail_of(line), line.running_micros) for line in short.lines] == [
        ("Purchase", "6 in all", 600_000),
        ("Refund", "1 in all", 550_000),
    ]
    assert (short.opening_micros, short.closing_micros, short.totals) == (0, 550_000, whole.totals)
