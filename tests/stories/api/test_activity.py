"""GetAccountActivity and GetTransaction: what happened, told to those who took part."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from xml.etree import ElementTree as ET

import pytest
from tests.stories.conftest import OpenShop
from tests.support.books import Buyer
from tests.support.shop import NAMESPACE, Answer, Shop, usd

from tallystick.domain.commands import (
    AmountRule,
    AuthorizePrepaid,
    Consent,
    InstallToken,
    LimitTerms,
    Method,
    TokenPurpose,
    TokenTerms,
    TokenType,
)
from tallystick.domain.ids import IdKind, InstrumentId, TokenId
from tallystick.domain.limits import LimitKind
from tallystick.domain.periods import Period


def stamp(shop: Shop, **ago: int) -> str:
    return (shop.clock() - timedelta(**ago)).strftime("%Y-%m-%dT%H:%M:%S.000Z")


async def activity(shop: Shop, **filters: str) -> Answer:
    return await shop.done("GetAccountActivity", {"StartDate": stamp(shop, hours=1), **filters})


def names(element: ET.Element) -> list[str]:
    return [child.tag.removeprefix(f"{{{NAMESPACE}}}") for child in element]


async def test_the_balance_after_each_transaction_is_the_sellers_cash(shop: Shop) -> None:
    buyer = await shop.books.prepaid_buyer(limit="100.00")
    await shop.books.deposit(buyer, "50.00")
    await shop.fund(buyer, "10.00")
    shop.clock.forward(seconds=1)
    payment = await shop.pay(buyer, "4.00")
    shop.clock.forward(seconds=1)
    await shop.refund(payment.value("TransactionId"), "1.00")
    shop.clock.forward(seconds=1)
    await shop.fund(buyer, "10.00")

    listed = await activity(shop)

    assert listed.value("BatchSize") == "4"
    assert listed.values("Transaction/FPSOperation") == ["FundPrepaid", "Refund", "Pay", "FundPrepaid"]
    assert listed.values("Transaction/Balance/Value") == ["19.400000", "9.700000", "9.700000", "9.700000"]
    assert listed.values("Transaction/FPSFees/Value") == ["0.300000", "0.000000", "0.000000", "0.300000"]
    assert listed.values("StartTimeForNextTransaction") == []
    assert listed.values("Transaction/OriginalTransactionId") == [payment.value("TransactionId")]
    assert listed.values("Transaction/PaymentMethod") == ["ABT", "Prepaid", "Prepaid", "ABT"]
    parts = listed.values("TransactionPart/Role")
    assert parts == ["Recipient", "Caller", "Caller", "Sender", "Recipient", "Caller", "Recipient", "Caller"]
    assert listed.values("TransactionPart/FeesPaid/Value")[:2] == ["0.300000", "0.000000"]
    assert listed.values("Transaction/SenderName") == ["Buyer", "Music Shop", "Buyer", "Buyer"]
    assert await shop.cash() == usd("19.40")


async def test_payments_of_one_millisecond_are_listed_in_the_order_in_which_they_were_made(shop: Shop) -> None:
    buyer = await shop.books.funded_buyer("10.00")
    made = [(await shop.pay(buyer, "0.50")).value("TransactionId") for _ in range(6)]  # while the clock stands still

    listed = await activity(shop, FPSOperation="Pay", SortOrderByDate="Ascending")

    assert listed.values("Transaction/TransactionId") == made


async def test_a_late_success_shows_in_the_balance_from_then_on(shop: Shop) -> None:
    card = await shop.books.prepaid_buyer(method=Method.CC)
    account = await shop.books.prepaid_buyer()
    await shop.books.deposit(account, "10.00")
    await shop.fund(card, "10.00")
    shop.clock.forward(seconds=1)
    await shop.fund(account, "10.00")
    assert (await activity(shop)).values("Transaction/Balance/Value") == ["9.700000", "9.700000"]

    await shop.rail_answers()

    listed = await activity(shop, SortOrderByDate="Ascending")
    assert listed.values("Transaction/TransactionStatus") == ["Success", "Success"]
    assert listed.values("Transaction/Balance/Value") == ["19.400000", "9.700000"]


async def test_filters_combine(shop: Shop) -> None:
    buyer = await shop.books.funded_buyer("10.00")
    tab = await shop.books.postpaid_buyer()
    payment = await shop.pay(buyer, "1.00")
    await shop.pay(tab, "2.00")
    await shop.refund(payment.value("TransactionId"))

    def listed(answer: Answer) -> list[tuple[str, str]]:
        operations = answer.values("Transaction/FPSOperation")
        return sorted(zip(operations, answer.values("Transaction/PaymentMethod"), strict=True))

    assert listed(await activity(shop, FPSOperation="Pay")) == [("Pay", "Debt"), ("Pay", "Prepaid")]
    assert listed(await activity(shop, FPSOperation="Pay", PaymentMethod="Debt")) == [("Pay", "Debt")]
    assert listed(await activity(shop, TransactionStatus="Pending")) == []
    assert listed(await activity(shop, **{"Role.1": "Sender"})) == [("Refund", "Prepaid")]
    assert len(listed(await activity(shop, **{"Role.1": "Sender", "Role.2": "Recipient"}))) == 4
    assert len(listed(await activity(shop, Role="Caller", ResponseGroup="Summary"))) == 4


def as_it_came(text: str) -> str:
    return text


def in_microseconds(text: str) -> str:
    """As a program sends it that parses a dateTime and formats it again."""
    return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text)).isoformat()


def in_nanoseconds(text: str) -> str:
    moment = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text))
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f000Z")


def in_milliseconds(text: str) -> str:
    return re.sub(r"(\.\d{3})\d+", r"\1", text)


async def pages(shop: Shop, order: str, follow: str, sent: Callable[[str], str] = as_it_came) -> list[list[str]]:
    """Follow StartTimeForNextTransaction to the end, as a client sends it."""
    filters = {"StartDate": stamp(shop, hours=1), "EndDate": stamp(shop), "SortOrderByDate": order}
    found: list[list[str]] = []
    for _ in range(40):
        answer = await shop.done("GetAccountActivity", {**filters, "MaxBatchSize": "20"})
        found.append(answer.values("Transaction/TransactionId"))
        following = answer.values("StartTimeForNextTransaction")
        if not following:
            return found
        filters[follow] = sent(following[0])
    raise AssertionError("the pages never end")


@pytest.mark.parametrize(
    ("order", "follow"), [("Ascending", "StartDate"), ("Descending", "EndDate"), ("Descending", "StartDate")]
)
@pytest.mark.parametrize("sizes", [[1] * 45, [7] * 9, [5, 50, 3, 19, 21]], ids=["one by one", "sevens", "crowds"])
async def test_following_the_pages_loses_and_repeats_nothing(
    shop: Shop, order: str, follow: str, sizes: list[int]
) -> None:
    """Many transactions share a millisecond: the clock only moves between the bursts."""
    tab = await shop.books.postpaid_buyer()
    made: list[str] = []
    for size in sizes:
        shop.clock.forward(milliseconds=3)
        made += [(await shop.pay(tab, "0.01")).value("TransactionId") for _ in range(size)]
    shop.clock.forward(seconds=1)

    found = await pages(shop, order, follow)

    shown = [transaction for page in found for transaction in page]
    assert shown == sorted(made, reverse=order == "Descending")
    assert all(len(page) <= 20 for page in found)


@pytest.mark.parametrize("sent", [in_microseconds, in_nanoseconds])
@pytest.mark.parametrize(
    ("order", "follow"), [("Ascending", "StartDate"), ("Descending", "EndDate"), ("Descending", "StartDate")]
)
async def test_a_client_that_writes_moments_anew_loses_and_repeats_nothing(
    shop: Shop, order: str, follow: str, sent: Callable[[str], str]
) -> None:
    tab = await shop.books.postpaid_buyer()
    made: list[str] = []
    for size in (1, 7, 50, 3, 21):
        shop.clock.forward(milliseconds=3)
        made += [(await shop.pay(tab, "0.01")).value("TransactionId") for _ in range(size)]
    shop.clock.forward(seconds=1)

    found = await pages(shop, order, follow, sent)

    assert [transaction for page in found for transaction in page] == sorted(made, reverse=order == "Descending")


@pytest.mark.parametrize(("order", "follow"), [("Ascending", "StartDate"), ("Descending", "EndDate")])
async def test_a_client_that_keeps_milliseconds_gets_to_the_end(shop: Shop, order: str, follow: str) -> None:
    """Provided that a page spans more than a millisecond, and not by StartDate with the newest first."""
    tab = await shop.books.postpaid_buyer()
    made: set[str] = set()
    for _ in range(9):
        shop.clock.forward(milliseconds=3)
        made |= {(await shop.pay(tab, "0.01")).value("TransactionId") for _ in range(7)}
    shop.clock.forward(seconds=1)

    found = await pages(shop, order, follow, in_milliseconds)

    assert {transaction for page in found for transaction in page} == made


async def test_a_moment_in_microseconds_is_no_place_in_the_pages(shop: Shop) -> None:
    """A client's own moments look like those that say how much was shown; only where a transaction is they do so."""
    tab = await shop.books.postpaid_buyer()
    paid = [(await shop.pay(tab, "0.01")).value("TransactionId")]
    shop.clock.forward(milliseconds=5)
    between = (shop.clock() - timedelta(milliseconds=2)).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]
    paid.append((await shop.pay(tab, "0.01")).value("TransactionId"))
    shop.clock.forward(seconds=1)

    for own in (f"{between}001Z", f"{between}021+00:00", f"{between}999Z"):
        later = await shop.done("GetAccountActivity", {"StartDate": own})
        assert later.values("Transaction/TransactionId") == paid[1:], own
        until = {"StartDate": stamp(shop, hours=1), "EndDate": own}
        earlier = await shop.done("GetAccountActivity", until)
        assert earlier.values("Transaction/TransactionId") == paid[:1], own


