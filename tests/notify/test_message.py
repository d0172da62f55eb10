from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from tests.notify.post_office import PostOffice
from tests.notify.receivers import Receiver
from tests.support.books import Books
from tests.support.paths import DATA as DATA_FOLDER

from tallystick.domain.commands import Method, Reserve, Settle
from tallystick.domain.ids import BookId, PartyId, TransactionId, make_transaction_id
from tallystick.domain.messages import signing
from tallystick.domain.messages.signed_messages import (
    MessageSigner,
    SignedMessage,
    is_signed_by,
    key_name,
    sign_message,
)
from tallystick.domain.money import parse_amount
from tallystick.domain.outcomes import Accepted
from tallystick.domain.rails.commands import Paid, RailOperation, ResolveCharge
from tallystick.domain.refusals import Refused
from tallystick.notify import message
from tallystick.store.keys import signing_keys
from tallystick.store.queries.reads import Person, TransactionRecord
from tallystick.store.records.outbox import ClaimedEvent

DATA = json.loads((DATA_FOLDER / "signature_vectors.json").read_text("utf-8"))
VECTOR: dict[str, Any] = next(vector for vector in DATA["vectors"] if vector["id"] == "out-v2-ipn")
NOW = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)
TRANSACTION = make_transaction_id(BookId(7), int(NOW.timestamp() * 1000) + 999, bytes(5))
SHOP = Person(PartyId(1), "Bücher & Co", "shop@shop.example")
BUYER = Person(PartyId(2), "Jo+Ann ~ Test*", "jo@buyer.example")

EVENT = ClaimedEvent(
    book_id=BookId(7),
    event_id=f"{TRANSACTION}-1",
    kind="TransactionStatus",
    subject_id=TRANSACTION,
    status="Success",
    status_code="Success",
    state="waiting",
    destination="https://shop.example/ipn",
    occurred_at=NOW,
    due_at=NOW,
    announced_at=NOW,
    attempts=1,
    delivered_at=None,
    last_error=None,
    message=None,
    seller_id=PartyId(1),
    notify_immediate=True,
    notify_write_offs=True,
    signature_method="RSA-SHA1",
)


def record(**changed: object) -> TransactionRecord:
    values: dict[str, Any] = {
        "transaction_id": TransactionId(TRANSACTION),
        "environment": "sandbox",
        "operation": "FundPrepaid",
        "status": "Success",
        "status_code": "Success",
        "status_message": "The transaction succeeded.",
        "amount_micros": 1_100_000,
        "fee_micros": 0,
        "payment_method": "CC",
        "token_id": None,
        "instrument_id": None,
        "instrument_kind": None,
        "original_id": None,
        "caller_reference": "order 42",
        "caller_description": None,
        "sender_description": None,
        "requested_at": NOW,
        "received_at": NOW,
        "completed_at": NOW,
        "seller": SHOP,
        "buyer": BUYER,
    }
    return TransactionRecord(**{**values, **changed})


def signer() -> MessageSigner:
    n, e, d, p, q = (int(DATA["rsa_test_key"][name], 16) for name in "nedpq")
    numbers = rsa.RSAPrivateNumbers(
        p=p, q=q, d=d, dmp1=d % (p - 1), dmq1=d % (q - 1), iqmp=pow(q, -1, p), public_numbers=rsa.RSAPublicNumbers(e, n)
    )
    return MessageSigner("https://fps.sandbox.example", "090911", numbers.private_key())


def test_the_published_vector_is_made_exactly() -> None:
    names = ("signatureVersion", "signatureMethod", "certificateUrl")
    content = {name: value for name, value in VECTOR["params"].items() if name not in names}
    signed = sign_message(signer(), "POST", VECTOR["url_endpoint"], content, "made0up0request0id")

    assert signed == SignedMessage(VECTOR["url_endpoint"], {**VECTOR["params"], "signature": VECTOR["signature"]})


def test_every_field_of_a_transaction() -> None:
    assert message.transaction_fields(EVENT, record()) == {
        "notificationType": "TransactionStatus",
        "transactionId": TRANSACTION,
        "transactionStatus": "SUCCESS",
        "transactionDate": str(int(NOW.timestamp())),
        "transactionAmount": "USD 1.10",
        "operation": "FUND_PREPAID",
        "statusCode": "Success",
        "statusMessage": "The transaction succeeded.",
        "callerReference": "order 42",
        "paymentMethod": "CC",
        "buyerName": "Jo+Ann ~ Test*",
        "buyerEmail": "jo@buyer.example",
        "recipientName": "Bücher & Co",
        "recipientEmail": "shop@shop.example",
        "customerName": "Jo+Ann ~ Test*",
        "customerEmail": "jo@buyer.example",
    }


