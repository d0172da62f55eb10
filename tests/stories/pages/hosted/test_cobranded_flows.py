"""Buyers on the hosted pages: what they agree to is made, and the seller hears of it, signed."""

from __future__ import annotations

import secrets
from datetime import timedelta

import pytest
from tests.stories.pages.visits import POSTPAID_IDS, PREPAID_IDS, chosen_card, instruments
from tests.stories.pages.world import PASSWORD, Page, Seller, World

from tallystick.domain.ids import token_kind_and_book
from tallystick.services.identity.password_hashing import of_process


async def test_prepaid_by_card(world: World, seller: Seller) -> None:
    browser = world.browser()
    params = seller.prepaid(paymentReason="Song <b>credits</b>")
    confirm = await browser.at_confirm(seller.url(params))
    text = Page(confirm).text
    assert "Music Shop may take up to 25.00 USD from your card ending in 4242 to fill your prepaid balance." in text
    assert "Nothing is charged now." in text
    assert "Song <b>credits</b>" in confirm.text

    answer = await world.answer(await browser.submit(confirm, "/confirm"))

    assert answer["status"] == "SC"
    assert answer["expiry"] == "10/2031"
    assert (answer["order"], answer["note"]) == ("7", "two words")
    assert "callerReference" not in answer
    for name, kind in PREPAID_IDS.items():
        assert token_kind_and_book(answer[name]) == (kind, seller.book_id)
    tokens = await world.rows(
        "SELECT token_id, purpose, caller_reference, payment_method, payment_reason FROM token"
        " WHERE book_id = $1 ORDER BY purpose",
        seller.book_id,
    )
    assert [(token["purpose"], token["token_id"], token["caller_reference"]) for token in tokens] == [
        ("funding", answer["fundingTokenID"], params["callerReferenceFunding"]),
        ("prepaid_sender", answer["prepaidSenderTokenID"], params["callerReferenceSender"]),
    ]
    assert tokens[0]["payment_method"] == "CC"
    assert tokens[0]["payment_reason"] == "Song <b>credits</b>"
    made = await world.rows("SELECT * FROM instrument WHERE book_id = $1", seller.book_id)
    assert [(row["instrument_id"], row["limit_micros"]) for row in made] == [
        (answer["prepaidInstrumentID"], 25_000_000)
    ]


async def test_postpaid_by_bank_account(world: World, seller: Seller) -> None:
    browser = world.browser()
    expiry = int(world.clock().timestamp()) + 90 * 86_400
    method = await browser.sign_up(
        await browser.get(
            seller.url(
                seller.postpaid(
                    usageLimitType1="Amount",
                    usageLimitValue1="50",
                    usageLimitPeriod1="1 Month",
                    usageLimitType2="Count",
                    usageLimitValue2="3",
                    usageLimitPeriod2="2 Days",
                    validityExpiry=str(expiry),
                )
            )
        )
    )
    link = next(link for link in Page(method).links if link.endswith("/bank-account"))
    confirm = await browser.submit(await browser.get(link), "/bank-account", routing="110000000", number="000123456789")
    text = Page(confirm).text
    assert "You never owe more than 100.00 USD at any one time." in text
    assert "All purchases on the tab together come to at most 1,200.00 USD." in text
    assert "Purchases come to at most 50.00 USD every month." in text
    assert "There are at most 3 purchases every 2 days." in text
    assert "Music Shop settles the tab from your bank account ending in 6789" in text

    answer = await world.answer(await browser.submit(confirm, "/confirm"))

    assert answer["status"] == "SB"
    assert "expiry" not in answer
    for name, kind in POSTPAID_IDS.items():
        assert token_kind_and_book(answer[name]) == (kind, seller.book_id)
    made = await world.rows("SELECT * FROM instrument WHERE book_id = $1", seller.book_id)
    assert [(row["limit_micros"], row["total_limit_micros"]) for row in made] == [(100_000_000, 1_200_000_000)]
    assert made[0]["expires_at"].timestamp() == expiry
    spending = await world.rows("SELECT * FROM token WHERE token_id = $1", answer["creditSenderTokenID"])
    assert len(spending[0]["usage_limits"]) == 2


async def test_account_balance_with_test_money(world: World, seller: Seller) -> None:
    browser = world.browser()
    method = await browser.sign_up(await browser.get(seller.url(seller.prepaid(paymentMethod="ABT"))))
    assert "0.00 USD available" in Page(method).text

    refused = await browser.submit(method, "/account/test-money", amount="1000000")
    assert refused.status_code == 422
    assert Page(refused).form("/account/test-money").fields["amount"] == "1000000"
    method = await browser.submit(refused, "/account/test-money", amount="50.25")
    assert "50.25 USD available" in Page(method).text

    answer = await world.answer(await browser.submit(await browser.submit(method, "/method"), "/confirm"))
    assert answer["status"] == "SA"
    assert "expiry" not in answer


