"""XML Schema and WSDL against the published interface, and against answers that are wrong in one place."""

from __future__ import annotations

import json
from typing import Any

import pytest
from lxml import etree
from tests.support.paths import DATA
from tests.support.schemas import check_answer, published

from tallystick.services.api.fields import V2008, V2010
from tallystick.web.api.schema.wsdl import description, soap_action
from tallystick.web.api.schema.xsd import SCHEMA_VERSIONS, actions_of, schema
from tallystick.web.api.xml import namespace

INTERFACE: dict[str, Any] = json.loads((DATA / "interface.json").read_text("utf-8"))
XS = {"xs": "http://www.w3.org/2001/XMLSchema"}
WSDL = {
    "wsdl": "http://schemas.xmlsoap.org/wsdl/",
    "soap": "http://schemas.xmlsoap.org/wsdl/soap/",
    "wsaw": "http://www.w3.org/2006/05/addressing/wsdl",
}


def in_version(fact: dict[str, Any], version: str) -> bool:
    return bool(fact["first_version"] <= version and min(version, V2010) <= fact["last_version"])


def elements(version: str, path: str) -> list[tuple[str, str, str]]:
    """Name, least and most occurrences of the members of an element or type."""
    found = etree.fromstring(schema(version).encode()).findall(f"{path}//xs:element", XS)
    return [(str(each.attrib["name"]), each.get("minOccurs", "1"), each.get("maxOccurs", "1")) for each in found]


def attributes(root: etree._Element, path: str, name: str, namespaces: dict[str, str]) -> list[str]:
    return [str(each.attrib[name]) for each in root.findall(path, namespaces) if name in each.attrib]


@pytest.mark.parametrize("version", SCHEMA_VERSIONS)
def test_requests_and_results_are_those_of_the_published_interface(version: str) -> None:
    there = {name: fact for name, fact in INTERFACE["actions"].items() if in_version(fact, version)}
    assert [action.name for action in actions_of(version)] == sorted(there)

    for name, fact in there.items():
        assert elements(version, f"xs:element[@name='{name}']") == [
            (field["name"], "0", "unbounded" if field.get("repeated") else "1")
            for field in fact["request"]
            if in_version(field, version)
        ]
        result = [(f"{name}Result", "0", "1")] if fact["result"] else []
        assert elements(version, f"xs:element[@name='{name}Response']") == [*result, ("ResponseMetadata", "1", "1")]
        members = [element for element, _, _ in elements(version, f"xs:complexType[@name='{name}Result']")]
        assert members == [element["name"] for element in fact["result"] or []]


def test_versions_differ_as_published() -> None:
    assert ("OverrideIPNURL", "0", "1") in elements(V2010, "xs:element[@name='Pay']")
    assert "OverrideIPNURL" not in {name for name, _, _ in elements(V2008, "xs:element[@name='Pay']")}
    for version in SCHEMA_VERSIONS:
        usage = elements(version, "xs:complexType[@name='GetTokenUsageResult']")
        assert usage == [("TokenUsageLimits", "0", "3")]
    words = "xs:simpleType[@name='RecipientVerificationStatus']//xs:enumeration"
    told = [attributes(etree.fromstring(schema(each).encode()), words, "value", XS) for each in SCHEMA_VERSIONS]
    of_2010 = ["VerificationComplete", "VerificationPending", "VerificationCompleteNoLimits"]
    assert told == [of_2010, of_2010, ["PendingUserAction", "PendingReview", "Closed", "Active"]]


@pytest.mark.parametrize("version", SCHEMA_VERSIONS)
def test_schemas_are_schemas_without_types_that_nothing_uses(version: str) -> None:
    published(version)
    root = etree.fromstring(schema(version).encode())
    names = [name for kind in ("complexType", "simpleType") for name in attributes(root, f"xs:{kind}", "name", XS)]
    used = set(attributes(root, ".//xs:element", "type", XS))
    assert {f"fps:{name}" for name in names} <= used
    assert "DescriptorPolicy" in names


SUCCESS = (
    '<FundPrepaidResponse xmlns="http://fps.amazonaws.com/doc/2010-08-28/"><FundPrepaidResult>'
    "<TransactionId>14A</TransactionId><TransactionStatus>Pending</TransactionStatus></FundPrepaidResult>"
    "<ResponseMetadata><RequestId>0:0</RequestId></ResponseMetadata></FundPrepaidResponse>"
)
OF_2007 = (
    '<ns3:PayResponse xmlns:ns3="http://fps.amazonaws.com/doc/2007-01-08/"><ns3:TransactionResponse>'
    "<TransactionId>14A</TransactionId><Status>Initiated</Status></ns3:TransactionResponse><Status>Success</Status>"
    "<RequestId>0:0</RequestId></ns3:PayResponse>"
)
ERROR = (
    "<Response><Errors><Error><Code>TokenNotActive_Sender</Code><Message>No.</Message></Error></Errors>"
    "<RequestID>0b1c2d3e-0000-4000-8000-00000000abcf</RequestID></Response>"
)


@pytest.mark.parametrize(
    ("text", "right", "wrong"),
    [
        (SUCCESS, "<TransactionId>14A</TransactionId><TransactionStatus>Pending</TransactionStatus>", ""),
        (SUCCESS, "Pending", "pending"),
        (SUCCESS, "<TransactionId>14A</TransactionId>", "<TransactionId>14A</TransactionId><More/>"),
        (SUCCESS, "<ResponseMetadata><RequestId>0:0</RequestId></ResponseMetadata>", ""),
        (OF_2007, "Initiated", "Pending"),
        (OF_2007, "<RequestId>0:0</RequestId>", ""),
        (OF_2007, "ns3:TransactionResponse", "TransactionResponse"),
        (ERROR, "RequestID", "RequestId"),
        (ERROR, "<Message>No.</Message>", "<Message>No\nand no.</Message>"),
        (ERROR, "abcf", "abcf:0"),
    ],
)
def test_answers_that_differ_from_the_schema_are_found(text: str, right: str, wrong: str) -> None:
    check_answer(text)
    assert right in text
    with pytest.raises(etree.DocumentInvalid):
        check_answer(text.replace(right, wrong))


@pytest.mark.parametrize("version", SCHEMA_VERSIONS)
def test_the_wsdl_has_an_operation_for_every_action(version: str) -> None:
    root = etree.fromstring(description(version, "https://pay.example/?a=1&b=2").encode())

    assert root.get("targetNamespace") == namespace(version)
    assert attributes(root, ".//soap:address", "location", WSDL) == ["https://pay.example/?a=1&b=2"]
    names = [action.name for action in actions_of(version)]
    for place in ("portType", "binding"):
        assert attributes(root, f"wsdl:{place}/wsdl:operation", "name", WSDL) == names
    assert attributes(root, ".//soap:operation", "soapAction", WSDL) == [soap_action(name) for name in names]
    inputs = [f"urn:{name}" for name in names]
    action = f"{{{WSDL['wsaw']}}}Action"
    assert attributes(root, ".//wsdl:input", action, WSDL) == inputs
    assert attributes(root, ".//wsdl:output", action, WSDL) == [f"{name}:Response" for name in inputs]


def test_soap_actions_are_those_of_the_original() -> None:
    assert (soap_action("Pay"), soap_action("GetPrepaidBalance")) == ("Pay", "GetPrepaidBalance")
    assert soap_action("InstallPaymentInstruction") == "urn:InstallPaymentInstruction"