@pytest.mark.parametrize(
    ("filters", "code"),
    [
        ({"StartDate": "2999-01-01T00:00:00Z"}, "InvalidDateRange"),
        ({"EndDate": "2001-01-01T00:00:00Z"}, "InvalidDateRange"),
        ({"StartDate": "yesterday"}, "InvalidParams"),
        ({"StartDate": "2010-02-30T00:00:00Z"}, "InvalidParams"),
        ({"StartDate": ""}, "InvalidParams"),
        ({"MaxBatchSize": "19"}, "InvalidParams"),
        ({"MaxBatchSize": "201"}, "InvalidParams"),
        ({"MaxBatchSize": "many"}, "InvalidParams"),
        ({"SortOrderByDate": "ascending"}, "InvalidParams"),
        ({"FPSOperation": "Deposit"}, "InvalidParams"),
        ({"Role.1": "Amazon"}, "InvalidParams"),
        ({"Role.0": "Caller"}, "InvalidRequest"),
        ({"ResponseGroup": "Everything"}, "InvalidParams"),
        ({"SortByDateOrder": "Ascending"}, "InvalidRequest"),
    ],
)
async def test_what_cannot_be_listed(shop: Shop, filters: dict[str, str], code: str) -> None:
    assert await shop.refused("GetAccountActivity", {"StartDate": stamp(shop, hours=1), **filters}) == code


