"""Signatures of SOAP requests that are spoilt, wrapped or too weak: refused with a fault, and nothing has changed."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from lxml import etree
from tests.stories.conftest import OpenShop
from tests.stories.soap.soap_client import (
    NAMES,
    SHA256,
    WSU_ID,
    Program,
    at,
    pay,
    program_of,
    send_tolerantly,
    sign_by_hand,
    text_of,
    timestamp,
)
from tests.support.books import Buyer
from tests.support.certificates import key_pair, private_key
from tests.support.shop import Shop
from xmlsec import constants

from tallystick.store.keys import certificates

Spoil = Callable[[etree._Element], None]  # noqa: SLF001 - lxml has no other name for it


def change_the_amount(envelope: etree._Element) -> None:
    at(envelope, ".//fps:Value").text = "9.00"


def change_the_created(envelope: etree._Element) -> None:
    at(envelope, ".//wsu:Created").text = "2027-03-01T12:00:01Z"


def change_the_value(envelope: etree._Element) -> None:
    at(envelope, ".//ds:SignatureValue").text = "AAAA"


def change_the_digest(envelope: etree._Element) -> None:
    at(envelope, ".//ds:DigestValue").text = "AAAA"


def empty_the_value(envelope: etree._Element) -> None:
    at(envelope, ".//ds:SignatureValue").text = None


def hide_the_signed_body(envelope: etree._Element) -> etree._Element:
    """Signature wrapping: the signed Body is moved to where it is not processed, another one takes its place."""
    body = at(envelope, "s:Body")
    other = deepcopy(body)
    at(other, ".//fps:Value").text = "9.00"
    envelope.replace(body, other)
    etree.SubElement(at(envelope, "s:Header"), "hidden").append(body)
    return other


def wrap_under_the_same_id(envelope: etree._Element) -> None:
    hide_the_signed_body(envelope)


def wrap_under_another_id(envelope: etree._Element) -> None:
    hide_the_signed_body(envelope).set(WSU_ID, "another")


def wrap_without_an_id(envelope: etree._Element) -> None:
    hide_the_signed_body(envelope).attrib.pop(WSU_ID)


def wrap_under_an_id_of_another_kind(envelope: etree._Element) -> None:
    other = hide_the_signed_body(envelope)
    other.set("ID", str(other.attrib.pop(WSU_ID)))


def wrap_the_envelope(envelope: etree._Element) -> None:
    """A second Body after the signed one."""
    other = deepcopy(at(envelope, "s:Body"))
    other.attrib.pop(WSU_ID)
    envelope.append(other)


def wrap_the_request(envelope: etree._Element) -> None:
    """A second request in the signed Body."""
    body = at(envelope, "s:Body")
    body.append(deepcopy(body[0]))


def sign_twice(envelope: etree._Element) -> None:
    security = at(envelope, "s:Header/wsse:Security")
    security.append(deepcopy(at(envelope, ".//ds:Signature")))


def secure_twice(envelope: etree._Element) -> None:
    header = at(envelope, "s:Header")
    etree.SubElement(header, f"{{{NAMES['wsse']}}}Security")


def move_the_signature(envelope: etree._Element) -> None:
    at(envelope, "s:Header").append(at(envelope, ".//ds:Signature"))


def use_another_transform(envelope: etree._Element) -> None:
    at(envelope, ".//ds:Transform").set("Algorithm", "http://www.w3.org/TR/1999/REC-xpath-19991116")


def canonicalize_with_comments(envelope: etree._Element) -> None:
    at(envelope, ".//ds:CanonicalizationMethod").set("Algorithm", "http://www.w3.org/2001/10/xml-exc-c14n#WithComments")


def point_outside(envelope: etree._Element) -> None:
    at(envelope, ".//ds:Reference").set("URI", "http://127.0.0.1/body.xml")


def point_to_everything(envelope: etree._Element) -> None:
    at(envelope, ".//ds:Reference").set("URI", "")


def point_nowhere(envelope: etree._Element) -> None:
    at(envelope, ".//ds:Reference").set("URI", "#nowhere")


def sign_with_a_password(envelope: etree._Element) -> None:
    at(envelope, ".//ds:SignatureMethod").set("Algorithm", "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256")


def bring_another_key(envelope: etree._Element) -> None:
    etree.SubElement(at(envelope, ".//ds:KeyInfo"), f"{{{NAMES['ds']}}}KeyValue")


def forget_the_certificate(envelope: etree._Element) -> None:
    token = at(envelope, ".//wsse:BinarySecurityToken")
    at(envelope, "s:Header/wsse:Security").remove(token)


def spoil_the_certificate(envelope: etree._Element) -> None:
    at(envelope, ".//wsse:BinarySecurityToken").text = "§"


def forget_the_signature(envelope: etree._Element) -> None:
    at(envelope, "s:Header/wsse:Security").remove(at(envelope, ".//ds:Signature"))


def forget_security(envelope: etree._Element) -> None:
    at(envelope, "s:Header").remove(at(envelope, "s:Header/wsse:Security"))


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (change_the_amount, "SignatureDoesNotMatch"),
        (change_the_created, "SignatureDoesNotMatch"),
        (change_the_value, "SignatureDoesNotMatch"),
        (change_the_digest, "SignatureDoesNotMatch"),
        (empty_the_value, "InvalidSignature"),
        (wrap_under_the_same_id, "InvalidSignature"),
        (wrap_under_another_id, "InvalidSignature"),
        (wrap_without_an_id, "InvalidSignature"),
        (wrap_under_an_id_of_another_kind, "InvalidSignature"),
        (wrap_the_envelope, "InvalidRequest"),
        (wrap_the_request, "InvalidRequest"),
        (sign_twice, "InvalidSignature"),
        (secure_twice, "InvalidRequest"),
        (move_the_signature, "InvalidSignature"),
        (use_another_transform, "InvalidSignature"),
        (canonicalize_with_comments, "InvalidSignature"),
        (point_outside, "InvalidSignature"),
        (point_to_everything, "InvalidSignature"),
        (point_nowhere, "InvalidSignature"),
        (sign_with_a_password, "InvalidSignature"),
        (bring_another_key, "InvalidSignature"),
        (forget_the_certificate, "MissingClientTokenId"),
        (spoil_the_certificate, "InvalidClientTokenId"),
        (forget_the_signature, "MissingAuthenticationToken"),
        (forget_security, "MissingAuthenticationToken"),
    ],
    ids=lambda each: each.__name__ if callable(each) else each,
)
async def test_a_spoilt_signature_is_refused(
    shop: Shop, program: Program, buyer: Buyer, spoil: Spoil, code: str
) -> None:
    before = await shop.snapshot()
    envelope = program.signed(pay(buyer))
    spoil(envelope)

    assert (await program.send(envelope)).fault == code
    assert await shop.snapshot() == before
    assert (await program.send(program.signed(pay(buyer)))).fault is None


async def test_the_key_must_be_that_of_the_certificate(
    open_shop: OpenShop, program: Program, buyer: Buyer, tmp_path: Path
) -> None:
    """A message signed by one seller that names the certificate of another."""
    thief = await program_of(await open_shop(), tmp_path / "thief", key_number=1)
    envelope = thief.signed(pay(buyer))
    token = at(program.signed("<fps:GetAccountBalance/>"), ".//wsse:BinarySecurityToken")
    at(envelope, ".//wsse:BinarySecurityToken").text = token.text

    assert (await program.send(envelope)).fault == "SignatureDoesNotMatch"
    assert (await thief.send(thief.signed(pay(buyer)))).fault == "InvalidTokenId_Sender"


async def test_body_and_timestamp_must_both_be_signed(program: Program, buyer: Buyer) -> None:
    both = ("s:Body", ".//wsu:Timestamp")

    def signed(*paths: str) -> etree._Element:
        return sign_by_hand(program.envelope(pay(buyer), timestamp(program)), program.pair, paths)

    assert (await program.send(signed(*both))).fault is None
    only_body = signed("s:Body")
    assert (await program.send(only_body)).fault == "InvalidSignature"
    assert (await send_tolerantly(program, only_body)).fault is None
    assert (await send_tolerantly(program, signed(".//wsu:Timestamp"))).fault == ("InvalidSignature")


async def test_sha_1_is_for_those_who_allow_it(program: Program, buyer: Buyer) -> None:
    whole = replace(program, transform={})  # what zeep does when nobody tells it otherwise
    digests = replace(program, transform=SHA256 | {"digest_method": constants.TransformSha1})

    for weak in (whole, digests):
        envelope = weak.signed(pay(buyer))
        assert (await program.send(envelope)).fault == "InvalidSignature"
        assert (await send_tolerantly(program, envelope)).fault is None


@pytest.mark.parametrize("prefixes", [[], ["fps"], ["s", "fps", "nobody"], ["#default"]])
async def test_prefixes_may_be_kept(program: Program, buyer: Buyer, prefixes: list[str]) -> None:
    """Some clients list the prefixes whose declarations belong to what is signed."""
    envelope = program.envelope(pay(buyer), timestamp(program))
    envelope = sign_by_hand(envelope, program.pair, ("s:Body", ".//wsu:Timestamp"), prefixes)

    assert (await program.send(envelope)).fault is None


async def test_only_one_canonical_form_is_accepted(program: Program, buyer: Buyer) -> None:
    envelope = program.envelope(pay(buyer), timestamp(program))
    envelope = sign_by_hand(
        envelope, program.pair, ("s:Body", ".//wsu:Timestamp"), transform=constants.TransformInclC14N
    )

    assert (await program.send(envelope)).fault == "InvalidSignature"


async def test_a_certificate_is_not_valid_before_its_time(shop: Shop, program: Program, buyer: Buyer) -> None:
    pair = key_pair(shop.clock() + timedelta(hours=1), key=private_key(1))
    await certificates.register(shop.service.pool, shop.key.party_id, "sandbox", pair.certificate, shop.clock())
    envelope = program.envelope(pay(buyer), timestamp(program))
    envelope = sign_by_hand(envelope, pair, ("s:Body", ".//wsu:Timestamp"))

    assert (await program.send(envelope)).fault == "InvalidClientTokenId"


@pytest.mark.parametrize(
    ("created", "expires", "code"),
    [
        (timedelta(minutes=-14, seconds=-59), timedelta(minutes=5), None),  # written in whole seconds, rounded down
        (timedelta(minutes=-15, seconds=-1), timedelta(minutes=5), "RequestExpired"),
        (timedelta(minutes=15), None, None),
        (timedelta(minutes=15, seconds=1), None, "RequestExpired"),
        (timedelta(minutes=-1), timedelta(), "RequestExpired"),
    ],
)
async def test_a_request_is_made_about_now(
    program: Program, buyer: Buyer, created: timedelta, expires: timedelta | None, code: str | None
) -> None:
    now = program.shop.clock()
    ends = {} if expires is None else {"Expires": text_of(now + expires)}
    header = timestamp(program, Created=text_of(now + created), **ends)
    envelope = sign_by_hand(program.envelope(pay(buyer), header), program.pair, ("s:Body", ".//wsu:Timestamp"))

    assert (await program.send(envelope)).fault == code


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ({"Created": "yesterday"}, "InvalidParameterValue"),
        ({"Created": "2027-03-01T12:00:00Z", "Expires": "never"}, "InvalidParameterValue"),
        ({"Expires": "2027-03-01T12:05:00Z"}, "MissingParameter"),
    ],
)
async def test_a_timestamp_tells_the_time(program: Program, buyer: Buyer, parts: dict[str, str], code: str) -> None:
    envelope = program.envelope(pay(buyer), timestamp(program, **parts))
    envelope = sign_by_hand(envelope, program.pair, ("s:Body", ".//wsu:Timestamp"))

    assert (await program.send(envelope)).fault == code


async def test_a_timestamp_is_needed(program: Program, buyer: Buyer) -> None:
    envelope = program.envelope(pay(buyer), f'<w:Security xmlns:w="{NAMES["wsse"]}"/>')
    envelope = sign_by_hand(envelope, program.pair)

    assert (await program.send(envelope)).fault == "MissingParameter"
