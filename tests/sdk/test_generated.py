"""What the Python client knows of /v1 is what the service's tables say: every endpoint, every field, every code."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from tools.clients.files import written

from tallystick.web.v1.documents.openapi import document, documented_codes
from tallystick.web.v1.endpoint import JSON, VERSION, Endpoint
from tallystick.web.v1.schemas import OBJECTS, status_of
from tallystick.web.v1.table import ENDPOINTS
from tallystick_client import async_resources, endpoints, objects, problems, resources

DOCUMENT = document("http://127.0.0.1")
METHODS = {
    prefix: {
        f"{noun}.{name}": method
        for noun, resource in inspect.getmembers(module)
        if inspect.isclass(resource) and noun.endswith("Resource") and resource.__module__ == module.__name__
        for name, method in inspect.getmembers(resource, inspect.isfunction)
        if not name.startswith("_")
    }
    for prefix, module in (("", resources), ("Async", async_resources))
}


def method_of(endpoint: Endpoint, prefix: str) -> Any:  # noqa: ANN401 - a function
    noun, _, verb = endpoint.name.partition(".")
    title = "".join(word.title() for word in noun.split("_"))
    return METHODS[prefix][f"{prefix}{title}Resource.{verb}"]


def operation(endpoint: Endpoint) -> Mapping[str, Any]:
    found: Mapping[str, Any] = DOCUMENT["paths"][endpoint.path][endpoint.method.lower()]
    return found


def test_the_files_are_what_the_tool_writes() -> None:
    stale = [str(path.name) for path, text in written().items() if path.read_text("utf-8") != text]
    assert stale == [], "python -m tools.clients"


@pytest.mark.parametrize("prefix", ["", "Async"])
def test_every_endpoint_is_a_method_with_every_field(prefix: str) -> None:
    for endpoint in ENDPOINTS:
        told = operation(endpoint)
        keyed = any(one["name"] == "Idempotency-Key" for one in told["parameters"])
        taken = inspect.signature(method_of(endpoint, prefix)).parameters
        subject = {
            name for name in taken if name.endswith("_id") and taken[name].kind is inspect.Parameter.POSITIONAL_ONLY
        }
        expected = {one.name for one in endpoint.inputs} | ({"idempotency_key"} if keyed else set())
        assert set(taken) - {"self"} - subject == expected, endpoint.name
        assert bool(subject) == bool(endpoint.subject), endpoint.name
        required = {name for name in expected if taken[name].default is inspect.Parameter.empty}
        assert required == {one.name for one in endpoint.inputs if one.required}, endpoint.name


def test_every_endpoint_is_in_the_table_of_the_client() -> None:
    known = {one.name: one for one in endpoints.ENDPOINTS}
    assert set(known) == {one.name for one in ENDPOINTS}
    for endpoint in ENDPOINTS:
        row = known[endpoint.name]
        assert (row.method, row.path, row.body_type) == (endpoint.method, endpoint.path, endpoint.media_type)
        assert row.is_list == endpoint.is_list
        assert row.answer == (endpoint.answer if endpoint.media_type == JSON else "")
        assert {one.name: one.required for one in row.inputs} == {one.name: one.required for one in endpoint.inputs}
    assert endpoints.API_VERSION == VERSION


def test_every_object_has_every_member() -> None:
    for name, members in OBJECTS.items():
        fields = {one.name: one for one in msgspec.structs.fields(getattr(objects, name))}
        assert list(fields) == [one.name for one in members], name
        optional = {one.name for one in members if one.nullable or one.schema.get("type") == "array"}
        assert {one.name for one in fields.values() if not one.required} == optional


def test_every_example_of_the_document_is_read() -> None:
    for name, members in OBJECTS.items():
        example = msgspec.json.encode({one.name: one.example for one in members})
        found = msgspec.json.decode(example, type=getattr(objects, name))
        assert found.object == members[0].example


def test_every_code_is_a_class() -> None:
    codes = {code for endpoint in ENDPOINTS for code in documented_codes(endpoint)} | {"method_not_allowed"}
    assert set(problems.BY_CODE) == codes
    for code, kind in problems.BY_CODE.items():
        assert kind.http_status == status_of(code)
        assert issubclass(kind, problems.BY_STATUS[status_of(code)])
