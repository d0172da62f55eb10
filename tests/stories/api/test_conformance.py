"""Every action against the published interface. What is well-formed is answered as the schema says; each missing,
over-long, mis-cased, mistyped or unknown parameter is refused with nothing changed; each error that the documents name
of an action is provoked. A table of what was tried is printed at the end of the run; a cell of the interface that was
not tried is a failure.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from tests.stories.api.documented_errors import provoke
from tests.stories.api.good_requests import good_request
from tests.support.paths import DATA
from tests.support.shop import Shop

from tallystick.services.api.fields import V2008, V2010
from tallystick.services.api.registry import ACTIONS
from tallystick.services.api.types import COMPLEX_TYPES

INTERFACE: dict[str, Any] = json.loads((DATA / "interface.json").read_text("utf-8"))
ALL = sorted(INTERFACE["actions"])
FREE_TEXT = {"string"}
FOR_PEOPLE = ("Description", "Text", "Name", "Reason")
KINDS = ("missing", "too long", "mis-cased", "mistyped", "older version", "unknown")


@dataclass
class Tried:
    """Which fields of an action were spoiled in which way."""

    cells: set[tuple[str, str]] = field(default_factory=set)

    async def refuses(
        self, shop: Shop, action: str, cell: tuple[str, str], params: Mapping[str, str], code: str
    ) -> None:
        answer = await shop.call(action, params)
        assert answer.code == code, (cell, params)
        self.cells.add(cell)


def wire_names(fact: Mapping[str, Any]) -> list[str]:
    """The parameters of a field: members of complex types with a dot; the plain form of repeated ones is lenient."""
    if fact["type"] in INTERFACE["complex_types"]:
        return [f"{fact['name']}.{member.rstrip('?*+')}" for member in INTERFACE["complex_types"][fact["type"]]]
    if fact["type"] == "DescriptorPolicy":
        return ["DescriptorPolicy.SoftDescriptorType", "DescriptorPolicy.CSOwner"]
    return [f"{fact['name']}.1"] if fact.get("repeated") else [fact["name"]]


def required_cells(action: str) -> set[tuple[str, str]]:
    """What has to be tried, by the published facts alone."""
    cells = {("-", "unknown")}
    for fact in INTERFACE["actions"][action]["request"]:
        if fact["last_version"] < V2010:
            continue
        name = fact["name"]
        cells.add((name, "mis-cased"))
        if fact["required"] is True:
            cells.add((name, "missing"))
        if "size" in fact:
            cells.add((name, "too long"))
        if fact["type"] not in FREE_TEXT or "allowed_values" in fact:
            cells.add((name, "mistyped"))
        if fact["first_version"] == V2010 and INTERFACE["actions"][action]["first_version"] < V2010:
            cells.add((name, "older version"))
    return cells


def check_elements(element: ET.Element, members: Sequence[str], types: Mapping[str, str]) -> None:
    """Children in schema order, required ones there, none that the schema lacks; then theirs."""
    names = [child.tag.rpartition("}")[2] for child in element]
    order = [member.rstrip("?*+") for member in members]
    assert names == sorted(names, key=order.index), (element.tag, names)
    for member in members:
        count = names.count(member.rstrip("?*+"))
        assert count or member[-1] in "?*", (element.tag, member)
        assert count <= 1 or member[-1] in "*+", (element.tag, member)
    for child, name in zip(element, names, strict=True):
        nested = INTERFACE["complex_types"].get(types[name])
        if nested is None:
            assert len(child) == 0
        else:
            check_elements(child, nested, {each.name: each.type for each in COMPLEX_TYPES[types[name]]})


def check_answer(action: str, root: ET.Element, version: str) -> None:
    assert root.tag == f"{{http://fps.amazonaws.com/doc/{version}/}}{action}Response"
    published = INTERFACE["actions"][action]
    children = [child.tag.rpartition("}")[2] for child in root]
    if published["result_element"] is None:
        assert children == ["ResponseMetadata"]
        return
    assert children == [published["result_element"], "ResponseMetadata"]
    marks = {(True, False): "?", (True, True): "*", (False, False): "", (False, True): "+"}
    members = [each["name"] + marks[each["optional"], each.get("repeated", False)] for each in published["result"]]
    check_elements(root[0], members, {each["name"]: each["type"] for each in published["result"]})
    assert [child.tag.rpartition("}")[2] for child in root[1]] == ["RequestId"]


def spoilt(fact: Mapping[str, Any], params: Mapping[str, str]) -> Iterator[tuple[str, dict[str, str], str]]:
    """Each way in which one field can be wrong: kind, parameters, expected code."""
    names = wire_names(fact)
    for name in names:
        for spelling in {name[0].lower() + name[1:], name.upper(), name + "s"} - {name}:
            yield "mis-cased", {**params, spelling: "x"}, "InvalidRequest"
        if fact["required"] is True:
            yield "missing", {other: value for other, value in params.items() if other != name}, "InvalidParams"
            yield "missing", {**params, name: ""}, "InvalidParams"
        if "size" in fact:
            start = params.get(name, "")
            yield "too long", {**params, name: start + "x" * (fact["size"] + 1 - len(start))}, "InvalidParams"
        if fact["type"] not in FREE_TEXT or "allowed_values" in fact:
            for value in ("neither this", "-1", "1.5.2", "'; DROP TABLE token; --"):
                yield "mistyped", {**params, name: value}, "InvalidParams"
        if fact.get("first_version") == V2010:
            yield "older version", {**params, "Version": V2008}, "InvalidRequest"


@pytest.mark.parametrize("action", ALL)
async def test_an_action_conforms(shop: Shop, action: str, record_property: Callable[[str, object], None]) -> None:
    published, tried = INTERFACE["actions"][action], Tried()
    params = await good_request(shop, action)
    before = await shop.snapshot()
    for name in ("Unknown", "AWSAccessKeyID", "version", "Action.1", "Caller.Reference", ""):
        await tried.refuses(shop, action, ("-", "unknown"), params | {name: "x"}, "InvalidRequest")
    for fact in published["request"]:
        if fact["last_version"] < V2010:
            continue
        for kind, wrong, code in spoilt(fact, params):
            if kind == "older version" and published["first_version"] == V2010:
                continue
            await tried.refuses(shop, action, (fact["name"], kind), wrong, code)
    assert await shop.snapshot() == before

    full = await shop.done(action, params)

    check_answer(action, full.root, V2010)
    assert required_cells(action) - tried.cells == set(), "not tried"
    for code in published.get("errors", ()):
        answer = await provoke(shop, action, code)
        assert (answer.code, shop.called[-1]) == (code, action)
    record_property(
        "conformance",
        [
            action,
            len(published["request"]),
            *(sum(kind == cell[1] for cell in tried.cells) for kind in KINDS),
            len(published.get("errors", ())),
        ],
    )


@pytest.mark.parametrize("action", ALL)
async def test_only_what_is_required_is_needed_in_each_version(shop: Shop, action: str) -> None:
    published = INTERFACE["actions"][action]
    for version in (V2008, V2010):
        if version < published["first_version"]:
            code = (await shop.call(action, {"Version": version})).code
            assert code == "InvalidAction"
            continue
        params = await good_request(shop, action)
        needed = [name for fact in published["request"] if fact["required"] is True for name in wire_names(fact)]
        if action == "GetTokenByCaller":
            needed = ["TokenId"]
        minimum = {name: params[name] for name in needed} | {"Version": version}
        answer = await shop.done(action, minimum)
        if action != "CancelSubscriptionAndRefund":  # without a refund its result is left out
            check_answer(action, answer.root, version)


def lengths_of_texts(action: str) -> dict[str, int]:
    """The words for people that an action takes, and how long they may be."""
    return {
        each.name: each.max_length
        for each in ACTIONS[action].tables[V2010].fields
        if each.max_length and each.name.endswith(FOR_PEOPLE)
    }


@pytest.mark.parametrize("action", [action for action in ALL if lengths_of_texts(action)])
async def test_texts_of_just_the_allowed_length_are_accepted(shop: Shop, action: str) -> None:
    params = await good_request(shop, action)

    await shop.done(action, params | {name: "é" * length for name, length in lengths_of_texts(action).items()})


@pytest.mark.parametrize("action", ALL)
def test_every_published_text_is_tried_in_full_length(action: str) -> None:
    published = {
        fact["name"]: fact["size"]
        for fact in INTERFACE["actions"][action]["request"]
        if "size" in fact
        and fact["last_version"] >= V2010
        and fact["name"].endswith(("Description", "Text", "Name", "Reason"))
    }

    assert published.items() <= lengths_of_texts(action).items()


async def test_a_dynamic_descriptor_needs_its_words(shop: Shop) -> None:
    for action in ("Pay", "Reserve", "FundPrepaid", "SettleDebt"):
        params = await good_request(shop, action)
        del params["SenderDescription"]
        assert await shop.refused(action, params) == "InvalidParams"
        params["DescriptorPolicy.SoftDescriptorType"] = "Static"
        await shop.done(action, params)


async def test_marketplace_fees_of_an_instruments_payment_have_nobody_to_go_to(shop: Shop) -> None:
    buyer = await shop.books.funded_buyer("10.00")
    params = shop.pay_parameters(buyer, "1.00")
    share = {"MarketplaceFixedFee.CurrencyCode": "USD", "MarketplaceFixedFee.Value": "0.10"}

    assert await shop.refused("Pay", params | {"MarketplaceVariableFee": "2.5"}) == "IncompatibleTokens"
    assert await shop.refused("Pay", params | share) == "IncompatibleTokens"
    token = (await good_request(shop, "Pay"))["RecipientTokenId"]
    assert await shop.refused("Pay", params | {"RecipientTokenId": token}) == "InvalidTokenId_Recipient"
    await shop.done("Pay", params | {"MarketplaceVariableFee": "0"})