async def buyer_who_is_a_business(shop: Shop, business: Shop) -> Buyer:
    """`business` agrees to a prepaid balance at `shop`, paid from its own account balance."""
    books = shop.books
    consent = Consent(business.key.party_id, Method.ABT, None, None, shop.clock(), None)
    command = AuthorizePrepaid(
        consent=consent,
        instrument_id=InstrumentId(books.token(IdKind.PREPAID_INSTRUMENT)),
        sender_token_id=TokenId(books.token(IdKind.PREPAID_SENDER)),
        funding_token_id=TokenId(books.token(IdKind.FUNDING)),
        sender_reference=shop.reference(),
        funding_reference=shop.reference(),
        funding_limit_micros=usd("50.00"),
    )
    await books.perform(command)
    buyer = Buyer(business.key.party_id, command.instrument_id, command.sender_token_id, command.funding_token_id)
    await books.deposit(buyer, "50.00")
    return buyer


async def test_the_callers_note_is_for_the_caller_only(open_shop: OpenShop) -> None:
    shop, business = await open_shop(), await open_shop()
    buyer = await buyer_who_is_a_business(shop, business)
    await shop.fund(buyer, "10.00")
    notes = {"CallerDescription": "slow payer", "SenderDescription": "A record"}
    paid = await shop.done("Pay", shop.pay_parameters(buyer, "4.00") | notes)
    payment_id = {"TransactionId": paid.value("TransactionId")}

    own, theirs = [await asking.done("GetTransaction", payment_id) for asking in (shop, business)]

    assert own.value("CallerDescription") == "slow payer"
    assert theirs.values("CallerDescription") == []
    assert [detail.value("SenderDescription") for detail in (own, theirs)] == ["A record", "A record"]
    shown = (await activity(business)).values("TransactionPart/Description")
    assert shown == ["A record"]


