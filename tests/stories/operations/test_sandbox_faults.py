"""Faults on order: amounts and tokens that fail in the sandbox, for every action that charges or gives back."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.stories.api.causes.provoking import in_process, payer
from tests.support.books import Buyer
from tests.support.shop import Answer, Shop

from tallystick.domain.commands import Method
from tallystick.services.api.identify import SIMULATED_RECIPIENTS, SIMULATED_SENDERS
from tallystick.services.operations.fee_schedules import read_fee_schedules
from tallystick.store.ledger.rules import Rules

AT_ONCE = {"2.61": "AccessFailure", "2.71": "InsufficientBalance"}
LATER = {"2.61": "TemporaryDecline", "2.71": "TransactionDenied"}


async def charge(shop: Shop, action: str, method: Method, value: str) -> Answer:
    match action:
        case "Pay":
            return await shop.pay(await payer(shop, method), value)
        case "Reserve":
            return await shop.call("Reserve", shop.pay_parameters(await payer(shop, method), value))
        case "FundPrepaid":
            buyer = await shop.books.prepaid_buyer(method=method)
            await shop.books.deposit(buyer, "20.00")
            return await shop.fund(buyer, value)
        case "SettleDebt":
            buyer = await shop.books.postpaid_buyer(method=method)
            await shop.books.deposit(buyer, "20.00")
            await shop.pay(buyer, "10.00")
            return await shop.settle(buyer, value)
        case "Refund":
            payment = await shop.pay(await payer(shop, method), "10.00")
            await shop.rail_answers()
            return await shop.refund(payment.value("TransactionId"), value)
    raise ValueError(action)


@pytest.mark.parametrize("value", AT_ONCE)
@pytest.mark.parametrize("action", ["Pay", "FundPrepaid", "SettleDebt", "Refund"])
async def test_what_is_decided_at_once_is_refused_at_once(shop: Shop, action: str, value: str) -> None:
    assert (await charge(shop, action, Method.ABT, value)).code == AT_ONCE[value]


@pytest.mark.parametrize("value", LATER)
@pytest.mark.parametrize("action", ["Pay", "Reserve", "FundPrepaid", "SettleDebt", "Refund"])
async def test_what_waits_for_the_network_fails_later(shop: Shop, action: str, value: str) -> None:
    opened = await charge(shop, action, Method.CC, value)
    assert opened.value("TransactionStatus") == "Pending"
    await shop.rail_answers()

    told = await shop.done("GetTransactionStatus", {"TransactionId": opened.value("TransactionId")})

    assert (told.value("TransactionStatus"), told.value("StatusCode")) == ("Failure", LATER[value])
    assert told.value("StatusMessage")


@pytest.mark.parametrize("value", AT_ONCE)
async def test_charges_of_instruments_fail_too(shop: Shop, value: str) -> None:
    prepaid, postpaid = await shop.books.funded_buyer("10.00"), await shop.books.postpaid_buyer()
    for buyer in (prepaid, postpaid):
        assert (await shop.pay(buyer, value)).code == AT_ONCE[value]
        payment = (await shop.pay(buyer, "5.00")).value("TransactionId")
        assert (await shop.refund(payment, value)).code == AT_ONCE[value]
    assert (await shop.write_off(postpaid, value)).code is None, "nobody is charged"


@pytest.mark.parametrize("token", SIMULATED_SENDERS)
async def test_sender_tokens_that_stand_for_a_state(shop: Shop, token: str) -> None:
    buyer = await shop.books.postpaid_buyer()
    prepaid = await shop.books.prepaid_buyer()
    spoilt = Buyer(buyer.party_id, buyer.instrument, token, token)  # type: ignore[arg-type]
    assert (await shop.pay(spoilt, "1.00")).code == "InvalidAccountState_Sender"
    assert (await shop.call("Reserve", shop.pay_parameters(spoilt, "1.00"))).code == "InvalidAccountState_Sender"
    assert (await shop.settle(spoilt, "1.00")).code == "InvalidAccountState_Sender"
    funding = replace(spoilt, instrument=prepaid.instrument)
    assert (await shop.fund(funding, "1.00")).code == "InvalidAccountState_Sender"


@pytest.mark.parametrize("token", SIMULATED_RECIPIENTS)
async def test_recipient_tokens_that_stand_for_a_state(shop: Shop, token: str) -> None:
    params = shop.pay_parameters(await payer(shop, Method.CC), "1.00") | {"RecipientTokenId": token}
    for action in ("Pay", "Reserve"):
        assert (await shop.call(action, params)).code == "InvalidAccountState_Recipient"
    status = await shop.call("GetRecipientVerificationStatus", {"RecipientTokenId": token})
    if "e-mail" in SIMULATED_RECIPIENTS[token]:
        assert status.value("RecipientVerificationStatus") == "VerificationPending"
    else:
        assert status.code == "InvalidAccountState_Recipient"


async def test_without_the_setting_nothing_is_simulated(shop: Shop) -> None:
    rules = Rules(read_fee_schedules(None), simulate_faults=False)
    service = replace(shop.service, settings=replace(shop.service.settings, sandbox_faults=False))
    plain = in_process(replace(shop, service=service), rules=rules)

    assert (await plain.pay(await payer(shop), "2.61")).code is None
    params = shop.pay_parameters(await payer(shop), "1.00")
    assert (await plain.call("Pay", params | {"SenderTokenId": next(iter(SIMULATED_SENDERS))})).code == "InvalidParams"
