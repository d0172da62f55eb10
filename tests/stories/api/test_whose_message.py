"""VerifySignature, signed: of a message about others' transactions and tokens it says Failure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import urlsplit

from tests.stories.api.causes.provoking import in_process
from tests.stories.api.test_marketplace import marketplace_payment
from tests.stories.conftest import OpenShop
from tests.support.shop import Shop

from tallystick.services.consent.outbound import sign_return_url

ENDPOINT = "https://shop.example/fps/return"


async def message(shop: Shop, **answer: str) -> dict[str, str]:
    """What to ask about a return URL that really is the service's."""
    url = await sign_return_url(shop.service, f"{ENDPOINT}?order=7", {"status": "PS", **answer}, "request-1")
    return {"UrlEndPoint": ENDPOINT, "HttpParameters": urlsplit(url).query}


async def told(shop: Shop, asked: Mapping[str, str]) -> str:
    return (await shop.done("VerifySignature", asked)).value("VerificationStatus")


async def paid(shop: Shop) -> dict[str, str]:
    """The ids of a payment to this shop."""
    buyer = await shop.books.funded_buyer("10.00")
    answer = await shop.pay(buyer, "1.00")
    return {"transactionId": answer.value("TransactionId"), "tokenId": buyer.spending}


async def test_only_who_takes_part_is_told_success(open_shop: OpenShop) -> None:
    """Another seller pays itself and sends the buyer to this shop, with this shop's order number."""
    victim, attacker = await open_shop(), await open_shop()
    asked = await message(attacker, referenceId="order 7", **await paid(attacker))

    assert await told(attacker, asked) == "Success"
    assert await told(victim, asked) == "Failure"


async def test_every_id_of_the_message_counts(open_shop: OpenShop) -> None:
    shop, other = await open_shop(), await open_shop()
    own, others = await paid(shop), await paid(other)

    assert await told(shop, await message(shop, **own)) == "Success"
    for name in own:
        assert await told(shop, await message(shop, **own | {name: others[name]})) == "Failure"
        assert await told(shop, await message(shop, **{name: own[name]})) == "Success"
        assert await told(shop, await message(shop, **{name: "T0"})) == "Failure"


async def test_names_of_set_up_tokens_count(open_shop: OpenShop) -> None:
    shop, other = await open_shop(), await open_shop()
    buyer = await other.books.funded_buyer("10.00")
    asked = await message(shop, prepaidSenderTokenID=buyer.spending)

    assert (await told(other, asked), await told(shop, asked)) == ("Success", "Failure")


async def test_recipients_take_part_though_the_caller_is_another(open_shop: OpenShop) -> None:
    caller, band, stranger = await open_shop(), await open_shop(), await open_shop()
    transaction, token = await marketplace_payment(caller, band)
    for asked in (await message(caller, transactionId=transaction), await message(caller, tokenID=token)):
        assert [await told(one, asked) for one in (caller, band, stranger)] == ["Success", "Success", "Failure"]


async def test_a_message_about_nothing_is_for_everybody(open_shop: OpenShop) -> None:
    shop, other = await open_shop(), await open_shop()
    asked = await message(shop, status="A", errorMessage="The buyer left without agreeing.")

    assert await told(other, asked) == "Success"


async def test_who_does_not_sign_is_answered_as_the_protocol_does(open_shop: OpenShop) -> None:
    shop = await open_shop()
    asked = await message(shop, **await paid(shop))

    answer = await shop.send("POST", {**asked, "Action": "VerifySignature", "Version": "2010-08-28"})

    assert "<VerificationStatus>Success</VerificationStatus>" in answer.text


async def test_a_setting_keeps_the_old_way(open_shop: OpenShop) -> None:
    victim, attacker = await open_shop(), await open_shop()
    asked = await message(attacker, **await paid(attacker))
    settings = replace(victim.service.settings, verify_signature_for_anyone=True)
    lenient = in_process(replace(victim, service=replace(victim.service, settings=settings)))

    assert (await told(victim, asked), await told(lenient, asked)) == ("Failure", "Success")
    forged = asked | {"HttpParameters": asked["HttpParameters"].replace("status=PS", "status=PI")}
    assert await told(lenient, forged) == "Failure"