async def test_a_subscriber_does_not_read_the_callers_note(open_shop: OpenShop) -> None:
    shop, business = await open_shop(), await open_shop()
    command = InstallToken(
        token_id=TokenId(shop.books.token(IdKind.SENDER)),
        purpose=TokenPurpose.SENDER,
        token_type=TokenType.RECURRING,
        sender_id=business.key.party_id,
        caller_reference=shop.reference(),
        method=Method.ABT,
        payment_method_id=None,
        valid_from=shop.clock(),
        expires_at=None,
        terms=TokenTerms(AmountRule.EXACT, usd("4.00")),
        limits=(LimitTerms(LimitKind.COUNT, 1, Period(1, "Month")),),
    )
    await shop.books.perform(command)
    buyer = Buyer(business.key.party_id, InstrumentId(""), command.token_id, command.token_id)
    await shop.books.deposit(buyer, "50.00")
    notes = {"CallerDescription": "slow payer", "SenderDescription": "Club, March"}
    await shop.done("Pay", shop.pay_parameters(buyer, "4.00") | notes)
    named = {"SubscriptionId": command.token_id}

    own, theirs = [await asking.done("GetTransactionsForSubscription", named) for asking in (shop, business)]

    assert own.value("SubscriptionTransaction/Description") == "slow payer"
    assert theirs.value("SubscriptionTransaction/Description") == "Club, March"


async def test_a_business_that_buys_sees_its_own_side(open_shop: OpenShop) -> None:
    shop, business, stranger = await open_shop(), await open_shop(), await open_shop()
    buyer = await buyer_who_is_a_business(shop, business)
    await shop.fund(buyer, "10.00")
    payment = await shop.pay(buyer, "4.00")
    payment_id = {"TransactionId": payment.value("TransactionId")}

    assert await business.balance(buyer) == usd("6.00")
    listed = await activity(business)
    assert listed.values("TransactionPart/Role") == ["Sender", "Sender"]
    assert listed.values("Transaction/Balance/Value") == ["0.000000", "0.000000"]
    assert (await activity(business, Role="Recipient")).value("BatchSize") == "0"
    tokens = await business.done("GetTokens")
    assert sorted(tokens.values("Token/TokenId")) == sorted([buyer.spending, buyer.money])
    assert (await business.done("GetTokens", {"TokenStatus": "Inactive"})).values("Token") == []
    assert (await business.done("GetTokens", {"TokenType": "SingleUse"})).values("Token") == []
    assert (await shop.done("GetTokens")).values("Token") == []

    as_sender = await business.done("GetTransaction", payment_id)
    as_recipient = await shop.done("GetTransaction", payment_id)
    assert as_sender.values("SenderEmail") == []
    assert as_recipient.value("SenderEmail") == business.email
    assert as_recipient.value("Transaction/PrepaidInstrumentId") == buyer.instrument
    assert as_recipient.values("Transaction/CreditInstrumentId") == []

    assert (await stranger.call("GetTransaction", payment_id)).code == "InvalidTransactionId"
    instrument = {"PrepaidInstrumentId": buyer.instrument}
    assert (await stranger.call("GetPrepaidBalance", instrument)).code == "InstrumentAccessDenied"
    for action in ("CancelToken", "GetTokenUsage"):
        assert (await stranger.call(action, {"TokenId": buyer.spending})).code == "TokenAccessDenied"

    await business.done("CancelToken", {"TokenId": buyer.spending})
    assert (await shop.pay(buyer, "1.00")).code == "TokenNotActive_Sender"


