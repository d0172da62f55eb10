from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest

from tallystick.domain.messages.message_signatures import (
    MalformedSignatureError,
    _base,
    _mac,
    content_digest,
    has_digest_of,
    read_signature,
    sign,
    verifies,
)

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
VALUES = {
    "@method": "POST",
    "@authority": "pay.example",
    "@path": "/v1/payments/batch",
    "content-digest": content_digest(b'{"a":1}\n'),
}
INPUT = '("@method" "@authority" "@path" "content-digest");created=1803902400;keyid="AK1"'


def test_the_example_of_the_standard() -> None:
    """RFC 9421, B.2.5."""
    secret = base64.b64decode(
        "uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ=="
    )
    values = {"date": "Tue, 20 Apr 2021 02:07:55 GMT", "@authority": "example.com", "content-type": "application/json"}
    parameters = '("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret"'

    mac = _mac(_base(values, ("date", "@authority", "content-type"), parameters), secret)

    assert base64.b64encode(mac) == b"pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8="


def test_the_digest_of_the_standard() -> None:
    """RFC 9530, B.1: the body is one line of JSON with its line feed."""
    assert content_digest(b'{"hello": "world"}\n') == "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:"


def test_a_header_may_have_digests_of_other_algorithms_too() -> None:
    body = b'{"hello": "world"}\n'
    sha_512 = "sha-512=:AAAA:"

    assert has_digest_of(body, f"{sha_512}, {content_digest(body)}")
    for header in ("", sha_512, content_digest(b"{}"), f"{content_digest(body)}x", f"x{content_digest(body)}"):
        assert not has_digest_of(body, header)


def test_what_was_signed_verifies_and_nothing_else_does() -> None:
    signature = read_signature(*sign(VALUES, "AK1", "secret", NOW))

    assert (signature.key_id, signature.created_at) == ("AK1", NOW)
    assert verifies(signature, VALUES, "secret")
    assert not verifies(signature, VALUES, "other")
    for name, value in VALUES.items():
        assert not verifies(signature, VALUES | {name: f"{value}x"}, "secret")


def test_other_orders_and_parameters_are_read_as_written() -> None:
    signature = read_signature(
        'x=("content-digest" "@path" "@authority" "@method");keyid="AK1";nonce="n";created=1803902400', "x=:AAAA:"
    )
    assert signature.covered == ("content-digest", "@path", "@authority", "@method")
    assert signature.key_id == "AK1"
    assert signature.parameters.endswith("created=1803902400")


def test_when_a_signature_expires_is_read() -> None:
    signature = read_signature(f"sig={INPUT};expires=1803902460", "sig=:AAAA:")

    assert signature.expires_at == datetime(2027, 3, 1, 12, 1, tzinfo=UTC)
    assert read_signature(f"sig={INPUT}", "sig=:AAAA:").expires_at is None


@pytest.mark.parametrize(
    ("given", "signature"),
    [
        ("", "sig=:AAAA:"),
        (f"sig={INPUT}", ""),
        (f"sig={INPUT}", "other=:AAAA:"),
        (f"sig={INPUT}", "sig=:A:"),
        (f"sig={INPUT}", "sig=AAAA"),
        (f"sig={INPUT}, b={INPUT}", "sig=:AAAA:"),
        (f'sig={INPUT};alg="rsa-v1_5-sha256"', "sig=:AAAA:"),
        ('sig=("@method" "@path");created=1803902400;keyid="AK1"', "sig=:AAAA:"),
        (f"sig={INPUT}".replace('keyid="AK1"', 'keyid=""'), "sig=:AAAA:"),
        (f"sig={INPUT}".replace(";created=1803902400", ""), "sig=:AAAA:"),
        (f"sig={INPUT}".replace("1803902400", "999999999999"), "sig=:AAAA:"),
        (f"sig={INPUT}".replace("1803902400", '"soon"'), "sig=:AAAA:"),
        (f'sig={INPUT};expires="never"', "sig=:AAAA:"),
        (f'sig={INPUT};expires=""', "sig=:AAAA:"),
        (f"sig={INPUT};expires=999999999999", "sig=:AAAA:"),
    ],
)
def test_signatures_that_cannot_be_read(given: str, signature: str) -> None:
    with pytest.raises(MalformedSignatureError):
        read_signature(given, signature)
