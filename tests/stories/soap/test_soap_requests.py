"""SOAP requests that are signed well and wrong otherwise: each is refused with a fault, and nothing has changed."""

from __future__ import annotations

from dataclasses import replace

import httpx
import pytest
from lxml import etree
from structlog.testing import capture_logs
from tests.stories.soap.soap_client import NAMES, SOAP, Program, SoapAnswer, at, pay, send_tolerantly
from tests.support.books import Buyer
from tests.support.shop import NAMESPACE, Shop, usd

from tallystick.web.api.soap.api import SoapApi

BALANCE = "<fps:GetPrepaidBalance><fps:PrepaidInstrumentId>x</fps:PrepaidInstrumentId>{}</fps:GetPrepaidBalance>"
PAY = "<fps:Pay><fps:TransactionAmount>{}</fps:TransactionAmount></fps:Pay>"
AMOUNT = "<fps:CurrencyCode>USD</fps:CurrencyCode><fps:Value>1.00</fps:Value>"


@pytest.mark.parametrize(
    ("request_", "code", "quoted"),
    [
        (BALANCE.format("<fps:Color>red</fps:Color>"), "InvalidRequest", f"{NAMESPACE}:Color"),
        (BALANCE.format("<Color>red</Color>"), "InvalidRequest", '":Color"'),
        (
            BALANCE.format("<fps:PrepaidInstrumentId>y</fps:PrepaidInstrumentId>"),
            "InvalidRequest",
            "PrepaidInstrumentId",
        ),
        (BALANCE.format("<fps:Version>2010-08-28</fps:Version>"), "InvalidRequest", "Version"),
        (BALANCE.format("<!-- only a remark -->"), "InvalidParams", "must be a valid instrument ID: x"),
        (BALANCE.format("<?php echo ?>"), "InvalidRequest", "processing instruction"),
        (BALANCE.format("tail"), "InvalidRequest", "text in GetPrepaidBalance"),
        ("<fps:GetPrepaidBalance/>", "InvalidParams", "PrepaidInstrumentId"),
        ("<fps:GetPrepaidbalance/>", "InvalidAction", "GetPrepaidbalance"),
        ("<GetAccountBalance/>", "NoSuchVersion", "namespace"),
        (
            "<fps:Pay><fps:CallerReference>r</fps:CallerReference><fps:SenderTokenId>t</fps:SenderTokenId></fps:Pay>",
            "InvalidRequest",
            "SenderTokenId",
        ),
        (
            PAY.format("<fps:Value>1</fps:Value><fps:CurrencyCode>USD</fps:CurrencyCode>"),
            "InvalidRequest",
            "CurrencyCode",
        ),
        (PAY.format(f"5{AMOUNT}"), "InvalidRequest", "text in"),
        (PAY.format("5"), "InvalidRequest", "TransactionAmount"),
        ("<fps:Pay><fps:TransactionAmount.Value>5</fps:TransactionAmount.Value></fps:Pay>", "InvalidRequest", "Value"),
        (
            "<fps:Pay><fps:TransactionAmount/><fps:DescriptorPolicy> </fps:DescriptorPolicy></fps:Pay>",
            "InvalidParams",
            "",
        ),
    ],
)
async def test_the_body_is_held_against_the_interface(program: Program, request_: str, code: str, quoted: str) -> None:
    answer = await program.send(program.signed(request_))

    assert answer.fault == code
    assert quoted in answer.reason


async def test_a_remark_within_a_value_does_not_cut_it(shop: Shop, program: Program, buyer: Buyer) -> None:
    """Comments are not signed: a parser that stops at one would read another value than was signed."""
    request = pay(buyer, value="1.2<!-- -->5")

    assert (await program.send(program.signed(request))).fault is None
    assert await shop.balance(buyer) == usd("8.75")


async def test_what_is_unknown_can_be_tolerated(program: Program, buyer: Buyer) -> None:
    request = BALANCE.replace(">x<", f">{buyer.instrument}<")
    for more in ("<fps:Color>red</fps:Color>", "<Color>red</Color>", "<fps:Version>1</fps:Version>"):
        envelope = program.signed(request.format(more))
        answer = await send_tolerantly(program, envelope)
        assert (answer.fault, answer.value("AvailableBalance/Value")) == (None, "10.000000")


async def test_closed_accounts_are_refused(shop: Shop, program: Program) -> None:
    await shop.service.pool.execute("UPDATE party SET status = 'closed' WHERE party_id = $1", shop.key.party_id)

    assert (await program.send(program.signed("<fps:GetAccountBalance/>"))).fault == "AccountClosed"


BOMB = "<!DOCTYPE s [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;'>]>"
FILE = "<!DOCTYPE s [<!ENTITY a SYSTEM 'file:///etc/hostname'>]>"