async def test_a_buyer_who_comes_back_finds_the_card(world: World, seller: Seller) -> None:
    email = f"{secrets.token_hex(6)}@buyer.example"
    browser = world.browser()
    method = await browser.sign_up(await browser.get(seller.url(seller.prepaid())), email)
    await browser.add_card(method)

    other = world.browser()
    sign_in_page = await other.get(seller.url(seller.prepaid(paymentMethod="CC")))
    method = await other.submit(sign_in_page, "/sign-in", email=email.upper(), password=PASSWORD)

    assert "Visa ending in 4242" in Page(method).text
    answer = await world.answer(await other.submit(await other.submit(method, "/method"), "/confirm"))
    assert answer["status"] == "SC"


async def test_what_can_pay_is_chosen_at_first(world: World, seller: Seller) -> None:
    browser = world.browser()
    await browser.at_confirm(seller.url(seller.prepaid()))

    method = await browser.get(seller.url(seller.prepaid()))
    assert "0.00 USD available" in Page(method).text
    assert Page(method).form("/method").fields["key"] == chosen_card(method), "nothing is on the account balance"

    await browser.submit(method, "/account/test-money", amount="4")
    method = await browser.get(seller.url(seller.prepaid()))
    assert Page(method).form("/method").fields["key"] == "balance"
    for amount, key in (("5.00", chosen_card(method)), ("4.00", "balance")):
        fixed = await browser.get(seller.url(seller.request("SingleUse", transactionAmount=amount)))
        assert Page(fixed).form("/method").fields["key"] == key
    without_card = seller.request("SingleUse", transactionAmount="5.00", paymentMethod="ABT")
    assert Page(await browser.get(seller.url(without_card))).form("/method").fields["key"] == "balance"


@pytest.mark.parametrize(
    ("methods", "said"), [("ABT", True), ("ABT,ACH", True), ("ABT,CC", False), ("ABT,CC,ACH", False)]
)
async def test_an_empty_balance_is_not_offered_without_a_word(
    world: World, seller: Seller, methods: str, *, said: bool
) -> None:
    """Where it is all that there is to choose; a form for a card is word enough."""
    browser = world.browser()
    page = await browser.sign_up(await browser.get(seller.url(seller.prepaid(paymentMethod=methods))))
    sentence = "Your account balance is empty: Music Shop can charge it only once there is money on it."

    assert (sentence in Page(page).text) == said
    filled = await browser.submit(page, "/account/test-money", amount="4")
    method = await browser.get(seller.url(seller.prepaid(paymentMethod=methods)))
    assert filled.status_code == 200
    assert "4.00 USD available" in Page(method).text
    assert sentence not in Page(method).text


async def test_leaving_from_any_page(world: World, seller: Seller) -> None:
    browser = world.browser()
    url = seller.url(seller.prepaid(websiteDescription="Music & More"))
    page = await browser.get(url)
    assert "Leave and go back to Music & More" in Page(page).text
    confirm = await browser.at_confirm(url)

    answer = await world.answer(await browser.submit(confirm, "/leave"))

    assert answer["status"] == "A"
    assert await instruments(world, seller) == []


async def test_without_a_fitting_method_the_buyer_may_say_so(world: World, seller: Seller) -> None:
    browser = world.browser()
    method = await browser.sign_up(await browser.get(seller.url(seller.prepaid(paymentMethod="CC,ACH"))))
    assert "Account balance" not in Page(method).text
    form = next(form for form in Page(method).forms if "reason" in form.fields)

    answer = await world.answer(await browser.post(form.action, form.fields))

    assert answer["status"] == "PE"


async def test_who_has_a_method_cannot_claim_to_have_none(world: World, seller: Seller) -> None:
    browser = world.browser()
    confirm = await browser.at_confirm(seller.url(seller.prepaid()))

    assert (await world.answer(await browser.submit(confirm, "/leave", reason="no-method")))["status"] == "A"


async def test_an_expired_card_is_shown_but_not_offered(world: World, seller: Seller) -> None:
    browser = world.browser()
    await browser.at_confirm(seller.url(seller.prepaid()))
    await world.pool.execute(
        "UPDATE payment_method SET expires_on = '2020-01-31' WHERE party_id ="
        " (SELECT max(party_id) FROM party WHERE kind = 'personal')"
    )
    method = await browser.get(seller.url(seller.prepaid(paymentMethod="CC")))
    assert "Expired 01/2020" in Page(method).text

    key = chosen_card(method)
    again = await browser.submit(method, "/method", key=key)
    assert again.status_code == 422
    assert "Choose how to pay." in Page(again).text


async def test_the_seller_cannot_pay_itself(world: World, seller: Seller) -> None:
    await world.pool.execute(
        "UPDATE party SET password_hash = $2 WHERE party_id = $1",
        seller.party.party_id,
        await of_process().hash(PASSWORD),
    )
    browser = world.browser()
    page = await browser.get(seller.url(seller.prepaid()))

    answer = await world.answer(await browser.submit(page, "/sign-in", email=seller.party.email, password=PASSWORD))

    assert (answer["status"], answer["errorMessage"]) == ("NP", "Sender and recipient are the same account.")


