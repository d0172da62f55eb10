"""The table of actions against the published interface, field by field and element by element."""

import json
from typing import Any

import pytest
from tests.support.paths import ROOT
from tests.support.schemas import check_answer

from tallystick.services.api.fields import V2008, V2010, Need
from tallystick.services.api.registry import ACTIONS
from tallystick.services.api.types import COMPLEX_TYPES, ENUMERATIONS, SCALARS
from tallystick.web.api.errors_of_actions import ANY, ERRORS_OF
from tallystick.web.api.examples import REQUEST_ID, example_parameters, example_result
from tallystick.web.api.reference import pages, reference
from tallystick.web.api.xml import render_success

INTERFACE: dict[str, Any] = json.loads((ROOT / "tests" / "data" / "interface.json").read_text("utf-8"))
NEEDS = {True: Need.REQUIRED, False: Need.OPTIONAL, "conditional": Need.CONDITIONAL}


def test_all_actions_of_the_published_interface_are_there() -> None:
    assert set(ACTIONS) == set(INTERFACE["actions"])
    assert len(ACTIONS) == 27


@pytest.mark.parametrize("name", ACTIONS)
def test_an_action_has_the_published_fields(name: str) -> None:
    action, published = ACTIONS[name], INTERFACE["actions"][name]

    assert action.moves_money == published["moves_money"]
    assert (action.first_version, action.last_version) == (published["first_version"], published["last_version"])
    assert [field.name for field in action.fields] == [field["name"] for field in published["request"]]
    for field, fact in zip(action.fields, published["request"], strict=True):
        assert field.type == fact["type"]
        assert field.need is NEEDS[fact["required"]]
        assert field.repeated == fact.get("repeated", False)
        assert (field.first_version, field.last_version) == (fact["first_version"], fact["last_version"])
        assert list(field.allowed) == fact.get("allowed_values", [])
        assert bool(field.condition) == ("condition" in fact)
        if "size" in fact:
            assert field.max_length == fact["size"]
        if "default" in fact:
            assert field.default == str(fact["default"])


@pytest.mark.parametrize("name", ACTIONS)
def test_an_action_has_the_published_result(name: str) -> None:
    action, published = ACTIONS[name], INTERFACE["actions"][name]

    if published["result_element"] is None:
        assert action.result is None
        return
    assert published["result_element"] == f"{name}Result"
    assert action.result is not None
    described = [
        {
            "name": element.name,
            "type": element.type,
            "optional": element.optional,
            **({"repeated": True} if element.repeated else {}),
            **({"max_occurs": element.max_occurs} if element.max_occurs else {}),
        }
        for element in action.result
    ]
    assert described == published["result"]


@pytest.mark.parametrize("name", COMPLEX_TYPES)
def test_a_complex_type_has_the_published_elements(name: str) -> None:
    marks = {(False, False): "", (True, False): "?", (True, True): "*", (False, True): "+"}
    described = [element.name + marks[element.optional, element.repeated] for element in COMPLEX_TYPES[name]]

    assert described == INTERFACE["complex_types"][name]
    known = {*SCALARS, *ENUMERATIONS, *COMPLEX_TYPES}
    assert {element.type for element in COMPLEX_TYPES[name]} <= known


@pytest.mark.parametrize("name", ENUMERATIONS)
def test_an_enumeration_has_the_published_values(name: str) -> None:
    assert list(ENUMERATIONS[name]) == INTERFACE["enumerations"][name]


def test_the_newer_version_adds_only_the_notification_address() -> None:
    of_both = [action for action in ACTIONS.values() if action.in_version(V2008)]
    assert len(of_both) > len(ACTIONS) / 2
    for action in of_both:
        older = {field.name for field in action.tables[V2008].fields}
        newer = {field.name for field in action.tables[V2010].fields}
        assert newer - older <= {"OverrideIPNURL"}
        assert older <= newer


def test_the_committed_reference_is_current() -> None:
    """After a change of the table: `.venv/bin/python -m tallystick.web.api.reference`."""
    assert (ROOT / "docs" / "api.md").read_text("utf-8") == reference()
    written = {path.stem: path.read_text("utf-8") for path in (ROOT / "docs" / "api").glob("*.md")}
    assert written == pages()


@pytest.mark.parametrize("name", ACTIONS)
def test_the_examples_of_the_reference_are_good_ones(name: str) -> None:
    action = ACTIONS[name]
    params = example_parameters(action, V2010)
    form = action.tables[V2010].form(params)
    form.check_names(params, "")

    assert form.read(params).given == params
    check_answer(render_success(action, V2010, example_result(action), REQUEST_ID).decode())
    assert set(ERRORS_OF) == set(ACTIONS)
    assert not set(ERRORS_OF[name]) & set(ANY)
