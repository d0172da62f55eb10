"""The OpenAPI document: whole, true of every answer, and what a generator of requests finds with it."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import httpx
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.strategies import SearchStrategy
from jsonschema_rs import Draft202012Validator
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from tests.stories.v1.conftest import DOCUMENT, Program

from tallystick.web.v1.table import ENDPOINTS

EXAMPLES = 12
"""Requests for each operation; always the same ones."""

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


async def test_the_document_is_there_for_everybody_and_names_every_endpoint(program: Program) -> None:
    answer = await program.shop.client.get(f"{program.shop.url}/v1/openapi.json")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    found = answer.json()
    assert found["openapi"] == "3.1.0"
    assert found["servers"] == [{"url": program.shop.service.settings.public_url}]
    assert found["externalDocs"] == {"url": f"{program.shop.service.settings.public_url}/docs/json-api"}
    of_this_service = {name: DOCUMENT[name] for name in ("servers", "externalDocs")}
    assert found | of_this_service == DOCUMENT
    operations = {(path, method.upper()) for path, methods in found["paths"].items() for method in methods}
    assert operations == {(endpoint.path, endpoint.method) for endpoint in ENDPOINTS}


def test_every_example_is_of_its_schema() -> None:
    seen = 0
    for operation in (one for methods in DOCUMENT["paths"].values() for one in methods.values()):
        contents: list[dict[str, Any]] = [*operation.get("requestBody", {"content": {}})["content"].values()]
        for told in operation["responses"].values():
            contents += told.get("content", {}).values()
        for content in contents:
            schema = {**content["schema"], "components": DOCUMENT["components"]}
            Draft202012Validator(schema, validate_formats=True).validate(content["example"])
            seen += 1
    assert seen > 10 * len(ENDPOINTS) / 2


async def test_generated_requests_meet_nothing_that_the_document_lacks(program: Program) -> None:
    buyer = await program.shop.books.funded_buyer("10.00")
    await program.post("/v1/charges", {"authorization": buyer.instrument, "amount": "1.00"})
    statuses = await asyncio.to_thread(_generate, program.shop.url, program.secret)
    assert set(statuses) == {f"{endpoint.method} {endpoint.path}" for endpoint in ENDPOINTS}
    for endpoint in ENDPOINTS:
        assert statuses[f"{endpoint.method} {endpoint.path}"].total() >= EXAMPLES / 2
    together = sum(statuses.values(), Counter())
    assert together[200] > EXAMPLES  # not only refusals
    assert together[400]


def _generate(url: str, secret: str) -> dict[str, Counter[int]]:
    """Send what is generated for each operation; how often each status came. Raises what a check finds."""
    schema = schemathesis.openapi.from_url(f"{url}/v1/openapi.json")
    schema.config.update(base_url=url)
    seen: dict[str, Counter[int]] = {}
    for found in schema.get_all_operations():
        assert isinstance(found, Ok), found
        operation = found.ok()
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            cases = operation.as_strategy(generation_mode=mode)
            _send_all(cases, secret, seen.setdefault(operation.label, Counter()))
    return seen


def _send_all(cases: SearchStrategy[schemathesis.Case[Any]], secret: str, counted: Counter[int]) -> None:
    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        deadline=None,
        database=None,
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases)
    def send(case: schemathesis.Case[Any]) -> None:
        response = case.call_and_validate(headers={"authorization": f"Bearer {secret}"}, checks=CHECKS)
        counted[response.status_code] += 1

    send()


async def test_the_document_has_no_secret_and_needs_none(program: Program) -> None:
    async with httpx.AsyncClient() as anybody:
        answer = await anybody.get(f"{program.shop.url}/v1/openapi.json")
    assert answer.status_code == 200
    assert program.secret not in answer.text
