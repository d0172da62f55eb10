"""Webhooks: genuine ones are read, all others are refused."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping

import pytest

from tallystick_client import InvalidWebhookError, Webhook

NOW = 1_614_265_330
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_" + base64.b64encode(b"another secret of this endpoint").decode()
EVENT = {
    "id": "evt_1",
    "sequence": 17,
    "type": "charge.succeeded",
    "occurred_at": "2026-12-01T12:00:00.125000Z",
    "data": {"object": "charge", "amount": "0.250000"},
}
BODY = json.dumps(EVENT).encode()


def headers(body: bytes = BODY, secret: str = SECRET, moment: int = NOW, name: str = "msg_1") -> dict[str, str]:
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{name}.{moment}.".encode() + body
    signature = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    return {"Webhook-Id": name, "Webhook-Timestamp": str(moment), "Webhook-Signature": f"v1,{signature}"}


def webhook(*secrets: str) -> Webhook:
    return Webhook(*(secrets or (SECRET,)), clock=lambda: NOW + 3.5)


def test_the_published_vector_is_genuine() -> None:
    """Of the test suites at github.com/standard-webhooks/standard-webhooks."""
    given = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    assert webhook().verified('{"test": 2432232314}', given) == b'{"test": 2432232314}'


def test_a_genuine_event_is_read() -> None:
    event = webhook().verify(BODY, headers())
    assert (event.id, event.sequence, event.type) == ("evt_1", 17, "charge.succeeded")
    assert event.occurred_at.isoformat() == "2026-12-01T12:00:00.125000+00:00"
    assert event.data["amount"] == "0.250000"


def test_while_one_secret_follows_another_both_count() -> None:
    both = headers()
    both["Webhook-Signature"] = f"v1a,ignored {headers(secret=OTHER)['Webhook-Signature']} {both['Webhook-Signature']}"
    for known in ((SECRET,), (OTHER,), (SECRET, OTHER)):
        assert webhook(*known).verify(BODY, both).id == "evt_1"
    assert webhook(SECRET, OTHER).verify(BODY, headers(secret=OTHER)).id == "evt_1"


@pytest.mark.parametrize(
    ("given", "body", "why"),
    [
        (headers(), BODY.replace(b"0.25", b"0.26"), "no signature matches"),
        (headers(secret=OTHER), BODY, "no signature matches"),
        ({**headers(), "Webhook-Id": "msg_2"}, BODY, "no signature matches"),
        ({**headers(), "Webhook-Timestamp": str(NOW + 1)}, BODY, "no signature matches"),
        ({**headers(), "Webhook-Signature": "v1,"}, BODY, "no signature matches"),
        ({**headers(), "Webhook-Signature": "v1,not base64 v2,AAAA"}, BODY, "no signature matches"),
        (headers(moment=NOW - 300), BODY, "older than five minutes"),
        (headers(moment=NOW + 304), BODY, "a clock is wrong"),
        ({**headers(), "Webhook-Timestamp": "tomorrow"}, BODY, "no number"),
        ({**headers(), "Webhook-Timestamp": "-1"}, BODY, "no number"),
        ({**headers(), "Webhook-Timestamp": "9" * 40}, BODY, "no number"),
        ({"Webhook-Id": "msg_1"}, BODY, "webhook-timestamp is missing"),
        ({}, BODY, "webhook-id is missing"),
        (headers(b"[]"), b"[]", "no event"),
    ],
)
def test_all_others_are_refused(given: Mapping[str, str], body: bytes, why: str) -> None:
    with pytest.raises(InvalidWebhookError, match=why):
        webhook().verify(body, given)


def test_a_secret_that_is_none_is_refused_at_once() -> None:
    for wrong in ("", "whsec_", "whsec_!!!"):
        with pytest.raises(ValueError, match="whsec_"):
            Webhook(wrong)
    with pytest.raises(ValueError, match="needs the secret"):
        Webhook()
