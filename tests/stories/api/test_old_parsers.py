"""Answers as old clients read them: by the name of the root, by a prefix of their own, or by patterns over one line.

The rules are those of client libraries, told in our words: each takes from an answer what such a library takes, and
nothing else of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final
from xml.dom import minidom
from xml.etree import ElementTree as ET

import httpx
import pytest
from tests.support.shop import Shop

VERSIONS: Final = ("2008-09-17", "2010-08-28")


def by_pattern(text: str) -> tuple[str, ...]:
    """PHP, Java and C#: code, text and request id from touching tags on one line; a dot matches no line break."""
    assert text.startswith("<")
    found = re.search("<Error><Code>(.*)</Code><Message>(.*)</Message></Error>.*<RequestID>(.*)</RequestID>", text)
    return found.groups() if found else ()


def by_pattern_of_other_services(text: str) -> tuple[str, ...]:
    """The pattern that they try first: of services that say RequestId, before the error. Ours must not look so."""
    found = re.search("<RequestId>(.*)</RequestId>.*<Error><Code>(.*)</Code><Message>(.*)</Message></Error>", text)
    return found.groups() if found else ()


def by_path(text: str) -> tuple[str, ...]:
    """Ruby and Node: a path of elements from the root, which has no namespace."""
    root = ET.fromstring(text)  # noqa: S314 - an answer of our own service
    assert root.tag == "Response"
    names = ("Errors/Error/Code", "Errors/Error/Message", "RequestID")
    return tuple(root.findtext(name, "") for name in names)


def by_name(text: str) -> tuple[str, ...]:
    """Python: the first element with a name, wherever it stands."""
    document = minidom.parseString(text)  # noqa: S318 - an answer of our own service
    found = []
    for name in ("Code", "Message", "RequestID"):
        (node,) = document.getElementsByTagName(name)
        found.append("".join(child.data for child in node.childNodes if isinstance(child, minidom.Text)))
    return tuple(found)


async def asked(shop: Shop, params: Mapping[str, str]) -> httpx.Response:
    return await shop.send("POST", shop.signed("POST", params))


@pytest.mark.parametrize("read", [by_pattern, by_path, by_name])
@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"Action": "GetTransaction", "TransactionId": "two\nlines"}, "InvalidParams"),
        ({"Action": "Pay", "CallerReference": "x"}, "InvalidParams"),
        ({"Action": "GetAccountBalance", "Signature": "AAAA"}, "SignatureDoesNotMatch"),
        ({"Action": "Nothing"}, "InvalidAction"),
    ],
)
@pytest.mark.parametrize("version", VERSIONS)
async def test_a_refusal_is_found_by_each_rule(
    shop: Shop, params: dict[str, str], code: str, version: str, read: Callable[[str], tuple[str, ...]]
) -> None:
    response = await asked(shop, params | {"Version": version})

    found = read(response.text)

    assert len(found) == 3, response.text
    assert found[0] == code
    assert len(found[1]) > 10
    assert re.fullmatch("[0-9a-f-]{36}", found[2])
    assert by_pattern_of_other_services(response.text) == ()


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_result_is_found_by_namespace_by_prefix_and_by_name(shop: Shop, version: str) -> None:
    buyer = await shop.books.funded_buyer("10.00")
    pay = {"Action": "Pay", **shop.pay_parameters(buyer, "1.00"), "Version": version}

    text = (await asked(shop, pay)).text

    prefixes = {"a": f"http://fps.amazonaws.com/doc/{version}/"}  # PHP and Java bind a prefix of their own
    root = ET.fromstring(text)  # noqa: S314 - an answer of our own service
    by_prefix = root.findtext("a:PayResult/a:TransactionStatus", None, prefixes)
    request_id = root.findtext("a:ResponseMetadata/a:RequestId", None, prefixes)
    document = minidom.parseString(text)  # noqa: S318 - an answer of our own service
    (named,) = document.getElementsByTagName("TransactionStatus")  # no prefix of ours stands before the name
    (identity,) = re.findall("<TransactionId>(.*?)</TransactionId>", text)
    assert root.tag == f"{{{prefixes['a']}}}PayResponse"
    assert by_prefix == "Success"
    assert named.firstChild is not None
    assert named.firstChild.toxml() == "Success"
    assert request_id is not None
    assert root.findtext("a:PayResult/a:TransactionId", None, prefixes) == identity


async def test_the_status_of_a_signature_is_found_as_text(shop: Shop) -> None:
    """C# looks for the element as it is written out, PHP and Ruby go by names from the root."""
    message = "status=SC&signature=AAAA&signatureVersion=2&signatureMethod=RSA-SHA1&certificateUrl=https%3A%2F%2Fx"
    question = {"Action": "VerifySignature", "UrlEndPoint": "http://shop.example/", "HttpParameters": message}

    text = (await shop.send("GET", question | {"Version": "2010-08-28"})).text

    names = [re.sub("{.*}", "", element.tag) for element in ET.fromstring(text).iter()]  # noqa: S314 - our own
    assert "<VerificationStatus>Failure</VerificationStatus>" in text
    assert names[:3] == ["VerifySignatureResponse", "VerifySignatureResult", "VerificationStatus"]
    assert len(text.splitlines()) == 2
