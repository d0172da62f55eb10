"""The table of pipelines against the published facts, and the documentation against the table."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.support.paths import ROOT

from tallystick.services.consent.parameters import ADDRESS, PIPELINES, SENDER, SIMPLE_PAY, STATUSES, VALIDITY, Pipeline
from tallystick.services.consent.terms import read_terms
from tallystick.services.consent.values import ValueKind
from tallystick.web.api.pipeline_reference import pages, reference

PUBLISHED: dict[str, Any] = json.loads((ROOT / "tests" / "data" / "pipelines.json").read_text("utf-8"))
NOT_TAKEN = {"SetupPrepaid": {"callerReference"}, "SetupPostpaid": {"callerReference"}}
"""Sent by some old clients to no effect: ignored like any parameter that is not known."""


def test_the_documentation_is_current() -> None:
    """After a change of the table: `.venv/bin/python -m tallystick.web.api.pipeline_reference`."""
    assert (ROOT / "docs" / "pipelines.md").read_text("utf-8") == reference()
    written = {page.stem: page.read_text("utf-8") for page in (ROOT / "docs" / "pipelines").iterdir()}
    assert written == pages()


def test_all_published_pipelines_are_there() -> None:
    assert set(PIPELINES) == set(PUBLISHED)


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_pipeline_has_the_published_parameters(name: str) -> None:
    pipeline, published = PIPELINES[name], PUBLISHED[name]
    own = {parameter.name: parameter for parameter in pipeline.parameters}

    for fact in published["parameters"]:
        if fact["name"] in NOT_TAKEN.get(name, set()):
            assert fact["name"] not in own
            continue
        parameter = own[fact["name"]]
        if isinstance(fact["required"], bool):
            assert parameter.required == fact["required"], fact
        if "enum" in fact:
            assert list(parameter.allowed) == fact["enum"]
        if "default" in fact:
            assert parameter.kind is ValueKind.BOOLEAN or f"Default: `{fact['default']}`." in parameter.meaning
        assert set(fact.get("accepted_spellings", [])) <= {parameter.name, *parameter.other_spellings}
    groups = {"sender_common": {one.name for one in SENDER}, "validity": {one.name for one in VALIDITY}}
    for group, names in (groups | {"address": set(ADDRESS)}).items():
        if group in published["groups"]:
            assert names <= set(own)
    assert set(published["statuses"]) - {"SE"} == set(pipeline.statuses) - {"SE"}
    assert set(pipeline.statuses) <= set(STATUSES)
    returned = {one for one, _ in pipeline.returns}
    assert {one for one in published["returns"] if one.endswith("ID")} == {
        one for one in returned if one.endswith("ID")
    }
    echoed = {"callerReference"} if pipeline.echoes_reference else set[str]()
    assert set(published["returns"]) - {"address fields"} <= returned | echoed


@pytest.mark.parametrize("pipeline", [*PIPELINES.values(), SIMPLE_PAY], ids=lambda pipeline: pipeline.name)
def test_every_pipeline_hangs_together(pipeline: Any) -> None:  # noqa: ANN401 - pytest wants the ids function untyped
    names = [parameter.name for parameter in pipeline.parameters]
    assert len(names) == len(set(names))
    assert set(pipeline.references) <= set(names)
    assert set(pipeline.statuses) <= set(STATUSES)
    with pytest.raises(KeyError):
        read_terms(pipeline.name, {})
    assert all(parameter.meaning.endswith((".", ")")) for parameter in pipeline.parameters)


@pytest.mark.parametrize("pipeline", [*PIPELINES.values(), SIMPLE_PAY], ids=lambda pipeline: pipeline.name)
def test_the_example_of_a_pipeline_sends_all_that_is_required(pipeline: Pipeline) -> None:
    _, _, example = pages()[pipeline.name].partition("For example")
    request, _, _ = example.partition("and back")
    for parameter in pipeline.parameters:
        assert not parameter.required or f"{parameter.name}=" in request, parameter.name
