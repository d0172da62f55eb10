"""Signed links as they arrive: what is accepted, what is answered with a page, what with a signed CE."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from tests.stories.pages.world import START, Page, Seller, World, named

from tallystick.domain.messages import signing
from tallystick.services.consent.parameters import PIPELINES

DAY = 86_400
COMMON_REQUIRED = ("callerKey", "pipelineName", "returnURL")
OWN_REQUIRED = [
    (pipeline.name, parameter.name)
    for pipeline in PIPELINES.values()
    for parameter in pipeline.parameters
    if parameter.required and parameter.name not in COMMON_REQUIRED
]
ILL_FORMED = [
    ("SetupPrepaid", {"fundingAmount": "ten"}, ["fundingAmount"]),
    ("SetupPrepaid", {"fundingAmount": "0.001"}, ["fundingAmount"]),
    ("SetupPrepaid", {"fundingAmount": "-1"}, ["fundingAmount"]),
    ("SetupPrepaid", {"fundingAmount": "USD 10"}, ["fundingAmount"]),
    ("SetupPrepaid", {"fundingAmount": "10", "callerReferenceSender": "x" * 129}, ["callerReferenceSender"]),
    ("SetupPrepaid", {"callerReferenceSender": "é" * 65}, ["callerReferenceSender"]),
    ("SetupPrepaid", {"callerReferenceSender": "a\x00b"}, ["callerReferenceSender"]),
    (
        "SetupPrepaid",
        {"callerReferenceSender": "same", "callerReferenceFunding": "same"},
        ["callerReferenceFunding"],
    ),
    ("SetupPrepaid", {"collectShippingAddress": "yes"}, ["collectShippingAddress"]),
    ("SetupPrepaid", {"currencyCode": "EUR"}, ["currencyCode"]),
    ("SetupPrepaid", {"paymentMethod": "CC,PayPal"}, ["paymentMethod"]),
    ("SetupPrepaid", {"paymentMethod": "CC;ACH"}, ["paymentMethod"]),
    ("SetupPrepaid", {"cobrandingStyle": "neon"}, ["cobrandingStyle"]),
    ("SetupPrepaid", {"cobrandingUrl": "logo.png"}, ["cobrandingUrl"]),
    ("SetupPrepaid", {"addressLine1": "1 Main St\nSpringfield"}, ["addressLine1"]),
    ("SetupPrepaid", {"paymentReason": "x" * 4001}, ["paymentReason"]),
    ("SetupPrepaid", {"validityStart": "tomorrow"}, ["validityStart"]),
    ("SetupPrepaid", {"validityStart": f"-{DAY}"}, ["validityStart"]),
    ("SetupPrepaid", {"validityStart": "{now+400d}"}, ["validityStart"]),
    ("SetupPrepaid", {"validityStart": "{now+3d}", "validityExpiry": "{now+2d}"}, ["validityExpiry"]),
    ("SetupPrepaid", {"fundingAmount": "", "paymentMethod": "?"}, ["fundingAmount", "paymentMethod"]),
    ("SetupPostpaid", {"creditLimit": "1e3"}, ["creditLimit"]),
    ("SetupPostpaid", {"creditLimit": "10000000000000"}, ["creditLimit"]),
    ("SetupPostpaid", {"globalAmountLimit": "1,200"}, ["globalAmountLimit"]),
    ("SetupPostpaid", {"usageLimitType1": "Weight", "usageLimitValue1": "5"}, ["usageLimitType1"]),
    ("SetupPostpaid", {"usageLimitType1": "Amount"}, ["usageLimitType1"]),
    ("SetupPostpaid", {"usageLimitValue2": "5"}, ["usageLimitValue2"]),
    ("SetupPostpaid", {"usageLimitType1": "Count", "usageLimitValue1": "2.5"}, ["usageLimitValue1"]),
    (
        "SetupPostpaid",
        {"usageLimitType1": "Count", "usageLimitValue1": "2", "usageLimitPeriod1": "30 Minutes"},
        ["usageLimitPeriod1"],
    ),
    ("SingleUse", {"transactionAmount": "1.005"}, ["transactionAmount"]),
    ("SingleUse", {"reserve": "True", "paymentMethod": "ABT,ACH"}, ["paymentMethod"]),
    ("SingleUse", {"tax": "-1"}, ["tax"]),
    ("SingleUse", {"recipientToken": "short"}, ["recipientToken"]),
    ("SingleUse", {"recipientToken": "R" * 64}, ["recipientToken"]),
    ("MultiUse", {"amountType": "Exact"}, ["amountType"]),
    ("MultiUse", {"amountType": "Most", "transactionAmount": "1"}, ["amountType"]),
    ("MultiUse", {"recipientTokenList": ",".join(["R" * 64, "x"])}, ["recipientTokenList"]),
    ("MultiUse", {"recipientTokenList": "R" * 64}, ["recipientTokenList"]),
    ("Recurring", {"recurringPeriod": "1 Fortnight"}, ["recurringPeriod"]),
    ("Recurring", {"recurringPeriod": "0 Days"}, ["recurringPeriod"]),
    ("Recipient", {"recipientPaysFee": "maybe"}, ["recipientPaysFee"]),
    ("Recipient", {"maxFixedFee": "-1"}, ["maxFixedFee"]),
    ("Recipient", {"maxVariableFee": "100.1"}, ["maxVariableFee"]),
    ("Recipient", {"maxVariableFee": "0.00001"}, ["maxVariableFee"]),
    ("Recipient", {"callerReference": "same", "callerReferenceRefund": "same"}, ["callerReferenceRefund"]),
    ("EditToken", {"tokenId": "lower" * 13}, ["tokenId"]),
]


def filled(world: World, text: str) -> str:
    """``{now+3d}`` as seconds since 1970."""
    if text.startswith("{now"):
        return str(int(world.clock().timestamp()) + int(text[4:-2]) * DAY)
    return text


async def page_of(world: World, url: str) -> Page:
    response = await world.browser().get(url)
    assert response.status_code == 400
    assert "location" not in response.headers
    page = Page(response)
    assert "Invalid request" in page.text
    assert "Nothing was agreed and nothing was charged" in page.text
    return page


@pytest.mark.parametrize("name", COMMON_REQUIRED)
async def test_without_what_makes_a_link_trustworthy_there_is_a_page(world: World, seller: Seller, name: str) -> None:
    page = await page_of(world, seller.url(seller.prepaid(**{name: None})))

    assert f"Caller Input Exception: The following input(s) are either invalid or absent:[{name}]" in page.text


@pytest.mark.parametrize(("pipeline", "name"), OWN_REQUIRED)
@pytest.mark.parametrize("value", [None, ""])
async def test_a_missing_parameter_goes_back_signed(
    world: World, seller: Seller, pipeline: str, name: str, value: str | None
) -> None:
    params = seller.request(pipeline, **{name: value})

    answer = await world.answer(await world.browser().get(seller.url(params)))

    assert answer["status"] == "CE"
    assert answer["errorMessage"] == named([name])
    assert answer["order"] == "7"
    assert answer["note"] == "two words"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"fundingAmount": None, "fundingAmmount": "10.00"}, ". Did you mean fundingAmount by fundingAmmount?"),
        (
            {"callerReferenceSender": None, "CallerReferenceSendr": "s-1"},
            ". Did you mean callerReferenceSender by CallerReferenceSendr?",
        ),
        ({"fundingAmount": None, "colour": "red"}, ""),
        ({"fundingAmount": "a lot", "fundingAmmount": "10.00"}, ""),  # it is there, but wrong
    ],
)
async def test_a_misspelt_parameter_is_recognized(
    world: World, seller: Seller, changes: dict[str, str | None], told: str
) -> None:
    answer = await world.answer(await world.browser().get(seller.url(seller.prepaid(**changes))))

    (wrong,) = [name for name in changes if name in {"fundingAmount", "callerReferenceSender"}]
    assert (answer["status"], answer["errorMessage"]) == ("CE", named([wrong]) + told)


@pytest.mark.parametrize(("pipeline", "changes", "names"), ILL_FORMED)
async def test_an_ill_formed_parameter_goes_back_signed(
    world: World, seller: Seller, pipeline: str, changes: dict[str, str], names: list[str]
) -> None:
    params = seller.request(pipeline, **{name: filled(world, value) for name, value in changes.items()})

    answer = await world.answer(await world.browser().get(seller.url(params)))

    assert (answer["status"], answer["errorMessage"]) == ("CE", named(names))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"validityStart": "{now-2d}"}, "are in the past:[validityStart]"),
        ({"validityExpiry": "{now-1d}"}, "are in the past:[validityExpiry]"),
        (
            {"validityStart": "{now-3d}", "validityExpiry": "{now-4d}"},
            "are in the past:[validityStart, validityExpiry]",
        ),
        (
            {"validityExpiry": "{now-1d}", "fundingAmount": "ten"},
            "are not well formed:[fundingAmount]. The following input(s) are in the past:[validityExpiry]",
        ),
    ],
)
async def test_a_date_that_is_past_is_called_so(
    world: World, seller: Seller, changes: dict[str, str], message: str
) -> None:
    params = seller.prepaid(**{name: filled(world, value) for name, value in changes.items()})

    answer = await world.answer(await world.browser().get(seller.url(params)))

    assert (answer["status"], answer["errorMessage"]) == ("CE", f"The following input(s) {message}")


@pytest.mark.parametrize(
    "changes",
    [
        {"version": None},
        {"version": ""},
        {"fundingAmount": "10"},
        {"fundingAmount": "0.01"},
        {"paymentMethod": "CC, ABT"},
        {"paymentMethod": ""},
        {"collectShippingAddress": "true"},
        {"validityStart": "{now+0d}"},
        {"validityStart": "{now+365d}"},
        {"validityExpiry": "{now+9d}"},
        {"callerReference": "sent by some clients", "CallerReference": "sent by boto"},
        {"cobrandingStyle": "banner", "cobrandingUrl": "https://shop.example/logo.png"},
        {"callerReferenceSender": "é" * 64},
        {"somethingUnknown": "is signed and ignored"},
        {"paymentReason": "two\nlines"},
    ],
)
async def test_what_the_documents_allow_leads_to_sign_in(
    world: World, seller: Seller, changes: dict[str, str | None]
) -> None:
    params = seller.prepaid(**{name: value and filled(world, value) for name, value in changes.items()})

    response = await world.browser().get(seller.url(params))

    assert response.status_code == 200, response.headers.get("location")
    assert response.url.path.endswith("/sign-in")


@pytest.mark.parametrize("version", ["2010-08-28", "2008-09-17", "2009-1-9", "latest"])
async def test_a_wrong_version_is_refused(world: World, seller: Seller, version: str) -> None:
    page = await page_of(world, seller.url(seller.prepaid(version=version)))

    assert "Caller Input Exception: The following input(s) are either invalid or absent:[version]" in page.text


async def test_a_changed_link_is_refused(world: World, seller: Seller) -> None:
    signed = seller.sign(seller.prepaid())

    page = await page_of(world, f"{START}?{urlencode(signed | {'fundingAmount': '2500.00'})}")

    assert "Caller Input Exception: Invalid Signature" in page.text
    assert "fundingAmount=2500.00" in page.text  # sandbox: what should have been signed
    assert seller.key.secret not in page.response.text


async def test_another_sellers_secret_does_not_sign(world: World, seller: Seller) -> None:
    other = await world.seller()
    signed = seller.sign(seller.prepaid(), secret=other.key.secret)

    assert "Invalid Signature" in (await page_of(world, f"{START}?{urlencode(signed)}")).text


async def test_an_unknown_key_is_refused(world: World, seller: Seller) -> None:
    page = await page_of(world, seller.url(seller.prepaid(callerKey="AK" + "0" * 18)))

    assert "either invalid or absent:[callerKey]" in page.text


async def test_a_suspended_seller_is_refused(world: World, seller: Seller) -> None:
    await world.pool.execute("UPDATE party SET status = 'suspended' WHERE party_id = $1", seller.party.party_id)

    assert "absent:[callerKey]" in (await page_of(world, seller.url(seller.prepaid()))).text


@pytest.mark.parametrize(
    ("drop", "add", "named_as"),
    [
        ("signature", {}, "signature"),
        ("signatureVersion", {}, "signatureVersion"),
        ("signatureVersion", {"signatureVersion": "1"}, "signatureVersion"),
        ("signatureMethod", {}, "signatureMethod"),
        ("signatureMethod", {"SignatureMethod": "HmacSHA256"}, "signatureMethod"),
        ("signatureMethod", {"signatureMethod": "HmacMD5"}, "signatureMethod"),
    ],
)
async def test_a_signature_of_another_kind_is_refused(
    world: World, seller: Seller, drop: str, add: dict[str, str], named_as: str
) -> None:
    signed = seller.sign(seller.prepaid())
    del signed[drop]

    page = await page_of(world, f"{START}?{urlencode(signed | add)}")

    assert f"either invalid or absent:[{named_as}]" in page.text


@pytest.mark.parametrize("version", [{}, {"signatureVersion": "1"}])
async def test_links_of_the_first_signature_are_accepted_where_a_setting_says_so(
    world: World, seller: Seller, version: dict[str, str]
) -> None:
    params = seller.prepaid(paymentReason="two + two") | version
    text = signing.string_to_sign_v1(params, "signature")
    signed = params | {"signature": signing.hmac_signature(text, seller.key.secret, "HmacSHA1")}
    changed = signed | {"fundingAmount": "26.00"}
    old = world.browser_of(world.shared_pages(allow_signature_v1=True))

    assert (await old.get(f"{START}?{urlencode(signed)}")).status_code == 200
    refused = await old.get(f"{START}?{urlencode(changed)}")
    assert (refused.status_code, "Invalid Signature" in refused.text) == (400, True)
    assert (await old.get(seller.url(seller.prepaid()))).status_code == 200, "version 2 as ever"
    assert (await world.browser().get(f"{START}?{urlencode(signed)}")).status_code == 400


async def test_hmac_sha1_is_accepted(world: World, seller: Seller) -> None:
    signed = seller.sign(seller.prepaid(), method="HmacSHA1")

    assert (await world.browser().get(f"{START}?{urlencode(signed)}")).status_code == 200


async def test_the_host_may_be_signed_without_its_port(world: World, seller: Seller) -> None:
    signed = seller.sign(seller.prepaid(), host="127.0.0.1")

    assert (await world.browser().get(f"{START}?{urlencode(signed)}")).status_code == 200


async def test_a_space_may_be_written_both_ways(world: World, seller: Seller) -> None:
    with_plus = seller.url(seller.prepaid(paymentReason="a b"))
    assert "paymentReason=a+b" in with_plus

    for url in (with_plus, with_plus.replace("a+b", "a%20b")):
        assert (await world.browser().get(url)).status_code == 200


async def test_a_posted_form_is_accepted(world: World, seller: Seller) -> None:
    signed = seller.sign(seller.prepaid(), verb="POST")

    response = await world.browser().post(START, signed)

    assert response.url.path.endswith("/sign-in")


async def test_the_other_spelling_of_return_url_is_accepted(world: World, seller: Seller) -> None:
    params = seller.prepaid(returnURL=None, returnUrl="https://shop.example/other", fundingAmount="?")

    response = await world.browser().get(seller.url(params))

    assert response.headers["location"].startswith("https://shop.example/other?")
    assert (await world.answer(response))["status"] == "CE"


@pytest.mark.parametrize(
    "return_url",
    [
        "/relative",
        "//shop.example/x",
        "javascript:alert(1)",
        "data:text/html,x",
        "ftp://shop.example/",
        "https://",
        "https://user:secret@shop.example/",
        "https://shop.example/#part",
        "https://shop.example/a b",
        "https://shop.example\\@evil.example/",
        "https://shop.example;sandbox/",
        "https://shop.example:0/",
        "https://shop.example:99999/",
        "https://shop.example/?status=SC",
        "https://shop.example/?signature=x",
        "https://shop.example/?signatureMethod=x",
        "https://shop.example/ipn?notificationType=TransactionStatus",
        "https://shop.example/ipn?order=7&transactionStatus=SUCCESS",
        "https://shop.example/ipn?transactionstatus=SUCCESS",
        "https://shop.example/ipn?+transaction%53tatus[=SUCCESS",
        "https://shop.example/?item=1&item=2",
        "https://shop.example/?%61=1&a=2",
        "https://shop.example/a/../b",
        "https://shop.example/a/%2e%2e/b",
        "https://sh\u00f6p.example/",
        "https://shop.example/\r\nSet-Cookie: a=b",
    ],
)
async def test_nobody_is_sent_to_a_dubious_address(world: World, seller: Seller, return_url: str) -> None:
    page = await page_of(world, seller.url(seller.prepaid(returnURL=return_url)))

    assert "either invalid or absent:[returnURL]" in page.text


@pytest.mark.parametrize("own", ["callerReference", "referenceId", "transaction", "tokens"])
async def test_a_return_url_keeps_the_sellers_own_keys(world: World, seller: Seller, own: str) -> None:
    """Answers without a reference are found by a key in the return URL."""
    params = seller.prepaid(returnURL=f"https://shop.example/back?{own}=order-7", fundingAmount="?")

    answer = await world.answer(await world.browser().get(seller.url(params)))

    assert (answer["status"], answer[own]) == ("CE", "order-7")


@pytest.mark.parametrize("pipeline", ["SimplePay", "setupprepaid", "<script>alert(1)</script>"])
async def test_other_pipelines_are_refused(world: World, seller: Seller, pipeline: str) -> None:
    page = await page_of(world, seller.url(seller.prepaid(pipelineName=pipeline)))

    assert "either invalid or absent:[pipelineName]" in page.text
    assert "<script" not in page.response.text


async def test_a_repeated_parameter_is_refused(world: World, seller: Seller) -> None:
    page = await page_of(world, seller.url(seller.prepaid()) + "&fundingAmount=1")

    assert named(["fundingAmount"]) in page.text


@pytest.mark.parametrize("query", ["x=%ff%fe", "&".join(f"p{n}=1" for n in range(200))])
async def test_what_cannot_be_decoded_is_refused(world: World, query: str) -> None:
    assert "cannot be decoded" in (await page_of(world, f"{START}?{query}")).text


async def test_an_unsigned_link_needs_a_setting(world: World, seller: Seller) -> None:
    unsigned = f"{START}?{urlencode(seller.prepaid())}"
    assert "absent:[signature]" in (await page_of(world, unsigned)).text

    open_world = world.browser_of(world.shared_pages(allow_unsigned_cobranded=True))
    assert (await open_world.get(unsigned)).url.path.endswith("/sign-in")


async def test_an_unsigned_link_with_a_fault_is_sent_nowhere(world: World, seller: Seller) -> None:
    unsigned = f"{START}?{urlencode(seller.prepaid(fundingAmount=None))}"

    response = await world.browser_of(world.shared_pages(allow_unsigned_cobranded=True)).get(unsigned)

    assert response.status_code == 400
    assert named(["fundingAmount"]) in Page(response).text


async def test_with_the_setting_a_wrong_signature_is_still_refused(world: World, seller: Seller) -> None:
    signed = seller.sign(seller.prepaid()) | {"fundingAmount": "1"}

    response = await world.browser_of(world.shared_pages(allow_unsigned_cobranded=True)).get(
        f"{START}?{urlencode(signed)}"
    )

    assert "Invalid Signature" in Page(response).text