async def test_a_suspended_buyer_goes_back(world: World, seller: Seller) -> None:
    browser = world.browser()
    email = f"{secrets.token_hex(6)}@buyer.example"
    await browser.sign_up(await browser.get(seller.url(seller.prepaid())), email)
    await world.pool.execute("UPDATE party SET status = 'suspended' WHERE email = $1", email)

    answer = await world.answer(await browser.get(seller.url(seller.prepaid())))

    assert answer["status"] == "NP"


async def test_a_delivery_address_comes_back_when_asked_for(world: World, seller: Seller) -> None:
    browser = world.browser()
    url = seller.url(seller.prepaid(collectShippingAddress="True", addressLine2="x" * 201, city="ignored"))
    address = await browser.at_confirm(url)
    assert address.url.path.endswith("/address")
    assert "ignored" not in address.text

    again = await browser.submit(address, "/address", addressLine1="1 Main St", city="Springfield")
    assert again.status_code == 422
    assert Page(again).form("/address").fields["addressLine1"] == "1 Main St"  # nothing typed is lost
    confirm = await browser.submit(again, "/address", zip="12345", country="USA")
    assert "1 Main St" in Page(confirm).text
    answer = await world.answer(await browser.submit(confirm, "/confirm"))

    assert {name: answer[name] for name in ("addressName", "addressLine1", "city", "zip", "country")} == {
        "addressName": "Ann Buyer",
        "addressLine1": "1 Main St",
        "city": "Springfield",
        "zip": "12345",
        "country": "USA",
    }
    assert "addressLine2" not in answer


async def test_a_given_address_is_shown_and_not_returned(world: World, seller: Seller) -> None:
    browser = world.browser()
    confirm = await browser.at_confirm(seller.url(seller.prepaid(addressName="Ann", addressLine1="2 High St")))
    assert "2 High St" in Page(confirm).text

    answer = await world.answer(await browser.submit(confirm, "/confirm"))
    assert not {"addressLine1", "warningCode"} & answer.keys()


@pytest.mark.parametrize("address", [{"addressLine1": "x" * 201}, {"addressName": "Zebedee", "city": "Springfield"}])
async def test_an_address_that_cannot_be_used_is_not_shown_and_warned_of(
    world: World, seller: Seller, address: dict[str, str]
) -> None:
    browser = world.browser()
    confirm = await browser.at_confirm(seller.url(seller.postpaid(**address)))
    assert not [line for line in address.values() if line in Page(confirm).text]

    answer = await world.answer(await browser.submit(confirm, "/confirm"))

    assert answer["warningCode"] == "invalidShippingAddress"
    assert answer["warningMessage"]
    assert "settlementTokenID" in answer
    assert await seller.told(answer["creditSenderTokenID"], "1.00") == "Success"


async def test_another_buyers_card_cannot_be_used(world: World, seller: Seller) -> None:
    owner = world.browser()
    await owner.at_confirm(seller.url(seller.prepaid()))
    key = chosen_card(await owner.get(seller.url(seller.prepaid())))
    thief = world.browser()
    method = await thief.sign_up(await thief.get(seller.url(seller.prepaid())))

    assert (await thief.submit(method, "/method", key=key)).status_code == 422


async def test_another_person_on_the_same_visit_starts_from_the_choice(world: World, seller: Seller) -> None:
    browser = world.browser()
    confirm = await browser.at_confirm(seller.url(seller.prepaid()))
    signed_out = await browser.submit(confirm, "/sign-out")
    assert signed_out.url.path.endswith("/sign-in")
    method = await browser.sign_up(signed_out)
    assert "ending in 4242" not in method.text

    elsewhere = await browser.get(str(confirm.url))

    assert elsewhere.url.path.endswith("/method")


async def test_an_end_that_came_while_the_buyer_waited(world: World, seller: Seller) -> None:
    browser = world.browser()
    end = str(int(world.clock().timestamp()) + 600)
    confirm = await browser.at_confirm(seller.url(seller.prepaid(validityExpiry=end)))
    world.clock.ahead = timedelta(minutes=11)

    answer = await world.answer(await browser.submit(confirm, "/confirm"))

    assert (answer["status"], answer["errorMessage"]) == (
        "CE",
        "The following input(s) are in the past:[validityExpiry]",
    )


async def test_a_visit_left_lying_has_to_begin_anew(world: World, seller: Seller) -> None:
    page = await world.browser().get(seller.url(seller.prepaid()))
    world.clock.ahead = timedelta(hours=25)

    late = await world.browser().get(str(page.url))

    assert late.status_code == 410
    assert "open for too long" in Page(late).text
