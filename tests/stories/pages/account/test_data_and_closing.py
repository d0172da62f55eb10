"""What is kept of a person can be taken along, and an account can be closed without touching anybody's books."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Final
from urllib.parse import quote
from xml.etree import ElementTree as ET

import pytest
from tests.stories.pages.buyers import AccountHolder, buyer_of, fund, prepaid_buyer, settle
from tests.stories.pages.world import Page, Seller, World

from tallystick.db.connections import Pool
from tallystick.services.seller.staff import StaffRole
from tallystick.store.accounts import personal_data, staff
from tallystick.store.ledger.verify import verify
from tallystick.store.records import forgetting
from tallystick.store.records.forgetting import EVIDENCE_NAMES_PEOPLE

CLOSE: Final = "/account/data/close"
NAMES_PEOPLE: Final = re.compile(r"(.*_)?(party_id|person_id|actor_id|email|recipient)|.*_by")
IN_THE_BOOKS: Final = "the books are not touched; a person's own part of them is told with their authorizations"
NOT_OF_PEOPLE: Final = "only businesses have it"
NOT_TOLD: Final[Mapping[str, str]] = {
    "book": NOT_OF_PEOPLE,
    "instrument": IN_THE_BOOKS,
    "token": IN_THE_BOOKS,
    "transaction": IN_THE_BOOKS,
    "answered_reference": "what programs of businesses asked",
    "return_host": "where the buyers of a business return to",
    "return_host_guest": "which other business may send buyers there",
    "verification_run": "what operators asked the service to do; told as part of what they did",
    "approval": "what staff asked of each other for a business; told as part of what they did",
    "debt_run": "what staff did for a business; told as part of what they did",
    "dispute": IN_THE_BOOKS,
    "redemption": "what came of it is told with the authorization: its refunds",
    "payout_destination": "what staff did for a business; told as part of what they did",
    "payout_file": "what operators asked the service to do; told as part of what they did",
}
NOT_ERASED: Final[Mapping[str, str]] = {
    **NOT_TOLD,
    "access_key": NOT_OF_PEOPLE,
    "certificate": NOT_OF_PEOPLE,
    "branding": NOT_OF_PEOPLE,
    "logo": NOT_OF_PEOPLE,
    "audit_entry": "others must be able to see who did what; the name is gone with the account",
}


async def close(buyer: AccountHolder) -> str:
    page = await buyer.browser.get(CLOSE)
    return Page(await buyer.browser.submit(page, "/close", sure="yes")).text


async def test_the_file_tells_everything(world: World, seller: Seller) -> None:
    buyer = await prepaid_buyer(world, seller)

    response = await buyer.browser.get("/account/data/export.json")

    assert response.headers["content-type"] == "application/json"
    assert re.fullmatch(r'attachment; filename="tallystick-data-[\d-]+\.json"', response.headers["content-disposition"])
    told = response.json()
    assert set(told) == {"made_at", "authorizations", *personal_data.SECTIONS}
    assert [person["email"] for person in told["person"]] == [buyer.email]
    assert told["account_balances"] == [{"environment": "sandbox", "currency": "USD", "balance_micros": 480_000_000}]
    (given,) = told["authorizations"]
    assert (given["id"], given["seller"], given["spent"]) == (buyer.authorization, "Music Shop", "6.500000")
    assert [(entry["kind"], entry["change"], entry["balance_after"]) for entry in given["history"]] == [
        ("Balance filled", "20.000000", "20.000000"),
        ("Purchase", "-5.000000", "15.000000"),
        ("Purchase", "-3.000000", "12.000000"),
        ("Refund", "1.500000", "13.500000"),
    ]
    assert len(told["sessions"]) == 1
    assert [visit["pipeline"] for visit in told["visits"]] == ["SetupPrepaid"]
    text = json.dumps(told)
    for secret in ("argon2", "password_hash", "rail_token", "session_key"):
        assert secret not in text


async def test_an_account_is_closed_and_the_books_stay_as_they_are(world: World, seller: Seller) -> None:
    buyer = await prepaid_buyer(world, seller)
    sold = await seller.pay(buyer.answer["prepaidSenderTokenID"], "1")
    await world.pool.execute(
        "UPDATE book SET notification_url = 'https://shop.example/ipn' WHERE book_id = $1", seller.book_id
    )
    before = await balances(world, seller)
    page = await buyer.browser.get(CLOSE)
    assert "12.50 USD is left. It can no longer be spent and is not paid back by closing." in Page(page).text
    assert "One authorization ends, and its seller is told." in Page(page).text
    assert (await buyer.browser.submit(page, "/close")).status_code == 422, "nothing happens without the tick"

    assert "Your account is closed" in await close(buyer)

    assert await balances(world, seller) == before
    told = await world.rows(
        "SELECT subject_id FROM outbox WHERE book_id = $1 AND kind = 'TokenCancellation'", seller.book_id
    )
    ended = {buyer.answer["prepaidSenderTokenID"], buyer.answer["fundingTokenID"]}
    assert {row["subject_id"] for row in told} == ended
    assert "/account/sign-in" in str((await buyer.browser.get("/account")).url)
    other = world.browser()
    assert (await other.sign_in(await other.get("/account"), buyer.email)).status_code == 422
    activity = await seller.api.call("GetAccountActivity", {"StartDate": "2020-01-01T00:00:00Z"})
    assert activity.result is not None
    assert "Closed account" in ET.tostring(activity.result, "unicode")
    for table in ("party", "mail", "mailed_proof", "cobranded_visit"):
        (row,) = await world.rows(f"SELECT count(*) FROM {table} AS kept WHERE kept::text ILIKE $1", f"%{buyer.email}%")  # noqa: S608
        assert row["count"] == 0, table
    await seller.refund(sold.text("TransactionId"), "1")
    assert (await verify(world.pool)).problems == []
    new = world.browser()
    fresh = await new.sign_up(await new.get(seller.url(seller.prepaid())), buyer.email)
    assert fresh.url.path.endswith("/method"), "the address is free again"


async def test_closing_takes_the_address_out_of_the_log_and_of_waiting_notifications(
    world: World, seller: Seller
) -> None:
    await world.pool.execute(
        "UPDATE book SET notification_url = 'https://shop.example/ipn' WHERE book_id = $1", seller.book_id
    )
    buyer, other = await prepaid_buyer(world, seller), await prepaid_buyer(world, seller)
    (party,) = await world.rows("SELECT party_id FROM party WHERE email = $1", buyer.email)
    await world.pool.execute(
        "INSERT INTO audit_entry (at, actor_id, action, subject, details) VALUES ($1, $2, 'account.suspend', $3, '{}')",
        world.clock(),
        party["party_id"],
        buyer.email,
    )
    events: list[str] = []
    for one in (buyer, other):
        moved = await world.rows(
            "UPDATE outbox SET state = 'waiting', destination = 'https://shop.example/ipn', announced_at = $3,"
            " due_at = $3, message = $4"
            " WHERE book_id = $1 AND subject_id IN ("
            " SELECT transaction_id FROM transaction WHERE instrument_id = ANY($2)"
            " OR own_debit_account IN (SELECT account_id FROM instrument WHERE instrument_id = ANY($2)))"
            " RETURNING event_id",
            seller.book_id,
            list(one.answer.values()),
            world.clock() + timedelta(days=900),
            f"buyerEmail={quote(one.email)}&buyerName=Ann+Buyer",
        )
        assert len(moved) >= 3  # sales and a refund
        events += [row["event_id"] for row in moved]

    assert "Your account is closed" in await close(buyer)

    for table in ("audit_entry", "outbox"):
        (row,) = await world.rows(
            f"SELECT count(*) FROM {table} AS kept WHERE kept::text ILIKE ANY($1)",  # noqa: S608
            [f"%{buyer.email}%", f"%{quote(buyer.email).replace('%', chr(92) + '%')}%"],
        )
        assert row["count"] == 0, table
    kept = await world.rows("SELECT event_id, message FROM outbox WHERE event_id = ANY($1)", events)
    assert len(kept) == len(events)
    assert {row["message"] for row in kept} == {None, f"buyerEmail={quote(other.email)}&buyerName=Ann+Buyer"}
    log = await world.rows("SELECT subject FROM audit_entry WHERE actor_id = $1", party["party_id"])
    assert {"subject": f"closed-{party['party_id']}@closed.invalid"} in log


async def test_names_in_evidence_stay_for_ten_years_and_no_longer(world: World, seller: Seller) -> None:
    buyer, other = await prepaid_buyer(world, seller), await prepaid_buyer(world, seller)
    ids = [buyer.authorization, other.authorization]
    await world.pool.execute(
        "UPDATE authorization_evidence SET wording = jsonb_set(wording, '{address}', $2)"
        " WHERE authorization_id = ANY($1)",
        ids,
        ["Ann Buyer", "1 Street"],
    )

    async def addresses() -> list[list[str]]:
        rows = await world.rows(
            "SELECT wording -> 'address' AS address FROM authorization_evidence"
            " WHERE authorization_id = ANY($1) ORDER BY authorization_id = $2 DESC",
            ids,
            buyer.authorization,
        )
        return [row["address"] for row in rows]

    assert "Your account is closed" in await close(buyer)
    world.clock.ahead = EVIDENCE_NAMES_PEOPLE - timedelta(days=1)
    await forgetting.addresses(world.pool, world.clock())
    assert await addresses() == [["Ann Buyer", "1 Street"]] * 2

    world.clock.ahead = EVIDENCE_NAMES_PEOPLE + timedelta(days=1)
    assert await forgetting.addresses(world.pool, world.clock()) >= 1

    assert await addresses() == [[], ["Ann Buyer", "1 Street"]]


async def balances(world: World, seller: Seller) -> list[tuple[str, int]]:
    rows = await world.rows("SELECT subject, kind, balance_micros FROM account WHERE book_id = $1", seller.book_id)
    return sorted((row["kind"] + row["subject"], row["balance_micros"]) for row in rows)


async def test_what_is_owed_or_under_way_comes_first(world: World, seller: Seller) -> None:
    buyer = await buyer_of(world, seller, seller.postpaid())
    await seller.pay(buyer.answer["creditSenderTokenID"], "12.50")
    page = await buyer.browser.get(CLOSE)
    assert "You owe 12.50 USD. Ask Music Shop to settle it now, or to forgive it." in Page(page).text
    assert not any(form.action.endswith("/close") for form in Page(page).forms)
    token = Page(page).forms[0].fields["_csrf_token"]
    refused = await buyer.browser.post(CLOSE, {"_csrf_token": token, "sure": "yes"})
    assert refused.status_code == 409
    assert await seller.told(buyer.answer["creditSenderTokenID"], "1") == "Success", "it still works"

    await settle(seller, buyer, "13.50")

    assert "Your account is closed" in await close(buyer)
    assert (await verify(world.pool)).problems == []


async def test_money_on_its_way_by_card_comes_first(world: World, seller: Seller) -> None:
    browser = world.browser()
    confirm = await browser.at_confirm(seller.url(seller.prepaid()))
    buyer = AccountHolder(browser, "", await world.answer(await browser.submit(confirm, "/confirm")))
    await fund(seller, buyer, "5")
    assert "5.00 USD is under way or held." in Page(await browser.get(CLOSE)).text
    await world.rail_answers()
    assert "Your account is closed" in await close(buyer)
    (method,) = await world.rows(
        "SELECT label, last_four, rail_token FROM payment_method JOIN instrument ON sender_party_id = party_id"
        " WHERE instrument_id = $1",
        buyer.authorization,
    )
    assert (method["label"], method["last_four"]) == ("Removed", "0000")
    assert method["rail_token"], "refunds must find their way"


async def test_who_alone_decides_for_a_seller_hands_over_first(world: World, seller: Seller) -> None:
    buyer = await buyer_of(world, seller, seller.request("MultiUse"))
    (person,) = await world.rows("SELECT party_id FROM party WHERE email = $1", buyer.email)
    await staff.add(world.pool, seller.party.party_id, person["party_id"], StaffRole.OWNER.value, world.clock())

    text = Page(await buyer.browser.get(CLOSE)).text

    assert "You are the only owner of Music Shop." in text
    assert "I have read this" not in text


async def test_a_business_is_not_closed_here(world: World) -> None:
    band = await world.seller("The Band", signs_in=True)
    browser = world.browser()
    await browser.sign_in(await browser.get("/account"), band.party.email)
    page = await browser.get("/account/data")
    assert "Ask whoever runs this service to close it." in Page(page).text
    form = Page(page).forms[0].fields
    await browser.post(CLOSE, form | {"sure": "yes"})
    assert not [one for one in Page(page).forms if one.action.endswith("/data/name")]
    assert (await browser.post("/account/data/name", form | {"name": "Your Bank"})).status_code == 409
    (kept,) = await world.rows("SELECT status, name FROM party WHERE email = $1", band.party.email)
    assert kept == {"status": "active", "name": "The Band"}


@pytest.mark.parametrize(("doing", "reasons"), [("tell_", NOT_TOLD), ("erase_", NOT_ERASED)])
async def test_no_table_that_names_people_is_forgotten(pool: Pool, doing: str, reasons: Mapping[str, str]) -> None:
    rows = await pool.fetch(
        "SELECT table_name, column_name FROM information_schema.columns"
        " JOIN information_schema.tables USING (table_schema, table_name)"
        " WHERE table_schema = 'public' AND table_type = 'BASE TABLE'"
    )
    naming = {row["table_name"] for row in rows if NAMES_PEOPLE.fullmatch(row["column_name"])}
    statements = "\n".join(text for name, text in personal_data.STATEMENTS.items() if name.startswith(doing))

    forgotten = {name for name in naming - reasons.keys() if not re.search(rf"\b{name}\b", statements)}

    assert forgotten == set(), "tell of it and erase it in personal_data.sql, or say here why not"
