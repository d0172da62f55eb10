"""The interface of 2007-01-08: its fields, envelopes and faults."""

from __future__ import annotations

import re
from collections.abc import Mapping
from xml.etree import ElementTree as ET

import pytest
from tests.stories.api.causes.provoking import payer
from tests.stories.api.good_requests import good_request, recipient_token
from tests.support.shop import UUID, Shop

from tallystick.domain.commands import LimitTerms, Method
from tallystick.domain.limits import LimitKind
from tallystick.domain.periods import Period
from tallystick.services.api.fields import V2007
from tallystick.services.api.registry import ACTIONS

SHARED = sorted(name for name, action in ACTIONS.items() if action.in_version(V2007))
NAMESPACE = "{http://fps.amazonaws.com/doc/2007-01-08/}"


class Old:
    """A client of the interface of 2007."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.caller_token = ""

    async def call(self, action: str, params: Mapping[str, str] | None = None) -> tuple[int, str]:
        signed = self.shop.signed("POST", {"Action": action, "Version": V2007, **(params or {})})
        response = await self.shop.send("POST", signed)
        return response.status_code, response.text

    async def done(self, action: str, params: Mapping[str, str] | None = None) -> ET.Element:
        status, text = await self.call(action, params)
        root = ET.fromstring(text)  # noqa: S314 - an answer of our own service
        assert (status, root.tag, root.findtext("Status")) == (200, f"{NAMESPACE}{action}Response", "Success"), text
        return root

    async def refused(self, action: str, params: Mapping[str, str]) -> list[str]:
        """The codes of a business error."""
        before = await self.shop.snapshot()
        status, text = await self.call(action, params)
        root = ET.fromstring(text)  # noqa: S314 - an answer of our own service
        assert (status, root.findtext("Status")) == (200, "Failure"), text
        assert await self.shop.snapshot() == before
        return [fault.findtext("ErrorCode") or "" for fault in root.findall("Errors/Errors")]

    async def install(self, text: str) -> str:
        params = {"PaymentInstruction": text, "TokenType": "Unrestricted", "CallerReference": self.shop.reference()}
        token = (await self.done("InstallPaymentInstruction", params)).findtext("TokenId")
        assert token is not None
        return token

    async def tokens(self) -> dict[str, str]:
        """What every payment of this version carries."""
        caller = await self.install("MyRole == 'Caller';")
        return {
            "CallerTokenId": caller,
            "RecipientTokenId": await self.install("MyRole == 'Recipient';"),
            "ChargeFeeTo": "Recipient",
        }


@pytest.fixture
def old(shop: Shop) -> Old:
    return Old(shop)


def amount(name: str, value: str) -> dict[str, str]:
    return {f"{name}.CurrencyCode": "USD", f"{name}.Amount": value}


async def old_request(old: Old, action: str) -> dict[str, str]:
    """A good request of today with the names of 2007 and every field that this version has."""
    renamed = {"FPSOperation": "Operation"}
    params = {
        renamed.get(name, name).replace("Amount.Value", "Amount.Amount").replace("Fee.Value", "Fee.Amount"): value
        for name, value in (await good_request(old.shop, action)).items()
    }
    extra = {
        **await old.tokens(),
        "TransactionDate": "2027-03-01T12:00:00Z",
        "SenderReference": "s",
        "RecipientReference": "r",
        "RecipientDescription": "d",
        "RefundSenderReference": "s",
        "RefundRecipientReference": "r",
        "RefundSenderDescription": "d",
        "RefundRecipientDescription": "d",
        "MetaData": "m" * 2048,
        "DescriptorPolicy.CSNumberOf": "Caller",
        "TemporaryDeclinePolicy.TemporaryDeclinePolicyType": "Failure",
        "Status": "Success",
        "ResponseGroup": "Details",
    }
    known = {name for field in ACTIONS[action].tables[V2007].fields for name in field.wire_names()}
    chosen = {**{name: value for name, value in extra.items() if name in known}, **params}
    return {name: value for name, value in chosen.items() if name in known or name.startswith("Role")}


@pytest.mark.parametrize("action", SHARED)
async def test_every_shared_action_is_answered_in_its_envelope(old: Old, action: str) -> None:
    params = await old_request(old, action)
    for fault in ({"Unknown": "x"}, {"DescriptorPolicy.CSOwner": "Caller"}, {"OverrideIPNURL": "https://shop.example"}):
        status, text = await old.call(action, params | fault)
        assert (status, "<Code>InvalidRequest</Code>" in text) == (400, True)
        assert f'":{next(iter(fault))}"' in text, "the schema had no namespace for children"

    root = await old.done(action, params)

    assert [child.tag for child in root][-2:] == ["Status", "RequestId"]
    assert re.fullmatch(rf"{UUID.pattern}:0", root.findtext("RequestId") or "")
    known = {name for field in ACTIONS[action].tables[V2007].fields for name in field.wire_names()}
    assert known - params.keys() <= {"Role", "CallerReference", "RefundSenderTokenId", "Status"} | (
        {"RecipientTokenId"} if action == "GetTokens" else set()
    )


@pytest.mark.parametrize("action", [*sorted(ACTIONS.keys() - set(SHARED)), "GetResults", "PayBatch"])
async def test_other_actions_are_none_of_this_version(old: Old, action: str) -> None:
    status, text = await old.call(action)

    assert status == 400
    assert "<Code>InvalidAction</Code>" in text


async def test_envelopes_byte_for_byte(old: Old) -> None:
    buyer = await old.shop.books.funded_buyer("10.00")
    params = {
        "SenderTokenId": buyer.spending,
        **await old.tokens(),
        **amount("TransactionAmount", "4.00"),
        "CallerReference": "order-7",
    }
    _, paid = await old.call("Pay", params)
    _, again = await old.call("Pay", params)
    _, balance = await old.call("GetPrepaidBalance", {"PrepaidInstrumentId": buyer.instrument})
    _, refused = await old.call("Pay", params | {"CallerReference": "order-8"} | amount("TransactionAmount", "6.01"))

    head = r'<\?xml version="1\.0"\?>\n'
    root = r'xmlns:ns3="http://fps\.amazonaws\.com/doc/2007-01-08/"'
    request_id = rf"<RequestId>{UUID.pattern}:0</RequestId>"
    form = re.fullmatch(
        rf"{head}<ns3:PayResponse {root}><ns3:TransactionResponse><TransactionId>(\w{{35}})</TransactionId>"
        rf"<Status>Success</Status></ns3:TransactionResponse><Status>Success</Status>{request_id}</ns3:PayResponse>",
        paid,
    )
    assert form is not None
    assert form[1] in again
    assert re.fullmatch(
        rf"{head}<ns3:GetPrepaidBalanceResponse {root}><PrepaidBalance><AvailableBalance><CurrencyCode>USD"
        r"</CurrencyCode><Amount>6\.000000</Amount></AvailableBalance><PendingInBalance><CurrencyCode>USD</CurrencyCode>"
        rf"<Amount>0\.000000</Amount></PendingInBalance></PrepaidBalance><Status>Success</Status>{request_id}"
        r"</ns3:GetPrepaidBalanceResponse>",
        balance,
    )
    assert re.fullmatch(
        rf"{head}<ns3:PayResponse {root}><Status>Failure</Status><Errors><Errors><ErrorType>Business</ErrorType>"
        r"<IsRetriable>true</IsRetriable><ErrorCode>InsufficientBalance</ErrorCode><ReasonText>[^<>]+</ReasonText></Errors>"
        rf"</Errors>{request_id}</ns3:PayResponse>",
        refused,
    )


async def test_transactions_in_the_words_of_2007(old: Old) -> None:
    buyer = await payer(old.shop, Method.CC)
    tokens = await old.tokens()
    one = {"SenderTokenId": buyer.spending, **tokens, **amount("TransactionAmount", "5.00"), "CallerReference": "1"}
    other = {**one, **amount("TransactionAmount", "2.61"), "CallerReference": "2"}
    paid = await old.done("Pay", one)
    assert paid.findtext(f"{NAMESPACE}TransactionResponse/Status") == "Initiated"
    old.shop.clock.forward(seconds=1)
    await old.done("Pay", other)
    await old.shop.rail_answers()

    transaction_id = paid.findtext(f"{NAMESPACE}TransactionResponse/TransactionId") or ""
    detail = (await old.done("GetTransaction", {"TransactionId": transaction_id})).find("Transaction")
    assert detail is not None
    assert [detail.findtext(name) for name in ("Operation", "Status", "ErrorCode", "FPSFees")] == [
        "Pay",
        "Success",
        None,
        None,
    ]
    assert detail.findtext("Fees/Amount") == "0.300000"
    start = {"StartDate": "2027-03-01T00:00:00Z"}
    listed = await old.done("GetAccountActivity", start | {"Operation": "Pay", "SortOrderByDate": "Ascending"})
    assert listed.findtext("ResponseBatchSize") == "2"
    assert [each.findtext("Status") for each in listed.findall("Transactions")] == ["Success", "TemporaryDecline"]
    assert [each.findtext("ErrorCode") for each in listed.findall("Transactions")] == [None, "TemporaryDecline"]
    assert listed.findtext("Transactions/TransactionParts/FeePaid/Amount") == "0.300000"
    waiting = await old.done("GetAccountActivity", start | {"Status": "Initiated"})
    assert waiting.findtext("ResponseBatchSize") == "0"
    kept = await old.done("GetTokens")
    assert {each.findtext("Status") for each in kept.findall("Tokens")} == {"Active"}


async def test_a_reservation_is_settled_with_what_that_interface_has(old: Old) -> None:
    """It has ReserveTransactionId, TransactionAmount, TransactionDate and MetaData, and no token of the caller."""
    buyer = await payer(old.shop, Method.CC)
    reserve = {"SenderTokenId": buyer.spending, **await old.tokens(), **amount("TransactionAmount", "5.00")}
    reserved = await old.done("Reserve", reserve | {"CallerReference": "1"})
    await old.shop.rail_answers()
    transaction_id = reserved.findtext(f"{NAMESPACE}TransactionResponse/TransactionId") or ""
    settle = {
        "ReserveTransactionId": transaction_id,
        **amount("TransactionAmount", "4.00"),
        "TransactionDate": "2027-03-01T12:00:00Z",
        "MetaData": "m",
    }

    status, text = await old.call("Settle", settle | {"CallerTokenId": reserve["CallerTokenId"]})
    assert (status, "<Code>InvalidRequest</Code>" in text) == (400, True)
    settled = await old.done("Settle", settle)

    assert settled.findtext(f"{NAMESPACE}TransactionResponse/TransactionId") == transaction_id
    await old.shop.rail_answers()
    detail = (await old.done("GetTransaction", {"TransactionId": transaction_id})).find("Transaction")
    assert detail is not None
    assert (detail.findtext("Status"), detail.findtext("TransactionAmount/Amount")) == ("Success", "4.000000")


async def test_answers_have_what_that_interface_asks_for(old: Old) -> None:
    """Every answer is held against the schema of 2007; these are the elements that other versions do not have."""
    account = str(old.shop.key.party_id)
    buyer = await old.shop.books.funded_buyer("10.00")
    pay = {"SenderTokenId": buyer.spending, **await old.tokens(), **amount("TransactionAmount", "4.00")}
    paid = await old.done("Pay", pay | {"CallerReference": "1"})
    transaction_id = paid.findtext(f"{NAMESPACE}TransactionResponse/TransactionId") or ""

    detail = (await old.done("GetTransaction", {"TransactionId": transaction_id})).find("Transaction")
    listed = (await old.done("GetAccountActivity", {"StartDate": "2027-03-01T00:00:00Z", "Operation": "Pay"})).find(
        "Transactions"
    )

    assert detail is not None
    assert listed is not None
    gone = {"CallerReference", "FPSFeesPaidBy", "SenderEmail", "RecipientEmail"}
    assert gone.isdisjoint(child.tag for child in detail)
    history = [(each.findtext("Status"), each.findtext("Amount/Amount")) for each in detail.findall("StatusHistory")]
    assert history == [("Success", "4.000000")]
    assert detail.findtext("CallerTransactionDate") == listed.findtext("CallerTransactionDate") != ""
    for transaction in (detail, listed):
        parts = [
            tuple(part.findtext(name) for name in ("Role", "AccountId", "InstrumentId"))
            for part in transaction.findall("TransactionParts")
        ]
        assert parts == [("Recipient", account, buyer.instrument), ("Caller", account, None)]
    own = await old.done("GetTokens")
    theirs = await old.done("GetTokenByCaller", {"TokenId": buyer.spending})
    instruction = await old.done("GetPaymentInstruction", {"TokenId": pay["CallerTokenId"]})
    installers = [*own.findall("Tokens"), *theirs.findall("Token"), *instruction.findall("Token")]
    assert [each.findtext("CallerInstalled") for each in installers] == [account] * 4


async def test_usage_is_spelt_as_this_version_does(old: Old) -> None:
    daily = (LimitTerms(LimitKind.COUNT, 3, Period(1, "Day")),)
    buyer = await payer(old.shop, Method.CC, limits=daily)

    usage = await old.done("GetTokenUsage", {"TokenId": buyer.spending})

    assert usage.find("TokenUsageLimits/LastResetTimeStamp") is not None
    assert usage.find("TokenUsageLimits/LastResetTimestamp") is None


async def test_tokens_that_this_version_asks_for(old: Old) -> None:
    buyer = await old.shop.books.funded_buyer("10.00")
    params = {"SenderTokenId": buyer.spending, **await old.tokens(), **amount("TransactionAmount", "1.00")}
    params["CallerReference"] = "order-7"

    for name in ("CallerTokenId", "RecipientTokenId", "ChargeFeeTo", "TransactionAmount.Amount"):
        left = {other: value for other, value in params.items() if other != name}
        assert await old.refused("Pay", left) == ["InvalidParams"]
    assert await old.refused("Pay", params | {"CallerTokenId": buyer.money}) == ["InvalidTokenId_Caller"]
    assert await old.refused("Pay", params | {"CallerTokenId": "x"}) == ["InvalidParams"]
    assert await old.refused("Pay", params | {"RecipientTokenId": await recipient_token(old.shop)}) == [
        "InvalidTokenId_Recipient"
    ]
    policy = "TemporaryDeclinePolicy.TemporaryDeclinePolicyType"
    assert await old.refused("Pay", params | {policy: "ImplicitRetry"}) == ["InvalidParams"]
    await old.done("CancelToken", {"TokenId": params["CallerTokenId"]})
    assert await old.refused("Pay", params) == ["TokenNotActive_Caller"]


async def test_a_refund_is_taken_from_who_was_paid(old: Old) -> None:
    buyer = await payer(old.shop)
    theirs = await recipient_token(old.shop)
    own = await old.tokens()
    pay = {"SenderTokenId": buyer.spending, **own, **amount("TransactionAmount", "5.00"), "CallerReference": "1"}
    paid = await old.done("Pay", pay | {"RecipientTokenId": theirs})
    refund = {
        "TransactionId": paid.findtext(f"{NAMESPACE}TransactionResponse/TransactionId") or "",
        "CallerTokenId": own["CallerTokenId"],
        **amount("RefundAmount", "1.00"),
        "CallerReference": "2",
    }
    wrong = refund | {"RefundSenderTokenId": own["RecipientTokenId"]}
    assert await old.refused("Refund", wrong) == ["SenderNotOriginalRecipient"]
    await old.done("Refund", refund | {"RefundSenderTokenId": theirs})


async def test_conditions_of_the_callers_own_tokens_hold_too(old: Old) -> None:
    balance, card = await payer(old.shop), await payer(old.shop, Method.CC)
    tokens = await old.tokens() | {
        "CallerTokenId": await old.install(
            "MyRole == 'Caller'; TransactionAmount <= 'USD 5' orSay 'too much'; PaymentMethod == 'abt' orSay 'no card';"
            " OperationType in ('Pay', 'Refund') orSay 'only payments';"
        )
    }

    def pay(token: str, value: str) -> dict[str, str]:
        params = {"SenderTokenId": token, **tokens, **amount("TransactionAmount", value)}
        return params | {"CallerReference": old.shop.reference()}

    assert await old.refused("Pay", pay(balance.spending, "5.01")) == ["IncompatibleTokens"]
    assert await old.refused("Pay", pay(card.spending, "5.00")) == ["IncompatibleTokens"]
    assert await old.refused("Reserve", pay(card.spending, "1.00")) == ["IncompatibleTokens"]
    paid = await old.done("Pay", pay(balance.spending, "5.00"))
    refund = {
        "TransactionId": paid.findtext(f"{NAMESPACE}TransactionResponse/TransactionId") or "",
        "CallerTokenId": tokens["CallerTokenId"],
        "CallerReference": old.shop.reference(),
    }
    only_pays = await old.install("MyRole == 'Sender'; OperationType == 'Pay';")
    assert await old.refused("Refund", refund | {"RefundSenderTokenId": only_pays}) == ["IncompatibleTokens"]
    await old.done("Refund", refund | {"RefundSenderTokenId": await old.install("OperationType == 'Refund';")})


async def test_a_descriptor_of_2007_names_the_number_of_the_service(old: Old) -> None:
    buyer = await old.shop.books.funded_buyer("10.00")
    params = {"SenderTokenId": buyer.spending, **await old.tokens(), **amount("TransactionAmount", "1.00")}
    params |= {"CallerReference": "1", "DescriptorPolicy.CSNumberOf": "Caller"}
    dynamic = params | {"DescriptorPolicy.SoftDescriptorType": "Dynamic"}

    assert await old.refused("Pay", params | {"DescriptorPolicy.CSNumberOf": "Sender"}) == ["InvalidParams"]
    assert await old.refused("Pay", dynamic) == ["InvalidParams"]
    await old.done("Pay", dynamic | {"SenderDescription": "one song"})


async def test_texts_were_shorter_then(old: Old) -> None:
    text = {"PaymentInstruction": "MyRole == 'Caller';", "TokenType": "Unrestricted"}
    assert await old.refused("InstallPaymentInstruction", text | {"CallerReference": "x" * 50}) == ["InvalidParams"]
    await old.done("InstallPaymentInstruction", text | {"CallerReference": "x" * 49})
    buyer = await old.shop.books.funded_buyer("10.00")
    pay = {"SenderTokenId": buyer.spending, **await old.tokens(), **amount("TransactionAmount", "1.00")}
    pay["CallerReference"] = "1"
    assert await old.refused("Pay", pay | {"CallerDescription": "x" * 129}) == ["InvalidParams"]
    await old.done("Pay", pay | {"CallerDescription": "x" * 128, "SenderDescription": "x" * 128})


async def test_every_fault_of_an_instruction_is_told(old: Old) -> None:
    text = "MyRole = = 'Caller'; Unknown == 'x'; TransactionAmount <= 'USD';"
    params = {"PaymentInstruction": text, "TokenType": "Unrestricted", "CallerReference": "1"}

    codes = await old.refused("InstallPaymentInstruction", params)

    assert len(codes) >= 2
    assert set(codes) == {"BadRule"}
