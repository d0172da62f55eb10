"""SOAP from a stock client's side: zeep on our WSDL, signing with another XML library than ours."""

from __future__ import annotations

# ruff: noqa: ANN401 - zeep makes its types from the WSDL, at run time
import asyncio
from pathlib import Path
from typing import Any

import pytest
from tests.stories.soap.soap_client import NAMES, Program, StampedX509Data
from tests.support.books import Buyer
from tests.support.certificates import key_pair, private_key
from tests.support.shop import Shop, usd
from zeep.exceptions import Fault
from zeep.plugins import HistoryPlugin

from tallystick.services.api.fields import V2008, V2010
from tallystick.store.keys import certificates
from tallystick.store.keys.certificates import fingerprint_of


async def call(client: Any, action: str, **fields: Any) -> Any:
    return await asyncio.to_thread(getattr(client.service, action), **fields)


async def refused(client: Any, action: str, **fields: Any) -> tuple[str, str]:
    with pytest.raises(Fault) as caught:
        await call(client, action, **fields)
    return caught.value.code, caught.value.message


def dollars(value: str) -> dict[str, str]:
    return {"CurrencyCode": "USD", "Value": value}


async def fund(client: Any, buyer: Buyer, value: str, reference: str) -> Any:
    return await call(
        client,
        "FundPrepaid",
        SenderTokenId=buyer.money,
        PrepaidInstrumentId=buyer.instrument,
        FundingAmount=dollars(value),
        CallerReference=reference,
    )


@pytest.mark.parametrize("version", [V2008, V2010])
async def test_a_stock_client_funds_pays_and_asks(shop: Shop, program: Program, version: str) -> None:
    buyer = await shop.books.prepaid_buyer("25.00")
    await shop.books.deposit(buyer, "10.00")
    client = await program.client(version)

    funded = await fund(client, buyer, "10.00", "topup-1")
    assert funded.FundPrepaidResult.TransactionStatus == "Success"
    assert funded.ResponseMetadata.RequestId.endswith(":0")

    paid = await call(
        client, "Pay", SenderTokenId=buyer.spending, TransactionAmount=dollars("2.50"), CallerReference="song-1"
    )
    assert paid.PayResult.TransactionStatus == "Success"
    assert len(paid.PayResult.TransactionId) == 35

    left = await call(client, "GetPrepaidBalance", PrepaidInstrumentId=buyer.instrument)
    balance = left.GetPrepaidBalanceResult.PrepaidBalance
    assert (balance.AvailableBalance.CurrencyCode, balance.AvailableBalance.Value) == ("USD", "7.500000")
    assert balance.PendingInBalance.Value == "0.000000"
    assert await shop.balance(buyer) == usd("7.50")


async def test_a_retry_over_the_other_interface_moves_money_once(shop: Shop, program: Program) -> None:
    buyer = await shop.books.funded_buyer("10.00")
    client = await program.client()
    first = await shop.pay(buyer, "4.00", reference="order-7")

    again = await call(
        client, "Pay", SenderTokenId=buyer.spending, TransactionAmount=dollars("4.00"), CallerReference="order-7"
    )
    code, _ = await refused(
        client, "Pay", SenderTokenId=buyer.spending, TransactionAmount=dollars("4.01"), CallerReference="order-7"
    )

    assert again.PayResult.TransactionId == first.value("TransactionId")
    assert code == "soapenv:Client.DuplicateRequest"
    assert await shop.balance(buyer) == usd("6.00")


async def test_repeated_fields_and_lists_arrive(shop: Shop, program: Program) -> None:
    buyer = await shop.books.funded_buyer("10.00")
    await shop.pay(buyer, "1.00")
    client = await program.client()

    activity = await call(
        client, "GetAccountActivity", StartDate=shop.clock(), Role=["Recipient", "Caller"], SortOrderByDate="Ascending"
    )
    tokens = await call(client, "GetTokenByCaller", TokenId=buyer.spending)
    nobody = await call(client, "GetAccountActivity", StartDate=shop.clock(), Role=["Sender"])

    result = activity.GetAccountActivityResult
    assert result.BatchSize == 2
    assert {each.FPSOperation for each in result.Transaction} == {"FundPrepaid", "Pay"}
    assert [part.Role for part in result.Transaction[0].TransactionPart] == ["Recipient", "Caller"]
    assert tokens.GetTokenByCallerResult.Token.TokenId == buyer.spending
    assert nobody.GetAccountActivityResult.Transaction == []


