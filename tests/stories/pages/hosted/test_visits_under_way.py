"""A new release takes over visits that are under way: their rows, and forms that the release before has shown."""

from __future__ import annotations

import secrets
from hashlib import sha256

import msgspec
from tests.stories.pages.hosted.test_agreeing import HOME_ADDRESS, at_confirm, kept
from tests.stories.pages.world import Page, Seller, World

from tallystick.domain.decide.outgoing.redemption import Redemption
from tallystick.domain.ids import TOKEN_ENTROPY_BYTES, BookId, IdKind, make_token_or_instrument_id
from tallystick.services.consent.evidence import Wording

CHOSEN = "UPDATE cobranded_visit SET choices = $2 WHERE caller_party_id = $1"


async def test_choices_of_before_are_shown_and_agreed_to(world: World, seller: Seller) -> None:
    browser, confirm = await at_confirm(world, seller, seller.prepaid(collectShippingAddress="True"))
    [method] = await world.rows(
        "SELECT choices, sender_party_id FROM cobranded_visit WHERE caller_party_id = $1", seller.party.party_id
    )
    address = {f"address:{name}": "" for name in ("addressLine2", "state", "phoneNumber")}
    address |= {f"address:{name}": value for name, value in HOME_ADDRESS.items()}
    chosen = {"key": method["choices"]["key"], "method": "CC"} | address
    await world.pool.execute(CHOSEN, seller.party.party_id, chosen)

    confirm = await browser.get(str(confirm.url).replace("/address", "/confirm"))
    assert "1 Main St" in Page(confirm).text
    shown = Page(confirm).form("/confirm").fields["agreed"]
    answer = await world.answer(await browser.submit(confirm, "/confirm"))

    assert (answer["status"], answer["addressLine1"], answer["zip"]) == ("SC", "1 Main St", "12345")
    assert "addressLine2" not in answer
    words = dict((await kept(world, seller, answer["prepaidInstrumentID"])).wording)
    wording = Wording(**words | {"redemption": Redemption(**words["redemption"])})
    of_before = msgspec.json.encode([method["sender_party_id"], sorted(chosen.items()), msgspec.to_builtins(wording)])
    assert shown == sha256(of_before).hexdigest()  # so a form that was open during the upgrade is taken


def _fresh(kind: IdKind, book_id: BookId) -> str:
    return make_token_or_instrument_id(kind, book_id, secrets.token_bytes(TOKEN_ENTROPY_BYTES))


async def test_an_answer_of_before_that_the_books_do_not_have_yet_is_made_good(world: World, seller: Seller) -> None:
    browser, confirm = await at_confirm(world, seller, seller.prepaid())
    names = {
        "prepaidInstrumentID": IdKind.PREPAID_INSTRUMENT,
        "prepaidSenderTokenID": IdKind.PREPAID_SENDER,
        "fundingTokenID": IdKind.FUNDING,
    }
    ids = {name: _fresh(kind, seller.book_id) for name, kind in names.items()}
    await world.pool.execute(
        "UPDATE cobranded_visit SET answer = $2 WHERE caller_party_id = $1",
        seller.party.party_id,
        {"status": "SC", "expiry": "10/2031"} | ids,
    )

    answer = await world.answer(await browser.submit(confirm, "/confirm"))

    assert {name: answer[name] for name in ids} == ids
    made = await world.rows("SELECT instrument_id FROM instrument WHERE book_id = $1", seller.book_id)
    assert [one["instrument_id"] for one in made] == [ids["prepaidInstrumentID"]]


async def test_a_visit_that_ended_before_leads_back_with_its_answer(world: World, seller: Seller) -> None:
    browser, confirm = await at_confirm(world, seller, seller.prepaid())
    await world.pool.execute(
        "UPDATE cobranded_visit SET answer = $2, status = 'NP', finished_at = now() WHERE caller_party_id = $1",
        seller.party.party_id,
        {"status": "NP", "errorMessage": "The sender's account is suspended or closed."},
    )

    answer = await world.answer(await browser.get(str(confirm.url)))

    assert (answer["status"], answer["errorMessage"]) == ("NP", "The sender's account is suspended or closed.")
