"""Every action, looped over its table: missing, over-long, mis-cased, mistyped and unknown parameters are refused,
and nothing has changed.
"""

from __future__ import annotations

import pytest
from tests.stories.storefront import Shop

from tallystick.actions.fields import V2010, Field, Need
from tallystick.actions.registry import ACTIONS
from tallystick.actions.types import COMPLEX_TYPES

ALL = sorted(ACTIONS)
FIELDS = [(action.name, field) for action in ACTIONS.values() for field in action.tables[V2010].fields]


def label(case: object) -> str:
    return case.name if isinstance(case, Field) else str(case)


async def good_request(shop: Shop, action: str) -> dict[str, str]:
    """Parameters with which `action` succeeds, every field of it given where the fields do not exclude each other."""
    prepaid = await shop.books.funded_buyer("10.00", limit="25.00")
    await shop.books.deposit(prepaid, "20.00")
    postpaid = await shop.books.postpaid_buyer()
    await shop.books.deposit(postpaid, "20.00")
    await shop.pay(postpaid, "5.00")
    payment = await shop.pay(prepaid, "2.00")
    values = {
        "SenderTokenId": postpaid.money if action == "SettleDebt" else prepaid.money,
        "PrepaidInstrumentId": prepaid.instrument,
        "CreditInstrumentId": postpaid.instrument,
        "TransactionId": payment.value("TransactionId"),
        "CallerReference": shop.reference(),
        "TokenId": prepaid.spending,
        "SenderDescription": "a song",
        "CallerDescription": "order 7",
        "TransactionTimeoutInMins": "60",
        "OverrideIPNURL": "https://shop.example/ipn",
        "MarketplaceVariableFee": "0",
        "ReasonText": "lost",
        "MaxBatchSize": "20",
        "StartDate": shop.clock().strftime("%Y-%m-%dT%H:%M:%SZ"),
        "EndDate": shop.clock().strftime("%Y-%m-%dT%H:%M:%SZ"),
        "UrlEndPoint": "http://127.0.0.1:8000/return",
        "HttpParameters": "status=SA&signature=AAAA",
        "PaymentInstruction": "MyRole == 'Recipient';",
        "TokenFriendlyName": "Music shop",
        "PaymentReason": "songs",
    }
    if action == "GetPaymentInstruction":
        text = {name: values[name] for name in ("PaymentInstruction", "CallerReference")}
        installed = await shop.done("InstallPaymentInstruction", text | {"TokenType": "Unrestricted"})
        values["TokenId"] = installed.value("TokenId")
    if action == "Pay":
        values["SenderTokenId"] = prepaid.spending
    params: dict[str, str] = {}
    for field in ACTIONS[action].tables[V2010].fields:
        if field.type == "Amount":
            params |= {f"{field.name}.CurrencyCode": "USD", f"{field.name}.Value": "1.00"}
        elif field.type == "DescriptorPolicy":
            params |= {f"{field.name}.SoftDescriptorType": "Dynamic", f"{field.name}.CSOwner": "Caller"}
        elif field.allowed:
            params[f"{field.name}.1" if field.repeated else field.name] = field.allowed[0]
        elif field.name in values:
            params[field.name] = values[field.name]
    if action == "Pay":
        params["MarketplaceFixedFee.Value"] = "0"
    if action in {"GetTokenByCaller", "GetTokens"}:
        del params["CallerReference"]
    return params


@pytest.mark.parametrize("action", ALL)
async def test_every_field_of_an_action_is_accepted(shop: Shop, action: str) -> None:
    answer = await shop.done(action, await good_request(shop, action))

    assert answer.root.tag.endswith(f"{action}Response")


@pytest.mark.parametrize("action", ALL)
async def test_an_unknown_parameter_is_refused(shop: Shop, action: str) -> None:
    params = await good_request(shop, action)

    for name in ("Unknown", "AWSAccessKeyID", "version", "Action.1", "Caller.Reference", ""):
        assert await shop.refused(action, params | {name: "x"}) == "InvalidRequest"


@pytest.mark.parametrize(("action", "field"), FIELDS, ids=label)
async def test_a_parameter_in_another_spelling_is_refused(shop: Shop, action: str, field: Field) -> None:
    params = await good_request(shop, action)
    for name in field.wire_names():
        for spelling in (name[0].lower() + name[1:], name.upper(), name + "2"):
            if spelling != name:
                assert await shop.refused(action, params | {spelling: "x"}) == "InvalidRequest"


REQUIRED = [(action, field) for action, field in FIELDS if field.need is Need.REQUIRED]


@pytest.mark.parametrize(("action", "field"), REQUIRED, ids=label)
async def test_a_required_parameter_must_be_there(shop: Shop, action: str, field: Field) -> None:
    params = await good_request(shop, action)
    for name in field.wire_names():
        left = {other: value for other, value in params.items() if other != name}
        assert await shop.refused(action, left) == "InvalidParams"
        assert await shop.refused(action, params | {name: ""}) == "InvalidParams"


LIMITED = [(action, field) for action, field in FIELDS if field.max_length is not None]


@pytest.mark.parametrize(("action", "field"), LIMITED, ids=label)
async def test_an_over_long_text_is_refused(shop: Shop, action: str, field: Field) -> None:
    assert field.max_length is not None
    params = await good_request(shop, action)
    start = params.get(field.name, "")
    too_long = start + "x" * (field.max_length + 1 - len(start))

    assert await shop.refused(action, params | {field.name: too_long}) == "InvalidParams"


FREE_TEXTS = [(action, field) for action, field in LIMITED if field.name.endswith(("Description", "Text", "Name"))]


@pytest.mark.parametrize(("action", "field"), FREE_TEXTS, ids=label)
async def test_a_text_of_just_the_allowed_length_is_accepted(shop: Shop, action: str, field: Field) -> None:
    assert field.max_length is not None
    params = await good_request(shop, action)

    await shop.done(action, params | {field.name: "é" * field.max_length})


TYPED = [(action, field) for action, field in FIELDS if field.type != "string" or field.allowed]


@pytest.mark.parametrize(("action", "field"), TYPED, ids=label)
async def test_a_value_of_another_type_is_refused(shop: Shop, action: str, field: Field) -> None:
    params = await good_request(shop, action)
    names = [f"{field.name}.1"] if field.repeated else field.wire_names()
    for name in names:
        for value in ("neither this", "-1", "1.5.2", "'; DROP TABLE token; --"):
            assert await shop.refused(action, params | {name: value}) == "InvalidParams", (name, value)


def test_the_loops_above_are_not_empty() -> None:
    assert len(FIELDS) >= 50
    assert len(REQUIRED) >= 20
    assert len(LIMITED) >= 30
    assert {field.type for _, field in TYPED} >= {*COMPLEX_TYPES} & {"Amount", "DescriptorPolicy"}


async def test_a_dynamic_descriptor_needs_its_words(shop: Shop) -> None:
    for action in ("Pay", "FundPrepaid", "SettleDebt"):
        params = await good_request(shop, action)
        del params["SenderDescription"]
        assert await shop.refused(action, params) == "InvalidParams"
        params["DescriptorPolicy.SoftDescriptorType"] = "Static"
        await shop.done(action, params)


async def test_marketplace_fees_have_nobody_to_go_to(shop: Shop) -> None:
    params = await good_request(shop, "Pay")

    assert await shop.refused("Pay", params | {"MarketplaceVariableFee": "2.5"}) == "IncompatibleTokens"
    assert await shop.refused("Pay", params | {"MarketplaceFixedFee.Value": "0.10"}) == "IncompatibleTokens"
