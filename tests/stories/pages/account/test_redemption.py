"""A buyer has what is left of a prepaid balance paid back, where the seller or a law lets them: once, as shown."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta

import httpx
import pytest
from tests.stories.pages.business import books, paying_customer
from tests.stories.pages.buyers import AccountHolder, buyer_of, fund, prepaid_buyer, seen
from tests.stories.pages.people import person, signed_in
from tests.stories.pages.world import Browser, Page, Seller, World
from tests.support.broken_committer import BrokenCommitter
from tests.support.busy_committer import BusyCommitter

from tallystick.domain.commands import RefundFunding, RequestPayout
from tallystick.domain.decide.outgoing.redemption import ALWAYS, NEVER, Redemption
from tallystick.domain.disputes.dispute import DisputeStatus
from tallystick.domain.ids import BookId, InstrumentId, TransactionId
from tallystick.domain.outcomes import Accepted
from tallystick.domain.refusals import Refusal
from tallystick.services.buyer import redemption
from tallystick.services.disputes import sandbox
from tallystick.services.operations.audit import Actor
from tallystick.store.accounts import parties
from tallystick.store.ledger.verify import verify
from tallystick.store.records import redemptions
from tallystick.store.records.redemptions import RedemptionRequest

TEN = 10_000_000


@dataclass(frozen=True)
class CardHolder:
    """Somebody who fills a balance from a card."""

    buyer: AccountHolder
    fundings: list[TransactionId]


async def lets(world: World, seller: Seller, chosen: Redemption) -> None:
    await redemptions.set_policy(world.pool, seller.party.party_id, "sandbox", chosen, world.clock())


async def with_card(world: World, seller: Seller, *amounts: str) -> CardHolder:
    browser = world.browser()
    confirmed = await browser.submit(await browser.at_confirm(seller.url(seller.prepaid())), "/confirm")
    shown = Page(await browser.get("/account"))
    email = next(word for word in shown.text.split() if word.endswith("@buyer.example"))
    buyer = AccountHolder(browser, email, await world.answer(confirmed))
    made = []
    for value in amounts:
        made.append(TransactionId((await fund(seller, buyer, value)).text("TransactionId")))
        await world.rail_answers()
    return CardHolder(buyer, made)


async def refunds(world: World, buyer: AccountHolder) -> list[int]:
    rows = await world.rows(
        "SELECT amount_micros FROM transaction WHERE operation = 'Refund' AND instrument_id = $1"
        " AND payment_method <> 'Prepaid' ORDER BY transaction_id",
        buyer.authorization,
    )
    return [row["amount_micros"] for row in rows]


async def letters(world: World, email: str) -> list[str]:
    rows = await world.rows("SELECT subject FROM mail WHERE recipient = $1 ORDER BY mail_id", email)
    return [row["subject"] for row in rows if "paid" in row["subject"]]


async def redeem(buyer: AccountHolder) -> httpx.Response:
    """The page, then its button."""
    return await buyer.browser.submit(await buyer.browser.get(f"{buyer.path}/redeem"), "/redeem")


async def test_what_is_left_goes_back_after_a_preview_and_both_sides_are_written(world: World, seller: Seller) -> None:
    await lets(world, seller, ALWAYS)
    buyer = await prepaid_buyer(world, seller)
    assert "13.50 USD can be paid back to where it came from." in await seen(buyer, buyer.path)
    page = await buyer.browser.get(f"{buyer.path}/redeem")
    assert "Have 13.50 USD paid back?" in Page(page).text
    assert "To your account balance 13.50 USD Left in the balance 0.00 USD" in Page(page).text
    assert "Music Shop may fill the balance again" in Page(page).text
    assert await refunds(world, buyer) == []

    done = Page(await buyer.browser.submit(page, "/redeem")).text

    assert "13.50 USD is paid back to where it came from." in done
    assert "Unspent balance refunded" in done
    assert await refunds(world, buyer) == [13_500_000]
    assert await letters(world, buyer.email) == ["13.50 USD is paid back to you"]
    assert await letters(world, seller.party.email) == ["A buyer had 13.50 USD paid back"]
    (row,) = await world.rows(
        "SELECT subject, details, environment, actor_id FROM audit_entry"
        " WHERE action = 'balance.redeem' AND business_id = $1",
        seller.party.party_id,
    )
    asker = await world.pool.fetchval("SELECT party_id FROM party WHERE email = $1", buyer.email)
    assert (row["subject"], row["environment"], row["actor_id"]) == (buyer.authorization, "sandbox", asker)
    assert row["details"] == {"asked": "13.50", "paid": "13.50"}
    (note,) = await world.rows(
        "SELECT caller_description FROM transaction WHERE operation = 'Refund' AND amount_micros = 13500000"
        " AND instrument_id = $1",
        buyer.authorization,
    )
    assert note["caller_description"] == redemption.DESCRIPTION
    assert "Nothing is left that could be paid back." in await seen(buyer, f"{buyer.path}/redeem")


async def test_where_the_seller_does_not_let_them_nothing_is_offered_and_a_made_up_form_does_nothing(
    world: World, seller: Seller
) -> None:
    buyer = await prepaid_buyer(world, seller)
    assert "paid back" not in (await seen(buyer, buyer.path)).replace("may pay back", "")
    page = await buyer.browser.get(f"{buyer.path}/redeem")
    assert "Music Shop need not pay back the 13.50 USD that is left. Ask Music Shop about it." in Page(page).text

    form = Page(page).forms[0].fields | {"redemption": redemption.new_id(), "amount": "13500000"}
    refused = await buyer.browser.post(f"{buyer.path}/redeem", form)

    assert refused.status_code == 409
    assert await refunds(world, buyer) == []
    assert await world.rows("SELECT FROM redemption WHERE instrument_id = $1", buyer.authorization) == []


@pytest.mark.parametrize(
    ("chosen", "law", "allowed"),
    [
        (Redemption(13_500_000), None, True),
        (Redemption(13_499_999), None, False),
        (NEVER, 13_500_001, True),
        (NEVER, 13_500_000, False),
        (Redemption(TEN), 20_000_000, True),
    ],
)
async def test_small_balances_by_the_sellers_choice_or_by_law(
    world: World, seller: Seller, chosen: Redemption, law: int | None, allowed: bool
) -> None:
    await lets(world, seller, chosen)
    buyer = await prepaid_buyer(world, seller)
    browser = world.browser_of(world.shared_pages(redeem_balances_below=law))
    browser.http.cookies = buyer.browser.http.cookies
    page = await browser.get(f"{buyer.path}/redeem")
    assert any(form.action.endswith("/redeem") for form in Page(page).forms) is allowed
    if allowed:
        await browser.submit(page, "/redeem")
    assert await refunds(world, buyer) == ([13_500_000] if allowed else [])


async def test_the_terms_are_on_the_page_and_in_the_evidence_and_stay_promised(world: World, seller: Seller) -> None:
    await lets(world, seller, Redemption(20_000_000))
    browser = world.browser()
    at = await browser.at_confirm(seller.url(seller.prepaid()))
    promise = (
        "When at most 20.00 USD is left, Music Shop pays it back to where it came from, whenever you ask. "
        "When more is left, Music Shop may pay it back, but need not."
    )
    assert promise in Page(at).text
    assert "Money in the balance does not expire." in Page(at).text
    await lets(world, seller, Redemption(5_000_000))
    again = await browser.submit(at, "/confirm")
    assert again.status_code == 409, "the words have changed, so they are shown again"
    assert "When at most 5.00 USD is left" in Page(again).text
    await lets(world, seller, Redemption(20_000_000))
    agreed = await browser.submit(await browser.get(str(again.url)), "/confirm")
    buyer = AccountHolder(browser, "", await world.answer(agreed))
    (kept,) = await world.rows(
        "SELECT wording FROM authorization_evidence WHERE authorization_id = $1", buyer.authorization
    )
    assert promise in kept["wording"]["promises"]
    assert kept["wording"]["redemption"] == {"up_to_micros": 20_000_000, "below_micros": 0}

    await lets(world, seller, NEVER)
    await fund(seller, buyer, "15")
    await world.rail_answers()

    assert promise in await seen(buyer, buyer.path), "what was agreed to, not what is chosen now"
    assert promise in await seen(buyer, f"{buyer.path}/agreed")
    await redeem(buyer)
    assert await refunds(world, buyer) == [15_000_000]


async def test_a_form_that_is_sent_again_and_again_pays_once(world: World, seller: Seller) -> None:
    await lets(world, seller, ALWAYS)
    buyer = await prepaid_buyer(world, seller)
    form = Page(await buyer.browser.get(f"{buyer.path}/redeem")).form("/redeem")
    answers = await asyncio.gather(*(buyer.browser.post(form.action, form.fields) for _ in range(4)))
    answers.append(await buyer.browser.post(form.action, form.fields))

    assert {answer.status_code for answer in answers} == {200}
    assert await refunds(world, buyer) == [13_500_000]
    assert await letters(world, buyer.email) == ["13.50 USD is paid back to you"]
    changed = await buyer.browser.post(form.action, form.fields | {"amount": "1000000"})
    assert changed.status_code == 409
    await fund(seller, buyer, "5")
    later = await buyer.browser.post(form.action, form.fields)
    assert later.status_code == 200, "it was answered before, and is answered so again"
    assert await refunds(world, buyer) == [13_500_000]


async def test_forms_of_two_windows_never_pay_more_than_is_there(world: World, seller: Seller) -> None:
    await lets(world, seller, ALWAYS)
    buyer = await prepaid_buyer(world, seller)
    forms = [Page(await buyer.browser.get(f"{buyer.path}/redeem")).form("/redeem") for _ in range(3)]
    await asyncio.gather(*(buyer.browser.post(form.action, form.fields) for form in forms))

    assert await refunds(world, buyer) == [13_500_000]
    assert (await verify(world.pool)).problems == []


@pytest.mark.parametrize("amount", ["13500001", "0", "-1", "9" * 30, "١٣", ""])
async def test_another_amount_than_the_one_shown_is_not_paid(world: World, seller: Seller, amount: str) -> None:
    await lets(world, seller, ALWAYS)
    buyer = await prepaid_buyer(world, seller)
    page = await buyer.browser.get(f"{buyer.path}/redeem")
    await buyer.browser.submit(page, "/redeem", amount=amount)
    await seller.pay(buyer.answer["prepaidSenderTokenID"], "1")
    changed = await buyer.browser.submit(page, "/redeem")

    assert changed.status_code == 409
    assert "The balance has changed meanwhile. Nothing was paid back." in Page(changed).text
    assert "Have 12.50 USD paid back?" in Page(changed).text
    assert await refunds(world, buyer) == []


async def test_several_fundings_without_what_is_disputed_or_on_its_way(world: World, seller: Seller) -> None:
    await lets(world, seller, ALWAYS)
    holder = await with_card(world, seller, "4", "6", "5")
    await (await paying_customer(world, seller)).pay("50")
    await sandbox.move(world.service, Actor(None, "tests"), holder.fundings[1], DisputeStatus.OPENED)
    shop = await books(world, seller)
    given_by_seller = RefundFunding(shop.request(), holder.fundings[2], 1_000_000)
    assert isinstance(await shop.perform(given_by_seller), Accepted)
    await world.rail_answers()
    await fund(seller, holder.buyer, "3")
    page = await holder.buyer.browser.get(f"{holder.buyer.path}/redeem")
    text = Page(page).text
    assert "Have 8.00 USD paid back?" in text
    assert "To the card that paid it 8.00 USD" in text
    assert "3.00 USD is still on its way into the balance. It can be paid back only once it has arrived." in text

    done = await holder.buyer.browser.submit(page, "/redeem")

    assert await refunds(world, holder.buyer) == [1_000_000, 4_000_000, 4_000_000]
    assert "On its way back to you 8.00 USD" in Page(done).text
    assert "On its way into the balance 3.00 USD" in Page(done).text
    assert "is under way or held. Wait until it is decided" in await seen(holder.buyer, "/account/data/close")
    await world.rail_answers()
    await sandbox.move(world.service, Actor(None, "tests"), holder.fundings[1], DisputeStatus.WON)
    await redeem(holder.buyer)
    await world.rail_answers()
    assert sorted(await refunds(world, holder.buyer)) == [1_000_000, 3_000_000, 4_000_000, 4_000_000, 6_000_000]
    assert (await verify(world.pool)).problems == []


async def test_what_has_not_arrived_is_refused_in_words(world: World, seller: Seller) -> None:
    await lets(world, seller, ALWAYS)
    holder = await with_card(world, seller)
    await fund(seller, holder.buyer, "7")
    wanted = "7.00 USD is still on its way into the balance. It can be paid back only once it has arrived."
    assert wanted in await seen(holder.buyer, holder.buyer.path)
    page = await holder.buyer.browser.get(f"{holder.buyer.path}/redeem")
    assert wanted in Page(page).text
    form = Page(page).forms[0].fields | {"redemption": redemption.new_id(), "amount": "7000000"}
    assert (await holder.buyer.browser.post(f"{holder.buyer.path}/redeem", form)).status_code == 409
    await world.rail_answers()
    assert "Have 7.00 USD paid back?" in await seen(holder.buyer, f"{holder.buyer.path}/redeem")


async def test_what_the_sellers_cash_does_not_cover_is_told_to_both(world: World, seller: Seller) -> None:
    await lets(world, seller, ALWAYS)
    buyer, shop = await prepaid_buyer(world, seller), await books(world, seller)
    page = await buyer.browser.get(f"{buyer.path}/redeem")
    assert isinstance(await shop.perform(RequestPayout(shop.request(), None, "recorded", None)), Accepted)

    refused = await buyer.browser.submit(page, "/redeem")

    assert "It could not be paid back, and is still on the balance. Music Shop is told." in Page(refused).text
    assert await refunds(world, buyer) == []
    assert await letters(world, buyer.email) == ["13.50 USD could not be paid back"]
    assert await letters(world, seller.party.email) == ["A buyer could not be paid 13.50 USD back"]
    (row,) = await world.rows(
        "SELECT details FROM audit_entry WHERE action = 'balance.redeem' AND subject = $1", buyer.authorization
    )
    assert row["details"]["paid"] == "0.00"
    assert "cover" in row["details"]["refused"]
    again = await seen(buyer, f"{buyer.path}/redeem")
    assert "Music Shop cannot pay it back at the moment. Try again later, or ask Music Shop about it." in again
    assert "it could not be paid back. Music Shop was told." in await seen(buyer, buyer.path)
    await (await paying_customer(world, seller)).pay("20")
    await redeem(buyer)
    assert await refunds(world, buyer) == [13_500_000]


async def test_what_a_process_left_when_it_died_is_carried_out_once(world: World, seller: Seller) -> None:
    await lets(world, seller, ALWAYS)
    holder = await with_card(world, seller, "4", "6")
    asker = await parties.find_by_email(world.pool, holder.buyer.email)
    assert asker is not None
    request = RedemptionRequest(
        BookId(seller.book_id),
        redemption.new_id(),
        InstrumentId(holder.buyer.authorization),
        asker.party_id,
        TEN,
        world.clock() - timedelta(minutes=5),
    )
    assert await redemptions.ask(world.pool, request)
    assert await redemptions.claim(world.pool, request, request.asked_at, request.asked_at + timedelta(minutes=1))

    await asyncio.gather(*(redemption.go_on(world.service) for _ in range(3)))
    await redemption.go_on(world.service)

    assert await refunds(world, holder.buyer) == [6_000_000, 4_000_000]
    ended = await redemptions.find(world.pool, request.book_id, request.redemption_id)
    assert ended is not None
    assert ended.ended_at is not None
    assert ended == replace(request, ended_at=ended.ended_at, paid_micros=TEN)
    assert await letters(world, holder.buyer.email) == ["10.00 USD is paid back to you"]
    await world.rail_answers()


@pytest.mark.parametrize("number", [1, 2])
async def test_what_passes_ends_nothing_whichever_part_it_meets(world: World, seller: Seller, number: int) -> None:
    await lets(world, seller, ALWAYS)
    holder = await with_card(world, seller, "4", "6")
    asker = await parties.find_by_email(world.pool, holder.buyer.email)
    assert asker is not None
    request = RedemptionRequest(
        BookId(seller.book_id),
        redemption.new_id(),
        InstrumentId(holder.buyer.authorization),
        asker.party_id,
        TEN,
        world.clock() - timedelta(minutes=5),
    )
    assert await redemptions.ask(world.pool, request)
    busy = BusyCommitter(world.service.committer, number, Refusal.ConcurrentModification)

    await redemption.go_on(replace(world.service, committer=busy))  # type: ignore[arg-type]

    assert await redemptions.find(world.pool, request.book_id, request.redemption_id) == request, "it is not over"
    assert await letters(world, holder.buyer.email) == []
    await world.pool.execute(  # as some minutes later
        "UPDATE redemption SET claimed_until = asked_at WHERE redemption_id = $1", request.redemption_id
    )
    await redemption.go_on(world.service)
    ended = await redemptions.find(world.pool, request.book_id, request.redemption_id)
    assert ended is not None
    assert ended.paid_micros == TEN
    assert await refunds(world, holder.buyer) == [6_000_000, 4_000_000]
    await world.rail_answers()


async def test_one_that_fails_keeps_no_other_waiting(world: World, seller: Seller) -> None:
    other = await world.seller("Bookshop")
    requests = []
    for number, one in enumerate((seller, other)):
        await lets(world, one, ALWAYS)
        buyer = await prepaid_buyer(world, one)
        asker = await parties.find_by_email(world.pool, buyer.email)
        assert asker is not None
        request = RedemptionRequest(
            BookId(one.book_id),
            redemption.new_id(),
            InstrumentId(buyer.authorization),
            asker.party_id,
            13_500_000,
            world.clock() - timedelta(minutes=10 - number),
        )
        assert await redemptions.ask(world.pool, request)
        requests.append(request)
    broken = BrokenCommitter(world.service.committer, seller.book_id)

    await redemption.go_on(replace(world.service, committer=broken))  # type: ignore[arg-type]

    first, second = [await redemptions.find(world.pool, one.book_id, one.redemption_id) for one in requests]
    assert first == requests[0], "nothing came of it yet"
    assert second is not None
    assert second.paid_micros == 13_500_000
    await world.pool.execute(  # as some minutes later
        "UPDATE redemption SET claimed_until = asked_at WHERE redemption_id = $1", requests[0].redemption_id
    )
    await redemption.go_on(world.service)
    first = await redemptions.find(world.pool, requests[0].book_id, requests[0].redemption_id)
    assert first is not None
    assert first.paid_micros == 13_500_000


async def test_closing_an_account_says_what_can_be_paid_back_first(world: World, seller: Seller) -> None:
    buyer = await prepaid_buyer(world, seller)
    assert "13.50 USD is left. It can no longer be spent and is not paid back" in await seen(
        buyer, "/account/data/close"
    )
    await lets(world, seller, ALWAYS)
    page = await buyer.browser.get("/account/data/close")
    assert "13.50 USD is left. You can have 13.50 USD of it paid back first." in Page(page).text
    assert f"{buyer.path}/redeem" in Page(page).links
    await redeem(buyer)
    assert "13.50 USD is left" not in await seen(buyer, "/account/data/close")


async def test_after_the_authorization_was_cancelled_it_is_still_theirs(world: World, seller: Seller) -> None:
    await lets(world, seller, ALWAYS)
    buyer = await prepaid_buyer(world, seller)
    page = await buyer.browser.get(f"{buyer.path}/cancel")
    assert "It is not paid back by cancelling, but afterwards, when you ask for it." in Page(page).text
    await buyer.browser.submit(page, "/cancel", scope="all")
    assert "13.50 USD is left in the balance. You can have it paid back." in await seen(buyer, buyer.path)
    await redeem(buyer)
    assert await refunds(world, buyer) == [13_500_000]


async def test_nobody_else_and_nobody_suspended(world: World, seller: Seller) -> None:
    await lets(world, seller, ALWAYS)
    buyer = await prepaid_buyer(world, seller)
    other: Browser = await signed_in(world, await person(world), "/account/sign-in")
    assert (await other.get(f"{buyer.path}/redeem")).status_code == 404
    form = Page(await buyer.browser.get(f"{buyer.path}/redeem")).form("/redeem")
    stolen = form.fields | {"_csrf_token": Page(await other.get("/account")).forms[0].fields["_csrf_token"]}
    assert (await other.post(form.action, stolen)).status_code == 404
    await world.pool.execute("UPDATE party SET status = 'suspended' WHERE email = $1", buyer.email)
    assert (await buyer.browser.post(form.action, form.fields)).status_code == 403
    assert await refunds(world, buyer) == []


async def test_a_tab_has_no_such_page(world: World, seller: Seller) -> None:
    buyer = await buyer_of(world, seller, seller.postpaid())
    assert (await buyer.browser.get(f"{buyer.path}/redeem")).status_code == 404