def test_parameters_without_a_value_are_left_out() -> None:
    fields = message.transaction_fields(EVENT, record(buyer=None, status_message=None, caller_description=""))
    assert not {"buyerName", "buyerEmail", "customerName", "statusMessage", "paymentReason"} & fields.keys()


def test_a_caller_who_is_not_the_recipient_does_not_learn_the_buyers_address() -> None:
    recipient = Person(PartyId(3), "Band", "band@band.example")
    fields = message.transaction_fields(EVENT, record(recipient=recipient))

    assert fields["recipientName"] == "Band"
    assert fields["recipientEmail"] == "band@band.example"
    assert fields["buyerName"] == BUYER.name
    assert not {"buyerEmail", "customerEmail"} & fields.keys()


def test_the_reason_is_the_requests_own_or_that_of_the_token() -> None:
    fields = message.transaction_fields(EVENT, record(caller_description="Song 7"), message.ConsentDetails("Songs"))
    assert fields["paymentReason"] == "Song 7"
    assert message.transaction_fields(EVENT, record(), message.ConsentDetails("Songs"))["paymentReason"] == "Songs"


@pytest.mark.parametrize(
    ("operation", "status", "spelt"),
    [
        ("Pay", "Success", "PS"),
        ("Pay", "Pending", "PI"),
        ("Pay", "Failure", "PF"),
        ("Pay", "Cancelled", None),
        ("Refund", "Pending", None),
        ("Refund", "Success", "RS"),
        ("Refund", "Failure", "RF"),
    ],
)
def test_simple_pay_has_statuses_of_its_own(operation: str, status: str, spelt: str | None) -> None:
    event, transaction = replace(EVENT, status=status), record(operation=operation)
    agreed = message.ConsentDetails(by_button=True, order_reference="order 7")

    fields = message.transaction_fields(event, transaction, agreed)

    assert (fields.get("status"), fields["referenceId"]) == (spelt, "order 7")
    assert "status" not in message.transaction_fields(event, transaction)


@pytest.mark.parametrize(("micros", "text"), [(10_000_000, "USD 10.00"), (50_000, "USD 0.05"), (125, "USD 0.000125")])
def test_amounts_have_two_decimals_and_more_where_they_carry_something(micros: int, text: str) -> None:
    assert message.transaction_fields(EVENT, record(amount_micros=micros))["transactionAmount"] == text


@pytest.mark.parametrize(
    ("operation", "number", "status", "code", "spelt"),
    [
        ("Pay", 1, "Success", "Success", "PAY"),
        ("Refund", 2, "Failure", "TransactionDenied", "REFUND"),
        ("SettleDebt", 1, "Pending", "PendingNetworkResponse", "SETTLE_DEBT"),
        ("WriteOffDebt", 1, "Success", "Success", "WRITE_OFF_DEBT"),
        ("Reserve", 1, "Pending", "PendingNetworkResponse", "RESERVE"),
        ("Reserve", 2, "Reserved", "Success", "RESERVE"),
        ("Reserve", 2, "Failure", "TransactionDenied", "RESERVE"),
        ("Reserve", 3, "Pending", "PendingNetworkResponse", "SETTLE"),
        ("Reserve", 4, "Success", "Success", "SETTLE"),
        ("Reserve", 3, "Cancelled", "Canceled", "CANCEL"),
        ("Reserve", 3, "Cancelled", "Expired", "CANCEL_TRANSACTION"),
        ("Pay", 2, "Cancelled", "Canceled", "CANCEL"),
    ],
)
def test_operations_have_a_spelling_of_their_own(
    operation: str, number: int, status: str, code: str, spelt: str
) -> None:
    event = replace(EVENT, event_id=f"{TRANSACTION}-{number}", status=status, status_code=code)
    fields = message.transaction_fields(event, record(operation=operation, status=status, status_code=code))

    assert fields["operation"] == spelt
    assert fields["transactionStatus"] == status.upper()
    assert fields["statusCode"] == code, "not in capitals"


def test_an_event_says_what_was_true_when_it_happened() -> None:
    event = replace(EVENT, status="Pending", status_code="PendingNetworkResponse")
    fields = message.transaction_fields(event, record())
    assert (fields["transactionStatus"], fields["statusCode"]) == ("PENDING", "PendingNetworkResponse")
    assert fields["statusMessage"] == "Waiting for the answer of the payment network."