def enveloped(content: str, namespace: str = SOAP) -> str:
    return f'<s:Envelope xmlns:s="{namespace}" xmlns:fps="{NAMESPACE}">{content}</s:Envelope>'


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "MalformedQueryString"),
        (b"<s:Envelope", "MalformedQueryString"),
        (b"Action=Pay", "MalformedQueryString"),
        (enveloped("<s:Body/>").encode("utf-16"), "MalformedQueryString"),
        (BOMB + enveloped("<s:Body>&b;</s:Body>"), "InvalidRequest"),
        (FILE + enveloped("<s:Body>&a;</s:Body>"), "InvalidRequest"),
        (enveloped("<s:Body>&nbsp;</s:Body>"), "MalformedQueryString"),
        (enveloped("<a>" * 300 + "</a>" * 300), "MalformedQueryString"),
        ("<Envelope/>", "VersionMismatch"),
        ("<Pay/>", "InvalidRequest"),
        (enveloped("<s:Body/>", "http://www.w3.org/2003/05/soap-envelope"), "VersionMismatch"),
        (enveloped(""), "InvalidRequest"),
        (enveloped("<s:Header/>"), "InvalidRequest"),
        (enveloped("<s:Body/><s:Header/>"), "InvalidRequest"),
        (enveloped("<s:Body/>"), "InvalidRequest"),
        (enveloped("<s:Body><fps:GetAccountBalance/></s:Body>"), "MissingAuthenticationToken"),
        (enveloped("<s:Header><x s:mustUnderstand='1'/></s:Header><s:Body><fps:Pay/></s:Body>"), "MustUnderstand"),
        (
            enveloped(
                "<s:Header><x s:mustUnderstand='1' s:actor='urn:someone'/></s:Header><s:Body><fps:Pay/></s:Body>"
            ),
            "MissingAuthenticationToken",
        ),
        (
            enveloped(
                f"<s:Header><a:ReplyTo xmlns:a='{NAMES['wsa']}'><a:Address>http://other.example/</a:Address>"
                "</a:ReplyTo></s:Header><s:Body><fps:Pay/></s:Body>"
            ),
            "InvalidRequest",
        ),
    ],
)
async def test_spoilt_envelopes_are_refused(program: Program, content: str | bytes, code: str) -> None:
    answer = await program.send(content)

    assert answer.fault == code
    assert answer.response.headers["content-type"] == "text/xml; charset=utf-8"


async def test_an_envelope_is_known_by_its_type_or_its_soap_action(program: Program) -> None:
    envelope = program.signed("<fps:GetAccountBalance/>")

    for headers in (
        {"content-type": "application/soap+xml; action=GetAccountBalance"},
        {"content-type": "application/octet-stream", "SOAPAction": '"GetAccountBalance"'},
        {"content-type": "TEXT/XML", "SOAPAction": '"urn:something-else"'},
    ):
        assert (await program.send(envelope, **headers)).value("TotalBalance/Value") == "0.000000"


async def test_envelopes_without_end_are_not_read(program: Program) -> None:
    answer = await program.send(enveloped("<s:Body>" + " " * 70_000 + "</s:Body>"))

    assert (answer.response.status_code, answer.fault) == (413, "InvalidRequest")


async def test_a_fault_of_ours_is_the_servers(program: Program) -> None:
    def broken() -> object:
        raise RuntimeError("the clock fell off the wall")

    failing = SoapApi(replace(program.shop.service, clock=broken))  # type: ignore[arg-type]
    with capture_logs() as logs:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(failing)) as client:
            content = etree.tostring(program.signed("<fps:GetAccountBalance/>"))
            answer = SoapAnswer(await client.post("http://pay.example/", content=content))

    assert answer.root.findtext("s:Body/s:Fault/faultcode", "", NAMES) == "soapenv:Server.InternalError"
    assert answer.value("Error/Type") == "Receiver"
    assert "clock" not in answer.reason
    assert [line["request_id"] for line in logs] == [answer.value("ErrorResponse/RequestId")]


async def test_older_addressing_is_answered_in_its_own_namespace(program: Program) -> None:
    space = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
    header = (
        f'<a:MessageID xmlns:a="{space}">urn:1&amp;2</a:MessageID><a:ReplyTo xmlns:a="{space}" s:mustUnderstand="1">'
        f"<a:Address>{space}/role/anonymous</a:Address></a:ReplyTo>"
    )

    good = await program.send(program.signed("<fps:GetAccountBalance/>", header))
    fault = await program.send(program.signed("<fps:GetPrepaidBalance/>", header))

    for answer, action in ((good, "urn:GetAccountBalance:Response"), (fault, f"{space}/fault")):
        headers = {etree.QName(each).localname: each.text for each in at(answer.root, "s:Header")}
        assert headers.pop("MessageID")
        assert headers == {"RelatesTo": "urn:1&2", "To": f"{space}/role/anonymous", "Action": action}