async def test_refusals_are_faults_with_the_protocols_code(shop: Shop, program: Program) -> None:
    buyer = await shop.books.funded_buyer("10.00")
    client = await program.client()
    before = await shop.snapshot()

    too_much = {"SenderTokenId": buyer.spending, "TransactionAmount": dollars("10.01"), "CallerReference": "order-8"}
    with pytest.raises(Fault) as caught:
        await call(client, "Pay", **too_much)
    fault = caught.value
    error = fault.detail.find("fps:ErrorResponse/fps:Error", NAMES)
    assert fault.code == "soapenv:Client.InsufficientBalance"
    assert error.findtext("fps:Type", "", NAMES) == "Sender"
    assert error.findtext("fps:Code", "", NAMES) == "InsufficientBalance"
    assert error.findtext("fps:Message", "", NAMES) == fault.message

    assert (await refused(client, "Pay", CallerReference="order-9"))[0] == "soapenv:Client.InvalidParams"
    code, message = await refused(client, "GetPrepaidBalance", PrepaidInstrumentId="x")
    assert (code, message) == ("soapenv:Client.InvalidParams", '"prepaidInstrumentId" must be a valid instrument ID: x')
    assert await shop.snapshot() == before


async def test_addressing_headers_are_answered(program: Program) -> None:
    # zeep sends them because the WSDL names the Action of each operation
    history = HistoryPlugin()
    client = await program.client(plugins=[history])

    await call(client, "GetAccountBalance")

    sent, received = history.last_sent["envelope"], history.last_received["envelope"]
    assert sent.findtext(".//wsa:Action", "", NAMES) == "urn:GetAccountBalance"
    header = {each.tag.partition("}")[2]: each.text for each in received.find("s:Header", NAMES)}
    assert header.pop("MessageID").startswith("urn:uuid:")
    assert header == {
        "RelatesTo": sent.findtext(".//wsa:MessageID", "", NAMES),
        "To": "http://www.w3.org/2005/08/addressing/anonymous",
        "Action": "urn:GetAccountBalance:Response",
    }


async def test_the_certificate_may_stand_in_the_signature(program: Program) -> None:
    client = await program.client(wsse=program.signer(StampedX509Data))

    answer = await call(client, "GetAccountBalance")

    assert answer.GetAccountBalanceResult.AccountBalance.TotalBalance.Value == "0.000000"


async def test_unknown_and_revoked_certificates_are_refused(shop: Shop, program: Program, tmp_path: Path) -> None:
    client = await program.client()
    unknown = await Program(shop, key_pair(shop.clock(), key=private_key(1)), tmp_path / "stranger").client()
    assert (await refused(unknown, "GetAccountBalance"))[0] == "soapenv:Client.InvalidClientTokenId"

    await call(client, "GetAccountBalance")
    mine = fingerprint_of(program.pair.certificate)
    await certificates.revoke(shop.service.pool, shop.key.party_id, mine, shop.clock())
    code, message = await refused(client, "GetAccountBalance")
    assert code == "soapenv:Client.InvalidClientTokenId"
    assert mine in message


async def test_requests_age(shop: Shop, program: Program) -> None:
    client = await program.client()
    request = program.signed("<fps:GetAccountBalance/>")
    assert (await program.send(request)).fault is None

    shop.clock.forward(minutes=6)  # past the request's own Expires
    assert (await program.send(request)).fault == "RequestExpired"
    assert (await call(client, "GetAccountBalance")).ResponseMetadata.RequestId