@pytest.mark.parametrize(
    ("url", "sent_to", "own"),
    [
        ("https://shop.example/ipn", "https://shop.example/ipn", {}),
        (
            "https://shop.example:8443/i%20n?a=1&b=x+y#part",
            "https://shop.example:8443/i%20n?a=1&b=x+y",
            {"a": "1", "b": "x y"},
        ),
        ("http://shop.example?operation=PAY&a=1&signature=x", "http://shop.example?a=1", {"a": "1"}),
    ],
)
def test_the_receivers_own_parameters_are_signed_too(url: str, sent_to: str, own: dict[str, str]) -> None:
    form = message.build(signer(), replace(EVENT, destination=url), message.transaction_fields(EVENT, record()))
    sent = dict(parse_qsl(form.body, keep_blank_values=True, strict_parsing=True))

    assert form.url == sent_to
    assert sent["certificateUrl"] == f"https://fps.sandbox.example/certs/090911/PKICert.pem?requestId={EVENT.event_id}"
    public_key = signer().private_key.public_key()
    text = signing.string_to_sign_outbound("POST", sent_to, sent)
    assert signing.rsa_verifies(text, sent["signature"], public_key)
    assert is_signed_by(public_key, sent_to.partition("?")[0], {**own, **sent}), "as a receiver puts it together"
    assert not is_signed_by(public_key, sent_to, {**sent, "transactionAmount": "USD 9.00"})
    assert not is_signed_by(public_key, "https://elsewhere.example/ipn", {**own, **sent})


def test_what_is_built_twice_is_the_same() -> None:
    fields = message.transaction_fields(EVENT, record())
    assert message.build(signer(), EVENT, fields) == message.build(signer(), EVENT, fields)


async def test_each_status_of_a_reservation_has_the_amount_that_it_had(
    shop: Books, office: PostOffice, seller: Receiver
) -> None:
    """Also when nothing was sent until all of it was over."""
    buyer = await shop.sender_token(Method.CC)
    request = msgspec.structs.replace(shop.request(), notification_url=seller.url)
    reserved = await shop.perform(Reserve(request, buyer.spending, parse_amount("5.00")))
    assert isinstance(reserved, Accepted)
    held, charged = (
        ResolveCharge(reserved.transaction_id, "simulated", Paid(), operation)
        for operation in (RailOperation.AUTHORIZE, RailOperation.CAPTURE)
    )
    for command in (held, Settle(reserved.transaction_id, parse_amount("3.00")), charged):
        assert not isinstance(await shop.perform(command), Refused)
    notification_sender = office.worker().notification_sender
    while await notification_sender.dispatch():
        await notification_sender.idle()

    forms = [received.form for received in seller.received]
    told = [(form["operation"], form["transactionStatus"], form["transactionAmount"]) for form in forms]
    assert told == [
        ("RESERVE", "PENDING", "USD 5.00"),
        ("RESERVE", "RESERVED", "USD 5.00"),
        ("SETTLE", "PENDING", "USD 3.00"),
        ("SETTLE", "SUCCESS", "USD 3.00"),
    ]


async def test_each_operation_reaches_the_seller(shop: Books, office: PostOffice, seller: Receiver) -> None:
    await office.tell(seller.url)
    buyer = await shop.postpaid_buyer()
    await shop.deposit(buyer, "50.00")
    paid = await shop.pay(buyer, "40.00")
    assert isinstance(paid, Accepted)
    for outcome in (
        await shop.refund(paid.transaction_id, "10.00"),
        await shop.settle(buyer, "20.00"),
        await shop.write_off(buyer, "5.00"),
    ):
        assert isinstance(outcome, Accepted)
    await office.worker().step()

    forms = {received.form["operation"]: received.form for received in seller.received}
    assert forms.keys() == {"PAY", "REFUND", "SETTLE_DEBT", "WRITE_OFF_DEBT"}
    assert forms["PAY"]["paymentMethod"] == "Debt"
    assert forms["REFUND"]["transactionAmount"] == "USD 10.00"
    assert forms["REFUND"]["buyerName"] == forms["PAY"]["buyerName"] == "Buyer"
    assert {form["recipientName"] for form in forms.values()} == {"Music Shop"}
    assert all(received.headers["user-agent"].startswith("Tallystick/") for received in seller.received)
    assert all(
        received.headers["content-type"] == "application/x-www-form-urlencoded; charset=UTF-8"
        for received in seller.received
    )
    (name,) = {key_name(form["certificateUrl"], "https://pay.example") for form in forms.values()}
    assert name is not None
    pem = await signing_keys.certificate(shop.pool, name)
    assert pem is not None
    assert all(is_signed_by(signing.public_key(pem), seller.url, received.form) for received in seller.received)