async def test_status_is_another_name_of_the_filter(shop: Shop) -> None:
    """Tables of parameters have it beside ResponseGroup; a client that sends both gets what it asks for."""
    buyer = await shop.books.funded_buyer("10.00")
    await shop.pay(buyer, "1.00")
    since = {"StartDate": stamp(shop, hours=1), "ResponseGroup": "Details"}

    async def found(filters: dict[str, str]) -> int:
        return int((await shop.done("GetAccountActivity", since | filters)).value("BatchSize"))

    there = await found({"TransactionStatus": "Success"})
    assert there > 0
    assert await found({"Status": "Success"}) == there
    assert await found({"Status": "Success", "TransactionStatus": "Success"}) == there
    assert await found({"Status": "Pending"}) == await found({"TransactionStatus": "Pending"}) == 0
    both = {"Status": "Pending", "TransactionStatus": "Success"}
    assert await shop.refused("GetAccountActivity", since | both) == "InvalidParams"
    assert await shop.refused("GetAccountActivity", since | {"Status": "Initiated"}) == "InvalidParams"


async def test_an_instrument_stands_with_the_sides_of_what_was_paid_by_it(shop: Shop) -> None:
    prepaid, postpaid = await shop.books.funded_buyer("10.00"), await shop.books.postpaid_buyer()
    balance = await shop.books.sender_token()
    await shop.books.deposit(balance, "10.00")
    for buyer in (prepaid, postpaid, balance):
        assert (await shop.pay(buyer, "1.00")).code is None
        shop.clock.forward(seconds=1)

    listed = await activity(shop, FPSOperation="Pay", SortOrderByDate="Ascending")

    space = f"{{{NAMESPACE}}}"
    parts = [part for each in listed.root.iter(f"{space}Transaction") for part in each.iter(f"{space}TransactionPart")]
    assert [(part.findtext(f"{space}Role"), part.findtext(f"{space}InstrumentId")) for part in parts] == [
        ("Recipient", prepaid.instrument),
        ("Caller", None),
        ("Recipient", postpaid.instrument),
        ("Caller", None),
        ("Recipient", None),
        ("Caller", None),
    ]


async def test_the_callers_date_is_that_of_the_request(shop: Shop) -> None:
    """Its own Timestamp, to the second, a while before the service received it."""
    buyer = await shop.books.funded_buyer("10.00")
    made = shop.clock() - timedelta(minutes=3)
    stamp = made.strftime("%Y-%m-%dT%H:%M:%S")
    pay = {"Action": "Pay", **shop.pay_parameters(buyer, "1.00"), "Timestamp": f"{stamp}Z"}
    await shop.send("POST", shop.signed("POST", pay))

    activity = await shop.done("GetAccountActivity", {"StartDate": "2012-01-01T00:00:00Z", "FPSOperation": "Pay"})

    assert activity.value("Transaction/CallerTransactionDate") == f"{stamp}.000+00:00"
    assert activity.value("Transaction/DateReceived") > f"{stamp}.000+00:00"
